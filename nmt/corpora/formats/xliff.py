"""XLIFF 1.2 and 2.x: units with a source and, once translated, a target."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from nmt.corpora.formats.tmx import GAP, joined
from nmt.errors import OtherLanguages, UserError
from nmt.files import opened
from nmt.text import languages

# States of a target that nobody has translated yet, and of one that nobody has looked at.
UNTRANSLATED = ("initial", "new", "needs-translation")
UNFINISHED = re.compile(f"{'|'.join(UNTRANSLATED)}|needs-.*|mt-suggestion|nmt:.*")
# Elements whose content is a code of the document, or nothing.
CODES = ("x", "bx", "ex", "bpt", "ept", "ph", "it", "sc", "ec", "cp", "sm", "em")
# What a code stands for in plain text, in 1.2 and in 2.x.
EQUIVALENTS = ("equiv-text", "equiv")


def read(path: Path, source: str, target: str, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """Source and target of each translated unit; a file of the other direction is turned around.

    Raises UserError when the file is no XLIFF or of other languages.
    """
    try:
        with opened(path) as file:
            turned = None
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                name = _name(element)
                if event == "start":
                    if turned is None and name != "xliff":
                        raise UserError(f"{path}: is no XLIFF file: its first element is <{name}>")
                    if name in ("xliff", "file"):
                        turned = _is_turned(element, path, source, target, bool(turned))
                    continue
                # A segment of 2.x, or a unit of 1.2.
                if name in ("segment", "trans-unit"):
                    pair = _pair(element, languages.unspaced(source), languages.unspaced(target))
                    if pair:
                        yield pair[::-1] if turned else pair
                    else:
                        dropped["not translated"] += 1
                if name in ("unit", "trans-unit"):
                    element.clear()
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UserError(f"{path}, line {line}: not well-formed XML ({error})") from None


def _name(element):
    return element.tag.rpartition("}")[2]


def _is_turned(element, path, source, target, turned):
    """Whether the languages that an element declares are ours, turned around."""
    codes = [
        element.get(old) or element.get(new)
        for old, new in (("source-language", "srcLang"), ("target-language", "trgLang"))
    ]
    if None in codes:
        return turned
    ours = [languages.parse(code) for code in (source, target)]
    theirs = [languages.parse(code) for code in codes]
    if all(own.includes(other) for own, other in zip(ours, theirs, strict=True)):
        return False
    if all(own.includes(other) for own, other in zip(ours, theirs[::-1], strict=True)):
        return True
    raise OtherLanguages(f"{path}: is from {codes[0]} to {codes[1]}, not from {source} to {target}")


def _pair(unit, *unspaced):
    """(source, target) of a unit, or None if no person has translated it."""
    sides = [unit.find(f"{{*}}{name}") for name in ("source", "target")]
    if None in sides:
        return None
    target = sides[1]
    states = [unit.get("state"), target.get("state"), target.get("state-qualifier")]
    if any(map(UNFINISHED.fullmatch, filter(None, [*states, unit.get("subState")]))):
        return None
    texts = tuple(joined("".join(_parts(side)), u) for side, u in zip(sides, unspaced, strict=True))
    return texts if texts[1].strip() else None


def _parts(element):
    """The texts of an element in order; a code is what it stands for, or a gap."""
    yield element.text or ""
    for child in element:
        if not isinstance(child.tag, str):  # a comment
            pass
        elif _name(child) in CODES:
            yield next(filter(None, map(child.get, EQUIVALENTS)), GAP)
        else:
            yield from _parts(child)
        yield child.tail or ""
