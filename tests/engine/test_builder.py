"""Weights in seven bits; products that do not depend on their other rows."""

import numpy as np
import onnxruntime

from nmt.engine import layout
from nmt.engine.builder import OnnxBuilder, quantise


def test_weights_of_seven_bits():
    """No weight is off by over half a level of its column; no pair of products can overflow."""
    matrix = np.random.default_rng(0).normal(size=(9, 7)) * 10.0 ** np.arange(7)
    matrix[:, 3] = 0
    weights, scale = quantise(matrix)
    assert weights.dtype == np.int8 and 2 * 255 * np.abs(weights.astype(int)).max() < 2**15
    assert np.all(np.abs(weights * scale - matrix) <= scale / 2 * 1.001)


def test_a_dot_product_does_not_depend_on_how_many_there_are():
    """To the last bit, with one x or several."""
    graph = OnnxBuilder("float32")
    x, rows = graph.input("x", np.float32, "n", 37), graph.input("rows", np.float32, "m", 37)
    graph.output("dots", graph.dots(x, rows), np.float32, "n", "m")
    session = onnxruntime.InferenceSession(graph.serialised())
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(50, 37)).astype(np.float32)
    for count in (1, 3):
        x = rng.normal(size=(count, 37)).astype(np.float32)
        (every,) = session.run(None, {"x": x, "rows": rows})
        np.testing.assert_allclose(every, x @ rows.T, atol=1e-4)
        for m in range(layout.ROWS, len(rows)):
            (dots,) = session.run(None, {"x": x, "rows": rows[:m]})
            assert np.array_equal(dots, every[:, :m]), m
