"""Sentences of different lengths in one matrix, and how many of them fit into a batch."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from nmt.text.vocabulary import PAD

# Ids of the tokens of a sentence, or of pairs.
Ids = Sequence[int] | np.ndarray
# A batch: source and target, or inputs and labels.
Arrays = tuple[np.ndarray, np.ndarray]


def pad(sentences: Sequence[Ids], before: list[int], after: list[int]) -> np.ndarray:
    """Sentences between `before` and `after`, padded right: int32 [sentences, longest]."""
    extra = len(before) + len(after)
    longest = max(map(len, sentences), default=0) + extra
    matrix = np.full((len(sentences), longest), PAD, np.int32)
    for row, ids in zip(matrix, sentences, strict=True):
        row[: len(ids) + extra] = [*before, *ids, *after]
    return matrix


def parts(batches: Iterable[Arrays], numbers: Sequence[int], count: int) -> Iterator[Arrays]:
    """Yields the parts of each batch that have these numbers; it is split into `count` parts.

    Part n has the rows n, n + count, n + 2 count …: in a batch that is sorted by length all parts
    have about as many tokens. One may be without rows.
    """
    for source, target in batches:
        for number in numbers:
            yield source[number::count], target[number::count]


def cut(lengths: np.ndarray, other_lengths: np.ndarray, budget: int) -> np.ndarray:
    """Where batches end: sentences * longest <= budget, but at least one sentence each.

    lengths: sorted, [sentences]; other_lengths: of the other side in the same order, for which
    sentences * longest <= 2 * budget.
    """
    ends = []
    start = 0
    total = len(lengths)
    while start < total:
        # As many as the first length allows, then fewer until the longest lengths allow them.
        size = max(1, min(budget // int(lengths[start]), total - start))
        while size > 1:
            longest = int(lengths[start + size - 1])
            other_longest = int(other_lengths[start : start + size].max())
            fitting = min(budget // longest, 2 * budget // other_longest)
            if fitting >= size:
                break
            size = max(1, min(fitting, size - 1))
        start += size
        ends.append(start)
    return np.asarray(ends)
