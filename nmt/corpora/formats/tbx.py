"""TBX, the exchange format of terms: of 2008 (martif) and of version 3, dialect basic."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from nmt.corpora.formats import note
from nmt.corpora.formats.tmx import encoding_of
from nmt.errors import UserError
from nmt.files import opened
from nmt.text import languages
from nmt.text.glossary import Term

BEGINNINGS = ("<?xml", "<martif", "<tbx", "<!DOCTYPE", "<!--")
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
# Elements of 2008 and of version 3.
ROOTS = ("martif", "tbx")
ENTRIES = ("termEntry", "conceptEntry")
LANGUAGES = ("langSet", "langSec")
TERMS = ("tig", "ntig", "termSec")
STATUS = "administrativeStatus"
# Of several translations the one with the lowest number is taken; those with none are not used.
RANKS = {"preferredTerm-admn-sts": 0, "": 1, "admittedTerm-admn-sts": 1}
# Languages in a message, at most.
NAMED = 20


def is_tbx(path: Path) -> bool:
    """Whether a file begins as XML does."""
    with opened(path) as file:
        head = file.peek(64)[:64]
    # Of other encodings the first characters are ASCII.
    encoding = encoding_of(head)
    text = head.decode(encoding if encoding.startswith("utf") else "latin-1", "replace")
    return text.lstrip("\ufeff \t\r\n").startswith(BEGINNINGS)


def read(path: Path, source: str, target: str) -> Iterator[Term]:
    """Each source term of an entry with the preferred target term.

    Terms that are superseded or deprecated are still found in sources. Of several translations of
    one term the first is taken, which a note tells. Raises UserError when the file is no TBX or no
    entry has both languages.
    """
    codes: set[str] = set()
    taken: dict[str, str] = {}
    others: dict[str, str] = {}
    try:
        with opened(path) as file:
            root = True
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                name = _name(element)
                if root and name not in ROOTS:
                    raise UserError(f"{path}: is no TBX file: its first element is <{name}>")
                root = False
                if event == "end" and name in ENTRIES:
                    for text, translations in _of_entry(element, source, target, codes):
                        first = taken.setdefault(text, translations[0])
                        if rest := [each for each in translations if each != first]:
                            others.setdefault(text, rest[0])
                        yield Term(text, first)
                    element.clear()
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UserError(f"{path}, line {line}: not well-formed XML ({error})") from None
    if others:
        text, other = next(iter(others.items()))
        note(
            f"{path}: {len(others):,} terms have several translations, the first is taken: "
            f"{taken[text]!r}, not {other!r}, for {text!r}"
        )
    if not taken:
        names = ", ".join(sorted(codes)[:NAMED]) or "none"
        raise UserError(
            f"{path}: no entry has terms of both {source} and {target}; languages found: {names}"
        )


def _of_entry(entry, source, target, codes):
    """(term, its best translations) of a concept."""
    sources: list[tuple[int, str]] = []
    targets: list[tuple[int, str]] = []
    for section in entry.iter():
        if _name(section) not in LANGUAGES:
            continue
        code = section.get(LANGUAGE) or section.get("lang") or "?"
        codes.add(code)
        tag = languages.parse(code)
        for wanted, terms in ((source, sources), (target, targets)):
            if languages.parse(wanted).includes(tag):
                terms += _terms(section)
    usable = [(rank, text) for rank, text in targets if rank is not None]
    if usable:
        lowest = min(rank for rank, _ in usable)
        best = list(dict.fromkeys(text for rank, text in usable if rank == lowest))
        for text in dict.fromkeys(text for _, text in sources):
            yield text, best


def _terms(section):
    """(rank or None, text) of each term of a language."""
    for group in section:
        if _name(group) not in TERMS:
            continue
        text = status = ""
        for element in group.iter():
            if _name(element) == "term":
                text = " ".join("".join(element.itertext()).split())
            elif STATUS in (_name(element), element.get("type")):
                status = (element.text or "").strip()
        if text:
            yield RANKS.get(status), text


def _name(element):
    return element.tag.rpartition("}")[2]
