"""The content of XLIFF elements as text to translate, and back.

A code of the document has a placeholder in the text, of a kind that a translator copies letter for
letter (nmt/text/kinds.py): <1>…</1> around text, <2/> for what has no place in the sentence, ⟦3⟧
for what may stand for a word. Other text is what readers see: & is no &amp;. A model gets fewer
symbols so, and codes keep clear of the tags that a text itself may have.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from nmt.corpora.formats.xliff import CODES
from nmt.documents import keyed
from nmt.documents.elements import Element, Tree, escaped
from nmt.documents.masking import Masked, Part, Role
from nmt.text.kinds import MARK
from nmt.text.spans import find_spans

# What text between elements is made of. A character that XML would not give back is a code.
_PIECE = re.compile(
    r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(?P<cdata>.*?)\]\]>"
    r"|(?P<entity>&(?:amp|lt|gt|quot|apos|#(?!0*13;|x0*[dD];)\w+);)"
    r"|(?P<code>&[^;]+;)|(?P<text>[^<&]+)",
    re.DOTALL,
)
# A tag of another format that a code stands for, and the names that Angular gives to tags.
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)[^<>]*?(/?)>")
_ANGULAR = re.compile(r"(START|CLOSE)_(.+?)(?:_\d+)?")
# Attributes with what a code stands for.
_NATIVE = ("equiv-text", "disp", "equiv")
# Codes that begin and end apart from each other.
_OPENING = ("bpt", "bx", "sc", "sm")
_CLOSING = ("ept", "ex", "ec", "em")
_LINE_BREAKS = ("lb", "pb", "x-br", "x-html-br", "xlf:lb", "xlf:pb")
# Those of 2.x that stay in order.
_FIXED = re.compile(r"^<[^>]*\scanReorder\s*=\s*[\"'](?:no|firstNo)[\"']")
_WRAPPED = re.compile(r"[ \t]*[\r\n]\s*")


class Code(NamedTuple):
    """A code of the document, or one that opens and one that closes."""

    placeholders: tuple[str, ...]
    written: tuple[str, ...]  # in the file
    is_element: bool = False  # the pair is the two tags of one


class Inline(NamedTuple):
    """What is to be translated of the content of an element."""

    before: str  # white space, as it is written
    text: str
    after: str
    codes: list[Code]

    def placeholders(self) -> dict[str, str]:
        """What each placeholder stands for, as it is written in the file."""
        return {
            placeholder: written
            for code in self.codes
            for placeholder, written in zip(code.placeholders, code.written, strict=True)
        }


def read(tree: Tree, element: Element, known: Iterable[Code] = ()) -> Inline:
    """The content of an element. known: codes of its source, which keep their placeholders."""
    tokens = list(_tokens(tree, element))
    codes, shown = _numbered(tokens, list(known))
    text = "".join(shown.get(n, token.text) for n, token in enumerate(tokens))
    if element.inherited("xml:space") == "preserve":
        return Inline("", text, "", codes)
    # White space around, and lines that a program has wrapped, are none of the text.
    content = text.strip()
    before, _, after = text.partition(content) if content else (text, "", "")
    return Inline(before, _WRAPPED.sub(" ", content), after, codes)


def written(inline: Inline, translation: str) -> str:
    """A translation as content of an element, with the codes of its source.

    Raises ValueError where it is empty, where a code is missing or there twice, where codes cross
    each other or have changed an order that must stay, where placeholders of the text itself
    differ, and where XML cannot hold a character.
    """
    if not translation.strip():
        raise ValueError("the translation is empty")
    raw = inline.placeholders()
    masks = {placeholder: [Part(Role.TAG, code)] for placeholder, code in raw.items()}
    masked = Masked(inline.text, masks)
    # Elements nest; codes that begin and end by themselves need not.
    masked.check(
        translation, {code.placeholders[0] for code in inline.codes if not code.is_element}
    )
    fixed = [each for each in masked.found(inline.text) if _FIXED.search(raw[each])]
    if fixed != [each for each in masked.found(translation) if each in fixed]:
        raise ValueError("tags that must not be reordered are")
    # By now, each code is there once in both.
    keyed.check_placeholders(inline.text, translation, _filled_by_programs)
    return inline.before + masked.filled(translation, escaped) + inline.after


def _filled_by_programs(text):
    """The placeholders of a text: no prices as $5, and no tags."""
    found = keyed.placeholders(text)
    return [each for each in found if each[0] in "%{⟦" or each.startswith("${")]


class _Token(NamedTuple):
    """A run of characters, or a code of the document."""

    text: str
    written: str = ""  # of a code
    is_mark: bool = True  # it has no place in the sentence
    opens: Hashable = None  # what it is the begin of
    closes: Hashable = None
    is_element: bool = False


def _tokens(tree: Tree, element: Element) -> Iterator[_Token]:
    """What the content of an element is made of; comments are left out."""
    at = element.inner
    for child in element.children:
        yield from _characters(tree.text(at, child.start))
        if child.is_closed or child.name in CODES or _is_protected(child):
            yield _code(tree, child)
        else:
            opening = tree.text(child.start, child.inner)
            closing = tree.text(child.inner_end, child.end)
            yield _Token("", opening, opens=child.start, is_element=True)
            yield from _tokens(tree, child)
            yield _Token("", closing, closes=child.start, is_element=True)
        at = child.end
    yield from _characters(tree.text(at, element.inner_end))


def _characters(raw):
    for piece in _PIECE.finditer(raw):
        if piece["code"]:
            yield _Token("", piece["code"], is_mark=False)
        else:
            entity = piece["entity"]
            yield _Token(_character(entity) if entity else piece["text"] or piece["cdata"] or "")


def _character(entity):
    """What an entity of XML itself stands for."""
    if entity[1] != "#":
        return html.unescape(entity)
    return chr(int(entity[3:-1], 16) if entity[2] == "x" else int(entity[2:-1]))


def _is_protected(element):
    """Whether what stands in an element is not to be translated."""
    attributes = element.attributes
    return attributes.get("mtype") == "protected" or attributes.get("translate") == "no"


def _code(tree, element):
    """The token of a code: what it opens or closes, and whether it may stand for a word."""
    raw = tree.text(element.start, element.end)
    name = element.name
    attributes = element.attributes
    native = _native(tree, element).strip()
    opens = closes = None
    if name in _OPENING:
        opens = (_first(attributes, "rid", "id"),)
    elif name in _CLOSING:
        closes = (_first(attributes, "startRef", "rid", "id"),)
    elif name in ("x", "ph") and (tag := _tag(attributes.get("id", ""), native)):
        opens, closes = tag
    is_mark = name not in ("x", "ph", "mrk") or bool(opens or closes) or _is_mark(element, native)
    return _Token("", raw, is_mark, opens, closes)


def _native(tree, element):
    """What a code stands for in the document, or ""."""
    content = "".join(token.text for token in _tokens(tree, element))
    data = element.attributes.get("dataRef")
    return content or _original(tree, element, data) or _first(element.attributes, *_NATIVE)


def _first(attributes, *names):
    """The first of these attributes that is there, or ""."""
    return next(filter(None, map(attributes.get, names)), "")


def _original(tree, element, identifier):
    """The data of that id in the unit of an element, or ""."""
    unit = [each for each in element.ancestors() if identifier and each.name == "unit"]
    original = unit[0].child("originalData") if unit else None
    for data in original.children if original else ():
        if data.attributes.get("id") == identifier:
            return "".join(token.text for token in _tokens(tree, data))
    return ""


def _tag(identifier, native):
    """(what it opens, what it closes) where a code stands for a tag."""
    if match := _TAG.fullmatch(native):
        closing, name, alone = match.groups()
        return (None if closing or alone else name), (name if closing else None)
    if match := _ANGULAR.fullmatch(identifier):
        return (None, match[2]) if match[1] == "CLOSE" else (match[2], None)
    return None


def _is_mark(element, native):
    """Whether a code that stands alone has no place in the sentence: a line break, an image."""
    kinds = {element.attributes.get(name) for name in ("ctype", "type", "subType")}
    spans = find_spans(native)
    whole = bool(spans) and spans[0].end - spans[0].start == len(native)
    is_mark = whole and spans[0].kind.role == MARK
    return is_mark or bool(_TAG.fullmatch(native)) or bool(kinds & {*_LINE_BREAKS, "fmt"})


def _numbered(tokens, known):
    """(codes, {number of a token: its placeholder})."""
    partners = _partners(tokens)
    # Numbers in the order of the text, of which no placeholder stands in the text.
    taken = "".join(token.text for token in tokens)
    taken += "".join(placeholder for code in known for placeholder in code.placeholders)
    free = (n for n in itertools.count(1) if not re.search(rf"⟦{n}⟧|</?{n}/?>", taken))
    codes = []
    shown: dict[int, str] = {}
    for n, token in enumerate(tokens):
        if not token.written or n in partners.values():
            continue
        places = (n, partners[n]) if n in partners else (n,)
        raw = tuple(tokens[place].written for place in places)
        same = next((code for code in known if code.written == raw), None)
        if same:
            known.remove(same)
        code = same or Code(_placeholders(next(free), token, len(places)), raw, token.is_element)
        codes.append(code)
        shown.update(zip(places, code.placeholders, strict=True))
    return codes, shown


def _partners(tokens):
    """{number of a token that opens something: that of the one that closes it}."""
    partners = {}
    waiting: dict[Hashable, list[int]] = {}
    for n, token in enumerate(tokens):
        if token.closes is not None and waiting.get(token.closes):
            partners[waiting[token.closes].pop()] = n
        elif token.opens is not None:
            waiting.setdefault(token.opens, []).append(n)
    return partners


def _placeholders(number, token, count):
    if count == 2:
        return f"<{number}>", f"</{number}>"
    return (f"<{number}/>" if token.is_mark else f"⟦{number}⟧",)
