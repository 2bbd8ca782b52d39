"""What only TensorFlow has, behind plain functions: products in bfloat16, top-k.

bfloat16 means here: the operands of a matrix product are cast, all else (state, sums over gates,
normalisation, loss) stays float32, but for the logits of the loss and their softmax. `weight` casts
a weight, or what else all positions are multiplied with, once a step, outside of the time loop.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import keras
import tensorflow as tf

from nmt.machine import has_avx512

Tensor: TypeAlias = tf.Tensor
Tensors = dict[str, Tensor]
Receiver = Callable[[Any], Tensor]  # shape -> zeros, whose gradient goes where it is wanted
Step = tuple[Tensor, Tensor | None, Tensors]  # hidden or log_probs, attention, state

BLOCK = 64  # neighbouring numbers of which `top_k` takes the largest first


class _Precision(NamedTuple):
    name: str
    cast: dict[int, Tensor]  # weights that are cast already, by `id`


# None: float32, outside of any block.
_precision: contextvars.ContextVar[_Precision | None] = contextvars.ContextVar(
    "precision", default=None
)


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """Within the block, `weight` returns weights as `name` ("float32" or "bfloat16").

    The block is one step: no weight changes in it.
    """
    token = _precision.set(_Precision(name, {}))
    try:
        yield
    finally:
        _precision.reset(token)


def weight(variable: Any) -> Tensor:
    """The value of a weight in the precision of the matrix products.

    Within a block of `precision` a variable is cast once: all parts of a batch take the same
    numbers, and what they add to its gradient is summed before it is cast back.
    """
    precision = _precision.get()
    if precision is None:
        return tf.convert_to_tensor(variable)
    name, cast = precision
    if not isinstance(variable, keras.Variable):
        return tf.cast(variable, name)
    if id(variable) not in cast:
        cast[id(variable)] = tf.cast(tf.convert_to_tensor(variable), name)
    return cast[id(variable)]


class GateWeight:
    """Marks a weight of a time loop whose product is added to the loop's first input, no more."""

    def __init__(self, value: Tensor):
        self.value = value


class LoopWeight:
    """A weight inside a time loop, where it is a constant; see nmt/models/time_loop.py.

    value: [n, m], or with a leading axis that `x` has too. receiver: what the gradient of the
    product is sent to. None: something else has that gradient. transpose: [..., m, n], the same
    numbers for `product_with_transpose`; None: not worth it.
    """

    def __init__(self, value: Tensor, receiver: Receiver | None, transpose: Tensor | None = None):
        self.value = value
        self.receiver = receiver
        self.transpose = transpose
        self.shape = value.shape
        self.dtype = value.dtype
        self.factor: Tensor | None = None  # what it was multiplied with

    def product(self, x: Tensor) -> Tensor:
        """x @ value; once a position."""
        if self.factor is not None:
            raise ValueError("a weight of a time loop takes part in one product a position")
        self.factor = tf.cast(x, self.dtype)
        value = tf.stop_gradient(self.value)
        if self.transpose is None:
            product = matmul(self.factor, value)
        else:
            product = product_with_transpose(self.factor, value, self.transpose)
        return product if self.receiver is None else send(product, self.receiver)


def send(x: Tensor, receiver: Receiver) -> Tensor:
    """x; its gradient goes to x and to the receiver."""

    @tf.custom_gradient
    def both(x, zeros):
        return tf.identity(x), lambda d: (d, d)

    return both(x, receiver(tf.shape(x)))


def transpose_of(w: Tensor) -> Tensor | None:
    """w [..., n, m] with its last axes swapped, for `product_with_transpose`; None: no gain.

    In bfloat16 oneDNN takes w either way, as fast (measured with AVX512-BF16).
    """
    return None if w.dtype == tf.bfloat16 else tf.linalg.matrix_transpose(w)


@tf.custom_gradient
def product_with_transpose(x: Tensor, w: Tensor, transpose: Tensor) -> Any:
    """x [..., rows, n] @ w [..., n, m] of few rows in float32; w and its transpose are constants.

    oneDNN can be told to transpose a matrix that it multiplies with. With AVX2 it is twice as fast
    then: 128 rows times [512, 2048] run at 66 to 71 GFLOP/s from the transpose, at 36 to 39 from w.
    With AVX512 it is slower: 32 rows times [512, 1536] run at 66 from the transpose, at 107 from w.
    The product of the gradient is like that. Both on an AMD EPYC.
    """
    plain = has_avx512()

    def times(x, w, transpose):
        return tf.matmul(x, w) if plain else tf.matmul(x, transpose, transpose_b=True)

    return times(x, w, transpose), lambda d: (times(d, transpose, w), None, None)


def matmul(x: Tensor, w: Tensor | LoopWeight, transpose_b: bool = False) -> Tensor:
    """x[..., n] @ w[n, m] in the precision of `w`, as float32 [..., m].

    A `w` of rank 3 has a leading axis that `x` has too. transpose_b: w is [m, n].
    """
    if isinstance(w, LoopWeight):
        return w.product(x)
    rows = x
    if w.shape.rank == 2 and x.shape.rank > 2:
        # TensorFlow would broadcast w and sum its gradient over the batch.
        rows = tf.reshape(x, [-1, x.shape[-1]])
    product = tf.cast(tf.matmul(tf.cast(rows, w.dtype), w, transpose_b=transpose_b), tf.float32)
    if rows is not x:
        product = tf.reshape(product, tf.concat([tf.shape(x)[:-1], tf.shape(product)[-1:]], 0))
        product.set_shape([*x.shape[:-1], w.shape[0 if transpose_b else 1]])
    return product


def add_bias(x: Tensor, bias: Any) -> Tensor:
    """x [..., n] + bias [n]; the gradient of the bias takes a third of the time it takes with +."""
    return tf.nn.bias_add(x, tf.convert_to_tensor(bias))


def top_k(x: Tensor, k: Any) -> tuple[Tensor, Tensor]:
    """The k largest of each row of x [rows, n], largest first, and their indices.

    `tf.math.top_k` in a quarter of the time: the k largest lie within the k blocks with the largest
    maxima, so only those are searched. `k` may be a tensor.
    """
    # The row as blocks, and what is left over at the end.
    rows = tf.shape(x)[0]
    size = x.shape[1]
    blocks = size // BLOCK
    body = tf.reshape(x[:, : blocks * BLOCK], [rows, blocks, BLOCK])
    rest = x[:, blocks * BLOCK :]

    # Blocks in their order, so that of equal numbers the first ones win.
    maxima = tf.reduce_max(body, 2)
    best_blocks = tf.math.top_k(maxima, tf.minimum(k, blocks), sorted=False).indices
    best_blocks = tf.sort(best_blocks)

    # Candidates: those blocks and the rest.
    chosen = tf.reshape(tf.gather(body, best_blocks, batch_dims=1), [rows, -1])
    values = tf.concat([chosen, rest], 1)
    indices = tf.reshape(best_blocks[:, :, None] * BLOCK + tf.range(BLOCK), [rows, -1])
    rest_indices = tf.broadcast_to(tf.range(blocks * BLOCK, size), tf.shape(rest))
    indices = tf.concat([indices, rest_indices], 1)

    # The best of the candidates.
    best, at = tf.math.top_k(values, k)
    return best, tf.gather(indices, at, batch_dims=1)


def log_sum_exp(x: Tensor) -> Tensor:
    """log(sum(exp(x))) of each row of x [..., n], as [..., 1].

    By oneDNN's softmax, in a third of the time that TensorFlow's function takes.
    """
    largest = tf.reduce_max(x, -1, keepdims=True)
    return largest - tf.math.log(tf.reduce_max(tf.nn.softmax(x), -1, keepdims=True))


def running_count(x: Tensor) -> Tensor:
    """Sums of x [rows, n] up to each position; x: int32, as its sums below 2**24.

    By float32: TensorFlow has no cumulative sum of int32 on a GPU, and would copy to the host.
    """
    return tf.cast(tf.cumsum(tf.cast(x, tf.float32), 1), x.dtype)


def dropout(x: Tensor, rate: float, seed: Any, mask_shape: Any = None) -> Tensor:
    """Inverted dropout.

    mask_shape: 1 on axes that share a mask: [batch, 1, units] is a mask a sequence.
    """
    return keras.random.dropout(x, rate, noise_shape=mask_shape, seed=seed) if rate else x
