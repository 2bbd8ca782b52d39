"""Attention: which source positions a decoder state looks at.

A new attention is one class here, with its name in `ATTENTIONS` and among the choices of
model.attention (nmt/recipe/sections.py). With `onnx_energies` its models can be exported.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nmt.models import kernels
from nmt.recipe import ModelOptions

MASKED = -1e9  # added to the energy of a position that must not be seen


class Attention(keras.layers.Layer):
    """a_i = softmax(e_i), c_i = sum_j a_ij h_j over encoder outputs h_j; kinds differ in e_ij.

    Queries s come as [rows, units] with rows = sentences * hypotheses; memory stays [sentences,
    ...] and is never copied for the hypotheses of a sentence.
    """

    key_size: int  # units of a key, set by `build`
    query_kernel: Any = None  # [query_size, key_size]; None: queries are compared as they are
    key_kernel: Any = None  # [memory_size, key_size]; None: keys are the encoder's outputs
    bias: Any = None  # [key_size], of the keys

    def __init__(self, options: ModelOptions):
        super().__init__(name="attention")
        self.options = options

    def build(self, query_size: int, memory_size: int) -> None:
        """Makes the weights."""
        raise NotImplementedError

    def keys(self, outputs: tf.Tensor) -> tf.Tensor:
        """The part of the energies that depends on the source alone: [.., source_len, key_size]."""
        if self.key_kernel is None:
            return outputs
        keys = kernels.matmul(outputs, kernels.weight(self.key_kernel))
        return keys if self.bias is None else kernels.add_bias(keys, self.bias)

    def weights_of_step(self) -> dict[str, tf.Tensor]:
        """The tensors that `step` needs, in the precision of the matrix products."""
        return {} if self.query_kernel is None else {"query": kernels.weight(self.query_kernel)}

    def vectors_of_step(self) -> dict[str, tf.Tensor]:
        """What else `step` needs of the weights."""
        return {}

    def energies(
        self, query: tf.Tensor, keys: tf.Tensor, weights: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        """e [sentences, hypotheses, source_len] of queries [sentences, hypotheses, key_size]."""
        raise NotImplementedError

    # `energies` as nodes of an ONNX graph, a method (g, query, keys) -> energies: g is an
    # `OnnxBuilder`, values are named by strings. None: models with this attention stay on Keras.
    onnx_energies: Callable[..., str] | None = None

    def step(
        self,
        query: tf.Tensor,
        memory: dict[str, tf.Tensor],
        weights: dict[str, tf.Tensor],
        visible: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """query: [rows, query_size] -> context [rows, memory_size], attention [rows, source_len].

        visible: bool [rows, source_len], the source positions that a row may attend to; None: all.
        """
        keys = memory["keys"]
        outputs = memory["outputs"]
        sentences = tf.shape(keys)[0]
        source_len = tf.shape(keys)[1]
        # 1. The queries of a sentence together: [sentences, hypotheses, key_size].
        if "query" in weights:
            query = kernels.matmul(query, weights["query"])
        query = tf.reshape(query, [sentences, -1, keys.shape[-1]])
        # 2. What a query must not see: padding, and what is not visible yet.
        mask = tf.expand_dims(memory["mask"], 1)
        if visible is not None:
            mask = tf.where(tf.reshape(visible, [sentences, -1, source_len]), mask, MASKED)
        # 3. Attention and its weighted sum, a row a query.
        attention = tf.nn.softmax(self.energies(query, keys, weights) + mask)
        context = tf.reshape(kernels.matmul(attention, outputs), [-1, outputs.shape[-1]])
        return context, tf.reshape(attention, [-1, source_len])


class AdditiveAttention(Attention):
    """Bahdanau et al. 2015: e_ij = v . tanh(W s_i + U h_j + b)."""

    def build(self, query_size: int, memory_size: int) -> None:
        units = self.options.attention_units
        self.key_size = units
        # The order in which weights are created is that of saved weights.
        self.query_kernel = self.add_weight(
            (query_size, units), "glorot_uniform", name="query_kernel"
        )
        self.key_kernel = self.add_weight((memory_size, units), "glorot_uniform", name="key_kernel")
        self.bias = self.add_weight((units,), "zeros", name="bias")
        self.energy = self.add_weight((units,), _glorot_vector, name="energy")
        self.built = True

    def vectors_of_step(self) -> dict[str, tf.Tensor]:
        return {"energy": tf.convert_to_tensor(self.energy)}

    def energies(
        self, query: tf.Tensor, keys: tf.Tensor, weights: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        # Every query with every key: [sentences, hypotheses, source_len, key_size].
        sums = tf.expand_dims(keys, 1) + tf.expand_dims(query, 2)
        # A product with one column: its gradients pass through memory less often than a sum's.
        return tf.squeeze(kernels.matmul(ops.tanh(sums), weights["energy"][:, None]), -1)

    def onnx_energies(self, g: Any, query: str, keys: str) -> str:
        return _onnx_dots(g, g("Tanh", _onnx_pairs(g, "Add", query, keys)), np.asarray(self.energy))


class DotAttention(Attention):
    """Luong et al. 2015, "dot": e_ij = s_i . h_j; queries have as many units as the outputs."""

    def build(self, query_size: int, memory_size: int) -> None:
        if query_size != memory_size:
            raise ValueError(f"dot attention between {query_size} and {memory_size} units")
        self.key_size = memory_size
        self.built = True

    def energies(
        self, query: tf.Tensor, keys: tf.Tensor, weights: dict[str, tf.Tensor]
    ) -> tf.Tensor:
        return tf.matmul(query, keys, transpose_b=True)

    def onnx_energies(self, g: Any, query: str, keys: str) -> str:
        # As a product of matrices the order of its sums would depend on the longest source.
        return _onnx_dots(g, _onnx_pairs(g, "Mul", query, keys), np.ones(self.key_size))


class GeneralAttention(DotAttention):
    """Luong et al. 2015, "general": e_ij = s_i . W h_j."""

    def build(self, query_size: int, memory_size: int) -> None:
        shape = (memory_size, query_size)
        self.key_kernel = self.add_weight(shape, "glorot_uniform", name="key_kernel")
        self.key_size = query_size
        self.built = True


ATTENTIONS: dict[str, type[Attention]] = {
    "additive": AdditiveAttention,
    "general": GeneralAttention,
    "dot": DotAttention,
}


def attention(options: ModelOptions) -> Attention | None:
    """The attention that model.attention names, or None: a fixed-vector encoder-decoder."""
    if options.attention == "none":
        return None
    return ATTENTIONS[options.attention](options)


def _onnx_pairs(g, operator, query, keys):
    """Every query with every key: [sentences, hypotheses, source_len, key_size]."""
    keys = g("Unsqueeze", keys, g.constant([1], np.int64))
    return g(operator, keys, g("Unsqueeze", query, g.constant([2], np.int64)))


def _onnx_dots(g, pairs, vector):
    """The products of pairs with a vector: [sentences, hypotheses, source_len]."""
    rows = g("Reshape", pairs, g.constant([-1, len(vector)], np.int64))
    return g("Reshape", g.dots(vector, rows), g("Shape", pairs, end=3))


def _glorot_vector(shape: Sequence[int], dtype: Any = None) -> Any:
    """Glorot's uniform distribution for a vector, which counts as many inputs as outputs."""
    limit = (3 / shape[0]) ** 0.5
    return keras.random.uniform(shape, -limit, limit, dtype)
