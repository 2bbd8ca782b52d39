"""TBX, the exchange format of terms: of 2008 (martif) and of version 3, dialect basic."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from nmt.errors import UserError
from nmt.files import opened
from nmt.text import languages
from nmt.text.glossary import Term

BEGINNINGS = (b"<?xml", b"<martif", b"<tbx", b"<!DOCTYPE", b"<!--")
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
        head = file.peek(64)[:64].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(BEGINNINGS)


def read(path: Path, source: str, target: str) -> Iterator[Term]:
    """Each source term of an entry with the preferred target term.

    Terms that are superseded or deprecated are still found in sources. Raises UserError when the
    file is no TBX or no entry has both languages.
    """
    codes: set[str] = set()
    found = False
    try:
        with opened(path) as file:
            root = True
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                name = _name(element)
                if root and name not in ROOTS:
                    raise UserError(f"{path}: is no TBX file: its first element is <{name}>")
                root = False
                if event == "end" and name in ENTRIES:
                    for term in _of_entry(element, source, target, codes):
                        found = True
                        yield term
                    element.clear()
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UserError(f"{path}, line {line}: not well-formed XML ({error})") from None
    if not found:
        names = ", ".join(sorted(codes)[:NAMED]) or "none"
        raise UserError(
            f"{path}: no entry has terms of both {source} and {target}; languages found: {names}"
        )


def _of_entry(entry, source, target, codes):
    """The terms of a concept."""
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
        _, best = min(usable, key=lambda ranked: ranked[0])
        for text in dict.fromkeys(text for _, text in sources):
            yield Term(text, best)


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
