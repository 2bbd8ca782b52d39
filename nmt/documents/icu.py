"""Messages in the syntax of ICU with a choice: {count, plural, one {# file} other {# files}}.

Each form is translated as a whole, with the words around the block. So these stand in each form of
what is written: translators are told to write them so, as words around change with the number.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from nmt.documents import keyed, masking
from nmt.documents.keyed import Key, Text, Variant
from nmt.documents.masking import Part, Role
from nmt.documents.units import Edit, Unit

_CHOICE = re.compile(r"\{\s*([\w.-]+)\s*,\s*(plural|select|selectordinal|choice)\s*,")
_OFFSET = re.compile(r"\s*offset:\d+")
_FORM = re.compile(r"(\s*)(=?[\w-]+)(\s*)\{")
_TOKEN = re.compile(r"''|'[{}#|](?:[^']|'')*'?|[{}#]")
# What would begin a quotation.
_APOSTROPHE = re.compile("(?<!')'(?=[{}#|])")


class Block(NamedTuple):
    """A choice within a message, and its forms: (white space, name, white space, text)."""

    start: int
    end: int
    opening: str
    argument: str
    kind: str
    forms: list[tuple[str, str, str, str]]
    closing: str


def has_choice(text: str) -> bool:
    """Whether a message has forms."""
    return bool(_CHOICE.search(text))


def plain(text: str) -> Text:
    """A message without forms; an apostrophe quotes what is in brackets there, too."""
    return _text(list(_parts(text)))


def unit(
    text: str, line: int, key: Key, edit: Callable[[str], list[Edit]], language: str | None
) -> Unit:
    """The unit of a message with forms; edit: puts a message in place."""
    try:
        block = _block(text)
    except ValueError as error:
        return keyed.left(str(error), line, key, text)
    before, after = text[: block.start], text[block.end :]
    names = [form[1] for form in block.forms]
    is_plural = block.kind == "plural" and "other" in names

    # Around the block # is a sign; within, it is the number.
    outside = [list(_parts(each, block.kind == "plural")) for each in (before, after)]
    variants = [
        Variant(
            name,
            space,
            f"{name}{gap}{{",
            _text([*outside[0], *_parts(inner), *outside[1]]),
            "}",
            before + inner + after,
        )
        for space, name, gap, inner in block.forms
    ]

    def put(joined: str) -> list[Edit]:
        return edit(f"{block.opening}{joined}{block.closing}")

    def number(message: Text) -> str | None:
        found = re.findall(rf"#|\{{\s*{re.escape(block.argument)}\s*\}}", message.source)
        return found[0] if len(found) == 1 else None

    return keyed.choice(variants, line, key, put, language, number if is_plural else None)


def _parts(message, is_sign=False):
    """Text and quotations, which stay; is_sign: # is no number, and becomes a quotation."""
    at = 0
    for token in _TOKEN.finditer(message):
        if len(token[0]) > 2 or (is_sign and token[0] == "#"):
            raw = "'#'" if token[0] == "#" else token[0]
            yield from (Part(Role.TEXT, message[at : token.start()]), Part(Role.OPAQUE, raw))
            at = token.end()
    yield Part(Role.TEXT, message[at:])


def _text(parts):
    """The text of a form."""
    text = keyed.masked(parts, escape=lambda said: _APOSTROPHE.sub("''", said))
    numbers = _numbers(masking.raw(parts))

    def checked(written: str) -> str:
        try:
            is_whole = _closing(f"{written}}}", 0) == len(written)
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError("braces are not in pairs")
        if _numbers(written) != numbers:
            raise ValueError("placeholders differ")
        return written

    return text.then(checked)


def _numbers(message):
    """How often a message has #."""
    return [token[0] for token in _TOKEN.finditer(message)].count("#")


def _block(text):
    """The only choice of a message; ValueError where it has several, or is none that is read."""
    start = next(_CHOICE.finditer(text))
    if start[2] == "selectordinal":
        raise ValueError("ordinal numbers")
    if start[2] == "choice":
        raise ValueError("a choice of numbers")
    at = start.end()
    if offset := _OFFSET.match(text, at):
        at = offset.end()
    opening = text[start.start() : at]
    forms = []
    while form := _FORM.match(text, at):
        end = _closing(text, form.end())
        forms.append((form[1], form[2], form[3], text[form.end() : end]))
        at = end + 1
    closing = re.compile(r"\s*\}").match(text, at)
    if not forms or not closing:
        raise ValueError("not in the syntax of ICU")
    block = Block(start.start(), closing.end(), opening, start[1], start[2], forms, closing[0])
    rest = [text[: block.start], *(form[3] for form in forms), text[block.end :]]
    if any(map(has_choice, rest)):
        raise ValueError("several choices in one text")
    return block


def _closing(text, at):
    """The bracket that closes what is open at a place."""
    depth = 1
    for token in _TOKEN.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if not depth:
            return token.start()
    raise ValueError("not in the syntax of ICU")
