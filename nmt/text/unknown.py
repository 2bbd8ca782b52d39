"""Characters that a model has not learnt: it cannot read them, so what they stand in is copied."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from nmt.text.kinds import MARK, SYMBOL, Kind
from nmt.text.letters import is_of_word
from nmt.text.spans import Span

# Characters from which on something without a space is no word, and with a digit in it none.
LONGEST_WORD = 200
LONGEST_CODE = 40
# A short word with a sign in it is a unit, as °C; in a longer one the sign is something apart.
UNIT = 6

FOREIGN = Kind("foreign", "symbol", SYMBOL, "")
SIGN = Kind("sign", "symbol", MARK, "")

_NO_SPACE = re.compile(r"\S+")


def with_unknown(
    line: str, spans: Iterable[Span], knows: Callable[[str], bool], spaced: bool
) -> list[Span]:
    """The spans of a line and, between them, those of what a model cannot read.

    knows: whether the model knows all characters of a text. spaced: words stand between white
    space. Words and numbers with unknown characters become symbols, signs on their own marks.
    """
    result: list[Span] = []
    end = 0
    for span in [*spans, Span(len(line), len(line), SIGN)]:
        for match in _NO_SPACE.finditer(line, end, span.start):
            size = len(match[0])
            is_code = size > LONGEST_CODE and re.search(r"\d", match[0])
            if spaced and (is_code or size > LONGEST_WORD):
                result.append(Span(*match.span(), FOREIGN))
            elif not knows(match[0]):
                result += _unknown_in(line, match.start(), match.end(), knows, spaced)
        result.append(span)
        end = span.end
    return _joined(line, result[:-1])


def _unknown_in(line, start, end, knows, spaced):
    """Spans of the unknown characters of a word, with what belongs to them."""
    spans: list[Span] = []
    position = start
    while position < end:
        # A character with what combines with it.
        after = position + 1
        while after < end and unicodedata.combining(line[after]):
            after += 1
        if knows(line[position:after]):
            position = after
            continue
        # A word with an unknown letter is a name, a number with an unknown sign an amount.
        is_letter = is_of_word(line[position])
        if spaced and (is_letter or _is_amount(line, position, after, start, end)):
            first, last = _word_around(line, position, after, start, end)
        else:
            first = position
            last = after
        first = max(first, spans[-1].end if spans else start)
        is_symbol = is_letter or last - first > after - position
        spans.append(Span(first, last, FOREIGN if is_symbol else SIGN))
        position = last
    return spans


def _word_around(line, first, last, start, end):
    """(first, last) moved apart, at most to start and end, to the bounds of their word."""
    while first > start and is_of_word(line[first - 1]):
        first -= 1
    while last < end and is_of_word(line[last]):
        last += 1
    return first, last


def _is_amount(line, first, last, start, end):
    """Whether an unknown sign belongs to the word around it: a number, a unit, a name."""
    before = line[first - 1] if first > start else ""
    after = line[last] if last < end else ""
    if unicodedata.category(line[first])[0] == "P":
        return before.isalnum() and after.isalnum()
    is_unit = end - start <= UNIT and after.isalpha()
    return before.isdigit() or after.isdigit() or is_unit


def _joined(line, spans):
    """Foreign words in a row as one span."""
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.kind is span.kind is FOREIGN
            and not line[before.end : span.start].strip()
        ):
            joined[-1] = Span(before.start, span.end, FOREIGN)
        else:
            joined.append(span)
    return joined
