"""The JSON schema of recipes (draft 2020-12), by which editors complete and check TOML."""

import dataclasses
from typing import Any

from nmt.recipe.options import Paths
from nmt.recipe.sections import DataOptions, Recipe

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_PATH = {"type": "string", "minLength": 1}
BASE = {**_PATH, "description": "path of the recipe whose options and corpora this one has, too"}
_TYPES: dict[Any, dict] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Paths: {"anyOf": [{"type": "string"}, {"type": "array", "items": _PATH}]},
    dict: {"type": "object", "additionalProperties": {"type": "string"}},
}


def schema() -> dict:
    """The schema of a recipe: its sections, and the tables [[data.more]]."""
    recipe = Recipe()
    sections = {
        field.name: _section(getattr(recipe, field.name)) for field in dataclasses.fields(recipe)
    }
    # A further corpus has the options of [data]; what it leaves out is as there.
    corpus = _section(DataOptions(), defaults=False)
    more = {"type": "array", "items": corpus, "description": "further corpora"}
    sections["data"]["properties"]["more"] = more
    return {
        "$schema": DRAFT,
        "title": "A recipe of nmt",
        "type": "object",
        "additionalProperties": False,
        "properties": {"base": BASE, **sections},
    }


def _section(options, defaults=True):
    """The schema of a table: an option a property, and no other."""
    described = (field for field in dataclasses.fields(options) if field.metadata)
    return {
        "type": "object",
        "description": (type(options).__doc__ or "").split("\n")[0],
        "additionalProperties": False,
        "properties": {
            field.name.removesuffix("_"): _option(field, getattr(options, field.name), defaults)
            for field in described
        },
    }


def _option(field, default, with_default):
    """The schema of a value, with its meaning and what it needs to have an effect."""
    meta = field.metadata
    needs = f" (needs {meta['needs']})" if meta["needs"] else ""
    described = {**_TYPES[field.type], "description": f"{meta['doc']}{needs}"}
    limits = {"enum": meta["choices"], "minimum": meta["low"], "maximum": meta["high"]}
    described |= {name: limit for name, limit in limits.items() if limit is not None}
    return {**described, "default": default} if with_default else described
