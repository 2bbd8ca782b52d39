"""Which of the served languages a text is in: naive Bayes over the trigrams of its words.

A language is known by the usual words of a run's training sources, the most frequent first. Their
ranks stand for their counts (Zipf's law).
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

SMOOTHING = 1e-6  # the share of a trigram that a language does not have
RANK = 3  # added to ranks: the very first words are about equally frequent
WORD = re.compile(r"[^\W\d_]+")
MOST_CHARACTERS = 2_000  # of a text that are looked at


class Detected(NamedTuple):
    """A language that a text may be in."""

    language: str
    confidence: float  # from 0 to 100


class Detector:
    """Tells languages apart. One language alone is the answer to everything."""

    def __init__(self, words: Mapping[str, Iterable[str]]):
        """words: of each language, the most frequent first."""
        self._shares = {language: _shares(usual) for language, usual in words.items()}

    def detect(self, text: str) -> list[Detected]:
        """All languages, the most probable first.

        The confidence is the probability of the language, times the share of the text's trigrams
        that it has: text in a language that is not served has little.
        """
        if len(self._shares) == 1:
            return [Detected(language, 100.0) for language in self._shares]
        trigrams = _trigrams(WORD.findall(text[:MOST_CHARACTERS]))
        total = sum(trigrams.values())
        if not total:
            return [Detected(language, 0.0) for language in self._shares]
        fits = {language: _fit(shares, trigrams) for language, shares in self._shares.items()}
        # Each character is in three trigrams, so that evidence counts a third.
        best = max(fits.values())
        weights = {language: math.exp((fit - best) / 3) for language, fit in fits.items()}
        detected = []
        for language, weight in weights.items():
            known = sum(n for gram, n in trigrams.items() if gram in self._shares[language])
            confidence = 100 * weight / sum(weights.values()) * known / total
            detected.append(Detected(language, round(confidence, 1)))
        return sorted(detected, key=lambda each: (-each.confidence, -fits[each.language]))


def _trigrams(words):
    """The trigrams of words with their borders, counted."""
    counts: Counter[str] = Counter()
    for word in words:
        padded = f" {word.lower()} "
        counts.update(padded[n : n + 3] for n in range(len(padded) - 2))
    return counts


def _shares(words):
    """Of each trigram its share of all in text of these words."""
    counts: Counter[str] = Counter()
    for rank, word in enumerate(words):
        for gram, count in _trigrams([word]).items():
            counts[gram] += count / (rank + RANK)
    total = sum(counts.values()) or 1
    return {gram: count / total for gram, count in counts.items()}


def _fit(shares, trigrams):
    """The log-probability of the trigrams."""
    return sum(n * math.log(shares.get(gram, 0) + SMOOTHING) for gram, n in trigrams.items())
