"""Cross-entropy over the vocabulary, with label smoothing: projection and loss in one.

The logits of a batch, [positions, vocab], are the largest matrix of training. Here a slice of
positions exists at a time, and the gradients are formed from the same softmax in the forward pass,
so nothing of that size is kept. With label y, smoothing e and V tokens, the gradient on the logits
of a position is p - (1 - e) onehot(y) - e / V. Only p is a matrix product; the one-hot part is a
gather (a segment sum), the constant part has rank one. Padding takes no part. oneDNN's softmax is
several times faster on a CPU than TensorFlow's cross-entropy ops. With bfloat16 the logits stay in
it, since the product has rounded them already.
"""

from typing import Any

import tensorflow as tf

from nmt.machine import gpus
from nmt.models import kernels
from nmt.models.kernels import Tensor

# Numbers in the largest matrix that exists at once. In float32 a processor takes 0.8 % more time
# for fewer, and 100 MB less memory; in bfloat16 2 % more, and less is won.
LOGITS = 2**24
LOGITS_FLOAT32 = 2**21


def cross_entropy(
    hidden: Tensor,
    kernel: Any,
    bias: Any,
    labels: Tensor,
    counts: Tensor,
    smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Summed loss and summed negative log-likelihood of `labels`, in nats.

    hidden: [positions, units]; kernel: [vocab, units]; bias: [vocab]; labels: [positions]; counts:
    [positions], whether a position counts. The loss is that of smoothed labels (Szegedy et al.
    2016): probability 1 - smoothing on the label plus smoothing / vocab on every token. Only the
    loss has a gradient.
    """
    cast_kernel = kernels.weight(kernel)
    positions = tf.shape(hidden)[0]
    counted = tf.where(counts)[:, 0]
    labels = tf.gather(labels, counted)

    @tf.custom_gradient
    def summed(hidden, kernel, bias):
        hidden = tf.gather(hidden, counted)
        vocab = kernel.shape[0]
        # Smoothing spreads probability evenly, so it sees the mean row of the kernel only.
        mean_kernel = tf.reduce_mean(kernel, 0)
        mean_bias = tf.reduce_mean(bias)

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
            return [tf.reduce_sum(log) for log in (smoothed_log, label_log)]

        # What the labels and the smoothing give to the gradients; the rest is that of p.
        spread = smoothing / vocab
        ones = tf.ones(tf.shape(labels))
        d_kernel = tf.math.unsorted_segment_sum((smoothing - 1) * hidden, labels, vocab)
        d_kernel -= spread * tf.reduce_sum(hidden, 0)
        d_bias = tf.math.unsorted_segment_sum((smoothing - 1) * ones, labels, vocab)
        d_bias -= spread * tf.reduce_sum(ones)
        loss, likelihood, expected, d_kernel, d_bias = _sum_slices(
            hidden, bias, cast_kernel, (d_kernel, d_bias), slice_losses
        )

        # The mean row of the kernel under p, less that under the smoothed labels.
        d_hidden = expected - (1 - smoothing) * tf.gather(kernel, labels) - smoothing * mean_kernel

        def gradient(upstream, _):
            d_of_all = tf.math.unsorted_segment_sum(upstream * d_hidden, counted, positions)
            return d_of_all, upstream * d_kernel, upstream * d_bias

        return (loss, likelihood), gradient

    return summed(hidden, tf.convert_to_tensor(kernel), tf.convert_to_tensor(bias))


def _sum_slices(hidden, bias, cast_kernel, gradients, slice_losses):
    """All that needs logits: loss, likelihood, expected, and the gradients of kernel and bias.

    gradients: what those of p are added to. expected: [positions, units], the mean row of the
    kernel under p. slice_losses: (slice, logits, p) -> summed log-probabilities, smoothed and of
    the label.
    """
    vocab, units = cast_kernel.shape
    is_small = cast_kernel.dtype == tf.float32 and not gpus()
    slice_size = max(1, (LOGITS_FLOAT32 if is_small else LOGITS) // vocab)  # positions
    # One slice at least, which is empty where a part of a batch has no sentence.
    positions = tf.maximum(tf.shape(hidden)[0], 1)

    def product(p, x):
        # p^T x, in the precision of the matrix products, as float32.
        return tf.cast(tf.matmul(p, x, transpose_a=True), tf.float32)

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
        d_kernel += product(p, rows)
        d_bias += product(p, tf.ones_like(rows[:, :1]))[:, 0]
        return start + slice_size, loss, likelihood, expected, d_kernel, d_bias

    # One slice after the other, so that one matrix of logits exists at a time.
    slices = (positions + slice_size - 1) // slice_size
    expected = tf.TensorArray(tf.float32, slices, infer_shape=False, element_shape=(None, units))
    start = (tf.constant(0), 0.0, 0.0, expected, *gradients)
    _, loss, likelihood, expected, d_kernel, d_bias = tf.while_loop(
        lambda start, *_: start < positions, add_slice, start, parallel_iterations=1
    )
    return loss, likelihood, expected.concat(), d_kernel, d_bias
