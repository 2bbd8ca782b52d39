"""The time loop: a function applied position after position, and the gradients of its weights.

A product inside the loop, x_t W, gives W a gradient of its own size at every position, and all of
these are added: memory traffic that costs more than the arithmetic. Here W is a constant inside
the loop. Zeros are added to the product, whose gradient d_t is that of the product, and after the
loop dW = sum_t x_t^T d_t is one product over all positions. On one core of an Intel processor
with AMX this and nmt/training/optimizers.py train data/default.toml 15 % faster.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from nmt.models.kernels import LoopWeight, Tensor, Tensors

Weights = Any  # a nest of tensors


def unroll(
    step: Callable[[Any, Tensors, Weights], Tensors],
    inputs: Sequence[Tensor],
    state: Tensors,
    keep: Sequence[str],
    weights: Weights,
    training: bool = False,
) -> tuple[Tensors, Tensors]:
    """Runs state = step(inputs of time t, state, weights) over axis 0 of the inputs.

    Returns history, last state. inputs: [time, ..., units] each; the axes between are those of the
    rows. state: leaves by name; each keeps its shape. history: the leaves named in `keep` after
    every step, [time, ...] each. A single step runs without a loop. weights: those of the products
    in a step, a nest; each is passed to `kernels.matmul` once a step. They may have vectors among
    them, whose last axis but one is 1.
    """
    if inputs[0].shape[0] == 1:
        state = step(tuple(x[0] for x in inputs), state, weights)
        return {name: state[name][None] for name in keep}, state

    # Inputs are read and history is written by time.
    time = tf.shape(inputs[0])[0]
    arrays = [_array_of(x) for x in inputs]
    history = {
        name: tf.TensorArray(tf.float32, time, element_shape=state[name].shape) for name in keep
    }
    # In training weights are constants of the loop; what they are multiplied with is written, too.
    flat_weights = tf.nest.flatten(weights)
    hoisted = [_Hoisted(w, inputs[0]) for w in flat_weights if training and _is_matrix(w)]
    factors = [tf.TensorArray(each.weight.dtype, time, infer_shape=False) for each in hoisted]

    def body(t, state, history, factors):
        loop_weights = [each.at(t) for each in hoisted]
        remaining = iter(loop_weights)
        flat = [next(remaining) if training and _is_matrix(w) else w for w in flat_weights]
        values = tuple(array.read(t) for array in arrays)
        state = step(values, state, tf.nest.pack_sequence_as(weights, flat))
        history = {name: history[name].write(t, state[name]) for name in keep}
        factors = [
            array.write(t, tf.stop_gradient(weight.factor))
            for array, weight in zip(factors, loop_weights, strict=True)
        ]
        return t + 1, state, history, factors

    _, state, history, factors = tf.while_loop(
        lambda t, *_: t < time,
        body,
        (tf.constant(0), state, history, factors),
        maximum_iterations=time,
    )
    for each, array in zip(hoisted, factors, strict=True):
        each.factors = array.stack()
    return {name: array.stack() for name, array in history.items()}, state


class _Hoisted:
    """A weight whose gradient is formed after the loop, from what it was multiplied with."""

    def __init__(self, weight: Tensor, like: Tensor):
        """weight: [n, m], or [groups, n, m]; like: [time, ..., units] with the rows of the loop."""
        self.weight = weight
        self.factors: Tensor | None = None  # [time, ..., n], known after the loop
        # Zeros of the products' shape.
        shape = tf.shape(like)[:-1]
        static = [*like.shape[:-1], weight.shape[-1]]
        if weight.shape.rank == 3:
            # The rows in the groups that have a matrix each.
            groups = tf.shape(weight)[0]
            shape = tf.stack([shape[0], groups, tf.reduce_prod(shape[1:]) // tf.maximum(groups, 1)])
            static = [None, weight.shape[0], None, weight.shape[-1]]
        zeros = tf.zeros(tf.concat([shape, [weight.shape[-1]]], 0))
        zeros.set_shape(static)
        self.zeros = _array_of(self._with_gradient(zeros, weight))

    def at(self, t: Tensor) -> LoopWeight:
        return LoopWeight(self.weight, self.zeros.read(t))

    @property
    def _with_gradient(self):
        """(zeros, weight) -> zeros; its gradient gives the weight its own."""

        @tf.custom_gradient
        def identity(zeros, weight):
            def gradient(d):
                return None, self._gradient(tf.cast(d, weight.dtype))

            return tf.identity(zeros), gradient

        return identity

    def _gradient(self, d):
        """factors^T d, summed over positions and rows."""
        sides: list = [self.factors, d]
        if self.weight.shape.rank == 3:
            # [groups, time, rows, units]
            sides = [tf.transpose(side, (1, 0, 2, 3)) for side in sides]
        axes = tf.shape(self.weight)[:-2]
        x, d = (
            tf.reshape(side, tf.concat([axes, [-1, size]], 0))
            for side, size in zip(sides, tf.unstack(tf.shape(self.weight)[-2:]), strict=True)
        )
        return tf.matmul(x, d, transpose_a=True)


def _array_of(x):
    """The slices of x along axis 0."""
    return tf.TensorArray(x.dtype, tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)


def _is_matrix(weight):
    return weight.shape.rank > 1 and weight.shape[-2] != 1
