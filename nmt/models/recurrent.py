"""The recurrent encoder and decoder, built from cells: with attention, or through one fixed vector."""

import keras
import tensorflow as tf
from keras import ops

from nmt.models import kernels
from nmt.models.attention import MASKED, attention
from nmt.models.cells import cell, stack


class RecurrentEncoder(keras.layers.Layer):
    """Stacked recurrent layers, one or both ways; both directions share one time loop."""

    def __init__(self, options, seed, **kwargs):
        super().__init__(**kwargs)
        self.options = options
        self.seed = seed
        backward = options.reverse_source and not options.bidirectional
        self.ways = (
            ("forward", "backward")
            if options.bidirectional
            else ("backward" if backward else "forward",)
        )
        self.size = options.encoder_units * len(self.ways)

    def build(self, input_size):
        options = self.options
        self.layers = [
            [cell(options, options.encoder_units, f"layer{layer}_{way}") for way in self.ways]
            for layer in range(options.encoder_layers)
        ]
        for number, cells in enumerate(self.layers):
            for one in cells:
                one.build(input_size if number == 0 else self.size)
        self.built = True

    def read(self, x, lengths, training=False, initial=None, final_at=None):
        """Encodes sentences that are padded right: outputs, final, states.

        x: [sentences, source_len, input_size]; lengths: [sentences].
        outputs: [sentences, source_len, size], 0 at padding.
        final: [sentences, size], h of the last layer after `final_at` positions (default: lengths).
        states: with `initial` the state of every layer after the last position, else empty.
        initial: the state to begin with, as `zero_state` or an earlier `read` gave it: a source can
        then be read bit by bit. For encoders that read forwards only.
        """
        final_at = lengths if final_at is None else final_at
        mask = tf.sequence_mask(lengths, tf.shape(x)[1], x.dtype)[:, :, None]
        states = {}
        for number, cells in enumerate(self.layers):
            below = x
            if number:
                x = drop(x, self.options, self.seed, training)
            before = initial and {name: initial[f"{name}{number}"] for name in cells[0].states}
            x, final = self._read_layer(x, lengths, cells, training, final_at, before)
            if initial:
                states.update({f"{name}{number}": leaf for name, leaf in final.items()})
            # Outputs at padding must not reach the attention or the layer above.
            x = x * mask
            if number and self.options.residual:
                x = below + x
        return x, final["h"], states

    def zero_state(self, sentences):
        """The state before the first position: {"h0": [sentences, units], ...}, a leaf a layer and part."""
        zeros = tf.zeros([sentences, self.options.encoder_units])
        return {
            f"{name}{number}": zeros
            for number, cells in enumerate(self.layers)
            for name in cells[0].states
        }

    def _read_layer(self, x, lengths, cells, training, final_at, before):
        """One layer, both directions in one time loop: outputs [sentences, source_len, size], final state.

        before: {"h": [sentences, units], ...} or None for zeros. The final state, [sentences, size] each,
        is that after `final_at` positions; without `before` it is h alone.
        """

        def turn(x, way):
            # A backward cell reads each sentence reversed, so that padding comes last for both.
            return tf.reverse_sequence(x, lengths, seq_axis=1) if way == "backward" else x

        # What does not depend on the state: [source_len, directions, sentences, gates * units].
        z = ops.stack(
            [cell.inputs(turn(x, way)) for cell, way in zip(cells, self.ways, strict=True)]
        )
        z = ops.transpose(z, (2, 0, 1, 3))

        # The time loop, over weights of both directions stacked.
        directions = len(cells)
        sentences = tf.shape(x)[0]
        zeros = tf.zeros([directions, sentences, cells[0].units])
        weights = stack([cell.weights_of_step() for cell in cells])
        dropout_mask = state_mask(zeros, self.options, self.seed, training)
        first = {name: before[name][None] if before else zeros for name in cells[0].states}
        history, _ = kernels.unroll(
            lambda z_t, state: cells[0].step(z_t[0], state, weights, dropout_mask),
            (z,),
            first,
            keep=cells[0].states if before else ["h"],
        )

        # [directions, sentences, source_len, units], each direction in the order of the source.
        history = {name: ops.transpose(leaf, (1, 2, 0, 3)) for name, leaf in history.items()}
        outputs = [
            turn(leaf, way) for leaf, way in zip(tf.unstack(history["h"]), self.ways, strict=True)
        ]

        # The state after the last position of each sentence.
        last = tf.broadcast_to(final_at - 1, [directions, sentences])
        if before:  # a sentence without a new position stays where it was
            last = last + 1
            history = {
                name: tf.concat([first[name][:, :, None], leaf], 2)
                for name, leaf in history.items()
            }
        final = {
            name: tf.gather(leaf, last, axis=2, batch_dims=2) for name, leaf in history.items()
        }
        return ops.concatenate(outputs, -1), {
            name: ops.concatenate(tf.unstack(leaf), -1) for name, leaf in final.items()
        }


class RecurrentDecoder(keras.layers.Layer):
    """s_i = cell(s_{i-1}, [y_{i-1}; c_{i-1}]), c_i = attention(s_i), readout from (s_i, c_i), c_0 = 0.

    The recurrence of Bahdanau et al. 2015 with the readout taking the new context. The context is fed back,
    not the readout, so that readout, dropout and projection stay outside the time loop. Without attention c is
    absent, and all that the decoder knows of the source is its first state (Sutskever et al. 2014); with a
    memory_size of 0 it knows of none and begins with the zero state.
    """

    def __init__(self, options, readout_units, seed, **kwargs):
        super().__init__(**kwargs)
        self.options = options
        self.readout_units = readout_units
        self.seed = seed

    def build(self, input_size, memory_size):
        options = self.options
        units = self.options.decoder_units
        self.memory_size = memory_size
        self.cells = [cell(options, units, f"layer{n}") for n in range(options.decoder_layers)]
        for number, one in enumerate(self.cells):
            one.build(input_size if number == 0 else units)
        self.attention = attention(options)
        seen = units
        if self.attention:
            seen += memory_size
            self.context_kernel = self.add_weight(
                (memory_size, self.cells[0].gates * units), "glorot_uniform", name="context_kernel"
            )
            self.attention.build(units, memory_size)
        bridges = len(self.cells) if memory_size else 0
        self.bridge = [keras.layers.Dense(units, "tanh", name=f"bridge{n}") for n in range(bridges)]
        for dense in self.bridge:
            dense.build((None, memory_size))
        self.readout_kernel = self.add_weight(
            (seen, self.readout_units), "glorot_uniform", name="readout_kernel"
        )
        self.readout_bias = self.add_weight((self.readout_units,), "zeros", name="readout_bias")
        self.built = True

    def remember(self, outputs, lengths):
        """The memory of `step`: encoder outputs, their keys, 0 or -1e9 for padding; without attention empty."""
        if not self.attention:
            return {}
        mask = tf.sequence_mask(lengths, tf.shape(outputs)[1], outputs.dtype)
        return {
            "outputs": outputs,
            "keys": self.attention.keys(outputs),
            "mask": (1 - mask) * MASKED,
        }

    def initial_state(self, final):
        """final: [rows, memory_size] -> state before the first word: h = tanh(W final + b), c = 0."""
        state = self.zero_state(tf.shape(final)[0])
        return {**state, **{f"h{number}": dense(final) for number, dense in enumerate(self.bridge)}}

    def zero_state(self, rows):
        """The state that has seen nothing."""
        state = {"context": tf.zeros([rows, self.memory_size])} if self.attention else {}
        for number, one in enumerate(self.cells):
            state.update({f"{name}{number}": tf.zeros([rows, one.units]) for name in one.states})
        return state

    def step(self, memory, state, y, training=False, keep=None, visible=None):
        """y: [rows, n, input] -> readout [rows, n, readout_units], attention [rows, n, source_len], state.

        No attention is returned in training, which has no use for it. keep: [rows, n], 0 where the state becomes
        zero before that position, else 1. visible: bool [rows, n, source_len], the source positions that a target
        position may attend to; None: all.
        """
        given = {}
        if keep is not None:
            given["keep"] = tf.transpose(keep)
        if visible is not None:
            given["visible"] = tf.transpose(visible, (1, 0, 2))
        loop = self._loop(memory, tf.shape(y)[0], training, tuple(given))
        seen = {"top"} | ({"context"} if self.attention else set())
        looks = {"attention"} if self.attention and not training else set()
        rows = tf.shape(y)[0]
        units = self.options.decoder_units
        carried = {**state, "top": tf.zeros([rows, units])}
        if looks:
            carried["attention"] = tf.zeros([rows, tf.shape(memory["keys"])[1]])
        z = ops.transpose(self.cells[0].inputs(y), (1, 0, 2))
        history, carried = kernels.unroll(loop, (z, *given.values()), carried, sorted(seen | looks))
        last = {name: carried[name] for name in state}
        shown = ops.concatenate(
            [history[name] for name in sorted(seen, reverse=True)], -1
        )  # top, context
        shown = ops.transpose(shown, (1, 0, 2))
        readout = ops.tanh(
            kernels.matmul(shown, kernels.weight(self.readout_kernel)) + self.readout_bias
        )
        readout = drop(readout, self.options, self.seed, training)
        return readout, ops.transpose(history["attention"], (1, 0, 2)) if looks else None, last

    def _loop(self, memory, rows, training, names):
        """One time step, (inputs, carried) -> carried, over weights and masks prepared outside of the time loop.

        names: of the inputs that follow the part of the gates.

        "top" is what readout and attention take: h of the last layer, or the sum of all with residual
        connections (Wu et al. 2016), in which a layer adds its input to its output.
        """
        options = self.options
        weights = [one.weights_of_step() for one in self.cells]
        kernels_above = [kernels.weight(one.kernel) for one in self.cells[1:]]
        masks = [
            state_mask(tf.zeros([rows, one.units]), options, self.seed, training)
            for one in self.cells
        ]
        between = [
            layer_mask(rows, one.units, options, self.seed, training) for one in self.cells[1:]
        ]
        if self.attention:
            context_kernel = kernels.weight(self.context_kernel)
            attention_weights = self.attention.weights_of_step()

        def one_step(inputs, carried):
            z = inputs[0]
            new = {}
            x = None
            given = dict(zip(names, inputs[1:], strict=True))
            if "keep" in given:
                carried = {name: leaf * given["keep"][:, None] for name, leaf in carried.items()}
            if self.attention:
                z = z + kernels.matmul(carried["context"], context_kernel)
            for number, one in enumerate(self.cells):
                if number:
                    mask = between[number - 1]
                    z = one.inputs(x if mask is None else x * mask, kernels_above[number - 1])
                old = {name: carried[f"{name}{number}"] for name in one.states}
                after = one.step(z, old, weights[number], masks[number])
                new.update({f"{name}{number}": value for name, value in after.items()})
                x = x + after["h"] if number and options.residual else after["h"]
            new["top"] = x
            if self.attention:
                new["context"], looks = self.attention.step(
                    x, memory, attention_weights, given.get("visible")
                )
                if "attention" in carried:
                    new["attention"] = looks
            return new

        return one_step


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
