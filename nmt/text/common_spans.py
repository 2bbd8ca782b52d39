"""Training pairs: what source and target have alike becomes the same symbol on both sides."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from nmt.text.kinds import MARK, Kind
from nmt.text.spans import find_spans
from nmt.text.symbols import (
    SLOT,
    SYMBOLS,
    Copied,
    private,
    slot_number,
    slotted,
    without_marks,
)

# Words and numbers that may become symbols.
WORD = re.compile(r"[^\W_](?:[\w.,'’-]*[^\W_])?")
MIN_LETTERS = 4
# The share of drawn lines whose first symbol is any, so that all symbols are learnt.
SHIFTED = 0.25
# How a symbol is added to a line.
WAYS = ("{} ({})", "{} {}", "{}: {}")


class CommonSpans:
    """A pair of the corpus whose spans are symbols where both sides have them alike."""

    def __init__(self, source: str, target: str, own: Sequence[Kind] = ()) -> None:
        """own: the recipe's kinds of spans."""
        self.seed = f"{source}\n{target}"
        source = private().sub("", source)
        self.line = slotted(source, find_spans(source, own))
        self.target = unmarked(target)
        self.source = self.line.text
        self.first = 0
        names = list(dict.fromkeys(c.text for c in self.line.copied if not c.is_mark))
        # Spans of the source alone stay text.
        self.source = SLOT.sub(self._text_or_mark, self.source)
        self._replace(names)

    def _text_or_mark(self, match):
        copied = self.line.copied[slot_number(match[0])]
        return match[0] if copied.is_mark else copied.text

    def _replace(self, names):
        """Makes symbols of texts that both sides have equally often; longer ones go first."""
        for name in sorted(names, key=len, reverse=True):
            # Most are on one side only; a pattern takes longer to be made than to be used.
            if name not in self.source or name not in self.target:
                continue
            pattern = occurrences(name)
            count = len(pattern.findall(self.source))
            if count and count == len(pattern.findall(self.target)):
                slot = self.line.add(Copied(name, is_mark=False))
                self.source = pattern.sub(slot, self.source)
                self.target = pattern.sub(slot, self.target)

    def draw(self, share: float) -> None:
        """Makes symbols of a share of the words both sides have; adds one to a share of the lines.

        So a model translates the rest of a line as it does without the symbol.
        """
        rng = random.Random(self.seed)
        # Short words are the same by chance, as in; numbers and abbreviations are not.
        words = [
            word
            for word in dict.fromkeys(WORD.findall(self.source))
            if len(word) >= MIN_LETTERS or word[-1].isdigit() or (word.isupper() and len(word) > 1)
        ]
        self._replace([word for word in words if rng.random() < share])
        if rng.random() < share:
            way = rng.choice(WAYS)
            slot = self.line.add(Copied("", is_mark=False))
            texts = (self.source, self.target)
            in_front = rng.random() < 0.5
            self.source, self.target = (
                way.format(slot, text) if in_front else way.format(text, slot) for text in texts
            )
        if rng.random() < SHIFTED:
            self.first = rng.randrange(len(SYMBOLS))

    def numbered(self, form: Callable[[str], str]) -> tuple[str, str]:
        """(source, target) with symbols in the order of the source, and without marks.

        form: makes of text with slots what a model reads.
        """
        source, _ = without_marks(self.line, form(self.source))
        slots = list(dict.fromkeys(SLOT.findall(source)))
        first = min(self.first, max(0, len(SYMBOLS) - len(slots)))
        symbols = dict(zip(slots, SYMBOLS[first:], strict=False))

        def symbol(match: re.Match) -> str:
            return symbols.get(match[0], self.line.copied[slot_number(match[0])].text)

        return SLOT.sub(symbol, source), SLOT.sub(symbol, self.target)


def unmarked(target: str) -> str:
    """A target without marks, and without characters that look like slots and symbols."""
    target = private().sub("", target)
    line = slotted(target, [span for span in find_spans(target) if span.kind.role == MARK])
    return without_marks(line, line.text)[0]


def occurrences(name: str) -> re.Pattern:
    """Where a text stands by itself: it is no part of a longer word or number."""
    before = r"(?<![0-9A-Za-z])" if name[0].isascii() and name[0].isalnum() else ""
    after = r"(?![0-9A-Za-z])" if name[-1].isascii() and name[-1].isalnum() else ""
    return re.compile(before + re.escape(name) + after)
