"""Padding is on the right; cutting keeps the budget."""

import itertools

import numpy as np

from nmt.batches.padding import cut, pad
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
