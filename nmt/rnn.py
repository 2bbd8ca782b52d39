"""The recurrent encoder and the attentional decoder (Bahdanau et al. 2015), built from cells."""

import keras
import tensorflow as tf
from keras import ops

from nmt import kernels
from nmt.attention import AdditiveAttention
from nmt.cells import CELLS, stack


class RecurrentEncoder(keras.layers.Layer):
    """Stacked recurrent layers, one or both ways; both directions share one time loop."""

    def __init__(self, options, seed, **kwargs):
        super().__init__(**kwargs)
        self.options, self.seed = options, seed
        self.directions = 2 if options.bidirectional else 1
        self.size = options.encoder_units * self.directions

    def build(self, input_size):
        cell = CELLS[self.options.cell]
        self.layers = [
            [cell(self.options.encoder_units, self.options.layer_norm, name=f"layer{layer}_{way}")
             for way in ("forward", "backward")[: self.directions]]
            for layer in range(self.options.encoder_layers)
        ]  # fmt: skip
        for number, cells in enumerate(self.layers):
            for cell in cells:
                cell.build(input_size if number == 0 else self.size)
        self.built = True

    def read(self, x, lengths, training=False):
        """x: [sentences, source_len, input] -> outputs [sentences, source_len, size], final h [.., size]."""
        mask = tf.sequence_mask(lengths, tf.shape(x)[1], x.dtype)[:, :, None]
        for number, cells in enumerate(self.layers):
            if number:
                x = drop(x, self.options, self.seed, training)
            x, final = self.read_layer(x, lengths, cells, training)
            x = x * mask
        return x, final

    def read_layer(self, x, lengths, cells, training):
        """One layer. The backward cell reads each sentence reversed, so padding comes last for both."""
        ways = [x, tf.reverse_sequence(x, lengths, seq_axis=1)][: self.directions]
        z = ops.stack([cell.inputs(w) for cell, w in zip(cells, ways, strict=True)])
        z = ops.transpose(z, (2, 0, 1, 3))  # [source_len, directions, sentences, gates * units]
        sentences, units = tf.shape(x)[0], cells[0].units
        zeros = tf.zeros([self.directions, sentences, units])
        weights = stack([cell.weights_of_step() for cell in cells])
        mask = state_mask(zeros, self.options, self.seed, training)
        history, _ = kernels.unroll(
            lambda z_t, state: cells[0].step(z_t[0], state, weights, mask),
            (z,), dict.fromkeys(cells[0].states, zeros), keep=["h"],
        )  # fmt: skip
        h = ops.transpose(history["h"], (1, 2, 0, 3))  # [directions, sentences, source_len, units]
        final = tf.gather(h, tf.broadcast_to(lengths - 1, [self.directions, sentences]), axis=2, batch_dims=2)
        outputs = [h[0], *(tf.reverse_sequence(b, lengths, seq_axis=1) for b in tf.unstack(h)[1:])]
        return ops.concatenate(outputs, -1), ops.concatenate(tf.unstack(final), -1)


class RecurrentDecoder(keras.layers.Layer):
    """s_i = cell(s_{i-1}, [y_{i-1}; c_{i-1}]), c_i = attention(s_i), readout from (s_i, c_i), c_0 = 0.

    The recurrence of Bahdanau et al. 2015 with the readout taking the new context. The context is fed back,
    not the readout, so that readout, dropout and projection stay outside the time loop.
    """

    def __init__(self, options, readout_units, seed, **kwargs):
        super().__init__(**kwargs)
        self.options, self.readout_units, self.seed = options, readout_units, seed

    def build(self, input_size, memory_size):
        options, units = self.options, self.options.decoder_units
        self.memory_size = memory_size
        cell = CELLS[options.cell]
        self.cells = [cell(units, options.layer_norm, name=f"layer{n}") for n in range(options.decoder_layers)]
        for number, cell in enumerate(self.cells):
            cell.build(input_size if number == 0 else units)
        self.context_kernel = self.add_weight(
            (memory_size, cell.gates * units), "glorot_uniform", name="context_kernel"
        )
        self.attention = AdditiveAttention(options.attention_units, name="attention")
        self.attention.build(units, memory_size)
        self.bridge = [keras.layers.Dense(units, "tanh", name=f"bridge{n}") for n in range(len(self.cells))]
        for dense in self.bridge:
            dense.build((None, memory_size))
        self.readout_kernel = self.add_weight(
            (units + memory_size, self.readout_units), "glorot_uniform", name="readout_kernel"
        )
        self.readout_bias = self.add_weight((self.readout_units,), "zeros", name="readout_bias")
        self.built = True

    def remember(self, outputs, lengths):
        """The memory of `step`: encoder outputs, their attention keys, 0 or -1e9 for padding."""
        mask = tf.sequence_mask(lengths, tf.shape(outputs)[1], outputs.dtype)
        return {"outputs": outputs, "keys": self.attention.keys(outputs), "mask": (mask - 1) * 1e9}

    def initial_state(self, final):
        """final: [rows, memory_size] -> state before the first word: h = tanh(W final + b), c = 0."""
        rows = tf.shape(final)[0]
        state = {"context": tf.zeros([rows, self.memory_size])}
        for number, (cell, dense) in enumerate(zip(self.cells, self.bridge, strict=True)):
            state[f"h{number}"] = dense(final)
            if "c" in cell.states:
                state[f"c{number}"] = tf.zeros([rows, cell.units])
        return state

    def step(self, memory, state, y, training=False):
        """y: [rows, n, input] -> readout [rows, n, readout_units], attention [rows, n, source_len], state."""
        rows = tf.shape(y)[0]
        context_kernel = kernels.weight(self.context_kernel)
        weights = [cell.weights_of_step() for cell in self.cells]
        kernels_above = [kernels.weight(cell.kernel) for cell in self.cells[1:]]
        attention_weights = self.attention.weights_of_step()
        masks = [state_mask(tf.zeros([rows, c.units]), self.options, self.seed, training) for c in self.cells]
        between = [layer_mask(rows, c.units, self.options, self.seed, training) for c in self.cells[1:]]

        def one(inputs, state):
            z, new = inputs[0] + kernels.matmul(state["context"], context_kernel), {}
            for number, cell in enumerate(self.cells):
                if number:
                    x = new[f"h{number - 1}"]
                    x = x if between[number - 1] is None else x * between[number - 1]
                    z = cell.inputs(x, kernels_above[number - 1])
                old = {name: state[f"{name}{number}"] for name in cell.states}
                after = cell.step(z, old, weights[number], masks[number])
                new.update({f"{name}{number}": value for name, value in after.items()})
            new["context"], attention = self.attention.step(new[f"h{number}"], memory, attention_weights)
            return new if training else {**new, "attention": attention}

        top = f"h{len(self.cells) - 1}"
        keep = [top, "context"] if training else [top, "context", "attention"]
        if not training:
            state = {**state, "attention": tf.zeros([rows, tf.shape(memory["keys"])[1]])}
        z = ops.transpose(self.cells[0].inputs(y), (1, 0, 2))
        history, state = kernels.unroll(one, (z,), state, keep)
        seen = ops.transpose(ops.concatenate([history[top], history["context"]], -1), (1, 0, 2))
        readout = ops.tanh(kernels.matmul(seen, kernels.weight(self.readout_kernel)) + self.readout_bias)
        readout = drop(readout, self.options, self.seed, training)
        if training:
            return readout, None, state
        state.pop("attention")
        return readout, ops.transpose(history["attention"], (1, 0, 2)), state


def drop(x, options, seed, training):
    """Dropout on [rows, positions, units]: a mask a position, or one a sequence if variational."""
    if not training:
        return x
    shape = (tf.shape(x)[0], 1, x.shape[-1]) if options.variational else None
    return kernels.dropout(x, options.dropout, seed, shape)


def state_mask(like, options, seed, training):
    """Variational dropout of the recurrent state (Gal & Ghahramani 2016): one mask for all positions."""
    if not training or not options.recurrent_dropout:
        return None
    return kernels.dropout(tf.ones_like(like), options.recurrent_dropout, seed)


def layer_mask(rows, units, options, seed, training):
    """Dropout between decoder layers, inside the time loop: one mask a sequence."""
    if not training or not options.dropout:
        return None
    return kernels.dropout(tf.ones([rows, units]), options.dropout, seed)
