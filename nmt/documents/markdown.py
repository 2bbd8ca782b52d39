"""Markdown: paragraphs, headings, items, cells and quotes, in place.

markdown-it-py tells which lines are text. A paragraph over several lines is translated as a whole
and wrapped at the width that it had; what was on one line is on one line.
"""

import functools
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nmt.documents import html, masking
from nmt.documents.content import Content
from nmt.documents.masking import Masked, Part, Role
from nmt.documents.units import Document, Edit, Options, Unit
from nmt.inference.translation import Translation
from nmt.packages import require
from nmt.text.preparation import has_text

# Directives of MyST whose content is text; that of others is code.
DIRECTIVES = (
    "note|tip|hint|important|warning|caution|attention|danger|error|seealso|admonition|topic|margin"
    "|sidebar|dropdown|card|grid|grid-item|grid-item-card|tab-set|tab-item|epigraph|versionadded"
    "|versionchanged|deprecated|todo"
)
# Columns in which there is always room.
NARROWEST = 40
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_FRONT_MATTER = re.compile(r"(---|\+\+\+)[ \t]*\n(?:.*\n)*?(?:\1|\.\.\.)[ \t]*(?:\n|\Z)")
_MARGIN = r"[\s>]*(?:(?:[-+*]|\d+[.)])\s+)*"
_FENCE = re.compile(rf"{_MARGIN}(`{{3,}}|~{{3,}}|\$\$)(?!.*\1)(.*)")
# Code and math between lines of markers alone: {% highlight %} {{< highlight go >}} \begin{a} \[
_OPENING = re.compile(
    rf"{_MARGIN}(?:\{{%-?\s*(highlight|comment)\b[^%]*%\}}|\{{\{{[<%]\s*(highlight)\b[^{{}}]*\}}\}}"
    r"|\\begin\{(\w+\*?)\}.*|(\\)\[)\s*$"
)
_CLOSING = re.compile(
    r"[\s>]*(?:\{%-?\s*end(\w+)\s*-?%\}|\{\{[<%]\s*/\s*(\w+)\s*[>%]\}\}"
    r"|[^`]*\\end\{(\w+\*?)\}|(\\)\])[.,]?\s*$"
)
# What begins a paragraph in MDX: a statement in a line, or one that goes on in the next ones.
_MODULE = re.compile(
    r"import\s+(?:(?:[\w$*{][^'\"]*\sfrom\s+)?(?:'[^']+'|\"[^\"]+\");?|\{)\s*$"
    r"|export\s+(?:\*|\{|(?:const|let|var|default|async|function|class)\b)"
    r".*(?:[;{(\[]|\sfrom\s+(?:'[^']+'|\"[^\"]+\"))\s*$"
)
_TEXT_DIRECTIVE = re.compile(rf"\{{(?:{DIRECTIVES})\}}")
# What CommonMark would take for text, and what stands for it: a line without any, or an item.
_MARKERS = (
    # ::: (target)= [TOC] > [!NOTE] +++ % comment {% if %} {{< name >}} {#id} {: .class}
    (
        r"([\s>]*)(?::{3,}.*|\([\w.:-]+\)=|\[\[?_?toc_?\]?\]|\[![a-z]+\].*|\+\+\+.*|%\s.*"
        r"|\{%.*%\}|\{\{[<%].*[>%]\}\}|\{[#.:][^{}]*\})\s*",
        r"\1",
    ),
    # \begin{align} x \end{align} \[ x^2 = y \], but \[x\] is text in brackets.
    (
        r"([\s>]*)(?:\\begin\{[^`]*\\end\{[^{}`]*\}"
        r"|\\\[(?=[^\\^]*(?:\^|\\[A-Za-z])|\s[^\\=]*=)(?:(?!\\\]).)*\\\])\s*",
        r"\1",
    ),
    # !!! note "Title"
    (r"([\s>]*)(?:!!!|\?\?\?\+?|===[+!]?)\s+\S.*", r"\1-   <!-- -->"),
    # [^1]: a note
    (r"([\s>]*)\[\^[^\]\s]+\]:\s*(.*)", r"\1-   \2"),
    # : a definition
    (r"([\s>]*):\s+(\S.*)", r"\1- \2"),
)
# :class: of a directive
_OPTION = re.compile(r"[\s>]*:[\w-]+:(?:\s.*)?")
_TASK = re.compile(r"\[[ xX]\]\s+")
# Where code without a marker of its end ends: with its line, or with the paragraph.
_LINE_END = ("line",)
_BLANK = ("blank line",)
# What would make a line of a paragraph another block.
_BLOCK = re.compile(
    r"(?:[-+*]\s|#{1,6}\s|>|[-=]+\s*$|(?:\*\s*){3,}$|(?:_\s*){3,}$|~~~|```|:\s|\|"
    r"|:{3,}|%\s|\+\+\+|\([\w.:-]+\)=\s*$|(?:!!!|\?\?\?\+?|===[+!]?)\s)"
)
_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)")
_LIST = re.compile(r"(\d{1,9})([.)]\s)")

_DESTINATION = (
    r"\(\s*(?:<[^<>\n]*>|(?:[^()\s\\]|\\.|\((?:[^()\s\\]|\\.)*\))*)"
    r"(?:\s+(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\)))?\s*\)"
)
_INLINE = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    r"|(?P<opaque>(?:\{[\w:-]+\})?(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)"
    r"|<(?:[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>@]+)>"
    r"|\$\$.+?\$\$|(?<![\w$])\$(?=\S)(?=[^$]*[\\^_{}=])[^$]*(?<=\S)\$(?!\w))"
    # A footnote, the name of a heading, attributes of what stands before.
    r"|(?P<tag>\[\^[^\]\s]+\]|\{[#.:][^{}]*\})"
    r"|(?P<opening>!?\[)"
    rf"|\](?P<target>{_DESTINATION}|\[[^\[\]]+\]|\[\])?",
    re.DOTALL,
)


class Text(NamedTuple):
    """A text of a document: (start, end) of each of its lines."""

    lines: list[tuple[int, int]]
    cell: bool


def read(data: bytes, options: Options) -> Document:
    """The texts of a Markdown file. Raises UserError without the package markdown-it-py."""
    content = Content(data)
    texts, references = _texts(content.text)
    width = _width(content, texts)
    units = []
    for text in texts:
        joined = " ".join(content.text[start:end] for start, end in text.lines)
        parts = list(_parts(joined, references))
        before, inside, after = masking.trimmed(parts)
        if has_text("".join(part.raw for part in inside if part.role is Role.TEXT)):
            masked = masking.mask(inside)
            around = masking.raw(before), masking.raw(after)
            edits = functools.partial(_edits, content, text, width, masked, around)
            line = content.line(text.lines[0][0])
            units.append(Unit((masked.source,), edits, line, codes=(masked.codes,)))
    return Document(data, units, bilingual=False)


# Blocks.


def _texts(text: str) -> tuple[list[Text], set[str]]:
    """The texts of a document, and the labels that it defines."""
    require("markdown_it", what="Markdown")
    from markdown_it import MarkdownIt

    lines = [match for match in _LINE.finditer(text) if match[0]]
    plain = "\n".join(_without_markers([line[1] for line in lines]))
    env: dict = {}
    texts: list[Text] = []
    cells = False
    row = 0, 0  # the line of a cell, and where the last one of that line ends
    for token in MarkdownIt("commonmark").enable("table").parse(plain, env):
        if token.type in ("table_open", "table_close"):
            cells = token.type == "table_open"
        if token.type != "inline" or not token.map or not token.content.strip():
            continue
        first = token.map[0]
        if cells:
            row = row if row[0] == first else (first, 0)
            found = _located(token.content.replace("|", r"\|"), lines, first, row[1])
            row = first, found[-1][1] - lines[first].start() if found else row[1]
        else:
            found = _located(token.content, lines, first)
        texts += [Text(part, cells) for part in _unbroken(text, found)]
    return texts, set(env.get("references", ()))


def _located(content, lines, first, begin=None):
    """(start, end) of the lines of a text in the document; empty if they are not all there.

    first: the number of its first line. begin: the column at which a cell can begin; other texts
    end where their lines do, behind all marks.
    """
    found = []
    for number, wanted in enumerate(map(str.strip, content.split("\n")), first):
        text = lines[number][1] if number < len(lines) else ""
        column = text.rfind(wanted) if begin is None else text.find(wanted, begin)
        if column < 0 or number >= len(lines):
            return []
        start = lines[number].start() + column
        found.append((start, start + len(wanted)))
    return found


def _unbroken(text, found):
    """The lines of a text in groups, which end at hard line breaks."""
    group: list[tuple[int, int]] = []
    for number, (start, end) in enumerate(found):
        task = None if number else _TASK.match(text, start, end)
        start = task.end() if task else start
        last = number == len(found) - 1
        hard = text[end - 1 : end] == "\\" or text[end : end + 2] == "  "
        broken = hard and not last
        if broken and text[end - 1] == "\\":
            end -= 1
        group.append((start, end))
        if broken or last:
            yield group
            group = []


def _without_markers(lines: Sequence[str]) -> Iterator[str]:
    """The lines as CommonMark reads them, without the markers of its extensions."""
    text = "\n".join(lines)
    front = _FRONT_MATTER.match(text)
    blank = text.count("\n", 0, front.end()) if front else 0
    closing: list[str] = []  # fences that are open; of code only the innermost
    in_code = False
    last = {marker: number for number, line in enumerate(lines) for marker in _closings(line)}
    hidden = None  # what a line stands in that has no fence
    options = False  # a directive has begun
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if number < blank:
            yield ""
        elif hidden:
            hidden = None if hidden in _closings(line) else hidden
            yield ""
        elif in_code:
            in_code = not _closes(closing[-1], line)
            yield line if closing[-1] != "$$" else ""
            closing = closing if in_code else closing[:-1]
        elif closing and _closes(closing[-1], line):
            closing.pop()
            yield ""
        elif opened := _opened(lines, number, number == blank, last):
            hidden = opened if opened != _LINE_END else None
            yield ""
        elif fence:
            closing.append(fence[1])
            options = bool(_TEXT_DIRECTIVE.match(fence[2].strip()))
            in_code = not options
            yield line if in_code and fence[1] != "$$" else ""
            continue
        elif options and _OPTION.fullmatch(line):
            yield ""
            continue
        else:
            options = bool(re.match(r"[\s>]*:{3,}", line))
            yield _unmarked(line)
            continue
        options = False


def _opened(lines, number, is_first, last):
    """The marker of code or math that begins in a line and ends in a later one, or None.

    last: the last line of each end.
    """
    line = lines[number]
    if opening := _OPENING.match(line):
        marker = opening.groups()
        is_open = marker not in _closings(line)
        return marker if is_open and last.get(marker, 0) > number else None
    before = "" if is_first else lines[number - 1]
    if not _MODULE.match(line) or (before.strip() and not _MODULE.match(before)):
        return None
    return _BLANK if line.rstrip()[-1] in "{([" else _LINE_END


def _closings(line):
    """The markers of which a line is the end, as groups of _OPENING."""
    closing = _CLOSING.match(line)
    return [closing.groups()] if closing else [] if line.strip() else [_BLANK]


def _closes(fence, line):
    rest = line.strip(" \t>")
    return rest == fence if fence == "$$" else set(rest) == {fence[0]} and len(rest) >= len(fence)


def _unmarked(line):
    for pattern, replacement in _MARKERS:
        line = re.sub(rf"^(?:{pattern})$", replacement, line, flags=re.IGNORECASE)
    return line


# What stands in a text.


def _parts(text: str, references: set[str]) -> Iterator[Part]:
    """Text, links and tags as masks; code as what is not translated."""
    roles = _links(text, references)
    at = 0
    for token in _INLINE.finditer(text):
        role = Role.OPAQUE if token["opaque"] else Role.TAG if token["tag"] else None
        raw = token[0]
        if token.start() in roles:
            role, raw = roles[token.start()]
        if role:
            yield from html.tokens(text[at : token.start()])
            yield Part(role, raw, "[")
            at = token.end()
    yield from html.tokens(text[at:])


def _links(text: str, references: set[str]) -> dict[int, tuple[Role, str]]:
    """{place: (role, what it is written as)} of the brackets of links and pictures."""
    found: dict[int, tuple[Role, str]] = {}
    opened: list[re.Match] = []
    for token in _INLINE.finditer(text):
        if token["opening"]:
            opened.append(token)
        if not token[0].startswith("]") or not opened:
            continue
        opening = opened.pop()
        label = text[opening.end() : token.start()]
        target = token["target"]
        if target in (None, "[]"):
            # The label is in the source language; the text of the link will not be.
            target = f"[{label}]" if _label(label) in references else None
        elif target[0] == "[" and _label(target[1:-1]) not in references:
            target = None
        if target:
            found[opening.start()] = Role.OPENING, opening[0]
            found[token.start()] = Role.CLOSING, f"]{target}"
    return found


def _label(text):
    """A label as definitions are looked up by (CommonMark, 4.7)."""
    return re.sub(r"\s+", " ", text).strip().lower().upper()


# Translations.


def _width(content, texts):
    """The columns in which a document is wrapped: few lines that others follow are longer."""
    widths = sorted(
        content.column(end) for text in texts for _, end in text.lines[:-1] if not text.cell
    )
    return max(NARROWEST, widths[int(len(widths) * 0.9)]) if widths else NARROWEST


def _edits(
    content: Content,
    text: Text,
    width: int,
    masked: Masked,
    around: tuple[str, str],
    translations: Sequence[Translation],
) -> list[Edit]:
    """The edit of a text."""
    translation = " ".join(translations[0].text.split())
    if not translation:
        raise ValueError("the translation is empty")
    masked.check(translation)
    before, after = around
    written = before + masked.filled(translation) + after
    if text.cell:
        written = re.sub(r"(?<!\\)\|", r"\\|", written)
    lines = [written]
    start, end = text.lines[0][0], text.lines[-1][1]
    between = ""
    if len(text.lines) > 1:
        # Between lines stands what stood behind the first one, such as the mark of a quote.
        between = content.text[text.lines[0][1] : text.lines[1][0]].lstrip(" \t")
        room = width - content.column(text.lines[1][0])
        lines = _wrapped(written, max(room, 1))
    return [content.edit(start, end, between.join(map(_guarded, lines)))]


def _wrapped(text, width):
    """The lines of a text; none begins within code, where it could not be guarded."""
    whole = _CODE.sub(lambda code: code[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def _guarded(line):
    """A line of a paragraph that begins no other block."""
    if _BLOCK.match(line):
        return "\\" + line
    return _LIST.sub(r"\1\\\2", line, count=1) if _LIST.match(line) else line
