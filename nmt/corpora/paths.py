"""The files that a path of a recipe names: itself, all of a folder, or all that fit a pattern."""

import glob
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

from nmt.errors import UserError

log = logging.getLogger(__name__)

LANG = "{lang}"
# Names of the files of a format that are read where a folder is named; () takes all.
ENDINGS = {
    "tsv": (".tsv", ".tab"),
    "csv": (".csv",),
    "text": (".txt",),
    "tmx": (".tmx",),
    "po": (".po",),
    "mo": (".mo",),
    "xliff": (".xlf", ".xliff"),
    "json": (".json", ".arb"),
    "android": (".xml",),
    "fluent": (".ftl",),
    "properties": (".properties",),
}
COMPRESSED = re.compile(r"\.(gz|xz|bz2|zip)$", re.IGNORECASE)
WILDCARD = re.compile(r"(\*\*/|\*+|\?|\[[^]]+\])")
# Names in a message, at most.
NAMED = 3


def single_files(path: str, form: str) -> list[Path]:
    """The files that a path or pattern names, sorted; UserError where a folder has none.

    form: the format, which tells the files of a folder by the ends of their names.
    """
    files = list(_matches(path, form))
    if not files and Path(path).is_dir():
        endings = " or ".join(ENDINGS.get(form, ()))
        raise UserError(f"{path}: is a folder without a file of data.format={form} ({endings})")
    if not files and WILDCARD.search(path):
        raise UserError(f"{path}: no file fits this pattern")
    # A path of a file that is not there: the reader says so.
    return files or [Path(path)]


def paired_files(template: str, codes: tuple[str, str], form: str) -> list[tuple[Path, Path]]:
    """(source file, target file) for a path or pattern with {lang}, sorted.

    Files belong together if their names differ in the language code alone. Those without a
    counterpart are left out with a note; UserError if none has one.
    """
    source, target = (_named(template, code, form) for code in codes)
    if source == target:
        target = template.replace(LANG, codes[1])
    plain = not WILDCARD.search(template) and not Path(source).is_dir()
    if plain or Path(source).is_file():
        return [(Path(source), Path(target))]
    # What the wildcards of the source pattern stand for, filled into that of the target.
    if Path(source).is_dir():
        source, target = (f"{folder}/**/*" for folder in (source, target))
    pairs = {
        file: Path(_filled(target, _parts(source, file))) for file in sorted(_matches(source, form))
    }
    alone = [file for file, other in pairs.items() if not other.is_file()]
    if len(alone) == len(pairs):
        example = f": {pairs[alone[0]]} is missing" if alone else ""
        raise UserError(f"{template}: no file of {codes[0]} has one of {codes[1]}{example}")
    if alone:
        _note_alone(alone, codes[1])
    return [pair for pair in pairs.items() if pair[0] not in alone]


def _note_alone(files, code):
    names = ", ".join(map(str, files[:NAMED])) + (", ..." if len(files) > NAMED else "")
    log.info(f"note: {len(files)} files have no counterpart in {code}: {names}")


def _named(template, code, form):
    """The path of a language; that of a program's first language may have no code."""
    coded = template.replace(LANG, code)
    bare = re.sub(rf"[-_.]?{LANG}", "", template)
    if form == "files" or any(_matches(coded, form)) or not any(_matches(bare, form)):
        return coded
    return bare


def _matches(path: str, form: str) -> Iterator[Path]:
    """The files that are there: the path itself before what it is as a pattern."""
    if Path(path).is_file():
        return iter([Path(path)])
    folder = Path(path).is_dir()
    names = glob.glob(f"{glob.escape(path)}/**/*" if folder else path, recursive=True)
    endings = ENDINGS.get(form, ()) if folder or path.endswith("/**/*") else ()
    files = (Path(name) for name in sorted(names) if os.path.isfile(name))
    return (
        file for file in files if not endings or COMPRESSED.sub("", file.name).endswith(endings)
    )


def _parts(pattern, file):
    """What each wildcard of a pattern stands for in the name of a file that fits it."""
    texts = WILDCARD.split(pattern)
    forms = {"**/": "((?:[^/]+/)*)", "**": "(.*)", "?": "([^/])"}
    # Every second text is a wildcard.
    for n, text in enumerate(texts):
        texts[n] = forms.get(text, "([^/]*)") if n % 2 else re.escape(text)
    match = re.fullmatch("".join(texts), file.as_posix())
    return match.groups() if match else ()


def _filled(pattern, parts):
    """A pattern with these texts in the places of its wildcards."""
    rest = iter(parts)
    return WILDCARD.sub(lambda _: next(rest, ""), pattern)
