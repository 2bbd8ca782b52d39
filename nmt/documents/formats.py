"""The formats of files that can be filled, by the ends of their names."""

import codecs
import contextlib
import dataclasses
import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from nmt.documents import keyed
from nmt.documents.units import Document, Options, State
from nmt.errors import UserError, did_you_mean
from nmt.text import languages

# The module of this room that reads such files.
FORMATS = {
    ".po": "po",
    ".pot": "po",
    ".xlf": "xliff",
    ".xliff": "xliff",
    ".srt": "subtitles",
    ".vtt": "subtitles",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".arb": "json",
    ".properties": "properties",
    ".ini": "ini",
    ".xml": "android",
    ".ftl": "fluent",
    ".dtd": "dtd",
    ".inc": "inc",
}
# Those that have a text under each key: a file that is there is gone on with.
KEYED = ("json", "properties", "ini", "android", "fluent", "dtd", "inc")
# Options that not every format has a use for, and the modules of those that have.
USES = {"refill": ("po", "xliff", *KEYED), "trusted": ("po", "xliff"), "note": ("po",)}
# Files that others are made of: their places stay empty.
TEMPLATES = (".pot",)
# What helps with files that no format is for.
_X2PO = "converters of translate-toolkit make PO of it, and back: {}2po, po2{}"
ADVICE = {
    ".mo": "msgunfmt makes PO of it",
    ".ts": "lconvert makes PO of it, and back",
    ".txt": "nmt translate takes lines of text: nmt translate RUN -i FILE -o OUT",
    ".tmx": "nmt train takes it as training text (data.format=tmx)",
    **{
        f".{name}": _X2PO.format(name, name)
        for name in ("csv", "ical", "idml", "php", "rc", "resx", "toml", "yaml")
    },
    ".yml": _X2PO.format("yaml", "yaml"),
    ".odt": "odf2xliff and xliff2odf of translate-toolkit make XLIFF of it, and back",
    ".docx": "Okapi's tikal makes XLIFF of it, and back",
    ".pdf": "save its text as a plain text file first (pdftotext)",
}


def check_name(path: Path) -> None:
    """UserError for a file whose name ends as that of no format; it tells what helps."""
    ending = path.suffix.lower()
    if ending in FORMATS:
        return
    known = f"what can: {', '.join(FORMATS)}"
    advice = ADVICE.get(ending) or did_you_mean(ending, FORMATS) or known
    raise UserError(f"{path}: cannot be filled; {advice}")


def check_option(option: str, paths: Iterable[Path]) -> None:
    """UserError for an option that the format of no file has a use for."""
    endings = [ending for ending, module in FORMATS.items() if module in USES[option]]
    if not any(path.suffix.lower() in endings for path in paths):
        raise UserError(
            f"--{option}: no file has a place for it; those that have: " + ", ".join(endings)
        )


def check_in_place(path: Path, document: Document) -> None:
    """UserError for a file whose translation must be another file."""
    if not document.bilingual:
        reason = "its translation would take the place of its text"
    elif path.suffix.lower() in TEMPLATES:
        reason = "is a template, which stays empty"
    else:
        return
    raise UserError(f"{path}: {reason}; name another file or a folder with -o")


def check_untranslated(output: Path, data: bytes, path: Path) -> None:
    """UserError for a file that has translations, in whose place those of `path` would be."""
    if not data.strip():
        return
    if any(unit.state is not State.EMPTY for unit in read(output, data, Options()).units):
        how = " (msgmerge)" if output.suffix.lower() in (".po", ".pot") else ""
        raise UserError(
            f"{output}: has translations already, which would be lost; take what is new in {path} "
            f"into it{how} and fill it in place, or name another output"
        )


def read(path: Path, data: bytes, options: Options) -> Document:
    """The document of a file; UserError, with its name, for one that cannot be filled."""
    check_name(path)
    with _named(path):
        return _module(path).read(data, options)


def has_keys(path: Path) -> bool:
    """Whether a file has a text under each key, so that an older translation is gone on with."""
    return FORMATS.get(path.suffix.lower()) in KEYED


def continued(
    path: Path, document: Document, output: Path, before: bytes, options: Options
) -> Document:
    """The document of a translation that is there, with what is new in its source.

    path, document: of the source; output, before: of the translation. Raises UserError, with its
    name, for a translation that cannot be read, or that its source does not fit.
    """
    module = _module(path)
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    with _named(output):
        content = before.removeprefix(mark)
        if not content.strip():
            return dataclasses.replace(document, before=before)
        present = module.read(before, options)
        is_own = _has_own_language(document, present, options.language)
        data = mark + module.merged(document.data.removeprefix(codecs.BOM_UTF8), content)
    try:
        merged = module.read(data, options)
    except UserError as error:
        raise UserError(
            f"{output}: could not take in what is new in {path} (together: {error}); "
            "name another output"
        ) from None
    made = keyed.beside(document, present, merged)
    return dataclasses.replace(made, before=before, edits=() if is_own else made.edits)


def _has_own_language(source, present, language):
    """Whether a translation tells its language; UserError where it is not the one wanted.

    A copy of its source tells that of the source.
    """
    own = present.source_language
    if not own or not language or own == source.source_language:
        return False
    if languages.language(own) != languages.language(language):
        raise UserError(f"is in {own!r}, but the translations are in {language!r}; name another")
    return True


def _module(path):
    return importlib.import_module(f"nmt.documents.{FORMATS[path.suffix.lower()]}")


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of a format in the block name the file."""
    try:
        yield
    except RecursionError:
        raise UserError(f"{path}: its elements are nested too deeply") from None
    except UserError as error:
        text = str(error)
        raise UserError(f"{path}{', ' if text.startswith('line ') else ': '}{text}") from None
