"""Words of a pair that surely translate each other: what tags around words are measured by.

Two words are translations of each other if each is the likely translation of the other one by IBM
model 1, trained in both directions, or if they are equal.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nmt.engine.lexicon import translation_table

PAIRS = 100_000  # of the training text, at most
CERTAIN = 0.5  # probability in both directions
LONGEST = 4  # words of a phrase

Pairs = Iterable[tuple[str, str]]


class Phrase(NamedTuple):
    """Words of a source in a row whose translations stand in a row in its reference."""

    start: int  # its first character in the source
    end: int
    translation: list[str]  # words of the reference


class AlignedWords:
    """Which words translate each other, learned from pairs."""

    def __init__(self, pairs: Pairs):
        chosen = itertools.islice(pairs, PAIRS)
        sides = zip(*((words(source), words(target)) for source, target in chosen), strict=True)
        sources, targets = ([["", *line] for line in side] for side in sides)
        forward = _likely(sources, targets)
        backward = _likely(targets, sources)
        self.translations = {pair for pair in forward if pair[::-1] in backward}

    def phrases(self, source: str, reference: str) -> Iterator[Phrase]:
        """The phrases of a pair, shorter than the source, with words that stand there once."""
        spans = [match.span() for match in re.finditer(r"\w+", source)]
        links = self._links(words(source), words(reference))
        translations = words(reference)
        for first, last in itertools.combinations_with_replacement(range(len(spans)), 2):
            size = last - first + 1
            if size > LONGEST or size == len(spans):
                continue
            places = [links.get(word) for word in range(first, last + 1)]
            if None in places or max(places) - min(places) != size - 1:
                continue
            low = min(places)
            yield Phrase(spans[first][0], spans[last][1], translations[low : low + size])

    def _links(self, source, target):
        """Place in the target of each place in the source, of words with one translation."""
        links = {}
        for n, word in enumerate(source):
            places = [m for m, other in enumerate(target) if self._translate(word, other)]
            if source.count(word) == 1 and len(places) == 1:
                links[n] = places[0]
        places = list(links.values())
        return {n: place for n, place in links.items() if places.count(place) == 1}

    def _translate(self, word, other):
        return word == other or (word, other) in self.translations


def words(text: str) -> list[str]:
    """The words of a text, case folded."""
    return re.findall(r"\w+", text.casefold())


def _likely(sources: Sequence[list[str]], targets: Sequence[list[str]]) -> set[tuple[str, str]]:
    """(source word, target word) where the target word is a likely translation."""
    source_ids: dict[str, int] = {}
    target_ids: dict[str, int] = {}
    pairs, probability = translation_table(
        [_numbered(line, source_ids) for line in sources],
        [_numbered(line, target_ids) for line in targets],
        len(source_ids),
        len(target_ids),
    )
    source_words = list(source_ids)
    target_words = list(target_ids)
    certain = pairs[probability > CERTAIN]
    numbers = zip(*np.divmod(certain, len(target_ids)), strict=True)
    return {(source_words[source], target_words[target]) for source, target in numbers}


def _numbered(line, ids):
    return np.array([ids.setdefault(word, len(ids)) for word in line], int)
