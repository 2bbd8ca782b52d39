"""A model's weights as the graphs multiply with them: (kernel, bias) of each product.

Gates are in the order of their cell's `onnx_step`.
"""

from typing import Any

import numpy as np

from nmt.models.cells import in_order

Product = tuple[np.ndarray, np.ndarray]


def input_weights(cell: Any) -> Product:
    """Of x W + b, the input part of a cell's gates."""
    return _in_order(cell, cell.kernel), _in_order(cell, cell.biases()[0])


def recurrent_weights(cell: Any) -> Product:
    """Of h U + b', the recurrent part of a cell's gates."""
    return _in_order(cell, cell.recurrent_kernel), _in_order(cell, cell.biases()[1])


def context_weights(decoder: Any) -> tuple[Product, Product]:
    """Of the context: its part of the first layer's gates; of the readout, with its bias."""
    units = decoder.cells[0].units
    gates = _in_order(decoder.cells[0], decoder.context_kernel)
    readout = np.asarray(decoder.readout_kernel)[units:]
    # The gates have their bias already.
    return (gates, np.zeros(gates.shape[1])), (readout, np.asarray(decoder.readout_bias))


def readout_weights(decoder: Any) -> Product:
    """Of the top layer's h: its part of the readout; the bias, unless the context's part has it."""
    units = decoder.cells[0].units
    bias = np.asarray(decoder.readout_bias)
    if decoder.attention is not None:
        bias = np.zeros_like(bias)
    return np.asarray(decoder.readout_kernel)[:units], bias


def query_weights(decoder: Any) -> Product:
    """Of the top layer's h: the query, where that is not h itself."""
    kernel = np.asarray(decoder.attention.query_kernel)
    return kernel, np.zeros(kernel.shape[1])


def token_vectors(embedding: Any, model: Any) -> np.ndarray:
    """An embedding [vocab, units] as the first layer of encoder or decoder reads it."""
    return np.asarray(embedding) * model.options.embedding**0.5


def token_table(model: Any) -> np.ndarray:
    """Of every target token, the input part of the first layer's gates [vocab, gates * units]."""
    kernel, bias = input_weights(model.decoder.cells[0])
    return token_vectors(model.target_embedding, model) @ kernel + bias


def _in_order(cell, weights):
    return in_order(weights, cell.onnx.gates)
