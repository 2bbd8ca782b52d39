"""Recurrent cells: simple RNN, GRU, LSTM; what one time step does to a state.

A cell is used in three moves, so that only what must be recurrent stays in the time loop:

    z = cell.inputs(x)                # x W + b for all positions at once    [..., gates * units]
    weights = cell.weights_of_step()  # what the loop multiplies with, cast once a step
    state = cell.step(z_t, state, weights)

`step` works on the last axis only: with `stack` the weights of two cells get a leading axis and one
loop serves both directions of an encoder. Gate order and weight layout are those of the Keras
layers.

A new cell is one class here, with its name in `CELLS` and among the choices of model.cell
(nmt/recipe/sections.py). With an ONNX form, `onnx` and `onnx_step`, its models can be exported.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nmt.models import kernels
from nmt.models.kernels import Tensors
from nmt.recipe import ModelOptions


class OnnxForm(NamedTuple):
    """How nmt/engine writes a cell, besides its `onnx_step`."""

    gates: tuple[int, ...]  # their order in `onnx_step`: for each place, which gate stands there
    states: tuple[str, ...] = ()  # the states that `onnx_step` takes


class Cell(keras.layers.Layer):
    """What cells share: kernel [input, gates * units], recurrent kernel, bias [gates * units]."""

    gates = 1
    states: tuple[str, ...] = ("h",)
    only_sum = False  # whether `step` uses h in z + h U only, layer_norm aside
    onnx: OnnxForm | None = None  # None: models with this cell cannot be exported

    def __init__(self, options: ModelOptions, units: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.options = options
        self.units = units
        self.layer_norm = options.layer_norm

    def build(self, input_size: int) -> None:
        """input_size: units of one input."""
        # The order in which weights are created is that of saved weights.
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

    def bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Initializer of the bias."""
        return ops.zeros(shape, dtype)

    def inputs(self, x: tf.Tensor, kernel: tf.Tensor | None = None) -> tf.Tensor:
        """The part of the gates that does not depend on the state: x W + b, [..., gates*units].

        Inside a time loop pass `kernel`, the weight as `kernels.weight` gave it outside.
        """
        z = kernels.matmul(x, kernels.weight(self.kernel) if kernel is None else kernel)
        if self.layer_norm:
            z = layer_normalise(z) * self.scale_x
        return kernels.add_bias(z, self._input_bias())

    def _input_bias(self):
        return self.bias

    def weights_of_step(self) -> Tensors:
        """The tensors that `step` needs, in the precision of the matrix products."""
        weights = {"recurrent": kernels.weight(self.recurrent_kernel)}
        if self.layer_norm:
            weights["scale_h"] = tf.convert_to_tensor(self.scale_h)
        return weights

    def weights_of_loop(self, weights: Tensors) -> dict[str, Any]:
        """`weights_of_step` of this or of several cells, for a loop whose first input is z."""
        if not self.sums_products():
            return weights
        return {**weights, "recurrent": kernels.GateWeight(weights["recurrent"])}

    def sums_products(self) -> bool:
        """Whether `step` uses z and h U in their sum only, and the old h nowhere else."""
        return self.only_sum and not self.layer_norm

    def recur(self, h: tf.Tensor, weights: Tensors, mask: Any) -> tf.Tensor:
        """h U, where `mask` (variational dropout, one a sequence) drops units of the state."""
        z = kernels.matmul(h if mask is None else h * mask, weights["recurrent"])
        return layer_normalise(z) * weights["scale_h"] if self.layer_norm else z

    def step(self, z: tf.Tensor, state: Tensors, weights: Tensors, mask: Any = None) -> Tensors:
        """One time step: the new state.

        z: [..., rows, gates*units] from `inputs`; state: [..., rows, units] by name; weights: of
        `weights_of_step`; mask: [..., rows, units] or None, see `recur`.
        """
        raise NotImplementedError

    # The ONNX form.

    @classmethod
    def reason_against_onnx(cls, options: ModelOptions) -> str | None:
        """Why a cell with these options has no ONNX form, or None."""
        if cls.onnx is None:
            return f"a cell without an ONNX form (model.cell={options.cell})"
        if options.layer_norm:
            return "no ONNX form of layer normalisation (model.layer_norm)"
        return None

    def onnx_step(self, g: Any, x: str, recurrent: str, state: dict[str, str]) -> dict[str, str]:
        """`step` as nodes of an ONNX graph: the new h, and the new states of `onnx.states`.

        g: an `OnnxBuilder`; values are named by strings. x: x W + b; recurrent: h U + its bias,
        both [..., gates * units] with the gates in the order `onnx.gates`.
        """
        raise NotImplementedError

    def biases(self) -> tuple[np.ndarray, np.ndarray]:
        """The biases of x W and h U."""
        # One bias serves the sum of both.
        bias = np.asarray(self.bias)
        return bias, np.zeros_like(bias)


class RNNCell(Cell):
    """h = f(x W + h U + b), f = tanh (Elman 1990) or ReLU (Le et al. 2015)."""

    only_sum = True
    onnx = OnnxForm(gates=(0,))

    def step(self, z: tf.Tensor, state: Tensors, weights: Tensors, mask: Any = None) -> Tensors:
        activation = getattr(ops, self.options.activation)
        return {"h": activation(z + self.recur(state["h"], weights, mask))}

    @classmethod
    def reason_against_onnx(cls, options: ModelOptions) -> str | None:
        reason = super().reason_against_onnx(options)
        # `onnx_step` writes tanh, whatever else may be added.
        if not reason and options.activation != "tanh":
            return f"no ONNX form of the activation (model.activation={options.activation})"
        return reason

    def onnx_step(self, g: Any, x: str, recurrent: str, state: dict[str, str]) -> dict[str, str]:
        return {"h": g("Tanh", g("Add", x, recurrent))}


class GRUCell(Cell):
    """Gated recurrent unit, gates z, r, h: h = z h + (1 - z) tanh(x W + r (h U) + b).

    The reset gate is applied after the product; `reset_after=False`: before it, (r h) U, as Cho et
    al. (2014).
    """

    gates = 3
    onnx = OnnxForm(gates=(0, 1, 2), states=("h",))

    def bias_shape(self) -> tuple[int, ...]:
        # With reset_after the recurrent part of the gates has a bias of its own.
        shape = super().bias_shape()
        return (2, *shape) if self.options.reset_after else shape

    def _input_bias(self):
        return self.bias[0] if self.options.reset_after else self.bias

    def weights_of_step(self) -> Tensors:
        weights = super().weights_of_step()
        if self.options.reset_after:
            return {**weights, "bias": tf.convert_to_tensor(self.bias)[1]}
        # The candidate has a product of its own: cut here, outside of the time loop.
        cut = {}
        for name, weight in weights.items():
            cut[name] = weight[..., : 2 * self.units]
            cut[f"new_{name}"] = weight[..., 2 * self.units :]
        return cut

    def step(self, z: tf.Tensor, state: Tensors, weights: Tensors, mask: Any = None) -> Tensors:
        h = state["h"]
        gates_x, new_x = ops.split(z, [2 * self.units], axis=-1)
        # 1. The gates; with reset_after the same product has the candidate's recurrent part.
        gates_h = self.recur(h, weights, mask)
        if self.options.reset_after:
            gates_h, new_h = ops.split(gates_h + weights["bias"], [2 * self.units], axis=-1)
        update, reset = ops.split(ops.sigmoid(gates_x + gates_h), 2, axis=-1)
        # 2. The candidate.
        if self.options.reset_after:
            new_h = reset * new_h
        else:
            own_weights = {
                name.removeprefix("new_"): weight
                for name, weight in weights.items()
                if name.startswith("new_")
            }
            new_h = self.recur(reset * h, own_weights, mask)
        # 3. The new state lies between the two.
        return {"h": update * h + (1 - update) * ops.tanh(new_x + new_h)}

    @classmethod
    def reason_against_onnx(cls, options: ModelOptions) -> str | None:
        reason = super().reason_against_onnx(options)
        if not reason and not options.reset_after:
            return "a product inside the gates (model.reset_after=false)"
        return reason

    def onnx_step(self, g: Any, x: str, recurrent: str, state: dict[str, str]) -> dict[str, str]:
        units = self.units
        gates_x, new_x = g.split(x, 2 * units, units)
        gates_h, new_h = g.split(recurrent, 2 * units, units)
        update, reset = g.split(g("Sigmoid", g("Add", gates_x, gates_h)), units, units)
        new = g("Tanh", g("Add", new_x, g("Mul", reset, new_h)))
        # z h + (1 - z) new, with one product.
        return {"h": g("Add", new, g("Mul", update, g("Sub", state["h"], new)))}

    def biases(self) -> tuple[np.ndarray, np.ndarray]:
        bias = np.asarray(self.bias)
        return bias[0], bias[1]


class LSTMCell(Cell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), gates i, f, c, o; forget bias 1."""

    gates = 4
    states = ("h", "c")
    only_sum = True
    # `onnx_step` has the order i, f, o, c: one sigmoid serves the first three.
    onnx = OnnxForm(gates=(0, 1, 3, 2), states=("c",))

    def build(self, input_size: int) -> None:
        super().build(input_size)
        # The new c is normalised on its way to h, with a shift as it has no bias.
        if self.layer_norm:
            self.scale_c = self.add_weight((self.units,), "ones", name="scale_c")
            self.shift_c = self.add_weight((self.units,), "zeros", name="shift_c")

    def initial_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        # A forget gate that is open at first keeps what the cell has stored.
        parts = ops.zeros(self.units), ops.ones(self.units), ops.zeros(2 * self.units)
        return ops.concatenate(parts)

    def weights_of_step(self) -> Tensors:
        weights = super().weights_of_step()
        if self.layer_norm:
            weights["scale_c"] = tf.convert_to_tensor(self.scale_c)
            weights["shift_c"] = tf.convert_to_tensor(self.shift_c)
        return weights

    def step(self, z: tf.Tensor, state: Tensors, weights: Tensors, mask: Any = None) -> Tensors:
        i, f, g, o = ops.split(z + self.recur(state["h"], weights, mask), 4, axis=-1)
        c = ops.sigmoid(f) * state["c"] + ops.sigmoid(i) * ops.tanh(g)
        # What the output sees may be normalised; the state itself is not.
        scaled = c
        if self.layer_norm:
            scaled = layer_normalise(c) * weights["scale_c"] + weights["shift_c"]
        return {"h": ops.sigmoid(o) * ops.tanh(scaled), "c": c}

    def onnx_step(self, g: Any, x: str, recurrent: str, state: dict[str, str]) -> dict[str, str]:
        # One sigmoid for the three gates, which are adjacent in this order.
        gates, candidate = g.split(g("Add", x, recurrent), 3 * self.units, self.units)
        i, f, o = g.split(g("Sigmoid", gates), self.units, self.units, self.units)
        c = g("Add", g("Mul", f, state["c"]), g("Mul", i, g("Tanh", candidate)))
        return {"h": g("Mul", o, g("Tanh", c)), "c": c}


CELLS: dict[str, type[Cell]] = {"rnn": RNNCell, "gru": GRUCell, "lstm": LSTMCell}


def cell(options: ModelOptions, units: int, name: str) -> Cell:
    """The cell that model.cell names."""
    return CELLS[options.cell](options, units, name=name)


def stack(weights: Sequence[Tensors]) -> Tensors:
    """The step weights of several cells as one, with a leading axis.

    Vectors become [cells, 1, units], to be added to [cells, rows, units].
    """

    # Weights of one name have one shape in all cells.
    stacked = {name: tf.stack([own[name] for own in weights]) for name in weights[0]}
    return {
        name: tensor[:, None] if tensor.shape.rank == 2 else tensor
        for name, tensor in stacked.items()
    }


def layer_normalise(x: tf.Tensor, epsilon: float = 1e-5) -> tf.Tensor:
    """Layer normalisation over the last axis, without scale (Ba et al. 2016, equation 4)."""
    centred = x - ops.mean(x, -1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), -1, keepdims=True) + epsilon)


def in_order(weights: Any, order: Sequence[int]) -> np.ndarray:
    """Weights whose last axis has a part a gate, with the gates in another order."""
    parts = np.split(np.asarray(weights), len(order), -1)
    return np.concatenate([parts[gate] for gate in order], -1)
