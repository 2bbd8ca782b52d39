"""encoder.onnx: what is computed once a sentence; see nmt/engine/layout.py."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from nmt.engine import layout
from nmt.engine.builder import OnnxBuilder, stored_rows
from nmt.engine.weights import (
    context_weights,
    input_weights,
    recurrent_weights,
    token_vectors,
)
from nmt.models.attention import MASKED
from nmt.text.vocabulary import PAD


def encoder_graph(model: Any, precision: str, tables: Mapping[str, np.ndarray] = {}) -> bytes:
    """The graph source -> memory, state before the first token, of a `TranslationModel`.

    tables: arrays with the source embeddings that will be its inputs of these names; none: the
    graph has its own.
    """
    g = OnnxBuilder(precision)
    encoder = model.encoder
    decoder = model.decoder
    source = g.input(layout.SOURCE, np.int32, "sentences", "source_len")
    real = g.cast(g("Not", g("Equal", source, g.constant(PAD, np.int32))), np.int32)
    # 1. Run the recurrent layers, all with time first.
    lengths = g.cast(g("ReduceSum", real, g.constant([1], np.int64), keepdims=0), np.int64)
    sentences = g("Shape", source, end=1)
    if tables:
        embedding = [g.input(name, table.dtype, *table.shape) for name, table in tables.items()]
    else:
        own = stored_rows(token_vectors(model.source_embedding, model), precision)
        embedding = [g.constant(table, table.dtype) for table in own.values()]
    x = g.rows(g("Transpose", source, perm=[1, 0]), *embedding)
    for cells in encoder.layers:
        outputs, final = _layer(g, x, lengths, sentences, cells, encoder.ways)
        x = g.factor(outputs)
    # 2. Make what the decoder remembers, and begins with.
    if decoder.attention is not None:
        memory = _memory(g, decoder, g("Transpose", outputs, perm=[1, 0, 2]), real)
        for name, shape in layout.memory_shapes(decoder).items():
            g.output(name, memory[name], np.float32, *shape)
    state = _state(g, decoder, final, sentences)
    for name, size in layout.state_sizes(decoder).items():
        g.output(name, state[name], np.float32, "sentences", size)
    return g.serialised()


def _layer(g, x, lengths, sentences, cells, ways):
    """Outputs [source_len, sentences, size], last h [sentences, size]; size: of all directions.

    x: a factor. What stands at padding means nothing.
    """
    outputs = []
    final = []
    for cell, way in zip(cells, ways, strict=True):
        # A sentence that is read backwards begins with its last token, so padding is never before.
        read = x if way == "forward" else x._replace(values=_turned(g, x.values, lengths))
        z = g.linear(read, *input_weights(cell))
        shape = g("Concat", sentences, g.constant([cell.units], np.int64), axis=0)
        zeros = dict.fromkeys(cell.states, g("Expand", g.constant(0.0), shape))
        every = g.loop(functools.partial(_step, cell), zeros, z)
        # The other way round, what was read last comes first.
        turned = _turned(g, every, lengths)
        outputs.append(every if way == "forward" else turned)
        final.append(g("Gather", turned, g.constant(0, np.int64), axis=0))
    if len(cells) == 1:
        return outputs[0], final[0]
    return g("Concat", *outputs, axis=-1), g("Concat", *final, axis=-1)


def _turned(g, x, lengths):
    """Each sentence of x [source_len, sentences, ...] the other way round, padding still last."""
    return g("ReverseSequence", x, lengths, batch_axis=1, time_axis=0)


def _step(cell, g, state, z):
    """A position of a layer: its new state, and h as its output."""
    recurrent = g.linear(state["h"], *recurrent_weights(cell))
    new = cell.onnx_step(g, z, recurrent, state)
    return new, new["h"]


def _memory(g, decoder, outputs, real):
    """The leaves of the memory by name.

    outputs: [sentences, source_len, size]; real: [sentences, source_len] int32, 0 at padding,
    else 1.
    """
    # 1. Whole groups of positions; see `layout.POSITIONS`.
    group = g.constant([layout.POSITIONS], np.int64)
    missing = g("Mod", g("Neg", g("Shape", real, start=1)), group)
    behind = g("Concat", g.constant([0], np.int64), missing, axis=0)
    along = "", g.constant([1], np.int64)
    outputs = g("Pad", outputs, behind, *along)
    real = g("Pad", real, behind, *along)
    # 2. Keys are projected only if the attention has weights for it. Values are products with what
    # later meets their weighted sum, the context.
    attention = decoder.attention
    factor = g.factor(outputs)
    keys = outputs
    if attention.key_kernel is not None:
        bias = np.zeros(attention.key_size) if attention.bias is None else attention.bias
        keys = g.linear(factor, attention.key_kernel, bias)
    values, readouts = (g.linear(factor, *weights) for weights in context_weights(decoder))
    # 3. 0 at tokens, MASKED at padding.
    padding = g("Sub", real, g.constant(1, np.int32))
    mask = g("Mul", g.cast(padding, np.float32), g.constant(-MASKED))
    mask = g("Unsqueeze", mask, g.constant([1], np.int64))
    sums = {layout.VALUES: values, layout.READOUTS: readouts}
    return {layout.KEYS: keys, **sums, layout.MASK: mask}


def _state(g, decoder, final, sentences):
    """The leaves of the state by name; final: the encoder's last h [sentences, units]."""
    state = {}
    # Every layer begins with a projection of the encoder's last h.
    for number, cell in enumerate(decoder.cells):
        bridge = decoder.bridge[number]
        h = g("Tanh", g.linear(final, bridge.kernel, bridge.bias))
        state[f"h{number}"] = h
        # What the first step needs of h; see nmt/engine/layout.py.
        state[f"recurrent{number}"] = g.linear(h, *recurrent_weights(cell))
    # All else begins with zeros.
    for name, size in layout.state_sizes(decoder).items():
        if name not in state:
            shape = g("Concat", sentences, g.constant([size], np.int64), axis=0)
            state[name] = g("Expand", g.constant(0.0), shape)
    return state
