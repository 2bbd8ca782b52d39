"""The loss and its gradients against TensorFlow's own cross-entropy and automatic gradients."""

import numpy as np
import pytest
import tensorflow as tf

from nmt.models import kernels, loss

ROWS, UNITS, VOCAB = 23, 5, 11


def case(seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    shapes = (ROWS, UNITS), (VOCAB, UNITS), VOCAB
    variables = [tf.Variable(rng.normal(size=shape).astype(np.float32) * scale) for shape in shapes]
    labels = rng.integers(0, VOCAB, ROWS).astype(
        np.int32
    )  # 23 labels of 11 words: most come more than once
    counts = rng.random(ROWS) > 0.3
    return variables, labels, counts


def plain(hidden, kernel, bias, labels, counts, smoothing):
    """The definition: all logits at once, smoothed one-hot labels."""
    logits = tf.matmul(hidden, kernel, transpose_b=True) + bias
    hot = tf.one_hot(labels, VOCAB)
    smooth = (1 - smoothing) * hot + smoothing / VOCAB
    losses = [tf.nn.softmax_cross_entropy_with_logits(target, logits) for target in (smooth, hot)]
    return [tf.reduce_sum(tf.boolean_mask(values, counts)) for values in losses]


def measured(function, variables, *rest, upstream=1.0):
    """Loss, likelihood, and the gradients of the loss."""
    with tf.GradientTape() as tape:
        value, likelihood = function(*variables, *rest)
        scaled = value * upstream
    return value, likelihood, tape.gradient(scaled, variables)


@pytest.mark.parametrize("rows_at_a_time", [1, 4, 23, 1000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("compiled", [False, True])
def test_value_and_gradients_are_those_of_the_definition(
    monkeypatch, smoothing, rows_at_a_time, compiled
):
    monkeypatch.setattr(loss, "LOGITS_FLOAT32", rows_at_a_time * VOCAB + VOCAB // 2)
    variables, labels, counts = case()
    assert 0 < counts.sum() < ROWS
    function = tf.function(loss.cross_entropy, autograph=False) if compiled else loss.cross_entropy
    value, likelihood, gradients = measured(
        function, variables, labels, counts, smoothing, upstream=0.25
    )
    expected = measured(plain, variables, labels, counts, smoothing, upstream=0.25)
    np.testing.assert_allclose(value, expected[0], rtol=1e-5)
    np.testing.assert_allclose(likelihood, expected[1], rtol=1e-5)
    for own, other in zip(gradients, expected[2], strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)
    dropped = np.flatnonzero(~counts)
    assert not np.any(gradients[0].numpy()[dropped]), "what does not count has a gradient"


def test_the_likelihood_has_no_gradient():
    """Perplexity is reported, never trained on: only the loss reaches the weights."""
    variables, labels, counts = case()
    with tf.GradientTape() as tape:
        _, likelihood = loss.cross_entropy(*variables, labels, counts, 0.1)
    gradients = tape.gradient(likelihood, variables)
    assert all(g is None or not np.any(g) for g in gradients)


@pytest.mark.parametrize("scale", [30.0, 300.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_extreme_logits_stay_finite(scale, smoothing):
    """Logits of hundreds and of a hundred thousand: probabilities underflow,
    the loss must not overflow.
    """
    variables, labels, counts = case(1, scale)
    value, likelihood, gradients = measured(
        loss.cross_entropy, variables, labels, counts, smoothing
    )
    assert np.isfinite(value) and np.isfinite(likelihood)
    expected = measured(plain, variables, labels, counts, smoothing)[2]
    for own, other in zip(gradients, expected, strict=True):
        assert np.isfinite(own).all()
        np.testing.assert_allclose(own, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


def test_a_loss_that_is_not_a_number_shows():
    """NaN in, NaN out: training stops at it, so it must not be hidden by a bound."""
    variables, labels, counts = case()
    variables[0].assign(np.full((ROWS, UNITS), np.nan, np.float32))
    value, likelihood = loss.cross_entropy(*variables, labels, counts, 0.1)
    assert np.isnan(value) and np.isnan(likelihood)


def test_bfloat16_stays_close():
    variables, labels, counts = case()
    _, _, exact = measured(loss.cross_entropy, variables, labels, counts, 0.1)
    with kernels.precision("bfloat16"):
        value, _, rounded = measured(loss.cross_entropy, variables, labels, counts, 0.1)
    np.testing.assert_allclose(value, plain(*variables, labels, counts, 0.1)[0], rtol=0.02)
    for own, other in zip(rounded, exact, strict=True):
        assert np.linalg.norm(own - other) < 0.02 * np.linalg.norm(other)
