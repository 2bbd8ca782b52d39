"""Attention: which source positions a decoder state looks at."""

import keras
import tensorflow as tf
from keras import ops

from nmt.models import kernels

MASKED = -1e9  # energy of a position that must not be attended to


class Attention(keras.layers.Layer):
    """a_i = softmax(e_i), c_i = sum_j a_ij h_j over encoder outputs h_j; kinds differ in the score e_ij.

    Queries s come as [rows, units] with rows = sentences * hypotheses; memory stays [sentences, ...]
    and is never copied for the hypotheses of a sentence.
    """

    def keys(self, outputs):
        """What of the scores depends on the source alone: [sentences, source_len, size]."""
        raise NotImplementedError

    def weights_of_step(self):
        """The tensors that `step` needs, in the precision of the matrix products."""
        return {}

    def energies(self, query, keys, weights):
        """query: [sentences, hypotheses, units] -> e [sentences, hypotheses, source_len]."""
        return tf.matmul(query, keys, transpose_b=True)

    def step(self, query, memory, weights, visible=None):
        """query: [rows, query_size] -> context [rows, memory_size], attention [rows, source_len].

        visible: bool [rows, source_len], the source positions that a row may attend to; None: all.
        """
        keys = memory["keys"]
        outputs = memory["outputs"]
        sentences = tf.shape(keys)[0]
        source_len = tf.shape(keys)[1]
        if "query" in weights:
            query = kernels.matmul(query, weights["query"])
        query = tf.reshape(query, [sentences, -1, keys.shape[-1]])
        mask = tf.expand_dims(memory["mask"], 1)
        if visible is not None:
            mask = tf.where(tf.reshape(visible, [sentences, -1, source_len]), mask, MASKED)
        attention = tf.nn.softmax(self.energies(query, keys, weights) + mask)
        context = tf.reshape(attention @ outputs, [-1, outputs.shape[-1]])
        return context, tf.reshape(attention, [-1, source_len])


class AdditiveAttention(Attention):
    """Bahdanau et al. 2015: e_ij = v . tanh(W s_i + U h_j + b)."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_size, memory_size):
        self.query_kernel = self.add_weight(
            (query_size, self.units), "glorot_uniform", name="query_kernel"
        )
        self.key_kernel = self.add_weight(
            (memory_size, self.units), "glorot_uniform", name="key_kernel"
        )
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        self.energy = self.add_weight((self.units,), _vector, name="energy")
        self.built = True

    def keys(self, outputs):
        return kernels.matmul(outputs, kernels.weight(self.key_kernel)) + self.bias

    def weights_of_step(self):
        return {
            "query": kernels.weight(self.query_kernel),
            "energy": tf.convert_to_tensor(self.energy),
        }

    def energies(self, query, keys, weights):
        return ops.sum(
            ops.tanh(tf.expand_dims(keys, 1) + tf.expand_dims(query, 2)) * weights["energy"],
            axis=-1,
        )


class GeneralAttention(Attention):
    """Luong et al. 2015, "general": e_ij = s_i . W h_j."""

    def build(self, query_size, memory_size):
        self.key_kernel = self.add_weight(
            (memory_size, query_size), "glorot_uniform", name="key_kernel"
        )
        self.built = True

    def keys(self, outputs):
        return kernels.matmul(outputs, kernels.weight(self.key_kernel))


class DotAttention(Attention):
    """Luong et al. 2015, "dot": e_ij = s_i . h_j; the decoder has as many units as the encoder's outputs."""

    def build(self, query_size, memory_size):
        if query_size != memory_size:
            raise ValueError(f"dot attention between {query_size} and {memory_size} units")
        self.built = True

    def keys(self, outputs):
        return outputs


def attention(options):
    """The attention that a config.Model asks for, or None for the fixed-vector encoder-decoder."""
    kinds = {
        "additive": lambda: AdditiveAttention(options.attention_units, name="attention"),
        "general": lambda: GeneralAttention(name="attention"),
        "dot": lambda: DotAttention(name="attention"),
        "none": lambda: None,
    }
    return kinds[options.attention]()


def _vector(shape, dtype=None):
    """Glorot's bound for a matrix of one column."""
    limit = (3 / shape[0]) ** 0.5
    return keras.random.uniform(shape, -limit, limit, dtype)
