"""What stands in for slower operators of TensorFlow gives what they give."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.models import kernels


def test_a_weight_is_cast_once_a_step():
    variable = keras.Variable([1.0, 1.0])
    for value in (2.0, 3.0):
        variable.assign([value, value])
        with kernels.precision("bfloat16"):
            cast = kernels.weight(variable)
            assert kernels.weight(variable) is cast and cast.dtype == tf.bfloat16
        np.testing.assert_array_equal(tf.cast(cast, tf.float32), variable)
    np.testing.assert_array_equal(kernels.weight(variable), variable)


@pytest.mark.parametrize("size", [3, 63, 64, 65, 128, 200, 1000])
def test_top_k_is_that_of_tensorflow(size):
    """Values, and places in their order, with many equal numbers among them;
    more asked than a part has, too.
    """
    rng = np.random.default_rng(size)
    found = tf.function(kernels.top_k)
    for x in (rng.normal(size=(6, size)), rng.integers(-3, 3, (6, size)), np.zeros((2, size))):
        x = tf.constant(x, tf.float32)
        for k in {1, 2, min(5, size), min(70, size), size}:
            for mine, theirs in zip(found(x, tf.constant(k)), tf.math.top_k(x, k), strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_log_sum_exp_is_that_of_tensorflow():
    """Of very unequal numbers as well; its gradient is the softmax."""
    x = tf.constant(
        np.random.default_rng(0).normal(size=(3, 4, 50)) * [[[1], [10], [100], [1e4]]], tf.float32
    )
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = kernels.log_sum_exp(x)
    np.testing.assert_allclose(
        found, tf.reduce_logsumexp(x, -1, keepdims=True), rtol=1e-6, atol=1e-5
    )
    np.testing.assert_allclose(tape.gradient(found, x), tf.nn.softmax(x), atol=1e-6)
