"""Java's .properties: the values, by their keys.

Letters are written as those of the file: where it is ASCII, as \\u00e4, which every reader takes.
"""

import functools
import re
from collections.abc import Iterator

from nmt.documents import icu, keyed
from nmt.documents.content import Content
from nmt.documents.format_strings import problem, quoted
from nmt.documents.keyed import Entries
from nmt.documents.units import Document, Edit, Options, Unit

_LINE = re.compile(
    r"^[ \t\f]*(?:[#!].*|(?P<key>(?:[^\\\s:=]|\\(?:\r\n|[\s\S]))+)[ \t\f]*(?:[:=][ \t\f]*)?"
    r"(?P<value>(?:[^\\\r\n]|\\(?:\r\n|[\s\S]))*))",
    re.MULTILINE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(?:\r\n|[\r\n])[ \t\f]*|([\s\S]))")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r", "\f": r"\f"})
_JAVA = ("java-format",)
# What MessageFormat puts something in the place of.
_ARGUMENT = re.compile(r"\{\d+[,}]")


def read(data: bytes, options: Options) -> Document:
    """The values that have a text."""
    content = Content(data)
    units = list(_units(content, data.isascii(), options.language))
    return Document(data, units, bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the values of another one that it lacks."""
    return keyed.merged(source, present, _entries)


def _entries(data: bytes) -> Entries:
    text = data.decode("latin-1")
    found = [
        ((_said(line["key"]),), line, _is_empty(line))
        for line in _LINE.finditer(text)
        if line["key"]
    ]
    return keyed.value_entries(text, found)


def _is_empty(line):
    """Whether a value could stand there: behind a key alone it would be a part of it."""
    return line.end("key") < line.start("value") and not _said(line["value"]).strip()


def _units(content: Content, is_ascii: bool, language: str | None) -> Iterator[Unit]:
    for match in _LINE.finditer(content.text):
        text = _said(match["value"] or "")
        if not match["key"]:
            continue
        edit = functools.partial(_edit, content, match.span("value"), is_ascii)
        place = content.line(match.start("key")), (_said(match["key"]),)
        if icu.has_choice(text):
            yield icu.unit(text, *place, edit, language)
        elif keyed.is_text(text):
            yield keyed.unit(_text(text), *place, text, edit)


def _text(text):
    """A text; with arguments it is a format, in which apostrophes have a meaning."""
    made = keyed.plain(text)
    if not _ARGUMENT.search(text):
        return made

    def checked(translation: str) -> str:
        translation = quoted(text, translation, _JAVA)
        if reason := problem(text, translation, _JAVA):
            raise ValueError(reason)
        return translation

    return made.then(checked)


def _edit(content: Content, place: tuple[int, int], is_ascii: bool, text: str) -> list[Edit]:
    return [content.edit(*place, _value(text, is_ascii))]


def _value(text, is_ascii):
    """A text as a value."""
    value = text.translate(_ESCAPED)
    # White space would be none of the value.
    value = re.sub(r"^ ", r"\\ ", value)
    if is_ascii:
        units = value.encode("utf-16-be").hex()
        codes = (units[n : n + 4] for n in range(0, len(units), 4))
        value = "".join(
            chr(int(code, 16)) if int(code, 16) < 0x80 else f"\\u{code}" for code in codes
        )
    return value


def _said(raw):
    """What is written with escapes."""

    def character(match):
        if match[1]:
            return chr(int(match[1], 16))
        return _LETTERS.get(match[2], match[2]) if match[2] else ""

    return keyed.joined_surrogates(_ESCAPE.sub(character, raw))
