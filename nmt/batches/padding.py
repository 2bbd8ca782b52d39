"""Sentences of different lengths in one matrix, and how many fit into a batch."""

import numpy as np

from nmt.text.vocabulary import PAD


def cut(lengths, other, budget):
    """Ends of batches over sorted `lengths`: rows * longest <= budget, at least one row.

    other: lengths of the other side in the same order; rows * longest of it <= 2 * budget.
    """
    ends = []
    start = 0
    total = len(lengths)
    while start < total:
        rows = max(1, min(budget // int(lengths[start]), total - start))
        while rows > 1:
            fits = budget // int(lengths[start + rows - 1])
            fits = min(fits, 2 * budget // int(other[start : start + rows].max()))
            if fits >= rows:
                break
            rows = max(1, min(fits, rows - 1))
        start += rows
        ends.append(start)
    return np.asarray(ends)


def pad(sentences, before, after):
    """One int32 matrix of sentences between `before` and `after`, padded right."""
    extra = len(before) + len(after)
    out = np.full(
        (len(sentences), max((len(s) for s in sentences), default=0) + extra), PAD, np.int32
    )
    for row, ids in zip(out, sentences, strict=True):
        row[: len(ids) + extra] = [*before, *ids, *after]
    return out
