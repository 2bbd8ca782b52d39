"""Mozilla's .dtd: the values of entities, by their names. References (&brandName;) and tags stay.

A commented declaration is a comment, which stays.
"""

import functools
import html as entities
import re
from collections.abc import Iterator

from nmt.documents import html, keyed, masking
from nmt.documents.content import Content
from nmt.documents.keyed import Entries, Entry, Text
from nmt.documents.masking import SPACES, Role
from nmt.documents.units import Document, Edit, Options, Unit
from nmt.errors import UserError

# A comment, an instruction (<?xml?>), a reference to a file (%name;), or an entity. With an entity
# goes what stands right behind it: the reference to the file that it names, and comments.
_TOKEN = re.compile(
    r"<!--.*?-->|<\?.*?\?>|%[\w:.-]+;"
    r"|<!ENTITY\s+(?P<key>[^\s%\"'>]+|%\s+(?P<file>[^\s%\"'>]+)\s+SYSTEM)\s+"
    r"(?P<quoted>(?P<quote>[\"'])(?P<value>(?:(?!(?P=quote)).)*)(?P=quote))\s*>"
    r"(?(file)(?:\s*%(?P=file);)?)(?:[ \t]*<!--.*?-->)*",
    re.DOTALL,
)
# A letter, a sign, or the text of another entity.
_REFERENCE = re.compile(r"&(?:#[0-9]+|#x[0-9A-Fa-f]+|[\w:][\w:.-]*);")
_SIGNS = ("&amp;", "&lt;", "&gt;", "&quot;", "&apos;")
# No texts: keys on the keyboard.
_KEYS = ("accesskey", ".key", "commandkey")
_QUOTES = {'"': "&quot;", "'": "&apos;"}


def read(data: bytes, options: Options) -> Document:
    """The entities that have a text; UserError for other declarations."""
    return Document(data, list(_units(Content(data))), bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the entities of another one that it lacks."""
    return keyed.merged(source, present, _entries)


def _entries(data: bytes) -> Entries:
    text = data.decode("latin-1")
    found = []
    for start, token in _declarations(text):
        key = (token["key"],) if token["key"] else ()
        is_empty = not (token["value"] or "").strip()
        found.append(Entry(key, start, token.end(), token.span("quoted"), is_empty))
    return keyed.line_entries(text, found)


def _declarations(text: str) -> Iterator[tuple[int, re.Match]]:
    """Each token but comments, and where it begins with the comments right before it.

    Raises UserError where something else stands.
    """
    begin = end = 0
    is_comment = False
    for token in _TOKEN.finditer(text):
        gap = _blank(text, end, token.start())
        if not is_comment or gap.count("\n") > 1:
            begin = token.start()
        end = token.end()
        is_comment = token[0].startswith("<!--")
        if not is_comment:
            yield begin, token
    _blank(text, end, len(text))


def _blank(text, start, end):
    """The white space from `start` to `end`; UserError for other text."""
    gap = text[start:end]
    if gap.strip():
        line = text.count("\n", 0, end - len(gap.lstrip())) + 1
        raise UserError(
            f"line {line}: nmt reads entities and comments only; mend or take out what stands there"
        )
    return gap


def _units(content: Content) -> Iterator[Unit]:
    for _, token in _declarations(content.text):
        key, value = token["key"], token["value"]
        if not key or key.startswith("%") or key.lower().endswith(_KEYS):
            continue
        text = _text(value, token["quote"])
        if keyed.is_text(text.source):
            edit = functools.partial(_edit, content, token.span("value"))
            yield keyed.unit(text, content.line(token.start("key")), (key,), value, edit)


def _edit(content: Content, place: tuple[int, int], text: str) -> list[Edit]:
    return [content.edit(*place, text)]


def _text(value: str, quote: str) -> Text:
    """A value between quotation marks."""

    def said(text: str) -> str:
        return _REFERENCE.sub(lambda match: entities.unescape(match[0]), SPACES.sub(" ", text))

    def written(text: str) -> str:
        text = entities.escape(text, quote=False).replace("&gt;", ">")
        return text.replace("%", "&#037;").replace(quote, _QUOTES[quote])

    parts = masking.coded(html.tokens(value), _REFERENCE, _role)
    return keyed.masked(list(parts), said, written)


def _role(code: str) -> Role:
    """That of a letter or a sign; others stand for words, or are no letter of XML (&#0;)."""
    is_letter = code.startswith("&#") and entities.unescape(code) not in ("", "\ufffd")
    return Role.TEXT if is_letter or code in _SIGNS else Role.OPAQUE
