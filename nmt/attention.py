"""Attention: which source positions a decoder state looks at."""

import keras
import tensorflow as tf
from keras import ops

from nmt import kernels


class AdditiveAttention(keras.layers.Layer):
    """Bahdanau et al. 2015: e_ij = v . tanh(W s_i + U h_j), a_i = softmax(e_i), c_i = sum_j a_ij h_j.

    Queries come as [rows, units] with rows = sentences * hypotheses; memory stays [sentences, ...]
    and is never copied for the hypotheses of a sentence.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, query_size, memory_size):
        self.query_kernel = self.add_weight((query_size, self.units), "glorot_uniform", name="query_kernel")
        self.key_kernel = self.add_weight((memory_size, self.units), "glorot_uniform", name="key_kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")
        self.energy = self.add_weight((self.units,), _vector, name="energy")
        self.built = True

    def keys(self, outputs):
        """U h_j of all source positions: [sentences, source_len, units]."""
        return kernels.matmul(outputs, kernels.weight(self.key_kernel)) + self.bias

    def weights_of_step(self):
        return {"query": kernels.weight(self.query_kernel), "energy": tf.convert_to_tensor(self.energy)}

    def step(self, query, memory, weights):
        """query: [rows, query_size] -> context [rows, memory_size], attention [rows, source_len]."""
        keys, outputs = memory["keys"], memory["outputs"]
        sentences, source_len = tf.shape(keys)[0], tf.shape(keys)[1]
        query = tf.reshape(kernels.matmul(query, weights["query"]), [sentences, -1, 1, self.units])
        energies = ops.sum(ops.tanh(tf.expand_dims(keys, 1) + query) * weights["energy"], axis=-1)
        attention = tf.nn.softmax(energies + tf.expand_dims(memory["mask"], 1))
        context = tf.reshape(attention @ outputs, [-1, outputs.shape[-1]])
        return context, tf.reshape(attention, [-1, source_len])


def _vector(shape, dtype=None):
    """Glorot's bound for a matrix of one column."""
    limit = (3 / shape[0]) ** 0.5
    return keras.random.uniform(shape, -limit, limit, dtype)
