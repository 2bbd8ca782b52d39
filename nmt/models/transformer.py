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
from nmt.models.kernels import Step, Tensor, Tensors
from nmt.models.recurrent import Part, drop


class TransformerEncoder(Part):
    """Blocks over the source; each position attends to all."""

    def build(self, input_size: int) -> None:
        """input_size: units of one input, as many as of an output."""
        self.size = input_size
        layers = range(self.options.encoder_layers)
        self.blocks = [Block(self.options, self.seed, f"layer{n}") for n in layers]
        for block in self.blocks:
            block.build(input_size)
        self.norm = new_norm("norm", input_size)
        self.built = True

    def read(
        self, x: Tensor, lengths: Tensor, training: bool = False
    ) -> tuple[Tensor, Tensor, Tensors]:
        """x: [sentences, source_len, size] -> outputs of that shape, lengths, {}.

        `initial_state` takes the lengths. There are no states to go on from.
        """
        # Attention is blind to order: positions are added to the word vectors.
        mask = padding_mask(lengths, tf.shape(x)[1])
        x = x + positions(0, tf.shape(x)[1], self.size)
        # Each layer: all positions together, then each alone; [sentences, source_len, size].
        for block in self.blocks:
            x, _, _ = block.attend(x, mask, training)
            x = block.feed_forward(x, training)
        return self.norm.apply(x), lengths, {}


class TransformerDecoder(Part):
    """Blocks over the target; a position attends to itself, those before it, and the source."""

    def build(self, input_size: int, memory_size: int) -> None:
        """input_size: units of one input; memory_size: units of one output of the encoder."""
        self.size = input_size
        layers = range(self.options.decoder_layers)
        self.blocks = [Block(self.options, self.seed, f"layer{n}") for n in layers]
        for block in self.blocks:
            block.build(input_size, memory_size)
        self.norm = new_norm("norm", input_size)
        self.built = True

    def remember(self, outputs: Tensor, lengths: Tensor) -> Tensors:
        """The memory of `step`: keys and values of the source for every layer, `padding_mask`."""
        memory = {"mask": padding_mask(lengths, tf.shape(outputs)[1])}
        for number, block in enumerate(self.blocks):
            leaves = block.source_attention.keys_values(outputs)
            memory[f"keys{number}"], memory[f"values{number}"] = leaves
        return memory

    def initial_state(self, lengths: Tensor) -> Tensors:
        """Keys and values of no tokens, of every layer: [rows, heads, 0, size / heads].

        lengths: [rows].
        """
        rows = tf.shape(lengths)[0]
        heads = self.options.heads
        # Zero, but no constant: a graph must not conclude that this axis stays empty.
        zero = rows - rows
        empty = tf.zeros([rows, heads, zero, self.size // heads])
        layers = range(len(self.blocks))
        return {f"{name}{number}": empty for number in layers for name in ("keys", "values")}

    def step(self, memory: Tensors, state: Tensors, y: Tensor, training: bool = False) -> Step:
        """y: [rows, n, size] -> hidden [rows, n, size], attention [rows, n, source_len], state.

        The attention is that of the last layer, the mean over its heads; None in training.
        """
        # The position of the first of the n tokens is the number of those before it.
        before = tf.shape(state["keys0"])[2]
        n = tf.shape(y)[1]
        mask = causal_mask(before, n)
        y = y + positions(before, n, self.size)

        # Each layer: the target so far, the source, the position alone.
        after = {}
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


class Block(Part):
    """A layer of the encoder or, with `memory_size`, of the decoder."""

    def build(self, size: int, memory_size: int = 0) -> None:
        """size: units of a position; memory_size: of an output of the encoder."""
        # Self-attention, and the norms before it and before the feed-forward network.
        self.attention = MultiHeadAttention(self.options, self.seed, "attention")
        self.attention.build(size, size)
        self.attention_norm = new_norm("attention_norm", size)
        self.feed_forward_norm = new_norm("feed_forward_norm", size)
        # Attention to the source.
        if memory_size:
            self.source_attention = MultiHeadAttention(self.options, self.seed, "source_attention")
            self.source_attention.build(size, memory_size)
            self.source_norm = new_norm("source_norm", size)
        # The feed-forward network.
        inner = self.options.feed_forward
        self.inner_kernel = self.add_weight((size, inner), "glorot_uniform", name="inner_kernel")
        self.inner_bias = self.add_weight((inner,), "zeros", name="inner_bias")
        self.outer_kernel = self.add_weight((inner, size), "glorot_uniform", name="outer_kernel")
        self.outer_bias = self.add_weight((size,), "zeros", name="outer_bias")
        self.built = True

    def attend(
        self,
        x: Tensor,
        mask: Tensor,
        training: bool,
        past_keys: Any = None,
        past_values: Any = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Self-attention over x [rows, n, size] and the past -> x, keys and values of both."""
        # Keys and values of the n positions join those of the past: [rows, heads, all, width].
        normed = self.attention_norm.apply(x)
        keys, values = self.attention.keys_values(normed)
        if past_keys is not None:
            keys = ops.concatenate([past_keys, keys], 2)
            values = ops.concatenate([past_values, values], 2)
        context, _ = self.attention.attend(normed, keys, values, mask, training)
        return x + drop(context, self.options, self.seed, training), keys, values

    def attend_to_source(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """x [rows, n, size] -> x, attention [rows, n, source_len]."""
        context, attention = self.source_attention.attend(
            self.source_norm.apply(x), keys, values, mask, training
        )
        return x + drop(context, self.options, self.seed, training), attention

    def feed_forward(self, x: Tensor, training: bool) -> Tensor:
        """max(0, x W1 + b1) W2 + b2, each position alone."""
        # Wider, [rows, n, feed_forward], then back to the size of a position.
        inner = kernels.matmul(self.feed_forward_norm.apply(x), kernels.weight(self.inner_kernel))
        inner = ops.relu(inner + self.inner_bias)
        outer = kernels.matmul(inner, kernels.weight(self.outer_kernel)) + self.outer_bias
        return x + drop(outer, self.options, self.seed, training)


class MultiHeadAttention(Part):
    """Heads that attend each by themselves: softmax(Q K^T / sqrt(size / heads)) V, joined by W.

    Queries come as [rows, n, size]. Keys and values stay [sentences, heads, positions,
    size / heads]: they are not copied for the hypotheses of a sentence, whose rows are adjacent.
    """

    def build(self, size: int, memory_size: int) -> None:
        """size: units of queries and outputs; memory_size: of what is attended to."""
        self.size = size
        self.width = size // self.options.heads
        self.query_kernel = self.add_weight((size, size), "glorot_uniform", name="query_kernel")
        self.memory_kernel = self.add_weight(
            (memory_size, 2 * size), "glorot_uniform", name="memory_kernel"
        )
        self.output_kernel = self.add_weight((size, size), "glorot_uniform", name="output_kernel")
        self.built = True

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: [sentences, positions, memory_size] -> keys, values of every head."""
        both = kernels.matmul(x, kernels.weight(self.memory_kernel))
        # One product makes both: cut it by kind and head, then bring these axes to the front.
        shape = tf.shape(x)
        both = tf.reshape(both, [shape[0], shape[1], 2, self.options.heads, self.width])
        keys, values = tf.unstack(ops.transpose(both, (2, 0, 3, 1, 4)))
        return keys, values

    def attend(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """x: [rows, n, size] -> context [rows, n, size], attention [rows, n, positions].

        mask is added to the energies. The attention is the mean over the heads.
        """
        rows = tf.shape(x)[0]
        n = tf.shape(x)[1]
        # 1. Queries, those of a sentence together: [sentences, heads, hypotheses * n, width].
        query = kernels.matmul(x, kernels.weight(self.query_kernel)) * self.width**-0.5
        query = tf.reshape(query, [tf.shape(keys)[0], -1, self.options.heads, self.width])
        query = ops.transpose(query, (0, 2, 1, 3))
        # 2. Attention: [sentences, heads, hypotheses * n, positions].
        attention = tf.nn.softmax(tf.matmul(query, keys, transpose_b=True) + mask)
        mean = tf.reshape(tf.reduce_mean(attention, 1), [rows, n, tf.shape(keys)[2]])
        if training:
            attention = kernels.dropout(attention, self.options.dropout, self.seed)
        # 3. The weighted values of all heads side by side, joined by W.
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

    def apply(self, x: Tensor) -> Tensor:
        """x: [..., size]."""
        return layer_normalise(x) * self.scale + self.shift


def new_norm(name: str, size: int) -> Norm:
    """A `Norm` over `size` units with its weights."""
    norm = Norm(name=name)
    norm.build(size)
    return norm


def positions(start: Any, count: Any, size: int) -> Tensor:
    """Sinusoids of the positions start, start + 1, …: [count, size], sines first, then cosines.

    Wavelengths go from 2 pi to 10000 * 2 pi (Vaswani et al. 2017, section 3.5, where sines and
    cosines alternate).
    """
    # Half as many wavelengths as units, in geometric progression.
    half = (size + 1) // 2
    rates = 10000.0 ** (-tf.range(half, dtype=tf.float32) / half)
    angles = tf.cast(start + tf.range(count), tf.float32)[:, None] * rates
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], -1)[:, :size]


def padding_mask(lengths: Tensor, count: Any) -> Tensor:
    """0 for the tokens of a sentence, MASKED for its padding: [sentences, 1, 1, count]."""
    return (tf.sequence_mask(lengths, count, tf.float32)[:, None, None] - 1) * -MASKED


def causal_mask(before: Any, n: Any) -> Tensor:
    """0 at what each of n tokens may attend to, MASKED at those after it: [n, before + n]."""
    visible = tf.range(before + n) <= before + tf.range(n)[:, None]
    return (tf.cast(visible, tf.float32) - 1) * -MASKED
