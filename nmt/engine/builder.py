"""An ONNX graph under construction: nodes by name, and matrix products in float32 or in integers.

int8: weights of 7 bits, one scale a column; eight bits would overflow the 16-bit sums of processors without VNNI.
All that they are multiplied with is a hidden state or a tanh, so between -1 and 1: activations need no search for
their range, and a row's result does not depend on its neighbours. Only ONNX Runtime's LSTM looks for ranges.
"""

import numpy as np

LEVELS = 63  # weights are integers from -63 to 63


def quantise(matrix):
    """(int8 matrix [n, m], float32 scale [m]): one scale a column."""
    scale = np.maximum(np.abs(matrix).max(0), 1e-12).astype(np.float32) / LEVELS
    return np.rint(matrix / scale).astype(np.int8), scale


def stored(table, precision):
    """A table [words, n] as it is stored: itself, or int8 and one scale a word [words, 1]."""
    if precision == "float32":
        return {"table": np.asarray(table, np.float32)}
    weights, scale = quantise(table.T)
    return {"table": np.ascontiguousarray(weights.T), "table_scale": scale[:, None]}


class Graph:
    """An ONNX graph under construction; values are named by strings."""

    def __init__(self, precision):
        from onnx import helper, numpy_helper

        self.helper = helper
        self.from_array = numpy_helper.from_array
        self.quantised = precision == "int8"
        self.nodes = []
        self.constants = []
        self.inputs = []
        self.outputs = []
        self.names = {}

    def input(self, name, dtype, *shape):
        self.inputs.append(self.helper.make_tensor_value_info(name, self._type(dtype), shape))
        return name

    def output(self, name, value, dtype, *shape):
        """Names a node's result as a result of the graph; each one at most once."""
        self.names[value] = name
        self.outputs.append(self.helper.make_tensor_value_info(name, self._type(dtype), shape))

    def _type(self, dtype):
        return self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def constant(self, array, dtype=np.float32):
        name = f"constant.{len(self.constants)}"
        self.constants.append(self.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def __call__(self, op, *inputs, results=1, domain="", **attributes):
        """Adds a node; returns the name of its result, or a list of names."""
        names = [f"v{len(self.nodes)}.{n}" for n in range(results)]
        self.nodes.append(
            self.helper.make_node(op, list(inputs), names, domain=domain, **attributes)
        )
        return names[0] if results == 1 else names

    def linear(self, x, kernel, bias):
        """x W + b for an x between -1 and 1."""
        if self.quantised:
            weights, scale = quantise(kernel)
            return self.integer(
                x, self.constant(weights, np.int8), self.constant(scale), self.constant(bias)
            )
        return self("Add", self("MatMul", x, self.constant(kernel)), self.constant(bias))

    def integer(self, x, weights, scale, bias):
        """x W + b in integers, for an x between -1 and 1."""
        step = self.constant(1 / 127)
        zero = self.constant(128, np.uint8)
        x = self("QuantizeLinear", x, step, zero)
        return self(
            "MatMulIntegerToFloat", x, weights, step, scale, zero, "", bias, domain="com.microsoft"
        )

    def split(self, x, *sizes):
        """Parts of the last axis."""
        return self("Split", x, self.constant(sizes, np.int64), results=len(sizes), axis=-1)

    def lookup(self, ids, table, scale=None):
        """Rows of a table [words, n] that is stored as `stored` does; both are names of values."""
        rows = self("Gather", table, ids)
        return (
            rows
            if scale is None
            else self("Mul", self("Cast", rows, to=1), self("Gather", scale, ids))
        )

    def bytes(self):
        """The finished model."""
        from onnx import checker

        for node in self.nodes:  # a node that copies a value under its new name would take time
            for values in (node.input, node.output):
                values[:] = [self.names.get(value, value) for value in values]
        graph = self.helper.make_graph(self.nodes, "nmt", self.inputs, self.outputs, self.constants)
        versions = [self.helper.make_opsetid("", 21), self.helper.make_opsetid("com.microsoft", 1)]
        model = self.helper.make_model(
            graph, opset_imports=versions, ir_version=10, producer_name="nmt"
        )
        checker.check_model(model)
        return model.SerializeToString()
