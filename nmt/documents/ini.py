"""INI: the values, by their sections and keys.

A text is a value in one line, without the quotation marks around it; a comment behind it (` ;`)
stays. Values of several lines, of which the others are further indented, are left.
"""

import functools
import re
from collections.abc import Iterator

from nmt.documents import keyed
from nmt.documents.content import Content
from nmt.documents.keyed import Entries
from nmt.documents.units import Document, Edit, Options, Unit

_QUOTED = r"\"(?:[^\"\\\r\n]|\\.)*\"|'(?:[^'\\\r\n]|\\.)*'"
_LINE = re.compile(
    r"^(?P<indent>[ \t]*)(?:\[(?P<section>[^\]\r\n]*)\][^\r\n]*"
    r"|(?P<key>[^\s\[#;:=][^:=\r\n]*?)[ \t]*[:=][ \t]*"
    rf"(?P<value>{_QUOTED}|[^\r\n]*?)[ \t]*(?P<note>[ \t];[^\r\n]*)?"
    r"(?P<more>(?:(?:\r?\n[ \t]*(?=\r?\n))*+\r?\n(?P=indent)[ \t]+\S[^\r\n]*)*)"
    r"(?=\r?\n|\Z))",
    re.MULTILINE,
)


def read(data: bytes, options: Options) -> Document:
    """The values that have a text."""
    return Document(data, list(_units(Content(data))), bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the sections and values of another one that it lacks."""
    return keyed.merged(source, _with_sections(source, present), _entries)


def _with_sections(source, present):
    """A file with the sections of another one that it lacks, without their values, at its end."""
    known = {entry.key for entry in _entries(present).entries}
    sections = [each for each in _entries(source).entries if len(each.key) == 1]
    new = [each for each in sections if each.key not in known]
    if not new:
        return present
    line_end = b"\r\n" if b"\r\n" in present else b"\n"
    lines = [source[each.start : each.end].replace(b"\r\n", b"\n") for each in new]
    if not present.endswith(b"\n"):
        lines.insert(0, b"\n")
    return present + b"".join(lines).replace(b"\n", line_end)


def _entries(data: bytes) -> Entries:
    text = data.decode("latin-1")
    found = [(key, line, _is_empty(line)) for key, line in _keyed(text)]
    return keyed.value_entries(text, found)


def _keyed(text):
    """(key, match) of each section, whose key is its name alone, and of each value."""
    section = ""
    for line in _LINE.finditer(text):
        if line["key"] is None:
            section = line["section"]
            yield (section,), line
        else:
            yield (section, line["key"]), line


def _is_empty(line):
    value = line["value"]
    is_quoted = bool(value and re.fullmatch(_QUOTED, value))
    said = value[1:-1] if is_quoted else value
    return line["key"] is not None and not (said or line["more"])


def _units(content: Content) -> Iterator[Unit]:
    for key, line in _keyed(content.text):
        text = line["value"]
        if line["key"] is None or not keyed.is_text(text + line["more"]):
            continue
        place = content.line(line.start("key")), key
        if line["more"]:
            yield keyed.left("a text of several lines", *place, text + line["more"])
        else:
            quote = text[0] if re.fullmatch(_QUOTED, text) else ""
            said = text[1:-1].replace(f"\\{quote}", quote) if quote else text
            edit = functools.partial(_edit, content, line.span("value"), quote)
            yield keyed.unit(keyed.plain(said), *place, said, edit)


def _edit(content: Content, place: tuple[int, int], quote: str, text: str) -> list[Edit]:
    """quote: the mark that the value stands in, or none."""
    if re.search(r"[\r\n]" if quote else r"[\r\n]|\s;", text):
        raise ValueError("what would end the value")
    if quote:
        text = f"{quote}{text.replace(quote, chr(92) + quote)}{quote}"
    return [content.edit(*place, text)]
