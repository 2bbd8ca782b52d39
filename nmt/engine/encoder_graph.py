"""encoder.onnx: what is computed once a sentence; see nmt/engine/layout.py."""

from typing import Any

import numpy as np

from nmt.engine import layout
from nmt.engine.builder import OnnxBuilder, stored_table
from nmt.engine.weights import context_weights, recurrent_weights
from nmt.text.vocabulary import PAD

DIRECTIONS = {  # of ONNX by the ways of an encoder
    ("forward",): "forward",
    ("backward",): "reverse",
    ("forward", "backward"): "bidirectional",
}


def encoder_graph(model: Any, precision: str) -> bytes:
    """The graph source -> memory, state before the first token, of a `TranslationModel`."""
    g = OnnxBuilder(precision)
    encoder = model.encoder
    decoder = model.decoder
    # 1. Embed the source, [source_len, sentences, embedding].
    source = g.input(layout.SOURCE, np.int32, "sentences", "source_len")
    # 1 at tokens, 0 at padding.
    real = g.cast(g("Not", g("Equal", source, g.constant(PAD, np.int32))), np.int32)
    lengths = g("ReduceSum", real, g.constant([1], np.int64), keepdims=0)
    scaled = np.asarray(model.source_embedding) * model.options.embedding**0.5
    tables = stored_table(scaled, precision).values()
    x = g.lookup(source, *(g.constant(table, table.dtype) for table in tables))
    x = g("Transpose", x, perm=[1, 0, 2])
    # 2. Run the recurrent layers.
    for cells in encoder.layers:
        y, final = _layer(g, x, lengths, cells, encoder.ways)
        y = g("Transpose", y, perm=[0, 2, 1, 3])
        x = g("Reshape", y, g.constant([0, 0, encoder.size], np.int64))
    outputs = g("Transpose", x, perm=[1, 0, 2])
    final = g("Transpose", final, perm=[1, 0, 2])
    final = g("Reshape", final, g.constant([0, encoder.size], np.int64))
    # 3. Make what the decoder remembers, and begins with.
    if decoder.attention is not None:
        memory = _memory(g, decoder, outputs, real)
        for name, shape in layout.memory_shapes(decoder).items():
            g.output(name, memory[name], np.float32, *shape)
    state = _state(g, decoder, final)
    for name, size in layout.state_sizes(decoder).items():
        g.output(name, state[name], np.float32, "sentences", size)
    return g.serialised()


def _layer(g, x, lengths, cells, ways):
    """Outputs [source_len, directions, sentences, units], last h [directions, sentences, units]."""
    form = cells[0].onnx
    return g.recurrent_layer(
        form.operator,
        x,
        lengths,
        [cell.onnx_weights(form.operator_gates) for cell in cells],
        hidden_size=cells[0].units,
        direction=DIRECTIONS[tuple(ways)],
        **form.attributes,
    )


def _memory(g, decoder, outputs, real):
    """The leaves of the memory by name.

    real: [sentences, source_len] int32, 0 at padding, else 1."""
    attention = decoder.attention
    # Keys are projected only if the attention has weights for it.
    keys = outputs
    if attention.key_kernel is not None:
        bias = np.zeros(attention.key_size) if attention.bias is None else attention.bias
        keys = g.linear(outputs, attention.key_kernel, bias)
    # Values are products of the outputs with what later meets their weighted sum, the context.
    values = g.linear(outputs, *context_weights(decoder))
    # 0 at tokens, -1e9 at padding.
    padding = g("Sub", real, g.constant(1, np.int32))
    mask = g("Mul", g.cast(padding, np.float32), g.constant(1e9))
    mask = g("Unsqueeze", mask, g.constant([1], np.int64))
    return {layout.KEYS: keys, layout.VALUES: values, layout.MASK: mask}


def _state(g, decoder, final):
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
    sentences = g("Shape", final, end=1)
    for name, size in layout.state_sizes(decoder).items():
        if name not in state:
            shape = g("Concat", sentences, g.constant([size], np.int64), axis=0)
            state[name] = g("Expand", g.constant(0.0), shape)
    return state
