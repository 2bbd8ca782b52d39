"""HTML: the text of blocks and of some attributes, in place. Also of fragments, as strings.

Inline tags go with their words; everything else is where a text ends. A text comes on one line.
"""

import codecs
import dataclasses
import functools
import html
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from nmt.documents import masking
from nmt.documents.content import Content
from nmt.documents.masking import Masked, Part, Role
from nmt.documents.units import Document, Edit, Options, Unit
from nmt.errors import UserError
from nmt.inference.translation import Translation
from nmt.signatures import HEAD
from nmt.text.preparation import has_text

# Tags that do not end a text.
INLINE = (
    {"a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "data", "del", "dfn", "em", "font"}
    | {"i", "img", "ins", "mark", "nobr", "q", "rp", "rt", "ruby", "s", "small", "span", "strike"}
    | {"strong", "sub", "sup", "time", "tt", "u", "wbr"}
)
# What is not translated: it stands for words; it has no place in a sentence; it ends a text.
CODE = {"code", "kbd", "samp", "var", "math"}
PICTURES = {"svg", "script", "style", "template", "canvas"}
UNTOUCHED = {"pre", "textarea", "xmp", "iframe", "object", "noembed", "noframes"}
# No tags are in there.
PLAIN = {"script", "style", "textarea", "xmp", "iframe", "noembed", "noframes"}
# Elements whose end tag may be missing, and what begins behind them.
_ROWS = {"tr", "tbody", "tfoot", "thead"}
NEXT = {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "td": {"td", "th", *_ROWS},
    "th": {"td", "th", *_ROWS},
    "tr": _ROWS,
    "option": {"option", "optgroup"},
    "p": {"address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div"}
    | {"dl", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5"}
    | {"h6", "header", "hgroup", "hr", "li", "main", "menu", "nav", "ol", "p", "pre", "search"}
    | {"section", "summary", "table", "ul", "dt", "dd", "td", "th", *_ROWS},
}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param"} | {
    "source",
    "track",
    "wbr",
}
ATTRIBUTES = {"title", "alt", "placeholder", "aria-label"}
DESCRIPTIONS = {"description", "og:title", "og:description", "twitter:description"}

# Code of PHP, or of ERB and its like, with the brackets and quotation marks in it. Where other code
# begins before its end it is none. So, and as repeats are bounded, the time is linear.
_CODE = r"(?:<%(?:[^<%]++|%(?!>)|<(?!%))*+%>|<\?(?:[^<?]++|\?(?!>)|<(?!\?))*+\?>)"
_ATTRIBUTE = re.compile(
    rf"""(?P<name>(?:{_CODE}|[^\s=>/"'<])(?:[^\s=>/<]++|{_CODE}|<){{0,8}}+)"""
    rf"""(?:\s*=\s*(?:"(?P<double>(?:[^"<]++|{_CODE}|<)*+)\""""
    rf"""|'(?P<single>(?:[^'<]++|{_CODE}|<)*+)'"""
    rf"""|(?P<bare>(?:{_CODE}|[^\s>"'])(?:[^\s><]++|{_CODE}|<){{0,8}}+)))?"""
)
_TOKEN = re.compile(
    r"<[!?%][^>]*>"
    r"|<(?P<end>/?)(?P<tag>[A-Za-z](?:[^\s/<>]|<(?![%?]))*)"
    # A tag with a quotation mark too many ends at the next bracket.
    rf"(?:(?:\s++|/|{re.sub('[?]P<[a-z]+>', '?:', _ATTRIBUTE.pattern)}){{0,400}}+|[^>]*)>",
    re.DOTALL,
)
# What may have brackets in it, and its end.
_ENDS = {"<!--": "-->", "<![CDATA[": "]]>", "<?": "?>", "<%": "%>"}
_ANY_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*)[^>]*>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_AMPERSAND = re.compile(rf"&(?!{_ENTITY.pattern[1:]})")
# Code that stands for words.
_ECHO = re.compile(r"<\?(?:=|php\s+(?:echo|print)\b)|<%[=-]")
_CHARSET = re.compile(
    r"<meta\s[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\s[^>]*?encoding\s*=\s*[\"']([\w.:-]+)",
    re.IGNORECASE,
)
# Entities that are read as what they mean; the others come back letter for letter.
_PUNCTUATION = "'\"’‘‚“”„«»‹›–—…-.,;:!?()/"
_SPACES = ("&nbsp;", "&#160;")


@dataclasses.dataclass(frozen=True)
class Block:
    """What is translated as a whole: `text[start:end]` becomes `content(translations)`."""

    start: int
    end: int
    sources: tuple[str, ...]
    # Raises ValueError for translations in which tags are lost or cross one another.
    content: Callable[[Sequence[str]], str]
    codes: tuple[dict[str, str], ...]  # of each source: what its masks stand for


@dataclasses.dataclass(frozen=True)
class Attribute:
    """A text in a value: where it stands, and the quotation mark around the value or none."""

    start: int
    end: int
    quote: str
    masked: Masked = dataclasses.field(compare=False)

    def written(self, translation: str) -> str:
        """Its translation as a value; ValueError where code in it is lost."""
        self.masked.check(translation)
        quote = self.quote or '"'
        entity = "&quot;" if quote == '"' else "&#39;"
        text = self.masked.filled(
            _not_empty(translation).strip(), lambda said: escaped(said).replace(quote, entity)
        )
        return text if self.quote else f'"{text}"'


def read(data: bytes, options: Options) -> Document:
    """The blocks of a page or of a part of one; UserError where it declares another charset."""
    charset = _declared_charset(data)
    content = Content(data)
    # A page that does not tell what its bytes are has none above ASCII.
    ascii_only = data.isascii() and charset != "utf-8"
    units = [
        Unit(
            block.sources,
            functools.partial(_edits, content, block, ascii_only),
            content.line(block.start),
            codes=block.codes,
        )
        for block in blocks(content.text)
    ]
    language = re.search(r"<html\b[^>]*\slang\s*=\s*[\"']?([\w-]+)", content.text, re.IGNORECASE)
    source_language = language[1] if language else None
    return Document(data, units, source_language=source_language, bilingual=False)


def translated(fragment: str, translate: Callable[[list[str]], Sequence[str]]) -> str:
    """A fragment with all its texts translated, those as they were whose tags come back wrong.

    translate: gives a translation of each text.
    """
    found = blocks(fragment)
    return joined(fragment, found, translate([each for block in found for each in block.sources]))


def joined(fragment: str, found: Sequence[Block], translations: Iterable[str]) -> str:
    """A fragment with translations of all sources of its blocks; see `translated`."""
    results = iter(translations)
    parts = []
    at = 0
    for block in found:
        texts = [next(results) for _ in block.sources]
        try:
            content = block.content(texts)
        except ValueError:
            continue
        parts += [fragment[at : block.start], content]
        at = block.end
    return "".join([*parts, fragment[at:]])


def blocks(text: str) -> list[Block]:
    """The texts and attributes of a page or fragment, in order."""
    found: list[Block] = []
    parts: list[Part] = []
    for part in tokens(text):
        if _ends_text(part):
            found += [*_blocks(parts), *map(_attribute_block, _attributes(part))]
            parts = []
        else:
            parts.append(part)
    return [*found, *_blocks(parts)]


def tokens(text: str) -> Iterator[Part]:
    """Tags and the text between them; an element that is not translated is one part."""
    at = 0
    # Where none can end, none is looked for.
    last = text.rfind(">") + 1
    ends = {begin: text.rfind(end) for begin, end in _ENDS.items()}
    while token := _TOKEN.search(text, at, last):
        if at < token.start():
            yield Part(Role.TEXT, text[at : token.start()], start=at)
        name = (token["tag"] or "").lower()
        at = _token_end(text, token, ends)
        role = _role(token, name)
        if role is Role.OPENING and (name in CODE | PICTURES | UNTOUCHED or _protected(token)):
            at = _element_end(text, token)
            role = Role.TAG if name in PICTURES else Role.OPAQUE
        yield Part(role, text[token.start() : at], name or token[0][:2], token.start())
    if at < len(text):
        yield Part(Role.TEXT, text[at:], start=at)


def escaped(text: str) -> str:
    """A text as content: what would begin a tag or an entity does not, entities stay."""
    return _AMPERSAND.sub("&amp;", text).replace("<", "&lt;")


def _declared_charset(data):
    """The charset that a page tells, or ""; UserError for one that its translation cannot have."""
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8"
    head = data[:HEAD].decode("latin-1")
    declared = _CHARSET.search(head)
    name = (declared[1] or declared[2]).lower() if declared else ""
    if declared and name not in ("utf-8", "utf8", "ascii", "us-ascii"):
        line = head.count("\n", 0, declared.start()) + 1
        raise UserError(
            f"line {line}: declares the charset {name}; convert the page to UTF-8, "
            f"its declaration, too: iconv -f {name} -t UTF-8 in > out"
        )
    return name.replace("utf8", "utf-8")


def _edits(
    content: Content, block: Block, ascii_only: bool, translations: Sequence[Translation]
) -> list[Edit]:
    written = block.content([translation.text for translation in translations])
    if ascii_only:
        written = written.encode("ascii", "xmlcharrefreplace").decode()
    return [content.edit(block.start, block.end, written)]


# Tags.


def _token_end(text, token, ends):
    """Where a tag, or a comment with its brackets, ends. ends: the last one of each of _ENDS."""
    for begin, last_end in ends.items():
        inside = token.start() + len(begin)
        if token[0].startswith(begin) and inside <= last_end:
            return text.index(_ENDS[begin], inside) + len(_ENDS[begin])
    return token.end()


def _role(token, name):
    """What a tag by itself is to a translator."""
    if token["end"]:
        return Role.CLOSING
    if not name:
        return _code_role(token[0])
    return Role.TAG if name in VOID else Role.OPENING


def _ends_text(part):
    inline = part.role is Role.TEXT or part.name in INLINE | CODE | PICTURES
    inline = inline or bool(_ECHO.match(part.raw))
    return not inline and not part.raw.startswith("<!--")


def _protected(token):
    """Whether a tag says that its element is not translated."""
    values = {
        match["name"].lower(): _value(match) for match in _ATTRIBUTE.finditer(*_inside(token))
    }
    classes = values.get("class", "").split()
    return values.get("translate", "").lower() == "no" or "notranslate" in classes


def _inside(token):
    return token.string, token.end("tag"), token.end() - 1


def _value(match):
    return match["double"] or match["single"] or match["bare"] or ""


def _element_end(text, opening):
    """Where the element of an opening tag ends; at the end of the text if it never does."""
    name = opening["tag"]
    if opening[0].endswith("/>") and name.lower() in PICTURES:
        return opening.end()
    if name.lower() in NEXT:
        return _open_element_end(text, opening)
    depth = 1
    tags = rf"<(/?){re.escape(name)}(?=[\s/>])[^>]*>"
    for tag in re.compile(tags, re.IGNORECASE).finditer(text, opening.end()):
        depth += -1 if tag[1] else name.lower() not in PLAIN
        if depth == 0:
            return tag.end()
    return len(text)


def _open_element_end(text, opening):
    """Where an element ends whose end tag may be missing: there, at the next one or its parent's.

    Elements of these kinds that stand in it may lack their end tags, too.
    """
    name = opening["tag"].lower()
    opened: list[str] = []
    for tag in _ANY_TAG.finditer(text, opening.end()):
        other = tag[2].lower()
        if other in INLINE | VOID - {"hr"}:
            continue
        if not tag[1]:
            if other in NEXT[name] and all(each in NEXT for each in opened):
                return tag.start()
            opened += [] if other in VOID else [other]
        elif other in opened:
            while opened.pop() != other:
                pass
        else:
            return tag.end() if other == name else tag.start()
    return len(text)


# Attributes.


def _attributes(part: Part) -> Iterator[Attribute]:
    """The values of a tag that are translated."""
    token = _TOKEN.match(part.raw) if part.role is not Role.TEXT else None
    if not token or not token["tag"] or token["end"]:
        return
    # Of elements that are one part, those that readers see have some.
    if token.end() < len(part.raw) and (part.name.lower() not in UNTOUCHED or _protected(token)):
        return
    matches = list(_ATTRIBUTE.finditer(*_inside(token)))
    values = {match["name"].lower(): _value(match) for match in matches}
    kind = values.get("name") or values.get("property") or ""
    described = part.name == "meta" and kind.lower() in DESCRIPTIONS
    names = {*ATTRIBUTES, "content"} if described else ATTRIBUTES
    for match in matches:
        if match["name"].lower() in names:
            yield from _texts_of(part, match)


def _texts_of(part, match):
    """The texts of a value that was found in a tag. Code that stands for no word ends one."""
    quotes = {"double": '"', "single": "'", "bare": ""}
    group = next((each for each in quotes if match[each]), None)
    if group is None:
        return
    value = Part(Role.TEXT, match[group])
    pieces = list(masking.coded([value], re.compile(_CODE), _code_role))
    # Without quotation marks, only a whole value can get some.
    if group == "bare" and len(pieces) > 1:
        return
    at = part.start + match.start(group)
    for _, run in itertools.groupby(pieces, lambda piece: piece.role is Role.TAG):
        before, inside, after = masking.trimmed(list(run), _SPACES)
        start = at + len(masking.raw(before))
        end = start + len(masking.raw(inside))
        at = end + len(masking.raw(after))
        if _says_something(inside):
            yield Attribute(start, end, quotes[group], masking.mask(inside, _read))


def _code_role(code):
    """What code of PHP, or of templates, is to a translator."""
    return Role.OPAQUE if _ECHO.match(code) else Role.TAG


def _attribute_block(attribute: Attribute) -> Block:
    return Block(
        attribute.start,
        attribute.end,
        (attribute.masked.source,),
        lambda texts: attribute.written(texts[0]),
        (attribute.masked.codes,),
    )


# Texts.


def _blocks(parts: Sequence[Part]) -> Iterator[Block]:
    """The block of a run of inline parts, and those of attributes outside of its text."""
    before, inside, after = masking.trimmed(parts, _SPACES)
    if not _says_something(inside):
        before, inside = [*before, *inside], []
    for part in before:
        yield from map(_attribute_block, _attributes(part))
    if inside:
        yield _text_block(inside)
    for part in after:
        yield from map(_attribute_block, _attributes(part))


def _says_something(parts):
    """Whether there is something to translate in parts of a text."""
    said = "".join(part.raw for part in parts if part.role is Role.TEXT)
    return has_text(_ENTITY.sub("", _read(said)))


def _text_block(parts: Sequence[Part]) -> Block:
    attributes = [attribute for part in parts for attribute in _attributes(part)]
    masked = masking.mask(parts, _read)
    sources = (masked.source, *(attribute.masked.source for attribute in attributes))
    start, end = parts[0].start, parts[-1].start + len(parts[-1].raw)
    codes = (masked.codes, *(attribute.masked.codes for attribute in attributes))
    return Block(start, end, sources, functools.partial(_content, masked, attributes), codes)


def _content(masked: Masked, attributes: Sequence[Attribute], texts: Sequence[str]) -> str:
    """A block with its translations: of its text, and of the attributes in it."""
    masked.check(texts[0])
    values = {
        attribute: attribute.written(text)
        for attribute, text in zip(attributes, texts[1:], strict=True)
    }

    def raw(part: Part) -> str:
        text = part.raw
        for attribute in sorted(_attributes(part), key=lambda each: -each.start):
            start, end = attribute.start - part.start, attribute.end - part.start
            text = text[:start] + values[attribute] + text[end:]
        return text

    return masked.filled(_not_empty(texts[0]).strip(), escaped, raw)


def _not_empty(text):
    if not text.strip():
        raise ValueError("the translation is empty")
    return text


def _read(text):
    """A text with letters and punctuation in the place of their entities."""

    def character(match):
        meant = html.unescape(match[0])
        return meant if meant.isalpha() or meant in _PUNCTUATION else match[0]

    return _ENTITY.sub(character, text)
