"""Weights in seven bits."""

import numpy as np

from nmt.engine.builder import quantise


def test_weights_of_seven_bits():
    """No weight is off by over half a level of its column; no pair of products can overflow."""
    matrix = np.random.default_rng(0).normal(size=(9, 7)) * 10.0 ** np.arange(7)
    matrix[:, 3] = 0
    weights, scale = quantise(matrix)
    assert weights.dtype == np.int8 and 2 * 255 * np.abs(weights.astype(int)).max() < 2**15
    assert np.all(np.abs(weights * scale - matrix) <= scale / 2 * 1.001)
