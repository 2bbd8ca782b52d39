"""An ONNX graph under construction: nodes by name, matrix products in float32 or in integers.

int8: weights of 7 bits, one scale a column; eight bits would overflow the 16-bit sums of processors
without VNNI. All that they are multiplied with is a hidden state or a tanh, so between -1 and 1:
activations need no search for their range, and a row's result does not depend on the other rows.
Only ONNX Runtime's recurrent layer looks for ranges.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from nmt.engine import layout

LEVELS = 63  # weights are integers from -63 to 63
CONTRIB = "com.microsoft"  # the domain of ONNX Runtime's own operators
QUANTISED_LAYERS = {"LSTM": "DynamicQuantizeLSTM"}  # recurrent layers that take int8 weights
# Inputs of ONNX's recurrent layers in their order; a GRU and an RNN have fewer.
LAYER_INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def quantise(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(int8 matrix [n, m], float32 scale [m]): one scale a column."""
    scale = np.maximum(np.abs(matrix).max(0), 1e-12).astype(np.float32) / LEVELS
    return np.rint(matrix / scale).astype(np.int8), scale


def stored_table(table: Any, precision: str) -> dict[str, np.ndarray]:
    """A table [tokens, n] as `layout.TABLES`: float32, or int8 and a scale a token [tokens, 1]."""
    name, scale_name = layout.TABLES
    if precision == "float32":
        return {name: np.asarray(table, np.float32)}
    weights, scale = quantise(np.asarray(table).T)
    return {name: np.ascontiguousarray(weights.T), scale_name: scale[:, None]}


class OnnxBuilder:
    """An ONNX graph under construction: `g(operator, *inputs)` adds a node.

    Values are named by strings.
    """

    def __init__(self, precision: str):
        from onnx import helper, numpy_helper

        self.helper = helper
        self.from_array = numpy_helper.from_array
        self.quantised = precision == "int8"
        self.nodes: list = []
        self.constants: list = []
        self.inputs: list = []
        self.outputs: list = []
        self.output_names: dict[str, str] = {}

    def input(self, name: str, dtype: Any, *shape: str | int) -> str:
        self.inputs.append(self._value(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: Any, *shape: str | int) -> None:
        """Makes a node's result a result of the graph under this name; each at most once."""
        self.output_names[value] = name
        self.outputs.append(self._value(name, dtype, shape))

    def _value(self, name, dtype, shape):
        return self.helper.make_tensor_value_info(name, self._type(dtype), shape)

    def _type(self, dtype):
        return self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"constant.{len(self.constants)}"
        self.constants.append(self.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def __call__(
        self, operator: str, *inputs: str, results: int = 1, domain: str = "", **attributes: Any
    ) -> Any:
        """Adds a node; returns the name of its result, or a list of names."""
        names = [f"v{len(self.nodes)}.{n}" for n in range(results)]
        node = self.helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        self.nodes.append(node)
        return names[0] if results == 1 else names

    def linear(self, x: str, kernel: Any, bias: Any) -> str:
        """x W + b for an x between -1 and 1."""
        if not self.quantised:
            return self("Add", self("MatMul", x, self.constant(kernel)), self.constant(bias))
        weights, scale = quantise(np.asarray(kernel))
        parts = self.constant(weights, np.int8), self.constant(scale), self.constant(bias)
        return self.integer_linear(x, *parts)

    def integer_linear(self, x: str, weights: str, scale: str, bias: str) -> str:
        """x W + b in integers, for an x between -1 and 1."""
        # One step and zero point for all x: results do not depend on the other rows.
        step = self.constant(1 / 127)
        zero = self.constant(128, np.uint8)
        x = self("QuantizeLinear", x, step, zero)
        return self("MatMulIntegerToFloat", x, weights, step, scale, zero, "", bias, domain=CONTRIB)

    def products(self, x: str, weights: Iterable[tuple]) -> list[str]:
        """x W + b for several (W, b), as one product that is cut."""
        kernels, biases = zip(*weights, strict=True)
        product = self.linear(x, np.concatenate(kernels, 1), np.concatenate(biases))
        return self.split(product, *(kernel.shape[1] for kernel in kernels))

    def split(self, x: str, *sizes: int) -> list[str]:
        """Parts of the last axis."""
        return self("Split", x, self.constant(sizes, np.int64), results=len(sizes), axis=-1)

    def cast(self, x: str, dtype: Any) -> str:
        return self("Cast", x, to=self._type(dtype))

    def lookup(self, ids: str, table: str, scale: str | None = None) -> str:
        """Rows of a table as `stored_table` gives it."""
        rows = self("Gather", table, ids)
        if scale is None:
            return rows
        return self("Mul", self.cast(rows, np.float32), self("Gather", scale, ids))

    def recurrent_layer(
        self,
        operator: str,
        x: str,
        lengths: str,
        weights: list[dict],
        **attributes: Any,
    ) -> tuple[str, str]:
        """A layer by ONNX's own operator.

        Returns outputs [source_len, directions, sentences, units] and the last h.
        weights: for each direction the operator's inputs by their ONNX names; W and R as [n, m].
        """
        arrays = {name: np.stack([direction[name] for direction in weights]) for name in weights[0]}
        inputs = {"X": x, "sequence_lens": lengths}
        # 1. The matrices, in int8 where ONNX Runtime has such a layer.
        quantised = self.quantised and operator in QUANTISED_LAYERS
        if quantised:
            matrices, scales = self._quantised_weights(arrays.pop("W"), arrays.pop("R"))
            inputs |= matrices
        else:
            for name in ("W", "R"):
                inputs[name] = self.constant(arrays.pop(name).transpose(0, 2, 1))
        # 2. All inputs in their order.
        inputs |= {name: self.constant(array) for name, array in arrays.items()}
        ordered = [inputs.get(name, "") for name in LAYER_INPUTS]
        # 3. The node.
        if quantised:
            ordered += scales
            attributes |= {"results": 3, "domain": CONTRIB}
            y, h, _ = self(QUANTISED_LAYERS[operator], *ordered, **attributes)
        else:
            used = max(n for n, name in enumerate(ordered) if name)
            y, h = self(operator, *ordered[: used + 1], results=2, **attributes)
        return y, h

    def _quantised_weights(self, kernels, recurrent):
        """W and R [directions, n, m] in int8; scale and zero point of W, then of R."""
        (w, w_scale), (r, r_scale) = (
            map(np.stack, zip(*map(quantise, matrices), strict=True))
            for matrices in (kernels, recurrent)
        )
        weights = {"W": self.constant(w, np.int8), "R": self.constant(r, np.int8)}
        scales = [self.constant(scale) for scale in (w_scale, r_scale)]
        zeros = self.constant(np.zeros(w_scale.shape), np.int8)
        return weights, [scales[0], zeros, scales[1], zeros]

    def serialised(self) -> bytes:
        """The finished graph as an ONNX file."""
        from onnx import checker

        # Results are renamed in their nodes: a node that copies a value would take time.
        for node in self.nodes:
            for values in (node.input, node.output):
                values[:] = [self.output_names.get(value, value) for value in values]
        helper = self.helper
        graph = helper.make_graph(self.nodes, "nmt", self.inputs, self.outputs, self.constants)
        # Fixed versions: a newer package writes the same file.
        versions = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=10, producer_name="nmt")
        checker.check_model(model)
        return model.SerializeToString()
