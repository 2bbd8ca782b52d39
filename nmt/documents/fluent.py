"""Fluent: messages and their attributes, in place. Terms stay, as they are names.

What stands in braces is a mask, and so are tags. A message with a choice is translated form by
form, each with the words around the choice, which then stand in each of them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nmt.documents import html, keyed, masking
from nmt.documents.categories import NAMES
from nmt.documents.content import Content
from nmt.documents.keyed import Entries, Entry, Key, Text, Variant
from nmt.documents.masking import Part, Role
from nmt.documents.units import Document, Edit, Options, Unit
from nmt.errors import UserError
from nmt.packages import require

# Attributes that are no text: keys on the keyboard, how something looks.
UNTOUCHED = ("accesskey", "key", "keycode", "modifiers", "style")
INDENTATION = 4
_BLANK = re.compile(r'\{\s*"\s*"\s*\}')
# What would begin something else than text at the begin of a line.
_SPECIAL = re.compile(r"^[\[.*}]")


def read(data: bytes, options: Options) -> Document:
    """The texts of messages; UserError for what is no Fluent, or without the package."""
    content = Content(data)
    file = _File(content, options.language)
    units = [
        unit
        for entry in _entries_of(content.text)
        if type(entry).__name__ == "Message"
        for unit in file.units(entry)
    ]
    return Document(data, units, bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the messages and terms of another one that it lacks."""
    return keyed.merged(source, present, _entries)


def _entries(data: bytes) -> Entries:
    text = data.decode("latin-1")
    found = []
    attributes: dict[Key, list[Entry]] = {}
    for entry in _entries_of(text):
        kind = type(entry).__name__
        if kind in ("Message", "Term"):
            key = kind, entry.id.name
            found.append(Entry(key, entry.span.start, entry.span.end))
            attributes[key] = [_attribute(text, each, key) for each in entry.attributes]
    lines = keyed.line_entries(text, found)
    entries = []
    for entry in lines.entries:
        own = attributes[entry.key]
        entries += [entry._replace(inner=own[0].start if own else entry.end), *own]
    return lines._replace(entries=entries)


def _attribute(text, attribute, parent):
    """The entry of an attribute: its lines."""
    start = text.rfind("\n", 0, attribute.span.start) + 1
    end = text.find("\n", attribute.span.end) + 1 or len(text)
    return Entry((*parent, attribute.id.name), start, end, parent=parent)


def _entries_of(text: str) -> Sequence[Any]:
    """What a file is made of; UserError for what is nothing of Fluent."""
    require("fluent.syntax", what="Fluent")
    from fluent.syntax import FluentParser, ast

    body = FluentParser().parse(text).body
    for entry in body:
        if isinstance(entry, ast.Junk):
            line = text.count("\n", 0, entry.span.start if entry.span else 0) + 1
            raise UserError(f"line {line}: not Fluent ({entry.annotations[0].message})")
    return body


class _File:
    """The text of a file, and the language that it is translated into."""

    def __init__(self, content: Content, language: str | None):
        self.content = content
        self.text = content.text
        self.language = language

    def units(self, message: Any) -> Iterator[Unit]:
        """The units of a message and its attributes."""
        patterns: dict[Key, Any] = {(message.id.name,): message.value} if message.value else {}
        for attribute in message.attributes:
            if attribute.id.name not in UNTOUCHED:
                patterns[message.id.name, attribute.id.name] = attribute.value
        for key, pattern in patterns.items():
            yield from self._pattern_unit(pattern.elements, key)

    def _pattern_unit(self, elements: Sequence[Any], key: Key) -> Iterator[Unit]:
        start, end = self._start(elements[0]), elements[-1].span.end
        raw = self.text[start:end]
        line = self.content.line(start)
        choices = [each for each in elements if _is_choice(each)]
        inner = [variant.value.elements for each in choices for variant in _variants(each)]
        text = self._text(elements, start)

        def edit(content):
            return [self.content.edit(start, end, content)]

        if not any(keyed.is_text(self._text(own, start).source) for own in inner or [elements]):
            return
        if not choices:
            yield keyed.unit(text, line, key, raw, edit)
        elif len(choices) > 1 or any(_is_choice(each) for own in inner for each in own):
            yield keyed.left("several choices in one text", line, key, raw)
        else:
            yield self._choice_unit(elements, choices[0], line, key, edit)

    def _choice_unit(
        self,
        elements: Sequence[Any],
        placeable: Any,
        line: int,
        key: Key,
        edit: Callable[[str], list[Edit]],
    ) -> Unit:
        selector = placeable.expression.selector
        place = elements.index(placeable)
        arrow = self.text.index("->", selector.span.end) + len("->")
        at = arrow
        variants = []
        for variant in _variants(placeable):
            own = variant.value.elements
            start, end = self._start(own[0]), own[-1].span.end
            text = self._text([*elements[:place], *own, *elements[place + 1 :]], start)
            before = self.text[at : variant.span.start]
            head = self.text[variant.span.start : start]
            raw = "".join(
                self.text[self._start(each) : each.span.end]
                for each in [*elements[:place], *own, *elements[place + 1 :]]
            )
            variants.append(Variant(_name(variant), before, head, text, "", raw))
            at = end
        opening = self.text[placeable.span.start : arrow]
        closing = self.text[at : placeable.span.end]
        name = "".join(re.findall(r"\$[\w-]+", self.text[selector.span.start : selector.span.end]))
        names = {variant.name for variant in variants}
        others = {each for each in names if each not in NAMES and not each.isdecimal()}
        default = next(_name(each) for each in _variants(placeable) if each.default)

        def number(message):
            own = rf"\{{\s*(?:NUMBER\(\s*)?{re.escape(name)}\b"
            found = [mask for mask, code in message.codes.items() if re.match(own, code)]
            return found[0] if len(found) == 1 else None

        is_plural = bool(name) and not others and default == "other"
        return keyed.choice(
            variants,
            line,
            key,
            lambda content: edit(opening + content + closing),
            self.language,
            number if is_plural else None,
        )

    def _start(self, element: Any) -> int:
        """Where the first element of a text begins, without the indentation of all lines.

        The span of one that is further indented than others has all of its own.
        """
        start = element.span.start
        if type(element).__name__ != "TextElement":
            return start
        while self.text[start] == " ":
            start += 1
        return start - (len(element.value) - len(element.value.lstrip(" ")))

    def _text(self, elements: Sequence[Any], place: int) -> Text:
        """The text of elements, as it is written at a place."""
        codes = []
        said = ""
        for element in elements:
            code = self.text[element.span.start : element.span.end]
            is_text = type(element).__name__ == "TextElement"
            codes += [] if is_text else [code]
            said += element.value if is_text else code
        line = self.text.rfind("\n", 0, place) + 1
        before = self.text[line:place]
        # Of a text that begins on a line of its own, the others are as far from the margin.
        column = len(before) - (0 if not before.strip() else len(before.lstrip()) - INDENTATION)
        is_block = not before.strip()

        def written(text):
            lines = text.split("\n")
            first = 0 if is_block else 1
            lines[first:] = [_SPECIAL.sub(r'{"\g<0>"}', each) for each in lines[first:]]
            lines[1:] = [" " * column + each if each else each for each in lines[1:]]
            return self.content.line_end.join(lines)

        return keyed.masked(list(_parts(said, codes)), _paragraphs, _escaped).then(written)


def _is_choice(element):
    expression = getattr(element, "expression", None)
    return type(expression).__name__ == "SelectExpression"


def _variants(placeable):
    return placeable.expression.variants


def _name(variant):
    return getattr(variant.key, "name", None) or variant.key.value


def _parts(said: str, codes: Sequence[str]) -> Iterator[Part]:
    """Text, tags and what stands in braces. A tag may have some in it."""
    pattern = re.compile("|".join(map(re.escape, codes)) or "(?!)")
    return masking.coded(
        html.tokens(said),
        pattern,
        lambda code: Role.TAG if _BLANK.fullmatch(code) else Role.OPAQUE,
    )


def _paragraphs(text):
    """A text as it is read: lines belong together unless an empty one stands between them."""
    return re.sub(r"[ \t]*\n\s*", lambda match: "\n\n" if match[0].count("\n") > 1 else " ", text)


def _escaped(text):
    return re.sub(r"[{}]", r'{"\g<0>"}', text)
