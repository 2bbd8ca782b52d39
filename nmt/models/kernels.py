"""What only TensorFlow has, behind plain functions: mixed-precision matrix products and the time loop.

bfloat16 here means: operands of a matrix product are cast, everything else (state, sums over gates,
normalisation, loss) stays float32. Weights are cast once a step, outside the time loop, by `weight`.
"""

import contextlib
import contextvars

import keras
import tensorflow as tf

PART = 64  # numbers that `top_k` looks at together

_precision = contextvars.ContextVar("precision", default="float32")


@contextlib.contextmanager
def precision(name):
    """Within the block, `weight` hands out weights as `name` ("float32" or "bfloat16")."""
    token = _precision.set(name)
    try:
        yield
    finally:
        _precision.reset(token)


def weight(variable):
    """The value of a weight in the precision of the matrix products."""
    return tf.cast(tf.convert_to_tensor(variable), _precision.get())


def matmul(x, w, transpose_b=False):
    """`x[..., n] @ w[n, m]` in the precision of `w`, as float32; a `w` of rank 3 has a leading axis as `x`.

    Positions are folded into rows: TensorFlow would broadcast `w` and sum its gradient over the batch.
    """
    rows = x
    if w.shape.rank == 2 and x.shape.rank > 2:
        rows = tf.reshape(x, [-1, x.shape[-1]])
    product = tf.cast(tf.matmul(tf.cast(rows, w.dtype), w, transpose_b=transpose_b), tf.float32)
    if rows is not x:
        product = tf.reshape(product, tf.concat([tf.shape(x)[:-1], tf.shape(product)[-1:]], 0))
        product.set_shape([*x.shape[:-1], w.shape[0 if transpose_b else 1]])
    return product


def top_k(x, k):
    """The k largest of each row of x [rows, n], largest first, and their places; `k` may be a tensor.

    `tf.math.top_k` in a quarter of the time: the k largest lie in the k parts of a row whose largest are largest.
    """
    rows = tf.shape(x)[0]
    size = x.shape[1]
    parts = size // PART
    body = tf.reshape(x[:, : parts * PART], [rows, parts, PART])
    rest = x[:, parts * PART :]
    chosen = tf.sort(
        tf.math.top_k(tf.reduce_max(body, 2), tf.minimum(k, parts), sorted=False).indices
    )
    values = tf.concat([tf.reshape(tf.gather(body, chosen, batch_dims=1), [rows, -1]), rest], 1)
    places = tf.reshape(chosen[:, :, None] * PART + tf.range(PART), [rows, -1])
    places = tf.concat([places, tf.broadcast_to(tf.range(parts * PART, size), tf.shape(rest))], 1)
    best, at = tf.math.top_k(values, k)
    return best, tf.gather(places, at, batch_dims=1)


def log_sum_exp(x):
    """log(sum(exp(x))) of each row of x [..., n], as [..., 1]; by oneDNN's softmax, in a third of the time."""
    return tf.reduce_max(x, -1, keepdims=True) - tf.math.log(
        tf.reduce_max(tf.nn.softmax(x), -1, keepdims=True)
    )


def unroll(step, inputs, state, keep):
    """Runs `state = step(inputs_t, state)` over axis 0 of each tensor of the tuple `inputs`.

    state: dict name -> tensor. Returns (history of the entries named in `keep`, time on axis 0; last state).
    A single step runs without a loop.
    """
    if inputs[0].shape[0] == 1:
        state = step(tuple(x[0] for x in inputs), state)
        return {name: state[name][None] for name in keep}, state
    time = tf.shape(inputs[0])[0]
    arrays = [tf.TensorArray(x.dtype, time, element_shape=x.shape[1:]).unstack(x) for x in inputs]
    history = {
        name: tf.TensorArray(tf.float32, time, element_shape=state[name].shape) for name in keep
    }

    def body(t, state, history):
        state = step(tuple(array.read(t) for array in arrays), state)
        return t + 1, state, {name: history[name].write(t, state[name]) for name in keep}

    _, state, history = tf.while_loop(
        lambda t, *_: t < time, body, (tf.constant(0), state, history), maximum_iterations=time
    )
    return {name: array.stack() for name, array in history.items()}, state


def dropout(x, rate, seed, mask_shape=None):
    """Inverted dropout; `mask_shape` with ones where the mask is shared ([batch, 1, units]: one a sequence)."""
    return keras.random.dropout(x, rate, noise_shape=mask_shape, seed=seed) if rate else x
