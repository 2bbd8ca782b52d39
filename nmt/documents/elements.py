"""The elements of an XML file, and where they stand in its bytes."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Collection, Iterator, Mapping
from xml.parsers import expat

from nmt.corpora.formats.tmx import encoding_of
from nmt.errors import UserError

# A start tag up to its end: > may stand in the value of an attribute.
START_TAG = re.compile(rb"<[^\"'>]*(?:\"[^\"]*\"[^\"'>]*|'[^']*'[^\"'>]*)*>")
ATTRIBUTE = r"\s+{name}\s*=\s*(?:\"[^\"]*\"|'[^']*')"

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclasses.dataclass(eq=False)
class Element:
    """An element of a file: places are bytes of the file."""

    tag: str  # as it is written, with its prefix
    attributes: dict[str, str]
    parent: Element | None
    line: int  # from 1
    start: int
    inner: int  # where its content begins; of <x/> its end
    inner_end: int = 0
    end: int = 0
    children: list[Element] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """Without the prefix of its namespace."""
        return self.tag.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        """Of its namespace, with the colon; "" where it has none."""
        return self.tag[: -len(self.name)]

    @property
    def is_closed(self) -> bool:
        """Whether it is written as <x/>."""
        return self.inner == self.end

    def child(self, name: str) -> Element | None:
        """Its first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def existing(self, name: str) -> Element:
        """As `child`, of what is known to be there."""
        return next(child for child in self.children if child.name == name)

    def ancestors(self) -> Iterator[Element]:
        """The element, what it stands in, and so on."""
        element: Element | None = self
        while element:
            yield element
            element = element.parent

    def descendants(self) -> Iterator[Element]:
        """What stands in it, in the order of the file."""
        for child in self.children:
            yield child
            yield from child.descendants()

    def inherited(self, attribute: str) -> str | None:
        """The attribute of the element, or of the nearest one around it that has it."""
        values = (element.attributes.get(attribute) for element in self.ancestors())
        return next((value for value in values if value is not None), None)


@dataclasses.dataclass
class Tree:
    """The bytes of an XML file, its first element, and the elements that were looked for."""

    data: bytes
    encoding: str
    root: Element
    found: list[Element]  # with all that stands in them

    def text(self, start: int, end: int) -> str:
        """What is written from one byte to another."""
        return self.data[start:end].decode(self.encoding)

    def encoded(self, text: str) -> bytes:
        """Text as bytes of the file; letters that its encoding lacks are written as &#…;"""
        return text.encode(self.encoding, "xmlcharrefreplace")

    def start_tag(self, element: Element, changes: Mapping[str, str | None] | None = None) -> str:
        """The start tag of an element with attributes set, or without those that are None.

        A tag <x/> comes as <x>.
        """
        tag = self.text(element.start, element.inner).removesuffix(">")
        tag = tag.removesuffix("/").rstrip() if element.is_closed else tag
        for name, value in (changes or {}).items():
            old = re.search(ATTRIBUTE.format(name=re.escape(name)), tag)
            new = f' {name}="{value}"' if value is not None else ""
            start, end = old.span() if old else (len(tag), len(tag))
            tag = tag[:start] + new + tag[end:]
        return tag + ">"

    def indentation(self, element: Element) -> str:
        """The line break before an element, and what it is indented by; "" within a line."""
        before = self.data[max(0, element.start - 200) : element.start]
        match = re.search(rb"(?:\r\n|\n|\r)[ \t]*\Z", before)
        return match[0].decode("ascii") if match else ""


def parsed(data: bytes, names: Collection[str]) -> Tree:
    """The elements of these names; those that do not stand in one of them have no children.

    Raises UserError, without the name of the file, where it is not well-formed, in an encoding
    that is not read in place, or declares entities.
    """
    encoding = encoding_of(data[:1024]).removesuffix("-sig")
    if encoding.startswith(("utf-16", "utf-32")):
        raise UserError(f"is {encoding[:6].upper()}; convert it to UTF-8, its declaration, too")
    builder = _Builder(data, names)
    try:
        "".encode(encoding)
        builder.parser.Parse(data, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise UserError(f"line {error.lineno}: not well-formed XML ({reason})") from None
    except (LookupError, ValueError):
        raise UserError(f"its encoding {encoding!r} is not read; convert it to UTF-8") from None
    return Tree(data, encoding, builder.root, builder.found)


def escaped(text: str) -> str:
    """Text as content of an element; ValueError where XML cannot hold a character."""
    if NO_XML.search(text):
        raise ValueError("a character that XML cannot hold")
    return re.sub(r"\r(?!\n)", "&#13;", html.escape(text, quote=False))


class _Builder:
    """Elements from what expat tells."""

    root: Element

    def __init__(self, data, names):
        self.data = data
        self.names = names
        self.found: list[Element] = []
        self.open: list[Element] = []
        # How many of the open elements were looked for.
        self.depth = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.EntityDeclHandler = self.entity

    def start(self, tag, attributes):
        at = self.parser.CurrentByteIndex
        inner = next(START_TAG.finditer(self.data, at)).end()
        parent = self.open[-1] if self.open else None
        element = Element(tag, attributes, parent, self.parser.CurrentLineNumber, at, inner)
        if parent is None:
            self.root = element
        elif self.depth:
            parent.children.append(element)
        self.open.append(element)
        self.depth += element.name in self.names

    def end(self, _):
        element = self.open.pop()
        closed = self.data[element.inner - 2 : element.inner] == b"/>"
        element.inner_end = element.inner if closed else self.parser.CurrentByteIndex
        element.end = element.inner if closed else self.data.index(b">", element.inner_end) + 1
        if element.name in self.names:
            self.depth -= 1
            if not self.depth:
                self.found.append(element)

    def entity(self, name, *_):
        line = self.parser.CurrentLineNumber
        raise UserError(f"line {line}: declares an entity ({name}); write what it stands for")
