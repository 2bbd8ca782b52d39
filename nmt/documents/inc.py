"""Mozilla's .inc: the values of `#define`, by their keys."""

import functools
import re
from collections.abc import Iterator

from nmt.documents import keyed
from nmt.documents.content import Content
from nmt.documents.keyed import Entries
from nmt.documents.units import Document, Edit, Options, Unit

# The space before a value goes with it.
_LINE = re.compile(
    r"^#define[ \t]+(?P<key>\w+)(?P<value>(?:[ \t][^\r\n]*)?)(?![^\r\n])", re.ASCII | re.MULTILINE
)


def read(data: bytes, options: Options) -> Document:
    """The values that have a text."""
    return Document(data, list(_units(Content(data))), bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the values of another one that it lacks."""
    return keyed.merged(source, present, _entries)


def _entries(data: bytes) -> Entries:
    text = data.decode("latin-1")
    found = [
        ((line["key"],), line, not line["value"].strip(" \t")) for line in _LINE.finditer(text)
    ]
    return keyed.value_entries(text, found)


def _units(content: Content) -> Iterator[Unit]:
    for line in _LINE.finditer(content.text):
        value = line["value"]
        if keyed.is_text(value):
            edit = functools.partial(_edit, content, line.span("value"))
            place = content.line(line.start()), (line["key"],)
            yield keyed.unit(keyed.plain(value), *place, value, edit)


def _edit(content: Content, place: tuple[int, int], text: str) -> list[Edit]:
    if re.search(r"[\r\n]", text):
        raise ValueError("what would end the value")
    return [content.edit(*place, text)]
