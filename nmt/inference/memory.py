"""A translation memory: pairs that somebody has translated, looked up by their sources."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from nmt.decoding.bonus import Phrase
from nmt.packages import require
from nmt.text.preparation import Preparation
from nmt.text.spans import find_spans

THRESHOLD = 0.7  # of similarity; below it a match helps nobody
# A word, or a sign; of languages without spaces a character.
WORD = re.compile(r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff]+|\S")
# Stand for words, beyond surrogates.
FIRST = 0xE000
ROUNDING = 1e-9
MUST_STAY = ("placeholder", "tag")
# What a search wants of a similar pair: all n-grams of tokens of its target up to this length, each
# token with this weight times the similarity; chosen on validation text (docs/translating.md).
LONGEST = 3
WEIGHT = 0.6
# Of a line with other capitals, or whose translation lacks a placeholder or a tag.
ALMOST = 0.99


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
        import rapidfuzz

        self._rapidfuzz = rapidfuzz
        # Of several translations of a source the most frequent one.
        targets: dict[str, Counter[str]] = {}
        for source, target in pairs:
            source, target = source.strip(), target.strip()
            if source and target:
                targets.setdefault(source, Counter())[target] += 1
        self.pairs = {source: each.most_common(1)[0][0] for source, each in targets.items()}
        self._sources = list(self.pairs)
        self._words: dict[str, str] = {}
        self._spelt = [_spelt(source, {}, self._words) for source in self._sources]
        # The sources that have each word.
        self._having: dict[str, list[int]] = {}
        for number, spelt in enumerate(self._spelt):
            for word in set(spelt):
                self._having.setdefault(word, []).append(number)

    def matches(self, line: str, limit: int = 1) -> list[Match]:
        """At most `limit` pairs from THRESHOLD on, the most similar first."""
        levenshtein = self._rapidfuzz.distance.Levenshtein.normalized_similarity
        words = _spelt(line, self._words, {})
        found = self._rapidfuzz.process.extract(
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
        matches = []
        for _, similarity, number in ranked[:limit]:
            source = self._sources[number]
            target = self.pairs[source]
            if source != line.strip() or _must_stay(source) != _must_stay(target):
                similarity = min(similarity, ALMOST)
            matches.append(Match(source, target, similarity))
        return matches

    def _candidates(self, words):
        """The sources that may be similar enough.

        They share a THRESHOLD of the words of the line, so of a few more than the rest of its words
        one at least: of the rarest ones, which few sources have.
        """
        shared = math.ceil(THRESHOLD * len(words) - ROUNDING)
        having = sorted((self._having.get(word, ()) for word in words), key=len)
        return set().union(*having[: len(words) - shared + 1])


def phrases(match: Match, preparation: Preparation) -> list[Phrase]:
    """The n-grams of a similar pair as a search wants them."""
    names = preparation.source(match.source).names
    ids = preparation.target_ids(match.target, names)
    grams = Counter(
        tuple(ids[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(ids) - length + 1)
    )
    weight = WEIGHT * match.similarity
    return [Phrase([gram], weight, times) for gram, times in grams.items()]


def _spelt(line, known, new):
    """A line with a character for each of its words; those that are not known become new ones."""
    characters = []
    for word in WORD.findall(line.casefold()):
        character = known.get(word) or new.get(word)
        if not character:
            character = new[word] = chr(FIRST + len(known) + len(new))
        characters.append(character)
    return "".join(characters)


def _must_stay(line):
    """What both sides of a pair have alike, counted."""
    return Counter(
        line[span.start : span.end] for span in find_spans(line) if span.kind.group in MUST_STAY
    )
