"""Translations as a translation memory (TMX 1.4), which CAT tools read: OmegaT in tm/mt/.

A memory grows: units that are there already stay letter for letter, those of the same source are
replaced. So only files are taken that were written here.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from nmt.documents.elements import escaped
from nmt.documents.units import Unit, per_cent
from nmt.errors import UserError
from nmt.files import SURROGATES, atomic
from nmt.inference.translation import Translation
from nmt.version import __version__

# OmegaT cuts a paragraph into sentences, if it does so with the text.
HEADER = """<?xml version="1.0" encoding="UTF-8"?>
<tmx version="1.4">
<header creationtool="nmt" creationtoolversion={version} segtype="paragraph" o-tmf="nmt"
 adminlang="en" srclang={source} datatype="plaintext"/>
<body>
"""
FOOTER = "</body>\n</tmx>\n"
# The same of a file, whatever version has written it, and its units with what tells them apart.
_HEADER = re.escape(HEADER).replace(r"\{version\}", '"[^"]*"').replace(r"\{source\}", '"([^"]*)"')
_UNIT = re.compile(
    r"<tu>\n(?:<prop [^<]*</prop>\n)?(?P<source><tuv .*?</tuv>)\n"
    r"<tuv xml:lang=(?P<language>\"[^\"]*\") .*?</tuv>\n</tu>\n",
    re.DOTALL,
)


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


def check(path: str | os.PathLike, source_language: str) -> None:
    """UserError for a file that nothing can be added to: another program's, another language."""
    _units(path, source_language)


def write(
    path: str | os.PathLike, source_language: str, target_language: str, entries: Iterable[Entry]
) -> int:
    """Adds entries to a memory, which is made if need be; how many have been written.

    An entry with a character that XML cannot hold is left out; without any, nothing is written.
    Raises UserError as `check`.
    """
    languages = quoteattr(source_language), quoteattr(target_language)
    units = _units(path, source_language)
    written = set()
    for entry in entries:
        try:
            source, text = _unit(entry, *languages)
        except ValueError:
            continue
        units[source, languages[1]] = text
        written.add(source)
    if written:
        with atomic(path) as file:
            file.write(HEADER.format(version=quoteattr(__version__), source=languages[0]))
            file.writelines(units.values())
            file.write(FOOTER)
    return len(written)


def _units(path, source_language):
    """{(source, target language): unit} of a file, as they are written; empty without a file."""
    try:
        text = Path(path).read_bytes().decode(errors="surrogateescape")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    header = None if SURROGATES.search(text) else re.match(_HEADER, text)
    at = header.end() if header else 0
    units = {}
    while unit := _UNIT.match(text, at):
        units[unit["source"], unit["language"]] = unit[0]
        at = unit.end()
    if not header or text[at:] != FOOTER:
        raise UserError(f"{path}: is there, but was not written by nmt fill; name another file")
    if header[1] != quoteattr(source_language)[1:-1]:
        raise UserError(
            f"{path}: is a memory from {header[1]!r}, not {source_language!r}; name another file"
        )
    return units


def _unit(entry, source_language, target_language):
    """(the variant of the source, the whole unit)."""
    confidence = entry.confidence
    prop = "" if confidence is None else f'<prop type="x-confidence">{confidence}</prop>\n'
    source = _segment(entry.source, entry.codes)
    target = _segment(entry.target, entry.codes)
    variant = f"<tuv xml:lang={source_language}><seg>{source}</seg></tuv>"
    return variant, (
        f"<tu>\n{prop}{variant}\n"
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
