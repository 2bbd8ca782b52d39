"""Cross-entropy over the vocabulary from hidden vectors, with label smoothing: projection and loss in one.

Logits of a batch are a [tokens, vocab] matrix, the largest thing in training. Here they live for some rows at
a time, and the gradients are formed from the same softmax in the forward pass, so nothing of that size is kept.
With weights w, label y, smoothing e and V words, the gradient on the logits is w (p - (1-e) onehot(y) - e/V).
Only p is a matrix product; the one-hot part is a gather (a segment sum), the constant part has rank one.
oneDNN's softmax is several times faster on a CPU than TensorFlow's cross-entropy ops.
"""

import tensorflow as tf

from nmt.models import kernels

LOGITS = 2**24  # numbers in the largest matrix that exists at once


def cross_entropy(hidden, kernel, bias, labels, weights, smoothing=0.0):
    """Summed loss and summed negative log-likelihood of `labels`, in nats; only the loss has a gradient.

    hidden: [tokens, units]; kernel: [vocab, units]; bias: [vocab]; labels: [tokens]; weights: [tokens],
    0 for padding. The loss is that of smoothed labels (Szegedy et al. 2016): probability 1 - smoothing on the
    label plus smoothing / vocab on every word.
    """
    kernel, bias, cast_kernel = (
        tf.convert_to_tensor(kernel),
        tf.convert_to_tensor(bias),
        kernels.weight(kernel),
    )
    vocab, units = kernel.shape
    share = LOGITS // vocab  # rows at a time

    @tf.custom_gradient
    def summed(hidden, kernel, bias):
        mean_kernel = tf.reduce_mean(kernel, 0)
        mean_bias = tf.reduce_mean(bias)
        weighted = hidden * weights[:, None]

        def some_rows(start, loss, likelihood, expected, d_kernel, d_bias):
            part = slice(start, start + share)
            logits = kernels.matmul(hidden[part], cast_kernel, transpose_b=True) + bias
            p = tf.nn.softmax(logits)
            places = tf.stack([tf.range(tf.shape(logits)[0]), labels[part]], 1)
            label_log = tf.math.log(tf.maximum(tf.gather_nd(p, places), 1e-37))
            log_sum = tf.gather_nd(logits, places) - label_log
            mean_log = tf.linalg.matvec(hidden[part], mean_kernel) + mean_bias - log_sum
            loss -= tf.reduce_sum(
                weights[part] * ((1 - smoothing) * label_log + smoothing * mean_log)
            )
            likelihood -= tf.reduce_sum(weights[part] * label_log)
            p = tf.cast(p, cast_kernel.dtype)
            expected = expected.write(
                start // share, tf.cast(tf.matmul(p, cast_kernel), tf.float32)
            )
            d_kernel += product(p, weighted[part])
            d_bias += product(p, weights[part][:, None])[:, 0]
            return start + share, loss, likelihood, expected, d_kernel, d_bias

        rows = tf.shape(hidden)[0]
        pieces = tf.TensorArray(
            tf.float32, (rows + share - 1) // share, infer_shape=False, element_shape=(None, units)
        )
        start = (tf.constant(0), 0.0, 0.0, pieces, tf.zeros_like(kernel), tf.zeros_like(bias))
        _, loss, likelihood, expected, d_kernel, d_bias = tf.while_loop(
            lambda start, *_: start < rows, some_rows, start, parallel_iterations=1
        )
        on_label = (1 - smoothing) * tf.gather(kernel, labels) + smoothing * mean_kernel
        d_hidden = (expected.concat() - on_label) * weights[:, None]
        spread = smoothing / vocab
        d_kernel -= (1 - smoothing) * tf.math.unsorted_segment_sum(weighted, labels, vocab)
        d_kernel -= spread * tf.reduce_sum(weighted, 0)
        d_bias -= (1 - smoothing) * tf.math.unsorted_segment_sum(weights, labels, vocab)
        d_bias -= spread * tf.reduce_sum(weights)

        def grad(upstream, _):
            return upstream * d_hidden, upstream * d_kernel, upstream * d_bias

        return (loss, likelihood), grad

    def product(p, x):
        """p^T x, in the precision of the matrix products, as float32."""
        return tf.cast(tf.matmul(p, tf.cast(x, p.dtype), transpose_a=True), tf.float32)

    return summed(hidden, kernel, bias)
