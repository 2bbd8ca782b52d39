"""Cross-entropy over the vocabulary, with label smoothing: projection and loss in one.

The logits of a batch, [positions, vocab], are the largest matrix of training. Here a slice of
positions exists at a time, and the gradients are formed from the same softmax in the forward pass,
so nothing of that size is kept. With weight w of a position, label y, smoothing e and V tokens, the
gradient on its logits is w (p - (1 - e) onehot(y) - e / V). Only p is a matrix product; the one-hot
part is a gather (a segment sum), the constant part has rank one. oneDNN's softmax is several times
faster on a CPU than TensorFlow's cross-entropy ops. With bfloat16 the logits stay in it, since the
product has rounded them already.
"""

from typing import Any

import tensorflow as tf

from nmt.models import kernels
from nmt.models.kernels import Tensor

LOGITS = 2**24  # numbers in the largest matrix that exists at once


def cross_entropy(
    hidden: Tensor,
    kernel: Any,
    bias: Any,
    labels: Tensor,
    weights: Tensor,
    smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Summed loss and summed negative log-likelihood of `labels`, in nats.

    hidden: [positions, units]; kernel: [vocab, units]; bias: [vocab]; labels: [positions]; weights:
    [positions], 0 for padding. The loss is that of smoothed labels (Szegedy et al. 2016):
    probability 1 - smoothing on the label plus smoothing / vocab on every token. Only the loss has
    a gradient.
    """
    kernel = tf.convert_to_tensor(kernel)
    cast_kernel = kernels.weight(kernel)
    vocab = kernel.shape[0]

    @tf.custom_gradient
    def summed(hidden, kernel, bias):
        # Smoothing spreads probability evenly, so it sees the mean row of the kernel only.
        mean_kernel = tf.reduce_mean(kernel, 0)
        mean_bias = tf.reduce_mean(bias)
        weighted = hidden * weights[:, None]

        # What the labels of a slice of positions make of its logits and their softmax.
        def slice_losses(part, logits, p):
            at_label = tf.stack([tf.range(tf.shape(logits)[0]), labels[part]], 1)
            label_logit, label_p = (
                tf.cast(tf.gather_nd(x, at_label), tf.float32) for x in (logits, p)
            )
            label_log = tf.math.log(tf.maximum(label_p, 1e-37))
            log_sum = label_logit - label_log
            # The mean log-probability of all tokens, for the smoothing.
            mean_log = tf.linalg.matvec(hidden[part], mean_kernel) + mean_bias - log_sum
            smoothed_log = (1 - smoothing) * label_log + smoothing * mean_log
            logs = smoothed_log, label_log
            return [tf.reduce_sum(weights[part] * log) for log in logs]

        loss, likelihood, expected, d_kernel, d_bias = _sum_slices(
            hidden, kernel, bias, cast_kernel, weights, weighted, slice_losses
        )

        # The parts of the gradients that depend on the labels and the smoothing.
        # The mean row of the kernel under the targets, then what this takes from each gradient.
        on_label = (1 - smoothing) * tf.gather(kernel, labels) + smoothing * mean_kernel
        d_hidden = (expected - on_label) * weights[:, None]
        spread = smoothing / vocab
        d_kernel -= (1 - smoothing) * tf.math.unsorted_segment_sum(weighted, labels, vocab)
        d_kernel -= spread * tf.reduce_sum(weighted, 0)
        d_bias -= (1 - smoothing) * tf.math.unsorted_segment_sum(weights, labels, vocab)
        d_bias -= spread * tf.reduce_sum(weights)

        def gradient(upstream, _):
            return upstream * d_hidden, upstream * d_kernel, upstream * d_bias

        return (loss, likelihood), gradient

    return summed(hidden, kernel, tf.convert_to_tensor(bias))


def _sum_slices(hidden, kernel, bias, cast_kernel, weights, weighted, slice_losses):
    """All that needs logits: loss, likelihood, expected, and the parts of gradients from p.

    expected: [positions, units], the mean row of the kernel under p. slice_losses: (slice, logits,
    p) -> summed log-probabilities, smoothed and of the label.
    """
    vocab, units = kernel.shape
    slice_size = LOGITS // vocab  # positions
    # One slice at least, which is empty where a part of a batch has no sentence.
    positions = tf.maximum(tf.shape(hidden)[0], 1)

    def product(p, x):
        # p^T x, in the precision of the matrix products, as float32.
        return tf.cast(tf.matmul(p, tf.cast(x, p.dtype), transpose_a=True), tf.float32)

    def add_slice(start, loss, likelihood, expected, d_kernel, d_bias):
        part = slice(start, start + slice_size)
        rows = tf.cast(hidden[part], cast_kernel.dtype)
        logits = tf.matmul(rows, cast_kernel, transpose_b=True)
        logits = kernels.add_bias(logits, tf.cast(bias, logits.dtype))
        p = tf.nn.softmax(logits)
        smoothed_log, label_log = slice_losses(part, logits, p)
        loss -= smoothed_log
        likelihood -= label_log

        # Products with p: of each position, and summed over positions for the gradients.
        mean_rows = tf.cast(tf.matmul(p, cast_kernel), tf.float32)
        expected = expected.write(start // slice_size, mean_rows)
        d_kernel += product(p, weighted[part])
        d_bias += product(p, weights[part][:, None])[:, 0]
        return start + slice_size, loss, likelihood, expected, d_kernel, d_bias

    # One slice after the other, so that one matrix of logits exists at a time.
    slices = (positions + slice_size - 1) // slice_size
    expected = tf.TensorArray(tf.float32, slices, infer_shape=False, element_shape=(None, units))
    start = (tf.constant(0), 0.0, 0.0, expected, tf.zeros_like(kernel), tf.zeros_like(bias))
    _, loss, likelihood, expected, d_kernel, d_bias = tf.while_loop(
        lambda start, *_: start < positions, add_slice, start, parallel_iterations=1
    )
    return loss, likelihood, expected.concat(), d_kernel, d_bias
