"""All corpora of a recipe: what is fetched, trained on and held out, and how often each is seen."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nmt.corpora.cleaning import Pair
from nmt.corpora.corpus import Corpus, spread
from nmt.corpora.hashing import TextSet, split_key
from nmt.errors import UserError
from nmt.recipe import DataOptions

log = logging.getLogger(__name__)


class Mixture:
    """The corpora of `[data]` and `[[data.more]]`, in this order; arguments as for `Corpus`."""

    def __init__(self, data: DataOptions, folder: Path | str | None = None):
        self.data = data
        self.corpora = [Corpus(each, folder) for each in data.corpora()]
        self._held_out_sides: dict[Corpus, TextSet] = {}

    def fetch(self) -> None:
        """Brings all corpora onto the disk; see `Corpus.fetch`."""
        for corpus in self.corpora:
            corpus.fetch()

    def stamp(self) -> str:
        """Changes when one of the corpora may have changed."""
        stamps = "".join(corpus.stamp() for corpus in self.corpora)
        return hashlib.sha256(stamps.encode()).hexdigest()

    def measured(self) -> list[int]:
        """The numbers of the corpora whose validation and test text counts."""
        return [n for n, each in enumerate(self.data.corpora()) if each.splits == "all"]

    def training_pairs(
        self,
        number: int,
        dropped: Counter[str] | None = None,
        watch: Callable[[Iterator[Pair]], Iterator[Pair]] = iter,
    ) -> Iterator[Pair]:
        """The training pairs of a corpus, without text that another one holds out, on either side.

        So nothing leaks from a test set by a corpus in the other direction, or by text that was
        made from its pairs. Other arguments as for `Corpus.read`.
        """
        dropped = Counter() if dropped is None else dropped
        apart_from = [
            self._sides(self.corpora[other]) for other in self.measured() if other != number
        ]
        for pair in self.corpora[number].read("train", dropped, watch):
            keys = [split_key(side) for side in pair]
            if any(key in sides for sides in apart_from for key in keys):
                dropped["held out by another corpus"] += 1
            else:
                yield pair

    def held_out(self, split: str, limit: int | None = None) -> dict[int, list[Pair]]:
        """The "valid" or "test" pairs of each measured corpus that has some, by its number.

        limit: of all together. UserError where none has any.
        """
        texts: dict[int, list[Pair]] = {}
        for number, pair in self.pairs_held_out(split):
            texts.setdefault(number, []).append(pair)
        share = limit and max(1, limit // max(1, len(texts)))
        return {number: list(spread(pairs, share)) for number, pairs in texts.items()}

    def pairs_held_out(self, split: str) -> Iterator[tuple[int, Pair]]:
        """Yields the "valid" or "test" pairs of all measured corpora, each with its number.

        UserError where none has any.
        """
        measured = self.measured()
        found = False
        for number in measured:
            try:
                for pair in self.corpora[number].read(split):
                    found = True
                    yield number, pair
            except UserError as error:
                # Of further corpora some are too small to hold out any.
                if number == measured[-1] and not found:
                    raise
                log.info(f"note: corpus {self.data.label(number)} has no {split} text: {error}")

    def _sides(self, corpus):
        """Both sides of all that a corpus holds out; read once."""
        if corpus not in self._held_out_sides:
            self._held_out_sides[corpus] = corpus.held_out_sides()
        return self._held_out_sides[corpus]


def weights(data: DataOptions, pairs: Sequence[int]) -> list[float]:
    """How often an epoch has each pair of each corpus, by data.weight and data.temperature.

    pairs: of each corpus. The largest pair of languages keeps its size.
    """
    corpora = data.corpora()
    languages = [(corpus.source, corpus.target) for corpus in corpora]
    sizes: Counter[tuple[str, str]] = Counter()
    for each, number in zip(languages, pairs, strict=True):
        sizes[each] += number
    largest = max(sizes.values())
    exponent = 1 / data.temperature - 1
    return [
        corpus.weight * (sizes[each] / largest) ** exponent if number else 0.0
        for corpus, each, number in zip(corpora, languages, pairs, strict=True)
    ]
