"""Android's strings.xml: strings, arrays and plurals, in place.

Tags in a text are masks, and so is what <xliff:g> holds: it is not translated.
"""

import html as entities
import re
from collections.abc import Iterator, Sequence

from nmt.documents import html, keyed
from nmt.documents.elements import Element, Tree, escaped, parsed
from nmt.documents.keyed import Entries, Entry, Key, Text, Variant
from nmt.documents.masking import SPACES, Part, Role, raw
from nmt.documents.units import Document, Edit, Options, Unit, spliced
from nmt.errors import UserError

_KINDS = ("string", "string-array", "plurals")
_BEFORE = re.compile(r"(?:\s|<!--.*?-->)*\Z", re.DOTALL)
_CDATA = re.compile(r"(\s*<!\[CDATA\[)(.*?)(\]\]>\s*)", re.DOTALL)
_QUOTED = re.compile(r'(\s*")((?:[^"\\]|\\.)*)("\s*)', re.DOTALL)
# @string/name ?attr/name
_REFERENCE = re.compile(r"\s*[@?](?:[\w.]+:)?(?:\w+/)?[\w.]+\s*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t"}
_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", '"': r"\"", "'": r"\'"})


def read(data: bytes, options: Options) -> Document:
    """The strings that have a text; UserError for other XML."""
    tree = _tree(data)
    units = [unit for element in tree.found for unit in _units(tree, element, options.language)]
    return Document(data, units, bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the strings of another one that it lacks, and the prefixes that these have."""
    root, own = _tree(source).root, _tree(present)
    opened = present
    if own.root.is_closed:
        tag = own.encoded(f"{own.start_tag(own.root)}\n</{own.root.tag}>")
        opened = spliced(present, [Edit(own.root.start, own.root.end, tag)])
    made = keyed.merged(source, opened, _entries)
    if made == opened:
        return present
    lacked = {
        name: entities.escape(value)
        for name, value in root.attributes.items()
        if name.startswith("xmlns:")
        and name not in own.root.attributes
        and f"{name.removeprefix('xmlns:')}:".encode() in made
    }
    start = _tree(opened).root
    tag = own.encoded(own.start_tag(own.root, lacked))
    return spliced(made, [Edit(start.start, start.inner, tag)])


def _tree(data):
    tree = parsed(data, _KINDS)
    if tree.root.tag != "resources":
        raise UserError(
            f"its first element is <{tree.root.tag}>; of XML, strings of Android (<resources>) "
            "can be filled, and XLIFF (.xlf)"
        )
    return tree


def _entries(data: bytes) -> Entries:
    tree = _tree(data)
    entries = []
    at = tree.root.inner
    for element in tree.found:
        before = next(_BEFORE.finditer(data[at : element.start].decode("latin-1")))
        if _is_translatable(element):
            key = _key(element)
            entry = _entry(tree, element, key, at + before.start())
            entries.append(entry._replace(inner=element.inner))
            if element.name == "string-array":
                # Of an array with another number of items none is the same.
                items = _items(element)
                names = [f"{number} of {len(items)}" for number in range(len(items))]
                entries += [
                    _entry(tree, item, (*key, name), item.start)._replace(parent=key, is_item=True)
                    for name, item in zip(names, items, strict=True)
                ]
        at = element.end
    return Entries(entries, tree.root.inner)


def _entry(tree, element, key, start):
    """That of an element; start: of what goes with it."""
    empty = all(not _inner(tree, item).strip() for item in _items(element) or [element])
    return Entry(key, start, element.end, (element.start, element.end), empty)


def _items(element):
    return [child for child in element.children if child.name == "item"]


def _key(element):
    return element.name, element.attributes.get("name", ""), element.attributes.get("product", "")


def _is_translatable(element):
    return element.attributes.get("translatable") != "false"


def _units(tree: Tree, element: Element, language: str | None) -> Iterator[Unit]:
    if not _is_translatable(element):
        return
    items = _items(element)
    key = _key(element)
    if element.name == "string":
        yield from _string_unit(tree, element, key)
    elif element.name == "string-array":
        for number, item in enumerate(items):
            yield from _string_unit(tree, item, (*key, str(number)))
    elif any(_has_text(tree, item) for item in items):
        yield _plural_unit(tree, element, items, key, language)


def _has_text(tree, element):
    inner = _inner(tree, element)
    return not _REFERENCE.fullmatch(inner) and keyed.is_text(_text(inner).source)


def _inner(tree, element):
    return tree.text(element.inner, element.inner_end)


def _string_unit(tree: Tree, element: Element, key: Key) -> Iterator[Unit]:
    if _has_text(tree, element):
        content = _inner(tree, element)

        def edit(text):
            return [Edit(element.inner, element.inner_end, tree.encoded(text))]

        yield keyed.unit(_text(content), element.line, key, content, edit)


def _plural_unit(
    tree: Tree, element: Element, items: Sequence[Element], key: Key, language: str | None
) -> Unit:
    variants = []
    at = element.inner
    for item in items:
        inner = _inner(tree, item)
        text = _text(inner)
        quantity = item.attributes.get("quantity", "")
        head, tail = tree.text(item.start, item.inner), tree.text(item.inner_end, item.end)
        is_code = bool(_REFERENCE.fullmatch(inner))
        text = Text("", text.written) if is_code else text
        variants.append(Variant(quantity, tree.text(at, item.start), head, text, tail, inner))
        at = item.end

    def edit(content):
        return [Edit(element.inner, at, tree.encoded(content))]

    has_other = any(variant.name == "other" for variant in variants)
    number = keyed.number_placeholder if has_other else None
    return keyed.choice(variants, element.line, key, edit, language, number)


def _text(content: str) -> Text:
    """The content of an element."""
    if match := _CDATA.fullmatch(content):
        # No tags of XML: those of HTML are read by the program.
        parts = [*_around(match, list(html.tokens(match[2])))]
        return keyed.masked(parts, _said_in_line, _with_backslashes, _edge).then(_begun)
    if match := _QUOTED.fullmatch(content):
        parts = [*_around(match, list(_parts(match[2])))]
        return keyed.masked(parts, lambda text: _said(entities.unescape(text)), _written, _edge)
    text = keyed.masked(
        list(_parts(content)),
        lambda text: _said_in_line(entities.unescape(text)),
        _written,
        _edge,
    )
    return text.then(_begun)


def _around(match, parts):
    return Part(Role.TAG, match[1]), *parts, Part(Role.TAG, match[3])


def _parts(content: str) -> Iterator[Part]:
    """Text and tags; what <xliff:g> holds is one part."""
    protected: list[Part] = []
    for part in html.tokens(content):
        is_protected = part.name.endswith(":g")
        if protected or (is_protected and part.role is Role.OPENING):
            protected.append(part)
            if is_protected and part.role is Role.CLOSING:
                yield Part(Role.OPAQUE, raw(protected))
                protected = []
        else:
            yield part
    yield from protected


def _said(text):
    """What a program reads, of what is written with backslashes."""

    def character(match):
        return chr(int(match[1], 16)) if match[1] else _LETTERS.get(match[2], match[2])

    return keyed.joined_surrogates(_ESCAPE.sub(character, text))


def _said_in_line(text):
    """The same where white space of the file is a space."""
    return _said(SPACES.sub(" ", text))


def _edge(space):
    """White space at an edge, which programs would leave out."""
    return _with_backslashes(space).replace(" ", r"\u0020")


def _with_backslashes(text):
    text = text.translate(_ESCAPED)
    # White space that is none of the file.
    return re.sub(r"[^\S ]|(?<= ) ", lambda match: f"\\u{ord(match[0]):04x}", text)


def _written(text):
    return escaped(_with_backslashes(text))


def _begun(text):
    """A text that is no reference."""
    return re.sub(r"^(\s*)([@?])", r"\1\\\2", text)
