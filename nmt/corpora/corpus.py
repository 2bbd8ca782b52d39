"""Parallel text: splits that never move, and cleaning that counts what it drops.

`Corpus(recipe.data).fetch()` brings the corpus of a recipe onto the disk; `read(split)` then yields
(source, target) pairs. Everything streams: memory does not grow with the corpus, but for the hashes
that find duplicates, and the text is read once: what it holds out is noted when it is first read.
"""

import collections
import contextlib
import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from nmt.corpora.cleaning import Pair, by_line, fit_for_training, with_two_sides, worth_testing
from nmt.corpora.fetch import SPLITS, Downloads
from nmt.corpora.formats import catalogues, mo, plain, po, resources, tables, tfds, tmx, xliff
from nmt.corpora.hashing import TextSet, hash64, split_key
from nmt.corpora.held_out import HeldOut
from nmt.errors import Failure, UserError
from nmt.recipe import DataOptions

T = TypeVar("T")

# Whose sources are not repeated.
EARLIER_SPLITS = {"test": ("train",), "valid": ("train", "test")}
# Pairs of the generated validation and test text.
TOY_HELD_OUT = 500


class Corpus(Downloads):
    """The parallel text that a recipe's `[data]` section describes."""

    def __init__(self, data: DataOptions, folder: Path | str | None = None):
        super().__init__(data, folder)
        self._sources_of: dict[str, TextSet] = {}
        self._held_out: HeldOut | None = None

    def standalone_splits(self) -> set[str]:
        """The splits with text of their own; the others are held out from train."""
        data = self.data
        if data.format in ("grammar", "catalogues") or data.splits == "train":
            return set(SPLITS)
        if data.format == "tfds":
            return {"train", *tfds.splits(self.tfds_set())}
        return {"train", *(split for split in ("valid", "test") if getattr(data, split))}

    def read(
        self,
        split: str,
        dropped: Counter[str] | None = None,
        watch: Callable[[Iterator[Pair]], Iterator[Pair]] = iter,
    ) -> Iterator[Pair]:
        """Yields the cleaned (source, target) pairs of "train", "valid" or "test".

        Training pairs pass every rule. A validation or test file of its own loses only pairs with
        an empty side; text held out from train has each source once. Text without translations
        (data.format=text) comes as pairs of equal sides and keeps repeated lines: their frequency
        is what a language model learns.

        dropped: counts the dropped pairs by reason. watch: lets through all pairs of the file,
        before any is dropped. Raises UserError when no pair is left.
        """
        if split not in SPLITS:
            raise ValueError(f"{split!r} is not one of {SPLITS}")
        dropped = Counter() if dropped is None else dropped
        # The counts of earlier calls are not of this split.
        before = dropped.copy()
        standalone = self.standalone_splits()
        empty = True
        for pair in self._pairs(split, standalone, dropped, watch):
            empty = False
            yield pair
        if empty:
            raise self._no_pairs(split, standalone, dropped - before)

    def _pairs(self, split, standalone, dropped, watch):
        """The pairs of a split, cleaned as training pairs or as text to measure on."""
        data = self.data

        # The text of the split, or what the training text holds out.
        if split not in standalone:
            pairs = self._pairs_held_out(split, standalone, dropped)
        elif split == "train" and len(standalone) < len(SPLITS):
            pairs = self._training_pairs(standalone, dropped, watch)
        else:
            pairs = watch(by_line(self._raw_pairs(split, dropped)))

        # Training pairs pass every rule.
        if split == "train":
            pairs = fit_for_training(pairs, data, dropped)
            return self._smallest_hashes(pairs) if data.pairs else pairs

        # Other text stays as it is, but for catalogues and what repeats in held-out text.
        if data.format == "catalogues":
            earlier = EARLIER_SPLITS[split]
            known = [self._sources(each) for each in earlier]
            pairs = worth_testing(pairs, data, known, " or ".join(earlier), dropped)
        held_out = split not in standalone and data.format != "text"
        return with_two_sides(pairs, dropped, once=held_out or data.format == "catalogues")

    def _raw_pairs(self, split, dropped):
        """The pairs of a split that stands on its own, as the format has them."""
        data = self.data
        match data.format:
            case "tfds":
                tfds_set = self.tfds_set()
                return tfds.read(tfds_set, data.name, data.source, data.target, split, dropped)
            case "catalogues":
                wheel = self.wheel()
                if wheel is None:
                    raise Failure(f"{data.name}: the wheel is not there; fetch it first")
                return catalogues.read(wheel, data.source, data.target, split, dropped)
            case "grammar":
                return self._generated(split)
        return self._pairs_of_files(split, dropped)

    def _pairs_of_files(self, split, dropped):
        self.counts = {}
        for paths in self.files(split):
            self.counts[paths[-1]] = 0
            for pair in self._pairs_of_file(*paths, dropped=dropped):
                self.counts[paths[-1]] += 1
                yield pair

    def _pairs_of_file(self, path, other=None, *, dropped):
        """The pairs of a file, or of two whose lines or keys correspond."""
        data = self.data
        match data.format:
            case "files":
                return plain.read_files(path, other)
            case "tsv" | "csv":
                separator = "\t" if data.format == "tsv" else ""
                return tables.read(path, data.source, data.target, data.columns, separator)
            case "text":
                return plain.read_text(path)
            case "tmx":
                return tmx.read(path, data.source, data.target, dropped)
            case "po":
                return po.read(path, data.source, data.target, dropped)
            case "mo":
                return mo.read(path, data.source, data.target, dropped)
            case "xliff":
                return xliff.read(path, data.source, data.target, dropped)
        return resources.read(path, other, data.format, dropped)

    def _generated(self, split):
        # Reads its words when it is imported.
        from nmt.corpora import toy

        data = self.data
        count = data.size if split == "train" else TOY_HELD_OUT
        try:
            return toy.generate(f"{data.source}-{data.target}", split, count, data.sentences)
        except ValueError as error:
            raise UserError(f"data.source, data.target: {error}") from None

    def _sources(self, split):
        """The sources of a split of catalogues, also those that cleaning drops; read once."""
        if split not in self._sources_of:
            sources = TextSet()
            for source, _ in by_line(self._raw_pairs(split, Counter())):
                sources.add(source)
            self._sources_of[split] = sources
        return self._sources_of[split]

    def _no_pairs(self, split, standalone, dropped):
        data = self.data
        reasons = ", ".join(f"{reason} {count}" for reason, count in dropped.most_common())
        paths = data.paths(split) or data.paths("train") or [data.name or data.format]
        where = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} others"
        rule = "" if split in standalone else f" (data.held_out={data.held_out})"
        what = "line" if data.format == "text" else "pair"
        return UserError(
            f"{where}: no {split} {what} left of {dropped.total()}{rule}: "
            f"{reasons or 'none was found'}"
        )

    def held_out_sides(self) -> TextSet:
        """Both sides of all validation and test pairs, by `split_key`."""
        sides = TextSet()
        for split in ("valid", "test"):
            with contextlib.suppress(UserError):  # a corpus may have none
                for pair in self.read(split):
                    for side in pair:
                        sides.add(split_key(side))
        return sides

    def pairs_to_measure_on(self) -> TextSet:
        """The validation and test pairs that somebody gave, by `pair_key`; generated ones are none.

        Training text may have the same pairs: it stays as it was given.
        """
        pairs = TextSet()
        if self.data.splits == "train" or self.data.format in ("grammar", "catalogues"):
            return pairs
        for split in self.standalone_splits() - {"train"}:
            with contextlib.suppress(UserError):
                for pair in self.read(split):
                    pairs.add(pair_key(pair))
        return pairs

    def _training_pairs(self, standalone, dropped, watch=iter):
        """The training text without what it holds out, which is noted the first time."""
        is_noted = self._held_out is not None
        held_out = HeldOut()
        for pair in watch(by_line(self._raw_pairs("train", held_out.unread))):
            hashes = [hash64(split_key(side)) for side in pair]
            fraction = self._by_language(hashes)[0] / 2**64
            split = split_of(fraction, self.data.held_out, standalone)
            if not is_noted:
                held_out.add(split, pair, hashes)
            if split == "train":
                yield pair
        # Of text that is not read to the end nothing is known.
        if not is_noted:
            self._held_out = held_out
        dropped.update(held_out.unread)

    def _pairs_held_out(self, split, standalone, dropped):
        """The pairs of a split of the training text. Those of other splits are no loss.

        No side of a pair is in an earlier split. The pairs of a corpus in the other direction are
        in the same splits.
        """
        if self._held_out is None:
            collections.deque(self._training_pairs(standalone, Counter()), maxlen=0)
        assert self._held_out is not None, "reading to the end notes it"
        earlier = [
            each for each in EARLIER_SPLITS[split] if each == "train" or each not in standalone
        ]
        return self._held_out.read(split, earlier, dropped)

    def _by_language(self, pair):
        """The two of a pair in the same order for both directions: what a hash is taken of."""
        return pair if self.data.source >= self.data.target else pair[::-1]

    def _smallest_hashes(self, pairs):
        """The data.pairs pairs with the smallest hashes: a random sample, in random order.

        A smaller sample is a part of a larger one, and that of the other direction is the same.
        """
        keyed = ((hash64("\n".join(self._by_language(pair))), *pair) for pair in pairs)
        return ((source, target) for _, source, target in heapq.nsmallest(self.data.pairs, keyed))

    def held_out(self, split: str, limit: int | None = None) -> list[Pair]:
        """(source, target) pairs of "valid" or "test"; at most `limit`, spread over the split."""
        return list(spread(list(self.read(split)), limit))


def pair_key(pair: Pair) -> str:
    """What pairs that differ in case or spaces have alike."""
    return "\t".join(map(split_key, pair))


def spread(pairs: Sequence[T], limit: int | None) -> Sequence[T]:
    """At most `limit` pairs, spread over all: neighbours resemble each other."""
    if not limit or len(pairs) <= limit:
        return pairs
    return [pairs[n * len(pairs) // limit] for n in range(limit)]


def split_of(fraction: float, held_out: float, standalone: Collection[str]) -> str:
    """The split of a pair by a number from 0 to 1.

    held_out: the share of each split that does not stand on its own.
    """
    if fraction < held_out:
        return "train" if "valid" in standalone else "valid"
    return "test" if fraction < 2 * held_out and "test" not in standalone else "train"
