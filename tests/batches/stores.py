"""Stores of invented pairs, and tokenizers that need no training."""

import random
import zlib

from nmt.batches.store import write_ids, write_text


class Words:
    """A fake tokenizer: the id of a word is its hash."""

    def encode(self, lines):
        return [[self.id(word) for word in line.split()] for line in lines]

    def id(self, word):
        return zlib.crc32(word.encode()) % 64000


class Letters:
    """A fake tokenizer that takes everything."""

    def encode(self, lines):
        return [[4 + ord(c) % 100 for c in line] for line in lines]


def pairs_of(count, longest=30, seed=1):
    """Pairs of many lengths, no two alike."""
    rng = random.Random(seed)
    for n in range(count):
        source, target = (min(longest, 1 + int(rng.expovariate(1 / 6))) for _ in range(2))
        yield " ".join([f"s{n}"] * source), " ".join([f"t{n}"] * target)


def stored(folder, pairs, max_pieces=120, tokenizers=None):
    write_text(pairs, folder)
    return write_ids(folder, tokenizers or (Words(), Words()), max_pieces)
