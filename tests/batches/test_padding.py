"""Padding is on the right; cutting keeps the budget."""

import itertools

import numpy as np

from nmt.batches.padding import cut, pad, parts
from nmt.text.vocabulary import BOS, EOS, PAD


def test_cut_against_the_definition():
    rng = np.random.default_rng(5)
    for _ in range(200):
        lengths = np.sort(rng.integers(1, 30, rng.integers(1, 60)))
        other = rng.integers(1, 60, len(lengths))
        budget = int(rng.integers(1, 100))
        ends = cut(lengths, other, budget)
        assert ends[-1] == len(lengths) and (np.diff([0, *ends]) > 0).all()
        for start, end in itertools.pairwise([0, *ends]):
            size = end - start
            assert size == 1 or size * lengths[start:end].max() <= budget
            assert size == 1 or size * other[start:end].max() <= 2 * budget


def test_pad_of_nothing():
    assert pad([], [BOS], [EOS]).shape == (0, 2)
    assert pad([[], [5]], [BOS], [EOS]).tolist() == [[BOS, EOS, PAD], [BOS, 5, EOS]]


def test_every_row_of_a_batch_is_in_one_part():
    """Parts of a sorted batch have about as many tokens; one may be without rows."""
    rng = np.random.default_rng(6)
    sizes = (1, 2, 3, 40, 101)
    lengths = [np.sort(rng.integers(1, 30, size)) for size in sizes]
    batches = [
        (
            pad([[7] * n for n in each], [], []),
            pad([[row] * n for row, n in enumerate(each, 1)], [], []),
        )
        for each in lengths
    ]
    count = 3
    both = [*parts(batches, [0, 1], count)], [*parts(batches, [2], count)]
    assert [len(each) for each in both] == [2 * len(batches), len(batches)]
    for number, batch in enumerate(batches):
        split = [*both[0][2 * number : 2 * number + 2], both[1][number]]
        for side in (0, 1):
            whole = np.concatenate([part[side] for part in split])
            assert sorted(map(tuple, whole)) == sorted(map(tuple, batch[side]))
        tokens = [np.count_nonzero(part[0]) for part in split]
        if sizes[number] > 30:
            assert max(tokens) < 1.1 * min(tokens)
