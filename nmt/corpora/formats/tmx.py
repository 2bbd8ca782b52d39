"""Translation memories (TMX): units with a variant for each language.

Each unit is parsed on its own: a broken one costs no other, and memory stays flat. Elements are
those of TMX 1.4b: native codes of a document are no text, what is highlighted is.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from nmt.errors import OtherLanguages, UserError
from nmt.files import MARKS, opened
from nmt.text import languages

# Characters read at a time; the header is within the first ones.
BLOCK = 1 << 18
# Languages in a message, at most.
NAMED_LANGUAGES = 20
# Comments and CDATA sections, which may have tags in them, and the tags that matter.
MARK = re.compile(
    r"<!--(?:.*?(?P<comment>-->)|.*)"
    r"|<!\[CDATA\[(?:.*?(?P<cdata>\]\]>)|.*)"
    r"|<(?P<slash>/?)(?:[\w.-]+:)?(?P<name>tmx|tu)(?=[\s/>])",
    re.DOTALL,
)
COMMENT = re.compile("<!--.*?-->", re.DOTALL)
ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
PRESERVED = re.compile(r"<(?:[\w.-]+:)?(?:tmx|body)\s[^>]*xml:space\s*=\s*[\"']preserve")
INTERNAL_SUBSET = re.compile(r"<!DOCTYPE\s[^\[>]*(\[.*?\])\s*>", re.DOTALL)
DECLARED_ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)")
ENCODINGS = MARKS | {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
# Elements whose content is no text of the segment.
CODES = ("bpt", "ept", "it", "ph", "sub", "ut")
# Codes that may stand within a word: those of characters, in HTML, RTF, and by their type.
CHARACTER_CODE = re.compile(
    r"</?(?:b|i|u|s|em|strong|span|font|sub|sup|small|big|code|tt)\b"
    r"|\\(?:b|i|ul|cf|cs|f|fs|lang|super|sub)\d*\b|^\s*\}\s*$",
    re.IGNORECASE,
)
CHARACTER_TYPES = ("bold", "italic", "ulined", "dulined", "color", "font", "scap")
# Stands for a code; XML cannot hold it.
GAP = "\0"
# Where a code has kept two words apart: no opening bracket before it, no stop after it.
BETWEEN_WORDS = re.compile(r"""(?<=[^\s\0([{<«“„‘'’"/\\@#-])\0+(?=[\w(\[«“„])""")
WHITE_SPACE = re.compile("[ \t\r\n]+")


def read(path: Path, source: str, target: str, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """The first variant of both languages in each unit.

    Raises UserError when the file is cut off or no TMX, when no unit has both languages, and when
    a language is there in two scripts.
    """
    sides = _Side(path, "data.source", source), _Side(path, "data.target", target)
    codes: Counter[str] = Counter()
    mistake = ""
    empty = True
    for line, unit in _units(path):
        # Broken units are left out.
        if isinstance(unit, str):
            mistake = mistake or f"line {line}: {unit}"
            dropped[f"not well-formed (first in {mistake})"] += 1
            continue
        # Both languages must be there.
        codes.update(unit.keys())
        texts = [side.text(unit) for side in sides]
        if None in texts:
            dropped["language missing"] += 1
        else:
            empty = False
            yield texts[0], texts[1]
    if empty:
        names = ", ".join(code for code, _ in codes.most_common(NAMED_LANGUAGES)) or "none"
        broken = f"; units are not well-formed, the first in {mistake}" if mistake else ""
        raise OtherLanguages(
            f"{path}: no unit has both {source} and {target}; languages found: {names}{broken}"
        )


class _Side:
    """The variants of a unit that are in the language of one side."""

    def __init__(self, path, option, code):
        self.path = path
        self.option = option
        self.tag = languages.parse(code)
        # Code by the script of what was taken.
        self.scripts: dict[str, str] = {}

    def text(self, unit):
        """The text in the very language, or else in a variety of it, or None."""
        tags = {code: languages.parse(code) for code in unit}
        codes = [code for code, tag in tags.items() if self.tag.includes(tag)]
        exact = [code for code in codes if tags[code] == self.tag]
        for code in exact or codes:
            if script := tags[code].written_as():
                self.scripts.setdefault(script, code)
        if len(self.scripts) > 1:
            names = " and ".join(self.scripts.values())
            tagged = (f"{self.tag.language}-{script.title()}" for script in self.scripts)
            raise UserError(
                f"{self.path}: has {names}, which are written differently; "
                f"set {self.option}={' or '.join(tagged)}"
            )
        return unit[(exact or codes)[0]] if codes else None


def _units(path):
    """Yields (line, {code: text}) of each <tu>, or (line, what is wrong with it).

    Raises UserError when the file is cut off or no TMX.
    """
    with opened(path) as file:
        # What the text is written in, and what stands before the units.
        encoding = encoding_of(file.peek(1024)[:1024])
        try:
            stream = io.TextIOWrapper(file, encoding, errors="replace", newline="\n")
        except LookupError:
            raise UserError(f"{path}: its encoding {encoding!r} is not known") from None
        text = stream.read(BLOCK)
        doctype, preserved = _prolog(text, path)

        # Units one after the other.
        for line, unit in _raw_units(stream, text, path):
            if unit is None:
                yield line, "<tu> without </tu>"
            elif "\ufffd" in unit:
                yield line, f"invalid {encoding.upper()}"
            else:
                yield line, _parsed(unit, doctype, preserved)


def encoding_of(head: bytes) -> str:
    """By the first bytes of a file, or as it declares."""
    for start, encoding in ENCODINGS.items():
        if head.startswith(start):
            return encoding
    declared = DECLARED_ENCODING.match(head)
    encoding = declared[1].decode().lower() if declared else "utf-8"
    # What could be read as ASCII up to here is not UTF-16.
    return "utf-8" if encoding.startswith("utf-16") else encoding


def _prolog(text, path):
    """(document type with its own entities, whether white space is preserved)."""
    unit = re.search(r"<(?:[\w.-]+:)?tu[\s>]", text)
    prolog = COMMENT.sub("", text[: unit.start()] if unit else text)
    root = ROOT.search(prolog)
    if not root or root[1] != "tmx":
        kind = f"its first element is <{root[1]}>" if root else "it has no element <tmx>"
        raise UserError(f"{path}: is no TMX file: {kind}")
    subset = INTERNAL_SUBSET.search(prolog)
    doctype = f"<!DOCTYPE tu {subset[1]}>" if subset else ""
    return doctype, bool(PRESERVED.search(prolog))


def _raw_units(stream, text, path):
    """Yields (line, text) of each unit; (line, None) of one that has no end."""
    line = 1
    closed = False
    more = True
    while more:
        # What is read grows with what is kept: no text is looked through often.
        block = stream.read(max(BLOCK, len(text)))
        text += block
        more = bool(block)
        start = None
        counted = 0
        for mark in MARK.finditer(text):
            name = mark["name"]
            if _goes_on(mark, text):
                keep = mark.start()
                break
            if name == "tmx":
                closed = bool(mark["slash"])
            elif name and not mark["slash"]:
                if start is not None:
                    yield line, None
                line += text.count("\n", counted, mark.start())
                counted = start = mark.start()
            elif name and start is not None:
                end = text.index(">", mark.end()) + 1
                yield line, text[start:end]
                start = None
        else:
            keep = _open_tag(text, counted)
        # Keep what is not complete.
        keep = keep if start is None else start
        line += text.count("\n", counted, keep)
        text = text[keep:]
    if start is not None or not closed:
        raise UserError(f"{path}, line {line}: the file ends before </tmx>, it is cut off")


def _goes_on(mark, text):
    """Whether a comment, a CDATA section or an end tag ends in the next block."""
    if not mark["name"]:
        return not (mark["comment"] or mark["cdata"])
    return bool(mark["slash"]) and ">" not in text[mark.end() : mark.end() + 100]


def _open_tag(text, start):
    """Where a tag begins that ends in the next block; without one the end of the text."""
    last_tag = text.rfind("<", start)
    is_open = text.find(">", last_tag) < 0 <= last_tag
    return last_tag if is_open else len(text)


def _parsed(unit, doctype, preserved):
    """{code: text} of a unit, or what is wrong with it."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    content = _Unit(preserved)
    parser.StartElementHandler = content.start
    parser.EndElementHandler = content.end
    parser.CharacterDataHandler = content.characters
    try:
        parser.Parse(doctype + unit, True)
    except expat.ExpatError as error:
        return expat.ErrorString(error.code)
    return content.texts


class _Unit:
    """What expat has read of a <tu>."""

    def __init__(self, preserved):
        # Text by language code; of two variants of one language the first.
        self.texts: dict[str, str] = {}
        self.code = "?"
        # Of the open elements: whether white space is kept.
        self.preserved = [preserved]
        # The parts of the open segment; the open codes in it, and the text of the outermost.
        self.parts: list[str] = []
        self.in_segment = False
        self.depth = 0
        self.native = ""
        self.attributes: dict[str, str] = {}
        # The pairs of codes that may stand within a word.
        self.character_pairs: set[str | None] = set()

    def start(self, name, attributes):
        name = name.rpartition(":")[2]
        space = attributes.get("xml:space")
        self.preserved.append(space == "preserve" if space else self.preserved[-1])
        if name == "tuv":
            self.code = attributes.get("xml:lang") or attributes.get("lang") or "?"
        elif name == "seg":
            self.parts = []
            self.in_segment = True
            self.character_pairs = set()
        elif self.in_segment and name in CODES:
            if not self.depth:
                self.native = ""
                self.attributes = attributes
            self.depth += 1

    def characters(self, text):
        if self.depth:
            self.native += text
        elif self.in_segment:
            self.parts.append(text)

    def end(self, name):
        name = name.rpartition(":")[2]
        preserved = self.preserved.pop()
        if name == "seg":
            text = joined("".join(self.parts), languages.unspaced(self.code))
            self.texts.setdefault(
                self.code, text if preserved else WHITE_SPACE.sub(" ", text).strip(" ")
            )
            self.in_segment = False
        elif self.depth and name in CODES:
            self.depth -= 1
            if not self.depth and not self._of_characters(name):
                self.parts.append(GAP)

    def _of_characters(self, name):
        """Whether the code that ends may stand within a word; an end does what its begin does."""
        pair = self.attributes.get("i")
        if name == "ept" and pair in self.character_pairs:
            return True
        by_type = self.attributes.get("type") in CHARACTER_TYPES
        if by_type or CHARACTER_CODE.search(self.native):
            self.character_pairs.add(pair)
            return True
        return False


def joined(text: str, unspaced: bool) -> str:
    """The text without the gaps that codes have left; those between words become spaces."""
    if GAP not in text:
        return text
    return (text if unspaced else BETWEEN_WORDS.sub(" ", text)).replace(GAP, "")
