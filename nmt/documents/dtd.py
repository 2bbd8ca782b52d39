"""Mozilla's .dtd: the values of entities, by their names. References (&brandName;) and tags stay.

A commented declaration is a comment, which stays.
"""

import functools
import html as entities
import re
from collections.abc import Iterator

from nmt.documents import html, keyed, masking
from nmt.documents.content import Content
from nmt.documents.keyed import Entries, Text
from nmt.documents.masking import SPACES, Role
from nmt.documents.units import Document, Edit, Options, Unit
from nmt.errors import UserError

# What has no text, or an entity with the comments behind it; one of a file (%) with what takes that
# in.
_TOKEN = re.compile(
    r"<!--.*?-->|<\?.*?\?>|%[\w:.-]+;"
    r"|<!ENTITY\s+(?P<key>[^\s%\"'>]+|%\s+[^\s%\"'>]+\s+SYSTEM)\s+"
    r"(?P<quoted>(?P<quote>[\"'])(?P<value>.*?)(?P=quote))\s*>"
    r"(?:\s*%[\w:.-]+;)?(?:[ \t]*<!--.*?-->)*",
    re.DOTALL,
)
# What is a letter or a sign, and what is a text of another entity.
_LETTER = re.compile(r"&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);")
_REFERENCE = re.compile(rf"(?!{_LETTER.pattern})&[\w:][\w:.-]*;")
# No texts: keys on the keyboard.
_KEYS = ("accesskey", ".key", "commandkey")
_QUOTES = {'"': "&quot;", "'": "&apos;"}


def read(data: bytes, options: Options) -> Document:
    """The entities that have a text; UserError for what is no DTD."""
    return Document(data, list(_units(Content(data))), bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the entities of another one that it lacks; UserError for two in one line."""
    return keyed.merged(source, present, _entries)


def _entries(data: bytes) -> Entries:
    text = data.decode("latin-1")
    found: list[tuple[tuple[str], int, re.Match]] = []
    last = 0
    for start, token in _declarations(text):
        if found and "\n" not in text[last : token.start()]:
            line = text.count("\n", 0, last) + 1
            raise UserError(f"line {line}: has two entities; give each a line of its own")
        found.append(((token["key"],), start, token))
        last = token.end()
    made = keyed.line_entries(text, [(key, start, token.end()) for key, start, token in found])
    entries = [
        entry._replace(body=token.span("quoted"), is_empty=not token["value"].strip())
        for entry, (*_, token) in zip(made.entries, found, strict=True)
    ]
    return made._replace(entries=entries)


def _declarations(text: str) -> Iterator[tuple[int, re.Match]]:
    """Each entity, and where it begins with the comments right before it.

    Raises UserError where something else stands.
    """
    begin = end = 0
    was_entity = True
    for token in _TOKEN.finditer(text):
        gap = _blank(text, end, token.start())
        if was_entity or gap.count("\n") > 1:
            begin = token.start()
        end = token.end()
        was_entity = bool(token["key"])
        if was_entity:
            yield begin, token
    _blank(text, end, len(text))


def _blank(text, start, end):
    """The white space from `start` to `end`; UserError for other text."""
    gap = text[start:end]
    if gap.strip():
        line = text.count("\n", 0, end - len(gap.lstrip())) + 1
        raise UserError(f"line {line}: not DTD; entities and comments can stand there")
    return gap


def _units(content: Content) -> Iterator[Unit]:
    for _, token in _declarations(content.text):
        key, value = token["key"], token["value"]
        text = _text(value, token["quote"])
        is_of_file = key.startswith("%")
        if is_of_file or key.lower().endswith(_KEYS) or not keyed.is_text(text.source):
            continue
        edit = functools.partial(_edit, content, token.span("value"))
        yield keyed.unit(text, content.line(token.start("key")), (key,), value, edit)


def _edit(content: Content, place: tuple[int, int], text: str) -> list[Edit]:
    return [content.edit(*place, text)]


def _text(value: str, quote: str) -> Text:
    """A value between quotation marks."""

    def said(text: str) -> str:
        return _LETTER.sub(lambda match: entities.unescape(match[0]), SPACES.sub(" ", text))

    def written(text: str) -> str:
        text = entities.escape(text, quote=False).replace("&gt;", ">")
        return text.replace("%", "&#037;").replace(quote, _QUOTES[quote])

    # References stand for words.
    parts = masking.coded(html.tokens(value), _REFERENCE, lambda _: Role.OPAQUE)
    return keyed.masked(list(parts), said, written)
