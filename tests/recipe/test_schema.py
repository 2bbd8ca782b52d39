"""The schema accepts what `load_recipe` accepts, and refuses typing errors."""

import json
import math
import tomllib
from pathlib import Path

import pytest

from nmt.errors import UserError
from nmt.recipe import Recipe, all_options, load_recipe
from nmt.recipe.schema import schema
from tests.fakes import nmt_command

RECIPES = sorted((Path(__file__).parents[2] / "data").glob("*.toml"))
KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def fits(value, part):
    """Whether a value is valid under a schema of the keywords that ours has."""
    if "anyOf" in part:
        return any(fits(value, choice) for choice in part["anyOf"])
    kind = part["type"]
    if not isinstance(value, KINDS[kind]) or isinstance(value, bool) != (kind == "boolean"):
        return False
    if "enum" in part and value not in part["enum"]:
        return False
    if kind in ("integer", "number"):
        low, high = part.get("minimum", -math.inf), part.get("maximum", math.inf)
        return low <= value <= high
    if kind == "string":
        return len(value) >= part.get("minLength", 0)
    if kind == "array":
        return all(fits(item, part["items"]) for item in value)
    if kind == "object":
        known, other = part.get("properties", {}), part["additionalProperties"]
        return all(
            fits(item, known[key]) if key in known else bool(other) and fits(item, other)
            for key, item in value.items()
        )
    return True


def keywords(part):
    """Every keyword of a schema."""
    if isinstance(part, list):
        return {word for item in part for word in keywords(item)}
    if not isinstance(part, dict):
        return set()
    found = set(part)
    for key, value in part.items():
        nested = value.values() if key == "properties" else [value]
        found |= {word for item in nested for word in keywords(item)} if key != "default" else set()
    return found


def accepted(path):
    try:
        load_recipe(path)
    except UserError:
        return False
    return True


def test_the_checker_of_this_test_knows_all_keywords():
    assert keywords(schema()) == {
        "$schema", "title", "description", "default", "type", "properties", "items",
        "additionalProperties", "anyOf", "enum", "minimum", "maximum", "minLength",
    }  # fmt: skip


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_of_the_package_are_valid(path):
    recipe = tomllib.loads(path.read_text(encoding="utf-8"))
    assert fits(recipe, schema())
    typing_errors = [{**recipe, "trian": {}}]
    sections = [name for name in recipe if name != "base"]
    typing_errors += [{**recipe, section: {**recipe[section], "x": 1}} for section in sections]
    assert not any(fits(wrong, schema()) for wrong in typing_errors)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("", True),
        ('[model]\ncell = "gru"', True),
        ('[model]\ncell = "gruu"', False),
        ("[model]\ncells = 1", False),
        ("[train]\nepochs = 0", False),
        ("[train]\nepochs = 2.5", False),
        ("[train]\nlearning_rate = 1", True),
        ("[train]\nseed = 4294967296", False),
        ("[model]\nbidirectional = 1", False),
        ('[data]\ntrain = ["a.{lang}", "b.{lang}"]', True),
        ('[data]\ntrain = ["a.{lang}", 3]', False),
        ('[data]\ntrain = ["a.{lang}", ""]', False),
        ('[data]\nformat = "tsv"\ntrain = "a"\n[[data.more]]\ntrain = "b"\nformat = "tsv"', True),
        ('[data]\nformat = "tsv"\ntrain = "a"\n[[data.more]]\ntarget = 7', False),
        ('[data]\nformat = "tsv"\ntrain = "a"\n[[data.more]]\ntaget = "de"', False),
        ('[data]\nformat = "tsv"\ntrain = "a"\n[data.more]\ntarget = "de"', False),
        ("epochs = 3", False),
        ("base = 3", False),
        ('base = ""', False),
        ('[train]\nfrom = ""', True),
        ('[train]\nfrom_ = ""', False),
    ],
)
def test_schema_and_loader_agree(tmp_path, text, valid):
    # A text of one's own would have to be named.
    text = text if "[data]" in text else f'{text}\n[data]\nformat = "grammar"'
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    assert fits(tomllib.loads(text), schema()) == accepted(path) == valid


def test_every_option_is_there_with_its_default():
    sections = schema()["properties"]
    for name, field, options in all_options(Recipe()):
        section, key = name.split(".")
        property = sections[section]["properties"][key]
        assert property["default"] == getattr(options, field.name)
        assert fits(property["default"], property)
        assert property["description"].startswith(field.metadata["doc"])


def test_the_command_prints_it():
    assert json.loads(nmt_command("schema").out) == json.loads(json.dumps(schema()))


def test_a_library_finds_the_schema_well_formed_and_says_the_same():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    check = jsonschema.Draft202012Validator(json.loads(json.dumps(schema())))
    for path in RECIPES:
        assert check.is_valid(tomllib.loads(path.read_text(encoding="utf-8")))
    assert not check.is_valid({"model": {"cells": 1}})
