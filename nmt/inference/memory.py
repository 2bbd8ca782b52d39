"""A translation memory: pairs that somebody has translated, looked up by their sources."""

import functools
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from nmt.decoding.bonus import Phrase
from nmt.packages import require
from nmt.text.preparation import Preparation
from nmt.text.spans import find_spans

THRESHOLD = 0.7  # of similarity; below it a match helps nobody
# A word, or a sign; of languages without spaces a character.
WORD = r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff]+|\S"
ROUNDING = 1e-9
MUST_STAY = ("placeholder", "tag")
# What a search wants of a similar pair: all n-grams of tokens of its target up to this length, each
# token with this weight times the similarity; chosen on validation text (docs/translating.md).
LONGEST = 3
WEIGHT = 0.6
# Of a line with other capitals, or whose translation lacks a placeholder, a tag or a line break, or
# has one more.
ALMOST = 0.99
# Lines whose matches are kept, as some ask twice; and matches of each, as there may be thousands.
KEPT = 4096
MOST = 20


class Match(NamedTuple):
    """A pair of the memory that is similar to a line."""

    source: str
    target: str
    similarity: float  # 1.0: the line itself, with a translation that can be taken as it is


class Memory:
    """Pairs of two languages.

    Similarity is 1 - edits / words of the longer line; words are compared without case (the
    Levenshtein distance that CAT tools show).
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]):
        """Raises UserError where the package rapidfuzz is missing."""
        require("rapidfuzz", what="a translation memory")
        # Of several translations of a source the most frequent one.
        targets: dict[str, Counter[str]] = {}
        for source, target in pairs:
            source, target = source.strip(), target.strip()
            if source and target:
                targets.setdefault(source, Counter())[target] += 1
        self.pairs = {source: each.most_common(1)[0][0] for source, each in targets.items()}
        self._sources = list(self.pairs)
        self._words: dict[str, int] = {}
        self._spelt = [_spelt(source, {}, self._words) for source in self._sources]
        # The sources that have each word.
        self._having: dict[int, list[int]] = {}
        for number, spelt in enumerate(self._spelt):
            for word in set(spelt):
                self._having.setdefault(word, []).append(number)
        self._ranked: dict[str, list[tuple[float, int]]] = {}

    def matches(self, line: str, limit: int = 1) -> list[Match]:
        """At most `limit` pairs from THRESHOLD on, the most similar first."""
        # Other threads look up lines, too.
        ranked = self._ranked.get(line)
        if ranked is None or len(ranked) == MOST < limit:
            ranked = self._rank(line)
            if len(self._ranked) >= KEPT:
                self._ranked = {}
            self._ranked[line] = ranked[:MOST]
        return [self._match(line, number, similarity) for similarity, number in ranked[:limit]]

    def _match(self, line, number, similarity):
        source = self._sources[number]
        target = self.pairs[source]
        same = len(source.splitlines()) == len(target.splitlines())
        if source != line.strip() or not same or _must_stay(source) != _must_stay(target):
            similarity = min(similarity, ALMOST)
        return Match(source, target, similarity)

    def _rank(self, line):
        """(similarity, number) of the sources from THRESHOLD on."""
        # Imported here, as every start of a program would pay for it.
        from rapidfuzz import distance, process

        levenshtein = distance.Levenshtein.normalized_similarity
        words = _spelt(line, self._words, {})
        found = process.extract(
            words,
            {number: self._spelt[number] for number in self._candidates(words)},
            scorer=levenshtein,
            score_cutoff=THRESHOLD,
            limit=None,
        )
        # Of equally similar ones that which shares more letters.
        ranked = sorted(
            found, key=lambda each: (-each[1], -levenshtein(line, self._sources[each[2]]))
        )
        return [(similarity, number) for _, similarity, number in ranked]

    def _candidates(self, words):
        """The sources that may be similar enough.

        They share a THRESHOLD of the words of the line, so of a few more than the rest of its words
        one at least: of the rarest ones, which few sources have.
        """
        shared = math.ceil(THRESHOLD * len(words) - ROUNDING)
        having = sorted((self._having.get(word, ()) for word in words), key=len)
        return set().union(*having[: len(words) - shared + 1])


def percentage(similarity: float) -> int:
    """A similarity as people read it; only what is the same has 100."""
    return math.floor(100 * similarity + ROUNDING)


def phrases(match: Match, preparation: Preparation) -> list[Phrase]:
    """The n-grams of a similar pair as a search wants them."""
    source, target = (" ".join(text.split()) for text in (match.source, match.target))
    ids = preparation.target_ids(target, preparation.source(source).names)
    grams = Counter(
        tuple(ids[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(ids) - length + 1)
    )
    weight = WEIGHT * match.similarity
    return [Phrase([gram], weight, times) for gram, times in grams.items()]


def _spelt(line, known, new):
    """A line with a number for each of its words; those that are not known become new ones."""
    numbers = array("L")
    for word in _word_pattern().findall(line.casefold()):
        number = known.get(word) or new.get(word)
        if not number:
            number = new[word] = 1 + len(known) + len(new)
        numbers.append(number)
    return numbers


@functools.cache
def _word_pattern():
    """Compiled when it is needed: its classes take a while."""
    return re.compile(WORD)


def _must_stay(line):
    """What both sides of a pair have alike, counted."""
    return Counter(
        line[span.start : span.end] for span in find_spans(line) if span.kind.group in MUST_STAY
    )
