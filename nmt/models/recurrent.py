"""The recurrent encoder and decoder, built from cells: with attention, or through one fixed vector.

Shapes: sentences, rows (hypotheses), source_len, n (target positions), units of a layer, size of
the encoder's outputs, gates * units for the inputs of a cell.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from nmt.models import kernels
from nmt.models.attention import MASKED
from nmt.models.attention import attention as new_attention
from nmt.models.cells import cell as new_cell
from nmt.models.cells import stack
from nmt.models.kernels import Step, Tensor, Tensors
from nmt.models.time_loop import unroll
from nmt.recipe import ModelOptions


class Part(keras.layers.Layer):
    """What encoders, decoders and their layers share. seed: of dropout masks."""

    def __init__(self, options: ModelOptions, seed: keras.random.SeedGenerator, name: str):
        super().__init__(name=name)
        self.options = options
        self.seed = seed


class RecurrentEncoder(Part):
    """Stacked recurrent layers, one or both ways; both directions share one time loop."""

    def build(self, input_size: int) -> None:
        """input_size: units of one input."""
        options = self.options
        units = options.encoder_units
        if options.bidirectional:
            self.ways: tuple[str, ...] = "forward", "backward"
        else:
            self.ways = ("backward" if options.reverse_source else "forward",)
        self.size = units * len(self.ways)
        # A layer has a cell a direction and takes the outputs of both below it.
        self.layers = [
            [new_cell(options, units, f"layer{layer}_{way}") for way in self.ways]
            for layer in range(options.encoder_layers)
        ]
        for cells in self.layers:
            for cell in cells:
                cell.build(input_size)
            input_size = self.size
        self.built = True

    def read(
        self,
        x: Tensor,
        lengths: Tensor,
        training: bool = False,
        initial: Tensors | None = None,
        final_at: Any = None,
    ) -> tuple[Tensor, Tensor, Tensors]:
        """Encodes sentences that are padded right: outputs, final, states.

        x: [sentences, source_len, input_size]; lengths: [sentences].
        outputs: [sentences, source_len, size], 0 at padding.
        final: [sentences, size], h of the last layer after `final_at` positions (default: lengths).
        states: with `initial` the state of every layer after the last position, else empty.
        initial: the state to begin with, as `zero_state` or an earlier `read` gave it, so that a
        source can be read in pieces. For encoders that read forwards only.
        """
        final_at = lengths if final_at is None else final_at
        mask = tf.sequence_mask(lengths, tf.shape(x)[1], x.dtype)[:, :, None]
        states = {}
        for number, cells in enumerate(self.layers):
            below = x
            # The inputs of the first layer have had their dropout.
            if number:
                x = drop(x, self.options, self.seed, training)
            # [sentences, source_len, size], from the state that a piece before ended with.
            before = initial and {name: initial[f"{name}{number}"] for name in cells[0].states}
            x, final = self._read_layer(x, lengths, cells, training, final_at, before)
            if initial:
                states.update({f"{name}{number}": leaf for name, leaf in final.items()})
            # Outputs at padding must not reach the attention or the layer above.
            x = x * mask
            # With residual connections a layer adds its input (Wu et al. 2016).
            if number and self.options.residual:
                x = below + x
        return x, final["h"], states

    def zero_state(self, sentences: Any) -> Tensors:
        """The state before the first position: "h0" (and "c0") [sentences, units] of layer 0, …"""
        zeros = tf.zeros([sentences, self.options.encoder_units])
        return {
            f"{name}{number}": zeros
            for number, cells in enumerate(self.layers)
            for name in cells[0].states
        }

    def _read_layer(self, x, lengths, cells, training, final_at, before):
        """One layer, both directions in one time loop: outputs, final state.

        outputs: [sentences, source_len, size]. before: the state to begin with, {"h": [sentences,
        units], ...}; None: zeros. The final state, [sentences, size] each, has the same parts;
        without `before` only h.
        """

        # A backward cell reads each sentence reversed, so that padding comes last for both.
        def turn(x, way):
            return tf.reverse_sequence(x, lengths, seq_axis=1) if way == "backward" else x

        # What does not depend on the state: [source_len, directions, sentences, gates * units].
        by_time = [ops.transpose(turn(x, way), (1, 0, 2)) for way in self.ways]
        z = ops.stack([cell.inputs(own) for cell, own in zip(cells, by_time, strict=True)], 1)

        # The time loop, over weights of both directions stacked.
        rows = [len(cells), tf.shape(x)[0]]
        zeros = tf.zeros([*rows, cells[0].units])
        weights = cells[0].weights_of_loop(stack([cell.weights_of_step() for cell in cells]))
        rate = self.options.recurrent_dropout
        dropout_mask = loop_mask([*rows, cells[0].units], rate, self.seed, training)
        first = {name: before[name][None] if before else zeros for name in cells[0].states}
        history, _ = unroll(
            lambda z_t, state, weights: cells[0].step(z_t[0], state, weights, dropout_mask),
            (z,),
            first,
            cells[0].states if before else ["h"],
            weights,
            training,
        )

        # [directions, sentences, source_len, units], each direction in the order of the source.
        history = {name: ops.transpose(leaf, (1, 2, 0, 3)) for name, leaf in history.items()}
        h = tf.unstack(history["h"])
        outputs = [turn(leaf, way) for leaf, way in zip(h, self.ways, strict=True)]

        # The state after `final_at` positions: [directions, sentences, units].
        last = tf.broadcast_to(final_at - 1, rows)
        if before:
            # A sentence without a new position stays in the state it was in.
            last = last + 1
            history = {
                name: tf.concat([first[name][:, :, None], leaf], 2)
                for name, leaf in history.items()
            }
        final = {}
        for name, leaf in history.items():
            leaf = tf.gather(leaf, last, axis=2, batch_dims=2)
            # Both directions side by side: [sentences, size].
            final[name] = ops.concatenate(tf.unstack(leaf), -1)
        return ops.concatenate(outputs, -1), final


class RecurrentDecoder(Part):
    """s_i = cell(s_{i-1}, [y_{i-1}; c_{i-1}]), c_i = attention(s_i), c_0 = 0; readout (s_i, c_i).

    The recurrence of Bahdanau et al. 2015 with the readout taking the new context. The context is
    fed back, not the readout, so that readout, dropout and projection stay outside the time loop.
    Without attention there is no c, and all that the decoder knows of the source is its first state
    (Sutskever et al. 2014). With a memory_size of 0 there is no source: the first state is zero.
    """

    def __init__(
        self,
        options: ModelOptions,
        readout_units: int,
        seed: keras.random.SeedGenerator,
        name: str,
    ):
        super().__init__(options, seed, name)
        self.readout_units = readout_units

    def build(self, input_size: int, memory_size: int) -> None:
        """input_size: units of one input; memory_size: units of one output of the encoder."""
        options = self.options
        units = options.decoder_units
        self.memory_size = memory_size
        self.cells = [new_cell(options, units, f"layer{n}") for n in range(options.decoder_layers)]
        for cell in self.cells:
            cell.build(input_size)
            input_size = units

        # The context adds to the gates of the first cell.
        self.attention = new_attention(options)
        readout_inputs = units
        if self.attention:
            readout_inputs += memory_size
            self.context_kernel = self.add_weight(
                (memory_size, self.cells[0].gates * units), "glorot_uniform", name="context_kernel"
            )
            self.attention.build(units, memory_size)

        # The first state of each layer comes from the encoder's final state.
        bridges = len(self.cells) if memory_size else 0
        self.bridge = [keras.layers.Dense(units, "tanh", name=f"bridge{n}") for n in range(bridges)]
        for dense in self.bridge:
            dense.build((None, memory_size))

        # The readout is what the projection onto the vocabulary takes.
        self.readout_kernel = self.add_weight(
            (readout_inputs, self.readout_units), "glorot_uniform", name="readout_kernel"
        )
        self.readout_bias = self.add_weight((self.readout_units,), "zeros", name="readout_bias")
        self.built = True

    def remember(self, outputs: Tensor, lengths: Tensor) -> Tensors:
        """The memory of `step`, empty without attention.

        "outputs" [sentences, source_len, size], their "keys", "mask" [sentences, source_len]: 0, at
        padding MASKED.
        """
        if not self.attention:
            return {}
        mask = tf.sequence_mask(lengths, tf.shape(outputs)[1], outputs.dtype)
        keys = self.attention.keys(outputs)
        return {"outputs": outputs, "keys": keys, "mask": (1 - mask) * MASKED}

    def initial_state(self, final: Tensor) -> Tensors:
        """final: [rows, memory_size] -> the first state: h = tanh(W final + b), c = 0."""
        state = self.zero_state(tf.shape(final)[0])
        for number, dense in enumerate(self.bridge):
            state[f"h{number}"] = dense(final)
        return state

    def zero_state(self, rows: Any) -> Tensors:
        """The state that has seen nothing: "h0" (and "c0") [rows, units], …, "context"."""
        state = {"context": tf.zeros([rows, self.memory_size])} if self.attention else {}
        for number, cell in enumerate(self.cells):
            state.update({f"{name}{number}": tf.zeros([rows, cell.units]) for name in cell.states})
        return state

    def step(
        self,
        memory: Tensors,
        state: Tensors,
        y: Tensor,
        training: bool = False,
        keep: Tensor | None = None,
        visible: Tensor | None = None,
    ) -> Step:
        """y: [rows, n, input_size] -> readout [rows, n, readout_units], attention, state.

        attention: [rows, n, source_len]; None without it, and in training, which does not need it.
        keep: [rows, n], 0 where the state becomes zero before that position, else 1.
        visible: bool [rows, n, source_len], the source positions that a target position may attend
        to; None: all.
        """
        rows = tf.shape(y)[0]
        time_step = self._time_step(memory, rows, training)

        # What a time step takes, time first.
        inputs = {"gates": self.cells[0].inputs(ops.transpose(y, (1, 0, 2)))}
        if keep is not None:
            inputs["keep"] = tf.transpose(keep)
        if visible is not None:
            inputs["visible"] = tf.transpose(visible, (1, 0, 2))

        # What it hands on: the state, and what is wanted of every step.
        carried = {**state, "top": tf.zeros([rows, self.options.decoder_units])}
        wanted = ["context", "top"] if self.attention else ["top"]
        want_attention = self.attention is not None and not training
        if want_attention:
            carried["attention"] = tf.zeros([rows, tf.shape(memory["keys"])[1]])
            wanted.insert(0, "attention")

        # The time loop: nothing that can be done for all positions at once.
        history, carried = unroll(
            lambda values, carried, weights: time_step(
                dict(zip(inputs, values, strict=True)), carried, weights
            ),
            tuple(inputs.values()),
            carried,
            wanted,
            self._weights_of_loop(memory, training),
            training,
        )

        # All positions at once: [n, rows, units] -> [n, rows, readout_units].
        seen = [history[name] for name in ("top", "context") if name in history]
        readout_kernel = kernels.weight(self.readout_kernel)
        readout = kernels.matmul(ops.concatenate(seen, -1), readout_kernel)
        readout = ops.tanh(kernels.add_bias(readout, self.readout_bias))

        # Time second again: [rows, n, readout_units], [rows, n, source_len].
        readout = drop(ops.transpose(readout, (1, 0, 2)), self.options, self.seed, training)
        attention = ops.transpose(history["attention"], (1, 0, 2)) if want_attention else None
        return readout, attention, {name: carried[name] for name in state}

    def _weights_of_loop(self, memory, training):
        """The weights of the products in a time step, cast once a training step."""
        first = self.cells[0].weights_of_step()
        weights: dict[str, Any] = {}
        if self.attention:
            context = kernels.weight(self.context_kernel)
            if self._joins_context(training):
                first["recurrent"] = tf.concat([first["recurrent"], context], 0)
            else:
                weights["context"] = kernels.GateWeight(context)
            weights["attention"] = self.attention.weights_of_step()
            # The context is a product of the attention and the encoder's outputs.
            weights["outputs"] = kernels.weight(memory["outputs"])
        weights["cells"] = [
            self.cells[0].weights_of_loop(first),
            *(cell.weights_of_step() for cell in self.cells[1:]),
        ]
        weights["kernels"] = [kernels.weight(cell.kernel) for cell in self.cells[1:]]
        return weights

    def _joins_context(self, training):
        """Whether state and context are one factor of one product.

        In training alone: joining copies the weights, which pays for many positions only.
        """
        return training and self.attention is not None and self.cells[0].sums_products()

    def _time_step(self, memory, rows, training):
        """The function of one time step, (inputs, carried, weights) -> carried.

        Dropout masks are drawn here, outside of the time loop, one a sequence.
        """
        options = self.options
        upper = self.cells[1:]
        # Masks, [rows, units] each: the order of these draws decides what a run draws.
        shape = [rows, options.decoder_units]
        state_masks = [
            loop_mask(shape, options.recurrent_dropout, self.seed, training) for _ in self.cells
        ]
        layer_masks = [loop_mask(shape, options.dropout, self.seed, training) for _ in upper]
        energy = self.attention.vectors_of_step() if self.attention else {}
        joins_context = self._joins_context(training)
        if joins_context and state_masks[0] is not None:
            # Nothing of the context is dropped.
            state_masks[0] = tf.concat([state_masks[0], tf.ones([rows, self.memory_size])], 1)

        def time_step(inputs, carried, weights):
            # Where a text begins, nothing is known of the one before.
            if "keep" in inputs:
                carried = {name: leaf * inputs["keep"][:, None] for name, leaf in carried.items()}

            # The gates of the first cell: [rows, gates * units].
            gates = inputs["gates"]
            if "context" in weights:
                gates = gates + kernels.matmul(carried["context"], weights["context"])

            # The cells, from the lowest; x is the output of the one below: [rows, units].
            new = {}
            x = None
            for number, cell in enumerate(self.cells):
                if number:
                    mask = layer_masks[number - 1]
                    below = x if mask is None else x * mask
                    gates = cell.inputs(below, weights["kernels"][number - 1])
                old = {name: carried[f"{name}{number}"] for name in cell.states}
                if joins_context and not number:
                    old["h"] = tf.concat([old["h"], carried["context"]], 1)
                after = cell.step(gates, old, weights["cells"][number], state_masks[number])
                new.update({f"{name}{number}": leaf for name, leaf in after.items()})
                # With residual connections a layer adds its input (Wu et al. 2016).
                x = x + after["h"] if number and options.residual else after["h"]

            # What attention and readout take.
            new["top"] = x
            if self.attention:
                new["context"], attention = self.attention.step(
                    x,
                    {**memory, "outputs": weights["outputs"]},
                    {**weights["attention"], **energy},
                    inputs.get("visible"),
                )
                if "attention" in carried:
                    new["attention"] = attention
            return new

        return time_step


def drop(x: Tensor, options: ModelOptions, seed: Any, training: bool) -> Tensor:
    """Dropout on [rows, positions, units]: a mask a position, or one a sequence if variational."""
    if not training:
        return x
    shape = (tf.shape(x)[0], 1, x.shape[-1]) if options.variational else None
    return kernels.dropout(x, options.dropout, seed, shape)


def loop_mask(shape: Any, rate: float, seed: Any, training: bool) -> Any:
    """Dropout inside a time loop: one mask for all positions (Gal & Ghahramani 2016), or None."""
    return kernels.dropout(tf.ones(shape), rate, seed) if training and rate else None
