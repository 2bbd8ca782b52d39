"""Translations as a translation memory (TMX 1.4), which CAT tools read: OmegaT in tm/mt/."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from nmt.documents.elements import escaped
from nmt.documents.units import Unit, per_cent
from nmt.files import atomic
from nmt.inference.translator import Translation
from nmt.version import __version__

# OmegaT cuts a paragraph into sentences, if it does so with the text.
HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4">
<header creationtool="nmt" creationtoolversion={version} segtype="paragraph" o-tmf="nmt"
 adminlang="en" srclang={source} datatype="plaintext"/>
<body>
"""
FOOTER = "</body>\n</tmx>\n"


class Entry(NamedTuple):
    """A text and its translation."""

    source: str
    target: str
    confidence: int | None = None  # per cent
    # What stands in both for a code of the document, and the code.
    codes: Mapping[str, str] = MappingProxyType({})


def entries(unit: Unit, translations: Sequence[Translation]) -> Iterator[Entry]:
    """The sources of a unit with their translations."""
    codes = unit.codes or ({},) * len(unit.sources)
    for source, translation, own in zip(unit.sources, translations, codes, strict=True):
        yield Entry(source, translation.text, per_cent(translation), own)


def write(
    path: str | os.PathLike, source_language: str, target_language: str, entries: Iterable[Entry]
) -> int:
    """Writes a memory while the entries come; how many have been written.

    An entry with a character that XML cannot hold is left out.
    """
    languages = quoteattr(source_language), quoteattr(target_language)
    count = 0
    with atomic(path) as file:
        file.write(HEADER.format(version=quoteattr(__version__), source=languages[0]))
        for entry in entries:
            try:
                text = _unit(entry, *languages)
            except ValueError:
                continue
            file.write(text)
            count += 1
        file.write(FOOTER)
    return count


def _unit(entry, source_language, target_language):
    confidence = entry.confidence
    prop = "" if confidence is None else f'<prop type="x-confidence">{confidence}</prop>\n'
    source = _segment(entry.source, entry.codes)
    target = _segment(entry.target, entry.codes)
    return (
        f"<tu>\n{prop}<tuv xml:lang={source_language}><seg>{source}</seg></tuv>\n"
        f'<tuv xml:lang={target_language} creationid="nmt"><seg>{target}</seg></tuv>\n</tu>\n'
    )


def _segment(text, codes):
    """The content of <seg>: codes are elements around what the document has there."""
    pattern = "|".join(map(re.escape, codes))
    parts = re.split(f"({pattern})", text) if codes else [text]
    parts[::2] = map(escaped, parts[::2])
    parts[1::2] = [_code(placeholder, codes[placeholder]) for placeholder in parts[1::2]]
    return "".join(parts)


def _code(placeholder, code):
    """<1> opens, </1> closes; all others stand alone."""
    number = re.sub(r"\D", "", placeholder)
    if placeholder.startswith("</"):
        return f'<ept i="{number}">{escaped(code)}</ept>'
    if re.fullmatch(r"<\d+>", placeholder):
        return f'<bpt i="{number}" x="{number}">{escaped(code)}</bpt>'
    return f'<ph x="{number}">{escaped(code)}</ph>'
