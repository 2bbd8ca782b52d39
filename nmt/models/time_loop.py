"""The time loop: a function applied position after position, and the gradients of its weights.

A product inside the loop, x_t W, gives W a gradient of its own size at every position, and all of
these are added: memory traffic that costs more than the arithmetic. Here W is a constant inside
the loop, and after it dW = sum_t x_t^T d_t is one product over all positions. The gradient d_t of
the product is that of what it is added to: the gates that enter the loop, or zeros. On one core of
an Intel processor with AMX this and nmt/training/optimizers.py train data/default.toml 15 % faster.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from nmt.models.kernels import GateWeight, LoopWeight, Tensor, Tensors

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
    them, whose last axis but one is 1. Those whose products are only added to the first input are
    marked as `GateWeight`.
    """
    is_loop = inputs[0].shape[0] != 1
    loop_weights = _LoopWeights(weights, inputs[0], training and is_loop)
    if not is_loop:
        state = step(tuple(x[0] for x in inputs), state, loop_weights.packed(loop_weights.values))
        return {name: state[name][None] for name in keep}, state

    # Inputs are read by time; history is written, and in training what weights are multiplied with.
    time = tf.shape(inputs[0])[0]
    arrays = [_array_of(x) for x in (loop_weights.attached_to(inputs[0]), *inputs[1:])]
    history = {
        name: tf.TensorArray(tf.float32, time, element_shape=state[name].shape) for name in keep
    }
    factors = loop_weights.arrays_of_factors(time)

    def body(t, state, history, factors):
        at_t = loop_weights.at(t)
        values = tuple(array.read(t) for array in arrays)
        state = step(values, state, loop_weights.packed(at_t))
        history = {name: history[name].write(t, state[name]) for name in keep}
        factors = {
            n: array.write(t, tf.stop_gradient(at_t[n].factor)) for n, array in factors.items()
        }
        return t + 1, state, history, factors

    _, state, history, factors = tf.while_loop(
        lambda t, *_: t < time,
        body,
        (tf.constant(0), state, history, factors),
        maximum_iterations=time,
    )
    loop_weights.take_factors(factors)
    return {name: array.stack() for name, array in history.items()}, state


class _LoopWeights:
    """The weights of a time loop; those that are hoisted are constants inside of it."""

    def __init__(self, weights: Weights, gates: Tensor, hoist: bool):
        """gates: the loop's first input, [time, ..., units]. hoist: all matrices, or none."""
        self.nest = weights
        marked = tf.nest.flatten(weights)
        self.values = [w.value if isinstance(w, GateWeight) else w for w in marked]
        self.hoisted = {
            n: _Hoisted(value, gates, isinstance(marked[n], GateWeight))
            for n, value in enumerate(self.values)
            if hoist and _is_matrix(value)
        }

    def packed(self, values: Sequence[Any]) -> Weights:
        """A list of all weights, as the nest that the step takes."""
        return tf.nest.pack_sequence_as(self.nest, values)

    def attached_to(self, gates: Tensor) -> Tensor:
        """The loop's first input, whose gradient gives gate weights theirs."""
        for each in self.hoisted.values():
            gates = each.attached_to(gates)
        return gates

    def at(self, t: Tensor) -> list[Any]:
        """All weights at position t; those that are hoisted as `LoopWeight`."""
        return [
            self.hoisted[n].at(t) if n in self.hoisted else value
            for n, value in enumerate(self.values)
        ]

    def arrays_of_factors(self, time: Tensor) -> dict[int, tf.TensorArray]:
        """For what each hoisted weight is multiplied with, by its number."""
        return {
            n: tf.TensorArray(each.weight.dtype, time, infer_shape=False)
            for n, each in self.hoisted.items()
        }

    def take_factors(self, factors: dict[int, tf.TensorArray]) -> None:
        """After the loop: what the gradients are formed from."""
        for n, array in factors.items():
            self.hoisted[n].factors = array.stack()


class _Hoisted:
    """A weight whose gradient is formed after the loop, from what it was multiplied with."""

    def __init__(self, weight: Tensor, like: Tensor, is_gate_weight: bool):
        """weight: [n, m], or [groups, n, m]; like: [time, ..., units] with the rows of the loop."""
        self.weight = weight
        self.factors: Tensor | None = None  # [time, ..., n], known after the loop
        # Of a weight, not of what has sentences on an axis; once for all positions. Its gradient is
        # zeros, which need not be transposed and added.
        is_variable = weight.shape.is_fully_defined()
        self.transposed = (
            tf.stop_gradient(tf.linalg.matrix_transpose(weight)) if is_variable else None
        )
        self.zeros = None if is_gate_weight else self._zeros(like)

    def _zeros(self, like):
        """Zeros of the products' shape, as slices by time."""
        weight = self.weight
        shape = tf.shape(like)[:-1]
        static = [*like.shape[:-1], weight.shape[-1]]
        if weight.shape.rank == 3:
            # The rows in the groups that have a matrix each.
            groups = tf.shape(weight)[0]
            shape = tf.stack([shape[0], groups, tf.reduce_prod(shape[1:]) // tf.maximum(groups, 1)])
            static = [None, weight.shape[0], None, weight.shape[-1]]
        zeros = tf.zeros(tf.concat([shape, [weight.shape[-1]]], 0))
        zeros.set_shape(static)
        return _array_of(self._with_gradient(zeros))

    def attached_to(self, gates: Tensor) -> Tensor:
        """The loop's first input, whose gradient gives a gate weight its own."""
        return self._with_gradient(gates) if self.zeros is None else gates

    def at(self, t: Tensor) -> LoopWeight:
        zeros = None if self.zeros is None else self.zeros.read(t)
        return LoopWeight(self.weight, zeros, self.transposed)

    def _with_gradient(self, x):
        """x, whose gradient is that of the products; it gives the weight its own."""

        @tf.custom_gradient
        def identity(x, weight):
            def gradient(d):
                return d, self._gradient(tf.cast(d, weight.dtype))

            return tf.identity(x), gradient

        return identity(x, self.weight)

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
