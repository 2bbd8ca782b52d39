"""The time loop: a function applied position after position, and the gradients of its weights.

A product inside the loop, x_t W, gives W a gradient of its own size at every position, and all of
these are added: memory traffic that costs more than the arithmetic. Here W is a constant inside
the loop, and after it dW = sum_t x_t^T d_t is one product over all positions. The gradient d_t of
the product is that of the gates that enter the loop, if it is only added to them; else it is sent
out of the loop by itself. When it was new, this and nmt/training/optimizers.py trained
data/default.toml 15 % faster on one core of an Intel processor with AMX.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from nmt.machine import gpus
from nmt.models import kernels
from nmt.models.kernels import GateWeight, LoopWeight, Receiver, Tensor, Tensors

Weights = Any  # a nest of tensors

ANY_SHAPE = -1


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
    first = loop_weights.first_input(inputs[0])
    arrays = [first, *map(_array_of, inputs[1:])]
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
        time = tf.shape(gates)[0]
        self.hoisted = {
            n: _Hoisted(value, None if isinstance(marked[n], GateWeight) else time)
            for n, value in enumerate(self.values)
            if hoist and _is_matrix(value)
        }

    def packed(self, values: Sequence[Any]) -> Weights:
        """A list of all weights, as the nest that the step takes."""
        return tf.nest.pack_sequence_as(self.nest, values)

    def first_input(self, gates: Tensor) -> Any:
        """The slices of the loop's first input; its gradient gives gate weights theirs."""
        if not self.hoisted:
            return _array_of(gates)
        return _Slices(gates, [each for each in self.hoisted.values() if each.receivers is None])

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

    def __init__(self, weight: Tensor, time: Tensor | None):
        """weight: [n, m], or [groups, n, m].

        time: positions; None: of a gate weight, whose products have the gradient of the loop's
        first input.
        """
        self.weight = weight
        self.factors: Tensor | None = None  # [time, ..., n], known after the loop
        # Of a weight, not of what has sentences on an axis; once for all positions.
        constant = tf.stop_gradient(weight)
        is_variable = weight.shape.is_fully_defined()
        self.transposed = kernels.transpose_of(constant) if is_variable else None
        self.receivers = None if time is None else _Receivers([weight], [self.gradient], time)

    def at(self, t: Tensor) -> LoopWeight:
        receiver = None if self.receivers is None else self.receivers.at(t)
        return LoopWeight(self.weight, receiver, self.transposed)

    def gradient(self, d: Tensor) -> Tensor:
        """factors^T d, summed over positions and rows; d: [time, ..., m]."""
        sides: list = [self.factors, tf.cast(d, self.weight.dtype)]
        if self.weight.shape.rank == 3:
            # [groups, time, rows, units]
            sides = [tf.transpose(side, (1, 0, 2, 3)) for side in sides]
        axes = tf.shape(self.weight)[:-2]
        x, d = (
            tf.reshape(side, tf.concat([axes, [-1, size]], 0))
            for side, size in zip(sides, tf.unstack(tf.shape(self.weight)[-2:]), strict=True)
        )
        return tf.matmul(x, d, transpose_a=True)


class _Receivers:
    """One a position: what the gradient of something inside the loop is sent to.

    A TensorArray's gradient would begin as zeros for all positions, to which each one is added.
    """

    def __init__(
        self,
        owners: Sequence[Tensor],
        gradients: Sequence[Callable[[Tensor], Tensor]],
        time: Tensor,
    ):
        """gradients: for each owner, what makes its gradient from all that was sent, time first."""

        @tf.custom_gradient
        def reserve(*_):
            handle = tf.raw_ops.TensorListReserve(
                element_shape=ANY_SHAPE, num_elements=time, element_dtype=tf.float32
            )

            def gradient(sent):
                d = tf.raw_ops.TensorListStack(
                    input_handle=sent, element_shape=ANY_SHAPE, element_dtype=tf.float32
                )
                return [make(d) for make in gradients]

            return handle, gradient

        self.handle = reserve(*owners)

    def at(self, t: Tensor) -> Receiver:
        """Zeros of any shape, whose gradient is that of position t."""
        return lambda shape: tf.raw_ops.TensorListGetItem(
            input_handle=self.handle, index=t, element_shape=shape, element_dtype=tf.float32
        )


class _Slices:
    """The slices of the loop's first input by position; their gradients together are its own."""

    def __init__(self, x: Tensor, gate_weights: Sequence[_Hoisted]):
        """x: [time, ..., units]; gate_weights: those whose products have the same gradient."""
        owners = [x, *(each.weight for each in gate_weights)]
        gradients = [tf.identity, *(each.gradient for each in gate_weights)]
        self.receivers = _Receivers(owners, gradients, tf.shape(x)[0])
        # As integers, which have no gradient; on a GPU they would be copied to the host.
        self.values = tf.stop_gradient(x) if gpus() else tf.bitcast(x, tf.int32)
        self.dtype = x.dtype

    def read(self, t: Tensor) -> Tensor:
        x = tf.stop_gradient(self.values[t])
        x = x if x.dtype == self.dtype else tf.bitcast(x, self.dtype)
        return kernels.send(x, self.receivers.at(t))


def _array_of(x):
    """The slices of x along axis 0."""
    return tf.TensorArray(x.dtype, tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)


def _is_matrix(weight):
    return weight.shape.rank > 1 and weight.shape[-2] != 1
