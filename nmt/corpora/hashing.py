"""Hashes of texts, the same on every machine: they decide splits and find duplicates."""

import bisect
import hashlib

import numpy as np


def hash64(text: str) -> int:
    """64 bits that depend on the text alone."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def hash_fraction(text: str) -> float:
    """A number from 0 to 1 that depends on the text alone."""
    return hash64(text) / 2**64


def split_key(text: str) -> str:
    """What decides where a text belongs: texts that differ in case or spaces stay together."""
    return " ".join(text.casefold().split())


class TextSet:
    """A set of texts at 8 bytes each: hashes, the newest in a set, the others in a sorted array.

    newest: how many hashes the set holds before they are merged into the array.
    """

    def __init__(self, newest: int = 1 << 17):
        # A memoryview, which is faster to search.
        self.merged = np.empty(0, np.uint64).data
        self.new: set[int] = set()
        self.newest = newest

    def __contains__(self, text: str) -> bool:
        return self._has(hash64(text))

    def add(self, text: str) -> bool:
        """Adds `text`; False if it was there."""
        key = hash64(text)
        if self._has(key):
            return False
        self.new.add(key)
        # Sorting is dear: it waits until many hashes are new.
        if len(self.new) >= self.newest:
            hashes = np.concatenate([self.merged, np.fromiter(self.new, np.uint64, len(self.new))])
            hashes.sort()
            self.merged = hashes.data
            self.new.clear()
        return True

    def _has(self, key):
        if key in self.new:
            return True
        place = bisect.bisect_left(self.merged, key)
        return place < len(self.merged) and self.merged[place] == key
