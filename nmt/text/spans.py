"""Finding what must not be translated: the spans of a line, of the kinds in nmt/text/kinds.py.

The time is linear in the length of the line.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from nmt.text.kinds import GLUED, HINT, KINDS, MARK, QUOTED, QUOTED_LINE, UNFINISHED, Kind


class Span(NamedTuple):
    """`line[start:end]` is not translated."""

    start: int
    end: int
    kind: Kind


def find_spans(line: str, own: Sequence[Kind] = ()) -> list[Span]:
    """The spans of a line in order; they never overlap.

    own: kinds of the recipe, which go before those of the table. Of theirs the first and longest
    are taken. Within a longer span of the table, such as an address, they are not looked for.
    """
    spans = []
    if _hint().search(line):
        for match in _table().finditer(line):
            kind = KINDS[int(match.lastgroup[1:])]
            start, end = match.span()
            if kind.name == "emphasis" and match[0][0] == "`":
                spans += [Span(start, start + 1, kind)] if end > start + 1 else []
                start = end - 1
            spans.append(Span(start, end, kind))
        spans = _grown(line, spans)
    spans = _with_quotes(line, spans)
    return _merged(_own_spans(line, own), spans) if own else spans


def paired(line: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Indices of the marks that open and close a range, by their opening; properly nested.

    The other marks stand alone.
    """
    pairs: list[tuple[int, int]] = []
    # Names and indices of the marks that are open.
    opened: list[tuple[str, int]] = []
    waiting: Counter[str] = Counter()
    for n, span in enumerate(spans):
        name, opens, closes = _side(line, span)
        if closes and waiting[name]:
            # Marks within that are still open stand alone.
            while True:
                other, start = opened.pop()
                waiting[other] -= 1
                if other == name:
                    break
            pairs.append((start, n))
        elif opens:
            opened.append((name, n))
            waiting[name] += 1
    return sorted(pairs)


def unfinished(text: str) -> bool:
    """Whether more text may turn the end of a text into a span, or into a longer one."""
    return _unfinished().search(text, max(0, len(text) - 600)) is not None


def _grown(line, spans):
    """The spans with what is glued to them: half a number or a code is none."""
    grown: list[Span] = []
    for start, end, kind in spans:
        if grown and start < grown[-1].end:
            # What has grown holds it, or its beginning.
            grown[-1] = grown[-1]._replace(end=max(end, grown[-1].end))
            continue
        if kind.group in ("number", "code"):
            before = max(grown[-1].end if grown else 0, start - 24)
            if head := _glued("head").search(line, before, start):
                start = head.start()
            tail = line[end - 1].isalnum() and _glued("tail").match(line, end)
            # Between numbers a hyphen is a dash, which translators write.
            if tail and (kind.group == "code" or re.search("[A-Za-z]", tail[0])):
                end = tail.end()
            if kind.group == "number" and (unit := _glued("unit").match(line, end)):
                end = unit.end()
        grown.append(Span(start, end, kind))
    return grown


def _with_quotes(line, spans):
    """The spans with the quotation marks that stand around all of the line and nowhere else."""
    last = len(line) - 1
    if not _quoted().fullmatch(line) or (spans and (spans[0].start < 1 or spans[-1].end > last)):
        return spans
    return [Span(0, 1, QUOTED), *spans, Span(last, last + 1, QUOTED)]


def _own_spans(line, own):
    """The spans of the recipe's kinds: the first, of two at a place the longer."""
    matches = [
        Span(match.start(), match.end(), kind)
        for kind in own
        for match in _compiled(kind.pattern).finditer(line)
        if match[0]
    ]
    matches.sort(key=lambda span: (span.start, -span.end))
    spans: list[Span] = []
    for span in matches:
        if not spans or spans[-1].end <= span.start:
            spans.append(span)
    return spans


def _merged(own, spans):
    """Both in order: of two that overlap the recipe's, unless the other one holds it and more."""
    merged: list[Span] = []
    done = 0
    for span in spans:
        # The recipe's spans before this one, and those that share text with it.
        while done < len(own) and own[done].end <= span.start:
            merged.append(own[done])
            done += 1
        end = done
        inside = True
        while end < len(own) and own[end].start < span.end:
            inside &= span.start <= own[end].start and own[end].end <= span.end
            inside &= own[end][:2] != span[:2]
            end += 1
        if inside:
            merged.append(span)
            done = end
    return merged + own[done:]


# Tags without an end, and pictures that stand on both sides of what is sung.
_VOID = {"br", "hr", "img", "input", "wbr"}
_NOTES = {"♪", "♫", "♬", "🎵", "🎶"}


def _side(line, span):
    """(name, opens, closes) of a mark; a mark that stands alone neither opens nor closes."""
    text = line[span.start : span.end]
    if span.kind.role != MARK:
        return "", False, False
    # <b> </b> <0> &lt;b&gt; [b] [/url]
    if match := re.match(r"(<|&lt;|\[)(/?)([\w:.*-]+)", text):
        bracket, slash, name = match.groups()
        if text[-1] == "}":
            return "CAT " + name, bracket == "[", bracket == "<"
        alone = name.lower() in _VOID or re.search(r"/(>|&gt;)$", text)
        return bracket + name, not slash and not alone, bool(slash)
    # {1> <1} [1} {1]
    if match := re.match(r"\{(\d+)", text):
        return "CAT " + match[1], text[-1] == ">", text[-1] == "]"
    if text.endswith("["):
        return "link", True, False
    if text.startswith("]("):
        return "link", False, True
    if match := re.fullmatch(r"\{\\([ibsu])([01])\}", text):
        return "\\" + match[1], match[2] == "1", match[2] == "0"
    if span.kind is QUOTED:
        return "quoted", span.start == 0, span.start > 0
    # ** _ ` open before a word and close behind it; notes need no word.
    if text in _NOTES:
        return text, True, True
    if span.kind.name == "emphasis":
        opens = not line[span.end : span.end + 1].isspace()
        return text, opens, not line[max(0, span.start - 1) : span.start].isspace()
    return "", False, False


_compiled = functools.cache(re.compile)


@functools.cache
def _quoted():
    return re.compile(QUOTED_LINE)


@functools.cache
def _glued(side):
    return re.compile(GLUED[side])


@functools.cache
def _hint():
    return re.compile(HINT, re.ASCII)


@functools.cache
def _unfinished():
    return re.compile(UNFINISHED)


@functools.cache
def _table():
    """All kinds as one expression; the name of its last group is `k` and the number of the kind."""
    rows = [(kind, f"(?:{kind.pattern})(?P<k{n}>)") for n, kind in enumerate(KINDS)]
    # Kinds whose examples all begin with a letter or digit are tried only there.
    groups = []
    for is_word, group in itertools.groupby(rows, key=lambda row: _begins_a_word(row[0])):
        group_rows = "|".join(row for _, row in group)
        groups.append(f"(?=[0-9A-Za-z_])(?:{group_rows})" if is_word else group_rows)
    # No span begins within a word, with a space or a usual word: nothing is tried there.
    begin = (
        r"(?:(?<![0-9A-Za-z])|(?![0-9A-Za-z]))"
        r"(?!\s|(?:[A-Z]{1,40}[a-z]{0,40}|[a-z]{1,40})(?:[ ,;]|[.]?$|[.] ))"
    )
    return re.compile(f"{begin}(?:{'|'.join(groups)})", re.ASCII)


def _begins_a_word(kind):
    return all(re.match("[0-9A-Za-z_]", example) for example in kind.examples)
