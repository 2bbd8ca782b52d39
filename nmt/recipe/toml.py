"""Recipes as TOML: read with overrides, all mistakes reported at once, and written."""

import itertools
import json
import logging
import os
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nmt.errors import UserError
from nmt.recipe import checks
from nmt.recipe.options import all_options, value_of
from nmt.recipe.sections import PLACE, Recipe

log = logging.getLogger(__name__)

MORE = "data.more"
BASE = "base"
PATHS = {
    "data.train",
    "data.valid",
    "data.test",
    "train.from",
    "tokenizer.from",
    "search.lm",
    "search.reverse",
}


def load_recipe(
    path: str | Path | None = None,
    overrides: Iterable[str] = (),
    notes: bool = False,
    base: Recipe | None = None,
) -> Recipe:
    """Reads a recipe and applies `section.key=value` overrides; UserError lists every mistake.

    path: a file, or the name of a recipe of the package: "toy". Relative paths in a recipe count
    from the recipe's folder, typed ones from the working directory.
    notes: log a line for each option of the recipe that is no default and has no effect under the
    others. base: has the other options, and is changed (default: their defaults).

    A recipe that names another one by `base` has that one's options and corpora, too.
    """
    # 1. What the file and those that it rests on say, and what was typed.
    file = None if path is None else _file(path)
    mistakes: list[str] = []
    layers = _layers(file, [], mistakes) if file else []
    typed = _typed(overrides, mistakes)
    # 2. Put it into the recipe; further corpora last, as they have the options of the first one.
    recipe = base or Recipe()
    unset = set()
    folders: dict[str, Path] = {}
    for layer in layers:
        unset |= _fill(recipe, layer.written, False, mistakes)
        folders |= dict.fromkeys(layer.written, layer.file.parent)
    unset |= _fill(recipe, typed, True, mistakes)
    folders |= dict.fromkeys(typed, Path.cwd())
    _resolve_paths(recipe, folders, Path.cwd())
    if any(layer.tables for layer in layers):
        corpora = [_corpora(recipe, each.tables, each.file.parent, mistakes) for each in layers]
        recipe.data.more = [*itertools.chain.from_iterable(corpora)]
    written = layers[-1].written if layers else {}
    # 3. Check what one option alone cannot tell: nothing follows from a choice there is not.
    if unset & checks.CHOICES:
        raise UserError(_report(path, mistakes))
    mistakes += checks.inherited(recipe, typed)
    for name, message in checks.without_effect(recipe, {**written, **typed}):
        if name in typed:
            mistakes.append(message)
        elif notes and value_of(recipe, name) != value_of(Recipe(), name):
            # The recipe of a run names all options.
            log.info(f"note: {message}")
    mistakes += checks.contradictions(recipe)
    if notes:
        from nmt.recipe.aliases import FORMER, GONE

        for name in filter(written.get, FORMER):
            log.info(f"note: {name}: {GONE}")
    if mistakes:
        raise UserError(_report(path, mistakes))
    return recipe


class _Layer(NamedTuple):
    """What a file says: options by name, and the tables of further corpora."""

    file: Path
    written: dict[str, Any]
    tables: Any


def _layers(file, above, mistakes):
    """The layers of a file, those that it rests on first; UserError where one comes again.

    above: the files that rest on it.
    """
    if file.resolve() in above:
        raise UserError(f"{file}: {BASE}: rests on itself")
    content = _read_toml(file)
    named = content.pop(BASE, None)
    below = []
    if named is not None:
        if not isinstance(named, str) or not named:
            raise UserError(f"{file}: {BASE}: the path of a recipe is needed")
        path = file.parent / os.path.expanduser(named)
        below = _layers(path, [*above, file.resolve()], mistakes)
    written = _flat(content, mistakes)
    return [*below, _Layer(file, written, written.pop(MORE, []))]


def _read_toml(path):
    """The tables of a TOML file; UserError where it is missing or not TOML."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such recipe") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder, a recipe (.toml) is needed") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a TOML file: {error}") from None


def dump_recipe(recipe: Recipe) -> str:
    """The effective recipe as TOML, every option with its meaning."""
    lines: list[str] = []
    for name, field, options in all_options(recipe):
        section, key = name.split(".")
        if f"[{section}]" not in lines:
            lines += _tables(recipe) if section == "tokenizer" else []
            lines += ["", f"[{section}]"]
        value = getattr(options, field.name)
        # A table may grow long, and its file names speak for themselves.
        comment = "" if isinstance(value, dict) else f"  # {field.metadata['doc']}"
        lines.append(f"{key} = {_toml(value)}{comment}")
    return "\n".join(lines[1:]) + "\n"


def _tables(recipe):
    """The further corpora as TOML: what in them is not as in [data]."""
    for corpus in recipe.data.more:
        inherited = recipe.data.another()
        own_place = any(getattr(corpus, name) != getattr(inherited, name) for name in PLACE)
        inherited = recipe.data.another(PLACE if own_place else ())
        yield from ("", f"[[{MORE}]]")
        for name in (
            field.name for _, field, options in all_options(recipe) if options is recipe.data
        ):
            value = getattr(corpus, name)
            if value != getattr(inherited, name) or (own_place and name == "format"):
                yield f"{name} = {_toml(value)}"


def _corpora(recipe, tables, folder, mistakes):
    """The further corpora that tables describe, each checked by itself."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        mistakes.append(f"{MORE}: tables are needed, each headed [[{MORE}]]")
        return
    for number, table in enumerate(tables, 1):
        corpus = Recipe(recipe.data.another(table), model=recipe.model)
        written = {f"data.{key}": value for key, value in table.items()}
        own: list[str] = []
        if not _fill(corpus, written, False, own) & checks.CHOICES:
            _resolve_paths(corpus, {}, folder)
            own += (message for _, message in checks.without_effect(corpus, written))
            own += checks.corpus_mistakes(corpus, recipe)
        mistakes += (f"[[{MORE}]] {number}: {mistake}" for mistake in own)
        yield corpus.data


class OptionDescription(NamedTuple):
    """An option as people read it."""

    section: str
    # Without its section.
    name: str
    # As TOML.
    default: str
    # Its choices, bounds or type.
    values: str
    meaning: str
    # Without effect otherwise; empty: it always has an effect.
    needs: str


def describe_options() -> Iterator[OptionDescription]:
    """Every option in the order of the sections."""
    for name, field, options in all_options(Recipe()):
        section, key = name.split(".")
        yield OptionDescription(
            section,
            key,
            _toml(getattr(options, field.name)),
            _values(field),
            field.metadata["doc"],
            str(field.metadata["needs"] or ""),
        )


# Reading.


def _file(path):
    """The path itself or, of a bare name that is no file, the recipe of the package."""
    # A file that is there comes first.
    file = Path(path)
    bare = file.name == str(path) and not file.suffix
    if not bare or file.exists():
        return file
    from nmt.recipe.library import builtin

    return builtin(file.name)


def _flat(tables, mistakes):
    """Values by the name of their option: "train.epochs"."""
    flat = {}
    for section, table in tables.items():
        if isinstance(table, dict):
            flat.update({f"{section}.{key}": value for key, value in table.items()})
        else:
            mistakes.append(f"{section} stands outside a section such as [train]")
    return flat


def _typed(overrides, mistakes):
    """Texts by the name of their option."""
    typed = {}
    for override in overrides:
        name, equals, text = override.partition("=")
        if equals:
            typed[name] = text
        else:
            mistakes.append(f"{override!r}: an option is written section.key=value")
    return typed


def _fill(recipe, values, typed, mistakes):
    """Sets the options that `values` names; returns those that cannot be: each is a mistake."""
    options = {name: (field, section) for name, field, section in all_options(recipe)}
    unset = set()
    for name, value in values.items():
        if name not in options:
            from nmt.recipe.aliases import FORMER, option_hint

            # The recipe of a run names all options of its version.
            if name in FORMER and not typed:
                continue
            mistakes.append(f"unknown option {name}{option_hint(name)}")
            continue
        field, section = options[name]
        try:
            setattr(section, field.name, checks.parsed(name, field, value, typed))
        except ValueError as error:
            mistakes.append(str(error))
            unset.add(name)
    return unset


def _resolve_paths(recipe, folders, folder):
    """Makes paths absolute; those of files that are fetched are names below another folder.

    folders: by option, where its path counts from; of other options `folder`.
    """
    for name, field, section in all_options(recipe):
        value = getattr(section, field.name)
        fetched = recipe.data.url and name.startswith("data.")
        if name in PATHS and value and not fetched:
            base = folders.get(name, folder)
            paths = value if isinstance(value, list) else [value]
            absolute = [os.path.abspath(base / os.path.expanduser(path)) for path in paths]
            setattr(section, field.name, absolute if isinstance(value, list) else absolute[0])


def _report(path, mistakes):
    where = f"{path}:" if path else ""
    if len(mistakes) == 1:
        return f"{where} {mistakes[0]}".lstrip()
    return "\n  ".join([where, *mistakes])


# Writing.


def _toml(value):
    if isinstance(value, dict):
        pairs = ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{{pairs}}}"
    # Texts, numbers and truth values are written as in JSON, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _values(field):
    """The choices, the bounds or the type of an option."""
    meta = field.metadata
    low = meta["low"]
    high = meta["high"]
    if meta["choices"]:
        return ", ".join(meta["choices"])
    if low is None:
        return checks.EXPECTED[field.type].removeprefix("a ")
    return f"{low} or more" if high is None else f"{low} to {high}"
