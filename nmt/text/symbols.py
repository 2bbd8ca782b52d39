"""What must not be translated, while the rest of a line is.

A span (nmt/text/spans.py) leaves a slot in its line: a single private-use character for each
occurrence. A slot then becomes a symbol, which the model sees in the place of the span, or a mark,
which is taken out of the sentence and put back by attention.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from nmt.text.kinds import MARK
from nmt.text.spans import Span, paired

# Tokenizers have a piece for each; the spans of a sentence are numbered in its order.
SYMBOLS = [chr(0xE000 + number) for number in range(32)]
SYMBOL = re.compile(f"[{SYMBOLS[0]}-{SYMBOLS[-1]}]")

# The planes of Unicode for private use. The spans of a line get the first slots, up to a limit that
# leaves some to what is marked later.
_FIRST_SLOT = 0xF0000
SLOT = re.compile("[\U000f0000-\U0010fffd]")
_SLOT_OR_SYMBOL = re.compile(f"({SLOT.pattern})|{SYMBOL.pattern}")
MAX_SLOTS = 100_000
ACCELERATORS = ("&", "_")  # E&xit, Fi_le


# Compiled when first needed: not every start of a program shall pay for sets of many characters.


@functools.cache
def private() -> re.Pattern:
    """What a text of the corpus must not have: it would look like symbols and slots."""
    return re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")


@functools.cache
def unwritten() -> re.Pattern:
    """The same, control characters but the tab, and what stands for broken text: in no output."""
    return re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")


def slot(number: int) -> str:
    """The character in the place of span `number` of a line."""
    return chr(_FIRST_SLOT + number)


def slot_number(character: str) -> int:
    """The number of the span in whose place a character stands."""
    return ord(character) - _FIRST_SLOT


class Copied(NamedTuple):
    """What comes back in the place of a slot."""

    text: str
    group: str = "case"  # of its kind, as "placeholder"
    is_mark: bool = True


@dataclasses.dataclass
class SlottedLine:
    """A line with slots in the place of its spans."""

    text: str
    copied: list[Copied] = dataclasses.field(default_factory=list)  # by number of the slot
    # Number of the slot that opens a range -> that of the one that closes it, and back.
    closed_by: dict[int, int] = dataclasses.field(default_factory=dict)
    opened_by: dict[int, int] = dataclasses.field(default_factory=dict)
    # Slots that open a range in capitals.
    upper: set[int] = dataclasses.field(default_factory=set)

    def add(self, copied: Copied) -> str:
        """A new slot."""
        self.copied.append(copied)
        return slot(len(self.copied) - 1)

    def pair(self, opening: int, closing: int) -> None:
        """Makes a range of two slots, by their numbers."""
        self.closed_by[opening] = closing
        self.opened_by[closing] = opening

    def filled(self, text: str, names: Sequence[Copied] = ()) -> str:
        """A text with what its slots stand for, and its symbols; other symbols are dropped.

        names: what the symbols stand for, in the order of SYMBOLS.
        """

        # At once, as what comes back may look like a slot or a symbol.
        def copied(match: re.Match) -> str:
            if match[1]:
                slots = self.copied[slot_number(match[1]) :][:1]
                return slots[0].text if slots else ""
            number = SYMBOLS.index(match[0])
            return names[number].text if number < len(names) else ""

        return _SLOT_OR_SYMBOL.sub(copied, text)


def slotted(line: str, spans: list[Span]) -> SlottedLine:
    """The line with a slot for each span."""
    spans = spans[:MAX_SLOTS]
    result = SlottedLine("")
    texts = []
    end = 0
    for span in spans:
        text = line[span.start : span.end]
        copied = Copied(text, span.kind.group, span.kind.role == MARK)
        texts += [line[end : span.start], result.add(copied)]
        end = span.end
    result.text = "".join([*texts, line[end:]])
    for opening, closing in paired(line, spans):
        result.pair(opening, closing)
    return result


class Mark(NamedTuple):
    """What was taken out of a text: at a point, or at the ends of a range.

    Of a range that begins or ends in another part of the line one end is empty.
    """

    start: int  # where, in characters of the text without marks
    end: int  # of a point the same
    opening: str  # slots, with the white space that belongs to them
    closing: str | None = None  # None: of a point


def without_marks(line: SlottedLine, text: str) -> tuple[str, list[Mark]]:
    """The text, a part of the line's, without the slots of marks."""
    if not SLOT.search(text):
        return text, []
    chars: list[str] = []
    places: dict[int, tuple[int, str]] = {}  # by number of the slot
    position = 0
    while position < len(text):
        character = text[position]
        position += 1
        if not _is_mark(line, character):
            chars.append(character)
            continue
        # White space that would stay twice, or at an end, belongs to the mark.
        number = slot_number(character)
        before = "".join(chars[-1:])
        after = text[position : position + 1]
        is_opening = number in line.closed_by
        content = character
        if (not before or (before.isspace() and is_opening)) and after.isspace():
            content += after
            position += 1
        elif before.isspace() and not is_opening and not after.isalnum():
            content = chars.pop() + content
            _move_back(places, len(chars))
        elif before.isalnum() and after.isalnum() and _separates(line, number):
            chars.append(" ")
        place = len(chars)
        if line.copied[number].text in ACCELERATORS:
            # The sign of a letter within a word stands before the word then.
            while place and after.isalnum() and chars[place - 1].isalnum():
                place -= 1
        places[number] = (place, content)
    return "".join(chars), _marks(line, places, len(chars))


def _move_back(places, end):
    """Marks behind the end of a text, of which white space was taken, stand at its end."""
    for number, (place, content) in reversed(places.items()):
        if place <= end:
            break
        places[number] = (end, content)


def _is_mark(line, character):
    """Whether a character is the slot of a mark."""
    return SLOT.match(character) and line.copied[slot_number(character)].is_mark


def _separates(line, number):
    """Whether a mark stands between two words: tags in pairs, E&xit and Fi_le are one."""
    in_pair = number in line.closed_by or number in line.opened_by
    return not in_pair and line.copied[number].text not in ("", *ACCELERATORS)


def _marks(line, places, length):
    """Marks of slots whose places in the text are known: ranges and points.

    places: number of each slot -> its place, and its character with white space. length: of the
    text.
    """
    marks = []
    for number, (place, content) in places.items():
        if number in line.closed_by:
            end, closing = places.get(line.closed_by[number], (length, ""))
            marks.append(Mark(place, end, content, closing))
        elif number not in line.opened_by:
            marks.append(Mark(place, place, content))
        elif line.opened_by[number] not in places:
            marks.append(Mark(0, place, "", content))
    return marks


def numbered(line: SlottedLine, text: str) -> tuple[str, list[Copied]]:
    """(text, names): symbols in the place of slots, in the order of the text.

    What is copied twice has one symbol. What has none, as there are more, stays text.
    """
    names = list(dict.fromkeys(line.copied[slot_number(each)] for each in SLOT.findall(text)))
    symbols = dict(zip(names, SYMBOLS, strict=False))

    def symbol(match: re.Match) -> str:
        copied = line.copied[slot_number(match[0])]
        return symbols.get(copied, copied.text)

    return SLOT.sub(symbol, text), names[: len(SYMBOLS)]


class ArrivingSpans:
    """The spans of a line whose text arrives in parts."""

    def __init__(self, limit: int = len(SYMBOLS)) -> None:
        self.limit = limit
        self.names: list[Copied] = []

    def with_symbols(self, line: SlottedLine) -> str:
        """The next text with symbols for its spans, also for marks; those over the limit stay."""
        symbols = dict(zip((name.text for name in self.names), SYMBOLS, strict=False))

        def symbol(match: re.Match) -> str:
            copied = line.copied[slot_number(match[0])]
            if copied.text not in symbols and len(self.names) < self.limit:
                symbols[copied.text] = SYMBOLS[len(self.names)]
                self.names.append(copied)
            # A symbol of ours would stand for another span.
            return symbols.get(copied.text, SYMBOL.sub("", copied.text))

        return SLOT.sub(symbol, line.text)
