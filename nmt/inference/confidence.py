"""How far a translation can be trusted: a percentage that was compared with validation text.

The mean log-probability of a translation's pieces tells good from bad ones. What it means differs
from model to model, so a logistic curve is fitted for each (nmt/evaluation/calibration.py). It
gives the probability that a translation is good: that its chrF is at least GOOD_CHRF.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from nmt.text.difference import opcodes

GOOD_CHRF = 80.0  # sentence chrF from which on a translation is good

# Words of a translation in order, with their probabilities; None: not of the model.
WordConfidence = list[tuple[str, float | None]]


@dataclasses.dataclass(frozen=True)
class Curve:
    """P(good) = 1 / (1 + exp(-(slope * log-probability / length + intercept))).

    length: of the translation in pieces, EOS counted. sentences, good: how many it was fitted on,
    and how many of them were good.
    """

    slope: float
    intercept: float
    sentences: int
    good: int

    @classmethod
    def of(cls, entries: dict[str, Any] | None) -> Curve | None:
        """The curve of the entry `confidence` of run.json, None where there is none."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: entries[name] for name in names}) if entries else None

    def to_dict(self) -> dict[str, Any]:
        """The entry for run.json."""
        return dataclasses.asdict(self)

    def confidence(self, log_prob: float, length: int) -> float:
        """The probability that a translation is good."""
        exponent = self.slope * log_prob / length + self.intercept
        # The exponential of more is no number.
        return 1 / (1 + math.exp(min(-exponent, 700.0)))


def word_confidence(text: str, pieces: Sequence[tuple[str, float]], spaced: bool) -> WordConfidence:
    """The words of a text with the product of the probabilities of their pieces.

    pieces: what each piece of the model wrote, and its log-probability; the text may have more
    (tags), less or other capitals. Words that the model has no part in have None. spaced: False for
    languages without spaces, where a piece counts as a word.
    """
    of_place = _aligned(text, pieces)
    words: WordConfidence = []
    for start, end in word_spans(text, of_place, spaced):
        own = {number for number in of_place[start:end] if number is not None}
        log_prob = sum(pieces[number][1] for number in own)
        words.append((text[start:end], math.exp(log_prob) if own else None))
    return words


def unrated_words(text: str) -> WordConfidence:
    """The words of a text that the model has no part in."""
    return [(word, None) for word in text.split()]


def word_spans(
    text: str, of_place: Sequence[int | None], spaced: bool
) -> Iterator[tuple[int, int]]:
    """(start, end) of each word of a text; without spaces also where a piece ends.

    of_place: the number of the piece that each character comes from, or None.
    """
    for match in re.finditer(r"\S+", text):
        start = match.start()
        for place in range(start + 1, match.end()):
            if not spaced and of_place[place] != of_place[place - 1]:
                yield start, place
                start = place
        yield start, match.end()


def _aligned(text, pieces):
    """The number of the piece that each character of the text comes from, or None."""
    written = "".join(part for part, _ in pieces)
    numbers = [number for number, (part, _) in enumerate(pieces) for _ in part]
    if text == written:  # the usual case
        return numbers
    of_place: list[int | None] = [None] * len(text)
    for kind, start, end, first, last in opcodes(text, written):
        if kind == "equal" and end - start == last - first:
            of_place[start:end] = numbers[first:last]
    return of_place
