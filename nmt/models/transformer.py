"""The Transformer (Vaswani et al. 2017): attention in the place of recurrence.

A recurrent layer carries what it has read in a state, position after position. Here each position
attends to all others at once: it compares its query with their keys and sums their values, so a
layer is a few matrix products over all positions, and training needs no time loop. A layer
(`Block`) adds to each position the output of attention, then that of a feed-forward network which
sees this position alone:

    encoder    x += attention(norm(x), source)
               x += feed_forward(norm(x))
    decoder    y += attention(norm(y), target so far)
               y += attention(norm(y), outputs of the encoder)
               y += feed_forward(norm(y))

The norm comes before each part and once more after the last layer (pre-norm, Xiong et al. 2020):
deep stacks then train without special care. Attention is blind to order, so sinusoids of the
position are added to the word vectors; they are computed, not learnt, for any length.

As in nmt/models/recurrent.py the decoder is one `step` on n tokens after a state. The state holds
the keys and values of the tokens before, of every layer. Their number is the position of the first
of the n tokens; each of these attends to itself and to those before it. Keys and values of the
source are made once a sentence, in `remember`.

Shapes: sentences, rows (hypotheses), source_len, n (target positions), heads, size of a position;
keys and values are [.., heads, positions, size / heads].
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from nmt.models import kernels
from nmt.models.attention import MASKED
from nmt.models.cells import layer_normalise
from nmt.models.recurrent import drop
from nmt.recipe import ModelOptions


class TransformerEncoder(keras.layers.Layer):
    """Blocks over the source; each position attends to all."""

    def __init__(self, options: ModelOptions, seed: keras.random.SeedGenerator, **kwargs: Any):
        super().__init__(**kwargs)
        self.options = options
        self.seed = seed
        self.size = options.embedding

    def build(self, input_size: int) -> None:
        """input_size: units of one input, as many as of an output."""
        self.blocks = [
            Block(self.options, self.seed, name=f"layer{n}")
            for n in range(self.options.encoder_layers)
        ]
        self.norm = Norm(name="norm")
        for block in self.blocks:
            block.build(input_size)
        self.norm.build(input_size)
        self.built = True

    def read(
        self, x: tf.Tensor, lengths: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """x: [sentences, source_len, size] -> outputs of that shape, lengths, {}.

        `initial_state` takes the lengths. There are no states to go on from.
        """
        mask = padding_mask(lengths, tf.shape(x)[1])
        x = x + positions(0, tf.shape(x)[1], self.size)
        for block in self.blocks:
            x, _, _ = block.attend(x, mask, training)
            x = block.feed_forward(x, training)
        return self.norm.apply(x), lengths, {}


class TransformerDecoder(keras.layers.Layer):
    """Blocks over the target; a position attends to itself, those before it, and the source."""

    def __init__(self, options: ModelOptions, seed: keras.random.SeedGenerator, **kwargs: Any):
        super().__init__(**kwargs)
        self.options = options
        self.seed = seed
        self.size = options.embedding

    def build(self, input_size: int, memory_size: int) -> None:
        """input_size: units of one input; memory_size: units of one output of the encoder."""
        layers = range(self.options.decoder_layers)
        self.blocks = [
            Block(self.options, self.seed, memory_size, name=f"layer{n}") for n in layers
        ]
        self.norm = Norm(name="norm")
        for block in self.blocks:
            block.build(input_size)
        self.norm.build(input_size)
        self.built = True

    def remember(self, outputs: tf.Tensor, lengths: tf.Tensor) -> dict[str, tf.Tensor]:
        """The memory of `step`: keys and values of the source for every layer, `padding_mask`."""
        memory = {"mask": padding_mask(lengths, tf.shape(outputs)[1])}
        for number, block in enumerate(self.blocks):
            keys, values = block.source_attention.keys_values(outputs)
            memory[f"keys{number}"] = keys
            memory[f"values{number}"] = values
        return memory

    def initial_state(self, lengths: tf.Tensor) -> dict[str, tf.Tensor]:
        """Keys and values of no tokens, of every layer: [rows, heads, 0, size / heads].

        lengths: [rows].
        """
        rows = tf.shape(lengths)[0]
        heads = self.options.heads
        # Zero, but no constant: a graph must not conclude that this axis stays empty.
        zero = rows - rows
        empty = tf.zeros([rows, heads, zero, self.size // heads])
        return {
            f"{name}{number}": empty
            for number in range(len(self.blocks))
            for name in ("keys", "values")
        }

    def step(
        self,
        memory: dict[str, tf.Tensor],
        state: dict[str, tf.Tensor],
        y: tf.Tensor,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor | None, dict[str, tf.Tensor]]:
        """y: [rows, n, size] -> hidden [rows, n, size], attention [rows, n, source_len], state.

        The attention is that of the last layer, the mean over its heads; None in training.
        """
        before = tf.shape(state["keys0"])[2]
        n = tf.shape(y)[1]
        after = {}
        mask = causal_mask(before, n)
        y = y + positions(before, n, self.size)
        for number, block in enumerate(self.blocks):
            keys = f"keys{number}"
            values = f"values{number}"
            y, after[keys], after[values] = block.attend(
                y, mask, training, state[keys], state[values]
            )
            y, attention = block.attend_to_source(
                y, memory[keys], memory[values], memory["mask"], training
            )
            y = block.feed_forward(y, training)
        return self.norm.apply(y), None if training else attention, after


class Block(keras.layers.Layer):
    """A layer of the encoder or, with `memory_size`, of the decoder."""

    def __init__(
        self,
        options: ModelOptions,
        seed: keras.random.SeedGenerator,
        memory_size: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.options = options
        self.seed = seed
        self.memory_size = memory_size

    def build(self, size: int) -> None:
        """size: units of a position."""
        options = self.options
        inner = self.options.feed_forward
        self.attention = MultiHeadAttention(options, self.seed, name="attention")
        self.attention.build(size, size)
        self.attention_norm = Norm(name="attention_norm")
        self.feed_forward_norm = Norm(name="feed_forward_norm")
        self.attention_norm.build(size)
        self.feed_forward_norm.build(size)
        if self.memory_size:
            self.source_attention = MultiHeadAttention(options, self.seed, name="source_attention")
            self.source_attention.build(size, self.memory_size)
            self.source_norm = Norm(name="source_norm")
            self.source_norm.build(size)
        self.inner_kernel = self.add_weight((size, inner), "glorot_uniform", name="inner_kernel")
        self.inner_bias = self.add_weight((inner,), "zeros", name="inner_bias")
        self.outer_kernel = self.add_weight((inner, size), "glorot_uniform", name="outer_kernel")
        self.outer_bias = self.add_weight((size,), "zeros", name="outer_bias")
        self.built = True

    def attend(
        self,
        x: tf.Tensor,
        mask: tf.Tensor,
        training: bool,
        past_keys: tf.Tensor | None = None,
        past_values: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Self-attention over x [rows, n, size] and the past -> x, keys and values of both."""
        normed = self.attention_norm.apply(x)
        keys, values = self.attention.keys_values(normed)
        if past_keys is not None:
            keys = ops.concatenate([past_keys, keys], 2)
            values = ops.concatenate([past_values, values], 2)
        context, _ = self.attention.attend(normed, keys, values, mask, training)
        return x + drop(context, self.options, self.seed, training), keys, values

    def attend_to_source(
        self, x: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, mask: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """x [rows, n, size] -> x, attention [rows, n, source_len]."""
        context, attention = self.source_attention.attend(
            self.source_norm.apply(x), keys, values, mask, training
        )
        return x + drop(context, self.options, self.seed, training), attention

    def feed_forward(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        """max(0, x W1 + b1) W2 + b2, each position alone."""
        inner = kernels.matmul(self.feed_forward_norm.apply(x), kernels.weight(self.inner_kernel))
        inner = ops.relu(inner + self.inner_bias)
        outer = kernels.matmul(inner, kernels.weight(self.outer_kernel)) + self.outer_bias
        return x + drop(outer, self.options, self.seed, training)


class MultiHeadAttention(keras.layers.Layer):
    """Heads that attend each by themselves: softmax(Q K^T / sqrt(size / heads)) V, joined by W.

    Queries come as [rows, n, size]. Keys and values stay [sentences, heads, positions,
    size / heads]: they are not copied for the hypotheses of a sentence, whose rows are adjacent.
    """

    def __init__(self, options: ModelOptions, seed: keras.random.SeedGenerator, **kwargs: Any):
        super().__init__(**kwargs)
        self.heads = options.heads
        self.dropout = options.dropout
        self.seed = seed

    def build(self, size: int, memory_size: int) -> None:
        """size: units of queries and outputs; memory_size: of what is attended to."""
        self.size = size
        self.query_kernel = self.add_weight((size, size), "glorot_uniform", name="query_kernel")
        self.memory_kernel = self.add_weight(
            (memory_size, 2 * size), "glorot_uniform", name="memory_kernel"
        )
        self.output_kernel = self.add_weight((size, size), "glorot_uniform", name="output_kernel")
        self.built = True

    def keys_values(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """x: [sentences, positions, memory_size] -> keys, values of every head."""
        both = kernels.matmul(x, kernels.weight(self.memory_kernel))
        both = tf.reshape(
            both, [tf.shape(x)[0], tf.shape(x)[1], 2, self.heads, self.size // self.heads]
        )
        keys, values = tf.unstack(ops.transpose(both, (2, 0, 3, 1, 4)))
        return keys, values

    def attend(
        self, x: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, mask: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """x: [rows, n, size] -> context [rows, n, size], attention [rows, n, positions].

        mask is added to the energies. The attention is the mean over the heads.
        """
        rows = tf.shape(x)[0]
        n = tf.shape(x)[1]
        sentences = tf.shape(keys)[0]
        positions = tf.shape(keys)[2]
        width = self.size // self.heads
        query = kernels.matmul(x, kernels.weight(self.query_kernel)) * width**-0.5
        query = ops.transpose(tf.reshape(query, [sentences, -1, self.heads, width]), (0, 2, 1, 3))
        attention = tf.nn.softmax(tf.matmul(query, keys, transpose_b=True) + mask)
        mean = tf.reshape(tf.reduce_mean(attention, 1), [rows, n, positions])
        if training:
            attention = kernels.dropout(attention, self.dropout, self.seed)
        context = ops.transpose(attention @ values, (0, 2, 1, 3))
        context = tf.reshape(context, [rows, n, self.size])
        return kernels.matmul(context, kernels.weight(self.output_kernel)), mean


class Norm(keras.layers.Layer):
    """Layer normalisation with scale and shift (Ba et al. 2016)."""

    def build(self, size: int) -> None:
        """size: units that are normalised together."""
        self.scale = self.add_weight((size,), "ones", name="scale")
        self.shift = self.add_weight((size,), "zeros", name="shift")
        self.built = True

    def apply(self, x: tf.Tensor) -> tf.Tensor:
        """x: [..., size]."""
        return layer_normalise(x) * self.scale + self.shift


def positions(start: Any, count: Any, size: int) -> tf.Tensor:
    """Sinusoids of the positions start, start + 1, …: [count, size], sines first, then cosines.

    Wavelengths go from 2 pi to 10000 * 2 pi (Vaswani et al. 2017, section 3.5, where sines and
    cosines alternate).
    """
    half = (size + 1) // 2
    rates = 10000.0 ** (-tf.range(half, dtype=tf.float32) / half)
    angles = tf.cast(start + tf.range(count), tf.float32)[:, None] * rates
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], -1)[:, :size]


def padding_mask(lengths: tf.Tensor, count: Any) -> tf.Tensor:
    """0 for the tokens of a sentence, MASKED for its padding: [sentences, 1, 1, count]."""
    return (tf.sequence_mask(lengths, count, tf.float32)[:, None, None] - 1) * -MASKED


def causal_mask(before: Any, n: Any) -> tf.Tensor:
    """0 at what each of n tokens may attend to, MASKED at those after it: [n, before + n]."""
    return (
        tf.cast(tf.range(before + n) <= before + tf.range(n)[:, None], tf.float32) - 1
    ) * -MASKED
