"""Recurrent cells: simple RNN, GRU, LSTM; what one time step does to a state.

A cell is used in three moves, so that only what must be recurrent stays in the time loop:

    z = cell.inputs(x)                # x W + b for all positions at once    [..., gates * units]
    weights = cell.weights_of_step()  # what the loop multiplies with, cast once a step
    state = cell.step(z_t, state, weights)

`step` works on the last axis only: with `stack` the weights of two cells get a leading axis and one loop
serves both directions of an encoder. Gate order and weight layout are those of the Keras layers.
"""

import keras
import tensorflow as tf
from keras import ops

from nmt.models import kernels


class Cell(keras.layers.Layer):
    """What all cells share: kernel [input, gates*units], recurrent kernel [units, gates*units], bias."""

    gates = 1
    states = ("h",)

    def __init__(self, units, layer_norm=False, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.layer_norm = layer_norm

    def build(self, input_size):
        """input_size: units of one input."""
        size = self.gates * self.units
        self.kernel = self.add_weight((input_size, size), "glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, size), "orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(self.bias_shape(), self.initial_bias, name="bias")
        if self.layer_norm:
            self.scale_x = self.add_weight((size,), "ones", name="scale_x")
            self.scale_h = self.add_weight((size,), "ones", name="scale_h")
        self.built = True

    def bias_shape(self):
        return (self.gates * self.units,)

    def initial_bias(self, shape, dtype=None):
        return ops.zeros(shape, dtype)

    def inputs(self, x, kernel=None):
        """The part of the gates that does not depend on the state: x W + b, [..., gates*units].

        Inside a time loop pass `kernel`, the weight as `kernels.weight` gave it outside.
        """
        z = kernels.matmul(x, kernels.weight(self.kernel) if kernel is None else kernel)
        if self.layer_norm:
            return layer_normalise(z) * self.scale_x + self.bias
        return z + self.bias

    def weights_of_step(self):
        """The tensors that `step` needs, in the precision of the matrix products."""
        weights = {"recurrent": kernels.weight(self.recurrent_kernel)}
        if self.layer_norm:
            weights["scale_h"] = tf.convert_to_tensor(self.scale_h)
        return weights

    def recur(self, h, weights, mask):
        """h U, where `mask` (variational dropout, one a sequence) drops units of the state."""
        z = kernels.matmul(h if mask is None else h * mask, weights["recurrent"])
        return layer_normalise(z) * weights["scale_h"] if self.layer_norm else z

    def step(self, z, state, weights, mask=None):
        """z: [..., rows, gates*units] from `inputs`; state: dict of [..., rows, units] -> new state."""
        raise NotImplementedError


class RNNCell(Cell):
    """h = f(x W + h U + b), f = tanh (Elman 1990) or ReLU (Le et al. 2015)."""

    def __init__(self, units, layer_norm=False, activation="tanh", **kwargs):
        super().__init__(units, layer_norm, **kwargs)
        self.activation = {"tanh": ops.tanh, "relu": ops.relu}[activation]

    def step(self, z, state, weights, mask=None):
        return {"h": self.activation(z + self.recur(state["h"], weights, mask))}


class GRUCell(Cell):
    """Gated recurrent unit, gates z, r, h: h = z h + (1 - z) tanh(x W + r (h U) + b).

    The reset gate is applied after the product; `reset_after=False`: before it, (r h) U, as Cho et al. (2014).
    """

    gates = 3

    def __init__(self, units, layer_norm=False, reset_after=True, **kwargs):
        super().__init__(units, layer_norm, **kwargs)
        self.reset_after = reset_after

    def bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def inputs(self, x, kernel=None):
        z = kernels.matmul(x, kernels.weight(self.kernel) if kernel is None else kernel)
        if self.layer_norm:
            z = layer_normalise(z) * self.scale_x
        return z + (self.bias[0] if self.reset_after else self.bias)

    def weights_of_step(self):
        weights = super().weights_of_step()
        if self.reset_after:
            return {**weights, "bias": tf.convert_to_tensor(self.bias)[1]}
        parts = {}  # cut here, outside of the time loop
        for name, weight in weights.items():
            parts[name], parts[f"new_{name}"] = (
                weight[..., : 2 * self.units],
                weight[..., 2 * self.units :],
            )
        return parts

    def step(self, z, state, weights, mask=None):
        h = state["h"]
        gates_x, new_x = ops.split(z, [2 * self.units], axis=-1)
        gates_h = self.recur(h, weights, mask)
        if self.reset_after:
            gates_h, new_h = ops.split(gates_h + weights["bias"], [2 * self.units], axis=-1)
        update, reset = ops.split(ops.sigmoid(gates_x + gates_h), 2, axis=-1)
        if self.reset_after:
            new_h = reset * new_h
        else:
            of_new = {
                name.removeprefix("new_"): weights[name]
                for name in weights
                if name.startswith("new_")
            }
            new_h = self.recur(reset * h, of_new, mask)
        return {"h": update * h + (1 - update) * ops.tanh(new_x + new_h)}


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), gates i, f, c, o; forget bias 1."""

    gates = 4
    states = ("h", "c")

    def build(self, input_size):
        super().build(input_size)
        if self.layer_norm:
            self.scale_c = self.add_weight((self.units,), "ones", name="scale_c")
            self.shift_c = self.add_weight((self.units,), "zeros", name="shift_c")

    def initial_bias(self, shape, dtype=None):
        return ops.concatenate(
            [ops.zeros(self.units), ops.ones(self.units), ops.zeros(2 * self.units)]
        )

    def weights_of_step(self):
        weights = super().weights_of_step()
        if self.layer_norm:
            weights["scale_c"] = tf.convert_to_tensor(self.scale_c)
            weights["shift_c"] = tf.convert_to_tensor(self.shift_c)
        return weights

    def step(self, z, state, weights, mask=None):
        i, f, g, o = ops.split(z + self.recur(state["h"], weights, mask), 4, axis=-1)
        c = ops.sigmoid(f) * state["c"] + ops.sigmoid(i) * ops.tanh(g)
        shown = (
            layer_normalise(c) * weights["scale_c"] + weights["shift_c"] if self.layer_norm else c
        )
        return {"h": ops.sigmoid(o) * ops.tanh(shown), "c": c}


CELLS = {"rnn": RNNCell, "gru": GRUCell, "lstm": LSTMCell}


def cell(options, units, name):
    """The cell that a config.Model asks for."""
    own = {"rnn": {"activation": options.activation}, "gru": {"reset_after": options.reset_after}}
    return CELLS[options.cell](units, options.layer_norm, name=name, **own.get(options.cell, {}))


def stack(weights):
    """The step weights of several cells as one, with a leading axis; vectors become [cells, 1, units]."""

    def join(*tensors):
        joined = tf.stack(tensors)
        return joined[:, None] if joined.shape.rank == 2 else joined

    return {name: join(*(w[name] for w in weights)) for name in weights[0]}


def layer_normalise(x, epsilon=1e-5):
    """Layer normalisation over the last axis, without scale (Ba et al. 2016, equation 4)."""
    mean = ops.mean(x, -1, keepdims=True)
    centred = x - mean
    return centred * ops.rsqrt(ops.mean(ops.square(centred), -1, keepdims=True) + epsilon)
