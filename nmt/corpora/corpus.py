"""Parallel text: splits that never move, and cleaning that counts what it drops.

`Corpus(recipe.data).fetch()` brings the corpus of a recipe onto the disk; `read(split)` then yields (source,
target) pairs. Everything streams: memory does not grow with the corpus, but for 8 bytes a pair that find
duplicates. The formats are read in nmt/corpora/formats.py.
"""

import bisect
import collections
import heapq
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nmt.corpora.fetch import fetch, ready, stamp
from nmt.corpora.formats import READERS, hash64, share, splits
from nmt.errors import UserError
from nmt.recipe import DataOptions
from nmt.text.languages import count_words, language, unspaced

DOWNLOADS = Path("data/downloads")  # below the working folder; NMT_HOME names another folder
SPLITS = ("train", "valid", "test")
MIN_WORDS = (
    3  # of sources in the catalogues' validation and test: shorter ones repeat in all components
)
# Control characters but the tab, and what broken decoding leaves behind.
ODD = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


class Corpus:
    """The parallel text that a recipe's `[data]` section describes.

    folder: where fetched files are kept; without one, NMT_HOME or else `DOWNLOADS`.
    """

    def __init__(self, data: DataOptions, folder: Path | str | None = None):
        self.data = data
        self.folder = Path(folder or os.environ.get("NMT_HOME") or DOWNLOADS)

    def fetch(self) -> None:
        """Brings the corpus onto the disk; the network is used only for what is not there.

        Raises Failure when it cannot be fetched or its checksum is wrong.
        """
        fetch(self.data, self.folder)

    def ready(self) -> bool:
        """Whether `fetch` would leave the network alone."""
        return ready(self.data, self.folder)

    def stamp(self) -> str:
        """A checksum of the options and of size and time of the files: changes when the corpus may have."""
        return stamp(self.data, self.folder)

    def standalone_splits(self) -> set[str]:
        """The splits with text of their own; the others are held out from train."""
        return splits(self.data, self.folder)

    def read(self, split: str, dropped: Counter | None = None) -> Iterator[tuple[str, str]]:
        """Yields the cleaned (source, target) pairs of "train", "valid" or "test".

        Training pairs pass every rule. Validation and test text of its own loses only pairs with an empty side;
        text held out from train has each source once. Text without translations (data.format=text) comes as
        pairs of equal sides and keeps repeated lines: their frequency is what a language model learns.

        dropped: counts the dropped pairs by reason. Raises UserError when no pair is left.
        """
        if split not in SPLITS:
            raise ValueError(f"{split!r} is not one of {SPLITS}")
        dropped = Counter() if dropped is None else dropped
        before = dropped.copy()
        standalone = self.standalone_splits()
        empty = True
        for pair in _pairs(self.data, split, self.folder, standalone, dropped):
            empty = False
            yield pair
        if empty:
            raise self._no_pairs(split, standalone, dropped - before)

    def _no_pairs(self, split: str, standalone: set[str], dropped: Counter) -> UserError:
        data = self.data
        reasons = ", ".join(f"{reason} {count}" for reason, count in dropped.most_common())
        where = getattr(data, split) or data.train or data.name or data.format
        rule = "" if split in standalone else f" (data.held_out={data.held_out})"
        what = "line" if data.format == "text" else "pair"
        return UserError(
            f"{where}: no {split} {what} left of {dropped.total()}{rule}: "
            f"{reasons or 'none was found'}"
        )

    def held_out(self, split: str, limit: int | None = None) -> list[tuple[str, str]]:
        """(source, target) pairs of "valid" or "test"; at most `limit`, spread evenly over the split."""
        pairs = list(self.read(split))
        if limit and len(pairs) > limit:
            return [pairs[n * len(pairs) // limit] for n in range(limit)]
        return pairs


def split_of(source: str, held_out: float, standalone=("train",)) -> str:
    """The split of a pair by its source alone, so that equal sources (but for case and spaces) stay together."""
    at = share(" ".join(source.casefold().split()))
    if at < held_out:
        return "train" if "valid" in standalone else "valid"
    return "test" if at < 2 * held_out and "test" not in standalone else "train"


def _pairs(data, split, downloads, standalone, dropped):
    reader = READERS[data.format]
    if split in standalone:
        pairs = by_line(reader(data, split, downloads, dropped))
    else:
        pairs = by_line(reader(data, "train", downloads, dropped))
    if len(standalone) < len(SPLITS) and (split == "train" or split not in standalone):
        pairs = _only_split(pairs, split, data.held_out, standalone, dropped)
    if split == "train":
        pairs = _clean(pairs, data, dropped)
        return _first(pairs, data.pairs) if data.pairs else pairs
    if data.format == "catalogues":
        pairs = _unseen(pairs, data, split, downloads, dropped)
    once = data.format == "catalogues" or (split not in standalone and data.format != "text")
    return _nonempty(pairs, dropped, once)


def _only_split(pairs, split, held_out, standalone, dropped):
    """Pairs of a split of text that is held out from train; of training text the others are no loss."""
    for pair in pairs:
        if split_of(pair[0], held_out, standalone) == split:
            yield pair
        elif split != "train":
            dropped["in other splits"] += 1


def _clean(pairs, data, dropped):
    """Pairs fit for training: no faults, each once."""
    seen = Hashes()
    for source, target in pairs:
        source = source.strip()
        target = target.strip()
        reason = _fault(source, target, data)
        if reason is None and data.format != "text" and not seen.add(f"{source}\n{target}"):
            reason = "duplicate"
        if reason:
            dropped[reason] += 1
        else:
            yield source, target


def _first(pairs, number):
    """So many pairs, the first by their hash: some of all parts of a corpus, and fewer are a part of more."""
    keyed = ((hash64(f"{source}\n{target}"), source, target) for source, target in pairs)
    return ((source, target) for _, source, target in heapq.nsmallest(number, keyed))


def _fault(source, target, data):
    """Why a training pair is dropped, or None."""
    if not source or not target:
        return "empty side"
    if source == target and data.format != "text":
        return (
            "same on both sides"  # an untranslated pair teaches copying (Khayrallah and Koehn 2018)
        )
    short, long = sorted((len(source), len(target)))
    if long > data.max_chars:
        return "too long"
    if long + 10 > data.max_ratio * (short + 10):  # + 10: the ratio of short texts means less
        return "length ratio"
    if ODD.search(source) or ODD.search(target):
        return "control characters"
    return None


def _nonempty(pairs, dropped, once):
    """Pairs with two sides, in the order given; with `once` the first pair of each source."""
    seen = Hashes()
    for source, target in pairs:
        source = source.strip()
        target = target.strip()
        if not source or not target:
            dropped["empty side"] += 1
        elif once and not seen.add(source):
            dropped["duplicate"] += 1
        else:
            yield source, target


def _unseen(pairs, data, split, downloads, dropped):
    """Of catalogues: translated pairs long enough to tell models apart, with sources new to the model.

    Only constants decide, no option: the test set is the same for every recipe.
    """
    others = {"test": ("train",), "valid": ("train", "test")}[split]
    known = Hashes()
    for other in others:
        for source, _ in by_line(
            READERS[data.format](data, other, downloads, collections.Counter())
        ):
            known.add(source.strip())
    for source, target in pairs:
        line, code = (
            (target, data.target) if language(data.target) == "en" else (source, data.source)
        )
        if count_words(line, not unspaced(code)) < MIN_WORDS:
            dropped[f"fewer than {MIN_WORDS} words"] += 1
        elif source.strip() == target.strip():
            dropped["same on both sides"] += 1
        elif source.strip() in known:
            dropped["also in " + " or ".join(others)] += 1
        else:
            yield source, target


def by_line(pairs):
    """A text of several lines becomes a pair a line if both sides have as many; else breaks become spaces."""
    for source, target in pairs:
        if "\n" not in source and "\n" not in target:
            yield source, target
            continue
        left = _paragraphs(source)
        right = _paragraphs(target)
        if len(left) == len(right):
            yield from zip(left, right, strict=True)
        else:
            yield " ".join(left), " ".join(right)


def _paragraphs(text):
    return [line.strip() for line in text.split("\n") if line.strip()]


class Hashes:
    """A set of texts at 8 bytes each: 64-bit hashes, the newest in a set, the others in one sorted array."""

    def __init__(self, newest=1 << 17):
        self.old, self.new, self.newest = memoryview(np.empty(0, np.uint64)), set(), newest

    def __contains__(self, text):
        return self._has(hash64(text))

    def add(self, text) -> bool:
        """Adds `text`; False if it was there."""
        key = hash64(text)
        if self._has(key):
            return False
        self.new.add(key)
        if len(self.new) >= self.newest:
            merged = np.concatenate([self.old, np.fromiter(self.new, np.uint64, len(self.new))])
            self.new.clear()
            merged.sort()
            self.old = memoryview(merged)
        return True

    def _has(self, key):
        if key in self.new:
            return True
        at = bisect.bisect_left(self.old, key)
        return at < len(self.old) and self.old[at] == key
