"""Parallel text: splits that never move, and cleaning that counts what it drops.

`fetch(data, downloads)` brings the corpus of a recipe's `[data]` onto the disk; `read(data, split, downloads)`
then yields (source, target) pairs. Everything streams: memory does not grow with the corpus, but for 8 bytes
a pair that find duplicates. The formats are read in nmt/corpora/formats.py.
"""

import bisect
import collections
import heapq
import re

import numpy as np

from nmt.corpora.fetch import fetch, ready, stamp
from nmt.corpora.formats import READERS, hash64, share, splits
from nmt.errors import UserError
from nmt.text.placeholders import count_words, language, unspaced

__all__ = ["SPLITS", "Hashes", "fetch", "read", "ready", "side", "stamp"]

SPLITS = ("train", "valid", "test")
MIN_WORDS = (
    3  # of sources in the catalogues' validation and test: shorter ones repeat in all components
)
# Control characters but the tab, and what broken decoding leaves behind.
ODD = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


def read(data, split, downloads, dropped=None):
    """Yields the cleaned (source, target) pairs of "train", "valid" or "test".

    Training pairs pass every rule. Of validation and test text given as such only pairs with an empty side
    are left out; text held out from train has each source once. Text without translations (data.format=text)
    comes as pairs of equal sides and keeps its repeated lines: how often a line is said is what a language model
    learns. `dropped`, a Counter, collects the reasons on the way. Raises UserError when no pair is left.
    """
    if split not in SPLITS:
        raise ValueError(f"{split!r} is not one of {SPLITS}")
    dropped = collections.Counter() if dropped is None else dropped
    before = dropped.copy()
    kept = 0
    given = splits(data, downloads)
    for pair in _pairs(data, split, downloads, given, dropped):
        kept += 1
        yield pair
    if not kept:
        gone = dropped - before
        reasons = (
            ", ".join(f"{reason} {count}" for reason, count in gone.most_common())
            or "none was found"
        )
        where = getattr(data, split) or data.train or data.name or data.format
        held = "" if split in given else f" (data.held_out={data.held_out})"
        what = "line" if data.format == "text" else "pair"
        raise UserError(f"{where}: no {split} {what} left of {gone.total()}{held}: {reasons}")


def side(source, held_out, given=("train",)) -> str:
    """The split of a pair by its source alone, so that equal sources (but for case and spaces) stay together."""
    at = share(" ".join(source.casefold().split()))
    if at < held_out:
        return "train" if "valid" in given else "valid"
    return "test" if at < 2 * held_out and "test" not in given else "train"


def _pairs(data, split, downloads, given, dropped):
    reader = READERS[data.format]
    if split in given:
        pairs = by_line(reader(data, split, downloads, dropped))
    else:
        pairs = by_line(reader(data, "train", downloads, dropped))
    if len(given) < len(SPLITS) and (split == "train" or split not in given):
        pairs = _of_side(pairs, split, data.held_out, given, dropped)
    if split == "train":
        pairs = _clean(pairs, data, dropped)
        return _first(pairs, data.pairs) if data.pairs else pairs
    if data.format == "catalogues":
        pairs = _unseen(pairs, data, split, downloads, dropped)
    once = data.format == "catalogues" or (split not in given and data.format != "text")
    return _nonempty(pairs, dropped, once)


def _of_side(pairs, split, held_out, given, dropped):
    """Pairs of a split of text that is held out from train; of training text the others are no loss."""
    for pair in pairs:
        if side(pair[0], held_out, given) == split:
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
