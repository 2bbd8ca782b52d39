"""Hashes of texts, the same on every machine: they decide splits and find duplicates."""

import hashlib
from array import array

# Tables of a set, by the first byte of a hash.
TABLES = 256
TABLE_SHIFT = 56
# The share of its slots from which a table grows.
FILLED = 0.75


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
    """A set of texts by their hashes, 11 to 22 bytes a text; an addition takes constant time.

    Tables with open addressing and linear probing (Knuth 1998, section 6.4): the first byte of a
    hash chooses the table, its last ones the place. So only a small part of the set is ever copied.
    slots: of each table when it is empty; a power of two.
    """

    def __init__(self, slots: int = 64):
        # A free slot holds 0.
        self.tables = [_free(slots) for _ in range(TABLES)]
        self.sizes = [0] * TABLES

    def __contains__(self, text: str) -> bool:
        key = hash64(text) or 1
        table = self.tables[key >> TABLE_SHIFT]
        return table[_place(table, key)] == key

    def add(self, text: str) -> bool:
        """Adds `text`; False if it was there."""
        return self.add_hash(hash64(text))

    def add_hash(self, key: int) -> bool:
        """Adds a text by its `hash64`; False if it was there."""
        key = key or 1
        number = key >> TABLE_SHIFT
        table = self.tables[number]
        place = _place(table, key)
        if table[place] == key:
            return False
        table[place] = key
        self.sizes[number] += 1
        if self.sizes[number] > FILLED * len(table):
            self.tables[number] = _twice_as_large(table)
        return True


def _free(slots):
    return array("Q", bytes(8 * slots))


def _place(table, key):
    """Where a table holds a key, or would."""
    mask = len(table) - 1
    place = key & mask
    while table[place] not in (0, key):
        place = (place + 1) & mask
    return place


def _twice_as_large(table):
    """A table with the same keys and twice as many slots."""
    larger = _free(2 * len(table))
    for key in filter(None, table):
        larger[_place(larger, key)] = key
    return larger
