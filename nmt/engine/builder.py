"""An ONNX graph under construction: nodes by name, matrix products in float32 or in integers.

int8: weights of 7 bits, one scale a column; eight bits would overflow the 16-bit sums of processors
without VNNI. All that they are multiplied with is a hidden state or a tanh, so between -1 and 1, or
rows of a table: activations need no search for their range, and a row's result does not depend on
the other rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nmt.engine import layout

LEVELS = 63  # weights are integers from -63 to 63
ACTIVATION_LEVELS = 127  # what they are multiplied with: from -127 to 127 around ...
ZERO = 128
CONTRIB = "com.microsoft"  # the domain of ONNX Runtime's own operators


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


def stored_rows(table: np.ndarray, precision: str) -> dict[str, np.ndarray]:
    """The same of a table that weights are multiplied with: int8 is uint8, and one scale []."""
    name, scale_name = layout.TABLES
    if precision == "float32":
        return {name: np.asarray(table, np.float32)}
    step = np.float32(max(np.abs(table).max(), 1e-12) / ACTIVATION_LEVELS)
    return {name: (np.rint(table / step) + ZERO).astype(np.uint8), scale_name: np.asarray(step)}


class Factor(NamedTuple):
    """What is multiplied with weights: float32, or integers that mean step * (integer - zero)."""

    values: str
    step: str = ""
    zero: str = ""


class OnnxBuilder:
    """An ONNX graph under construction: `g(operator, *inputs)` adds a node.

    Values are named by strings.
    """

    def __init__(self, precision: str, prefix: str = ""):
        """prefix: of the names of values; that of a graph inside another one is its own."""
        from onnx import helper, numpy_helper

        self.helper = helper
        self.from_array = numpy_helper.from_array
        self.precision = precision
        self.quantised = precision == "int8"
        self.prefix = prefix
        self.nodes: list = []
        self.constants: list = []
        self.inputs: list = []
        self.outputs: list = []
        self.output_names: dict[str, str] = {}

    def input(self, name: str, dtype: Any, *shape: str | int) -> str:
        self.inputs.append(self.value_info(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: Any, *shape: str | int) -> None:
        """Makes a node's result a result of the graph under this name; each at most once."""
        self.output_names[value] = name
        self.outputs.append(self.value_info(name, dtype, shape))

    def value_info(self, name: str, dtype: Any, shape: Sequence[str | int] | None = None) -> Any:
        """A value as graphs declare their inputs and outputs."""
        return self.helper.make_tensor_value_info(name, self._type(dtype), shape)

    def _type(self, dtype):
        return self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"{self.prefix}constant.{len(self.constants)}"
        self.constants.append(self.from_array(np.asarray(array, dtype, order="C"), name))
        return name

    def __call__(
        self, operator: str, *inputs: str, results: int = 1, domain: str = "", **attributes: Any
    ) -> Any:
        """Adds a node; returns the name of its result, or a list of names."""
        names = [f"{self.prefix}v{len(self.nodes)}.{n}" for n in range(results)]
        node = self.helper.make_node(operator, list(inputs), names, domain=domain, **attributes)
        self.nodes.append(node)
        return names[0] if results == 1 else names

    def factor(self, x: str) -> Factor:
        """An x between -1 and 1 as what weights are multiplied with, for several products."""
        if not self.quantised:
            return Factor(x)
        # One step and zero point for all x: results do not depend on the other rows.
        step = self.constant(1 / ACTIVATION_LEVELS)
        zero = self.constant(ZERO, np.uint8)
        return Factor(self("QuantizeLinear", x, step, zero), step, zero)

    def rows(self, ids: str, table: str, step: str = "") -> Factor:
        """Rows of a table as `stored_rows` gives it, as what weights are multiplied with."""
        zero = self.constant(ZERO, np.uint8) if step else ""
        return Factor(self("Gather", table, ids), step, zero)

    def linear(self, x: Factor | str, kernel: Any, bias: Any) -> str:
        """x W + b for an x between -1 and 1, or a factor."""
        x = self.factor(x) if isinstance(x, str) else x
        if not self.quantised:
            product = self("MatMul", x.values, self.constant(kernel))
            return self("Add", product, self.constant(bias))
        weights, scale = quantise(np.asarray(kernel))
        parts = self.constant(weights, np.int8), self.constant(scale), self.constant(bias)
        return self.integer_linear(x, *parts)

    def integer_linear(self, x: Factor | str, weights: str, scale: str, bias: str) -> str:
        """x W + b in integers, for an x between -1 and 1, or a factor."""
        x = self.factor(x) if isinstance(x, str) else x
        inputs = [x.values, weights, x.step, scale, x.zero, "", bias]
        return self("MatMulIntegerToFloat", *inputs, domain=CONTRIB)

    def split(self, x: str, *sizes: int) -> list[str]:
        """Parts of the last axis."""
        return self("Split", x, self.constant(sizes, np.int64), results=len(sizes), axis=-1)

    def dots(self, vector: np.ndarray, rows: str) -> str:
        """The products of a vector with rows [n, size], so [1, n].

        A result does not depend on n where that is a multiple of `layout.POSITIONS`.
        """
        # A product with a matrix of one column takes six times as long as with one row, transposed.
        return self("Gemm", self.constant(vector[None]), rows, transB=1)

    def cast(self, x: str, dtype: Any) -> str:
        return self("Cast", x, to=self._type(dtype))

    def lookup(self, ids: str, table: str, scale: str | None = None) -> str:
        """Rows of a table as `stored_table` gives it."""
        rows = self("Gather", table, ids)
        if scale is None:
            return rows
        return self("Mul", self.cast(rows, np.float32), self("Gather", scale, ids))

    def loop(
        self,
        step: Callable[["OnnxBuilder", dict[str, str], str], tuple[dict[str, str], str]],
        states: dict[str, str],
        x: str,
    ) -> str:
        """A loop over the first axis of x; returns all outputs.

        step: of the builder of the loop's body, the states by name and an x it makes the new
        states and an output.
        """
        # 1. The body, a graph of its own.
        body = OnnxBuilder(self.precision, f"{self.prefix}loop{len(self.nodes)}.")
        inputs = {name: body.prefix + name for name in (*states, "x")}
        new, output = step(body, {name: inputs[name] for name in states}, inputs["x"])
        # h is a state and the output, but no graph may return a value twice.
        output = body("Identity", output)
        graph = self.helper.make_graph(
            body.nodes,
            "step",
            [body.value_info(name, np.float32) for name in inputs.values()],
            [body.value_info(name, np.float32) for name in (*map(new.get, states), output)],
            body.constants,
        )
        # 2. The loop; of its results the states are not wanted.
        count = len(states) + 1
        values = *states.values(), x
        return self("Scan", *values, results=count, body=graph, num_scan_inputs=1)[-1]

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
