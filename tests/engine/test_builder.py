"""Weights in seven bits; products that do not depend on their other rows."""

import numpy as np
import onnxruntime
import pytest

from nmt.engine import layout
from nmt.engine.builder import OnnxBuilder, quantise


def test_weights_of_seven_bits():
    """No weight is off by over half a level of its column; no pair of products can overflow."""
    matrix = np.random.default_rng(0).normal(size=(9, 7)) * 10.0 ** np.arange(7)
    matrix[:, 3] = 0
    weights, scale = quantise(matrix)
    assert weights.dtype == np.int8 and 2 * 255 * np.abs(weights.astype(int)).max() < 2**15
    assert np.all(np.abs(weights * scale - matrix) <= scale / 2 * 1.001)


@pytest.mark.parametrize("size", [37, 600])
def test_a_dot_product_does_not_depend_on_how_many_there_are(size):
    """To the last bit."""
    rng = np.random.default_rng(1)
    vector, rows = (rng.normal(size=shape).astype(np.float32) for shape in (size, (80, size)))
    graph = OnnxBuilder("float32")
    dots = graph.dots(vector, graph.input("rows", np.float32, "n", size))
    graph.output("dots", dots, np.float32, 1, "n")
    session = onnxruntime.InferenceSession(graph.serialised())
    (every,) = session.run(None, {"rows": rows})
    np.testing.assert_allclose(every, [rows @ vector], atol=1e-4)
    for n in range(0, len(rows), layout.POSITIONS):
        (dots,) = session.run(None, {"rows": rows[:n]})
        assert np.array_equal(dots, every[:, :n]), n
