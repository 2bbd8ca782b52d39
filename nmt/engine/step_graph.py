"""step.onnx and shortlist.onnx: one more token for every hypothesis; see nmt/engine/layout.py."""

from typing import Any

import numpy as np

from nmt.engine import layout
from nmt.engine.builder import OnnxBuilder
from nmt.engine.weights import input_weights, query_weights, readout_weights, recurrent_weights


def step_graph(
    model: Any,
    precision: str,
    tables: dict[str, np.ndarray],
    small: bool = False,
    shortlist: bool = False,
) -> bytes:
    """The graph of a step of a `TranslationModel`.

    tables: the arrays that will be its inputs of these names; small: they hold embeddings, not
    parts of gates. shortlist: the projection comes as inputs, and ids are those of its tokens.
    """
    g = OnnxBuilder(precision)
    decoder = model.decoder
    # The inputs; the state's rows as they follow from the former step's.
    shapes = layout.memory_shapes(decoder)
    memory = {name: g.input(name, np.float32, *shape) for name, shape in shapes.items()}
    sizes = layout.state_sizes(decoder)
    former = {name: g.input(name, np.float32, "former_rows", size) for name, size in sizes.items()}
    rows = "sentences", "beam"
    origin = g.input(layout.ORIGIN, np.int32, *rows)
    tokens = g.input(layout.TOKENS, np.int32, *rows)
    k = g.input(layout.K, np.int64, 1)
    state = {name: g("Gather", leaf, origin) for name, leaf in former.items()}
    table_inputs = [g.input(name, table.dtype, *table.shape) for name, table in tables.items()]
    # 1. Advance the recurrent layers.
    if small:
        x = g.linear(g.rows(tokens, *table_inputs), *input_weights(decoder.cells[0]))
    else:
        x = g.lookup(tokens, *table_inputs)
    new, factor, h = _recurrent_layers(g, decoder, x, state)
    readout = g.linear(factor, *readout_weights(decoder))
    # 2. Attend to the source.
    if decoder.attention is not None:
        query = h
        if decoder.attention.query_kernel is not None:
            query = g.linear(factor, *query_weights(decoder))
        context, readout = _attend(g, decoder, query, readout, memory)
        if layout.context_apart(decoder):
            new["context"] = context
        else:
            new["recurrent0"] = g("Add", new["recurrent0"], context)
    # 3. Project onto the vocabulary or the shortlist.
    _project(g, model, g("Tanh", readout), k, shortlist)
    for name, size in sizes.items():
        g.output(layout.NEW + name, new[name], np.float32, *rows, size)
    return g.serialised()


def _recurrent_layers(g, decoder, x, state):
    """x: the token's part of the first layer's gates.

    Returns the new state, the context's part excepted; h of the top layer, as a factor and itself.
    """
    if layout.context_apart(decoder):
        x = g("Add", x, state["context"])
    new: dict[str, str] = {}
    for number, cell in enumerate(decoder.cells):
        former = {name: state[f"{name}{number}"] for name in cell.onnx.states}
        after = cell.onnx_step(g, x, state[f"recurrent{number}"], former)
        h = after["h"]
        new |= {f"{name}{number}": after[name] for name in cell.onnx.states}
        # What depends on the new h alone.
        factor = g.factor(h)
        new[f"recurrent{number}"] = g.linear(factor, *recurrent_weights(cell))
        if cell is not decoder.cells[-1]:
            x = g.linear(factor, *input_weights(decoder.cells[number + 1]))
    return new, factor, h


def _attend(g, decoder, query, readout, memory):
    """The context's part of the gates, and the readout with its part added."""
    energies = decoder.attention.onnx_energies(g, query, memory[layout.KEYS])
    weights = g("Softmax", g("Add", energies, memory[layout.MASK]))
    g.output(layout.ATTENTION, weights, np.float32, "sentences", "beam", "grouped_len")
    gates, from_context = (
        g("MatMul", weights, memory[name]) for name in (layout.VALUES, layout.READOUTS)
    )
    return gates, g("Add", readout, from_context)


def _project(g, model, readout, k, shortlist):
    """Outputs the k best tokens, and the log-probabilities of all or of all in the shortlist."""
    if shortlist:
        units = model.decoder.readout_units
        kernel = g.input(layout.KERNEL, np.int8, units, "words")
        scale = g.input(layout.SCALE, np.float32, "words")
        bias = g.input(layout.BIAS, np.float32, "words")
        # One product for all; then each sentence has its own words, always in the same order.
        logits = g.integer_linear(readout, kernel, scale, bias)
        beam = g("Shape", logits, start=1, end=2)
        one = g.constant([1], np.int64)
        places = g.input(layout.PLACES, np.int32, "sentences", 1, "own")
        places = g("Expand", places, g("Concat", one, beam, one, axis=0))
        logits = g("GatherElements", logits, places, axis=-1)
    else:
        logits = g.linear(readout, np.asarray(model.output_kernel).T, model.output_bias)
    log_probs = g("LogSoftmax", logits)
    best, ids = g("TopK", log_probs, k, results=2)
    if shortlist:
        ids = g("GatherElements", places, ids, axis=-1)
        ids = g("Gather", g.input(layout.IDS, np.int64, "words"), ids)
    every = "own" if shortlist else model.target_vocab
    g.output(layout.EVERY, log_probs, np.float32, "sentences", "beam", every)
    g.output(layout.LOG_PROBS, best, np.float32, "sentences", "beam", "k")
    g.output(layout.BEST, ids, np.int64, "sentences", "beam", "k")
