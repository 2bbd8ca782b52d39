"""A trained model as ONNX graphs for `nmt.engine.runtime`: weights laid out so that a step of search needs few products.

Three graphs come from the weights of a `TranslationModel`:

    encoder.onnx    source -> memory (keys, values, mask) and the state before the first word
    step.onnx       memory, state, origin, tokens, k -> the k best next words and the new state
    shortlist.onnx  the same, with the projection (kernel, scale, bias, ids of the words) as inputs

What the step need not do again is done before it. The embedding times the input kernel, bias included, is one
table, an input of both step graphs that lies in a file of its own: only the rows that are looked up are read.
Attention weights sum to 1, so the products of the context with the kernels of gates and readout are
sums of `values`, products of every source position with those kernels, made once a sentence. What depends on the
new h of a layer is one product: the recurrent part of its next gates, the input of the layer above, or query
and readout. `state` therefore holds the coming step's recurrent part instead of h.
"""

import numpy as np

from nmt import files
from nmt.engine.builder import Graph, quantise, stored

ORDER = {"lstm": (0, 1, 3, 2)}  # gates i, f, o, c: one sigmoid serves the first three
ONNX_ORDER = {
    "lstm": (0, 3, 1, 2),
    "gru": (0, 1, 2),
    "rnn": (0,),
}  # of ONNX's own layers: i, o, f, c


def reason_against(options):
    """Why a model (config.Model) cannot be exported, or None."""
    if options.architecture == "language_model":
        return "the graphs are those of translators (model.architecture=language_model)"
    layers = max(options.encoder_layers, options.decoder_layers)
    reasons = {
        "layers that are not recurrent (model.architecture=transformer)": options.architecture
        == "transformer",
        "ONNX's recurrent layers have no layer normalisation (model.layer_norm)": options.layer_norm,
        "hidden states beyond 1 (model.activation=relu)": options.cell == "rnn"
        and options.activation == "relu",
        "hidden states beyond 1 (model.residual)": options.residual and layers > 1,
        "a product inside the gates (model.reset_after=false)": options.cell == "gru"
        and not options.reset_after,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def write(model, precision, folder):
    """Writes the graphs of a model and the arrays they take as inputs."""
    options = model.options
    cell = model.decoder.cells[0]
    table = np.asarray(cell.inputs(model.target_embedding * options.embedding**0.5))
    arrays = stored(_gates(table, options.cell, cell.units), precision)
    graphs = {"encoder": encoder(model, precision), "step": step(model, precision, arrays)}
    if precision == "int8":
        graphs["shortlist"] = step(model, precision, arrays, shortlist=True)
        kernel, scale = quantise(np.asarray(model.output_kernel).T)
        with files.atomic(folder / "projection.npz", "wb") as file:
            np.savez(
                file,
                kernel=np.ascontiguousarray(kernel.T),
                scale=scale,
                bias=np.asarray(model.output_bias),
            )
    for name, graph in graphs.items():
        with files.atomic(folder / f"{name}.onnx", "wb") as file:
            file.write(graph)
    for name, array in arrays.items():
        with files.atomic(folder / f"{name}.npy", "wb") as file:
            np.save(file, array)


def encoder(model, precision):
    """source [sentences, source_len] -> memory, and the state of one row a sentence."""
    g = Graph(precision)
    decoder = model.decoder
    options = model.options
    source = g.input("source", np.int32, "sentences", "source_len")
    real = g("Cast", g("Not", g("Equal", source, g.constant(0, np.int32))), to=6)
    lengths = g("ReduceSum", real, g.constant([1], np.int64), keepdims=0)
    embedding = stored(np.asarray(model.source_embedding) * options.embedding**0.5, precision)
    x = g.lookup(source, *(g.constant(array, array.dtype) for array in embedding.values()))
    x = g("Transpose", x, perm=[1, 0, 2])
    for cells in model.encoder.layers:
        y, final = _layer(g, x, lengths, cells, options.cell, model.encoder.ways)
        x = g(
            "Reshape",
            g("Transpose", y, perm=[0, 2, 1, 3]),
            g.constant([0, 0, model.encoder.size], np.int64),
        )
    outputs = g("Transpose", x, perm=[1, 0, 2])
    final = g(
        "Reshape",
        g("Transpose", final, perm=[1, 0, 2]),
        g.constant([0, model.encoder.size], np.int64),
    )

    if decoder.attention:
        memory = _remember(g, decoder, outputs, options)
        mask = g("Mul", g("Cast", g("Sub", real, g.constant(1, np.int32)), to=1), g.constant(1e9))
        memory["mask"] = g("Unsqueeze", mask, g.constant([1], np.int64))
        for name, shape in _memory_shapes(decoder, options).items():
            g.output(name, memory[name], np.float32, *shape)
    first = {}
    for number, (cell, dense) in enumerate(zip(decoder.cells, decoder.bridge, strict=True)):
        first[f"h{number}"] = g(
            "Tanh", g.linear(final, np.asarray(dense.kernel), np.asarray(dense.bias))
        )
        first[f"recurrent{number}"] = g.linear(first[f"h{number}"], *_recurrent(cell, options.cell))
    rows = g("Shape", final, end=1)
    for name, size in _state_sizes(decoder, options.cell).items():
        zeros = g(
            "Expand", g.constant(0.0), g("Concat", rows, g.constant([size], np.int64), axis=0)
        )
        g.output(name, first.get(name, zeros), np.float32, "sentences", size)
    return g.bytes()


def step(model, precision, table, shortlist=False):
    """One word further; with `shortlist` the projection comes as inputs and ids are those of its words.

    table: the arrays that will be its inputs of these names.
    """
    g = Graph(precision)
    decoder = model.decoder
    options = model.options
    kind = options.cell
    units = decoder.cells[0].units
    top = len(decoder.cells) - 1
    gates = decoder.cells[0].gates * units
    width = decoder.readout_units
    memory = {
        name: g.input(name, np.float32, *shape)
        for name, shape in _memory_shapes(decoder, options).items()
    }
    sizes = _state_sizes(decoder, kind)
    state = {name: g.input(name, np.float32, "former_rows", size) for name, size in sizes.items()}
    origin, tokens = (g.input(name, np.int32, "sentences", "beam") for name in ("origin", "tokens"))
    k = g.input("k", np.int64, 1)
    state = {name: g("Gather", leaf, origin) for name, leaf in state.items()}

    x = g.lookup(
        tokens, *(g.input(name, array.dtype, *array.shape) for name, array in table.items())
    )
    new = {}
    recurrent = []
    for number, cell in enumerate(decoder.cells):
        if "context" in state and number == 0:
            x = g("Add", x, state["context"])
        former = {
            name[:1]: leaf for name, leaf in state.items() if name in (f"c{number}", f"h{number}")
        }
        after = _cell(g, kind, units, x, state[f"recurrent{number}"], former)
        new |= {f"{name}{number}": after[name] for name in former}
        kernel, bias = _recurrent(cell, kind)
        if number < top:
            above = decoder.cells[number + 1]
            above_bias = np.asarray(above.bias)[0] if kind == "gru" else np.asarray(above.bias)
            kernel = np.concatenate([kernel, _gates(np.asarray(above.kernel), kind, units)], 1)
            bias = np.concatenate([bias, _gates(above_bias, kind, units)])
            part, x = g.split(g.linear(after["h"], kernel, bias), gates, gates)
        else:
            query_kernel = np.asarray(
                getattr(decoder.attention, "query_kernel", np.zeros((units, 0)))
            )
            readout_bias = (
                np.zeros(width) if decoder.attention else np.asarray(decoder.readout_bias)
            )
            kernel = np.concatenate(
                [kernel, np.asarray(decoder.readout_kernel)[:units], query_kernel], 1
            )
            bias = np.concatenate([bias, readout_bias, np.zeros(query_kernel.shape[1])])
            part, seen, query = g.split(
                g.linear(after["h"], kernel, bias), gates, width, query_kernel.shape[1]
            )
        recurrent.append(part)
    if decoder.attention:
        query = query if options.attention == "additive" else after["h"]
        energy = getattr(decoder.attention, "energy", None)
        context, attention = _attend(g, query, memory, energy)
        context, from_context = g.split(context, gates, width)
        seen = g("Add", seen, from_context)
        if "context" in state:
            new["context"] = context
        else:
            recurrent[0] = g("Add", recurrent[0], context)
        g.output("attention", attention, np.float32, "sentences", "beam", "source_len")
    new |= {f"recurrent{number}": part for number, part in enumerate(recurrent)}
    readout = g("Tanh", seen)

    if shortlist:
        kernel = g.input("kernel", np.int8, width, "words")
        scale = g.input("scale", np.float32, "words")
        bias = g.input("bias", np.float32, "words")
        logits = g.integer(readout, kernel, scale, bias)
    else:
        logits = g.linear(readout, np.asarray(model.output_kernel).T, np.asarray(model.output_bias))
    every = g("LogSoftmax", logits)
    best, ids = g("TopK", every, k, results=2)
    if shortlist:
        ids = g("Gather", g.input("ids", np.int64, "words"), ids)
    else:
        g.output("every", every, np.float32, "sentences", "beam", model.target_vocab)
    g.output("log_probs", best, np.float32, "sentences", "beam", "k")
    g.output("best", ids, np.int64, "sentences", "beam", "k")
    for name, size in sizes.items():
        g.output(f"new_{name}", new[name], np.float32, "sentences", "beam", size)
    return g.bytes()


def _state_sizes(decoder, kind):
    """Leaves of the state and their units: recurrent parts; c of an LSTM; h of a GRU and its context's part."""
    units = decoder.cells[0].units
    sizes = {}
    for number, cell in enumerate(decoder.cells):
        sizes[f"recurrent{number}"] = cell.gates * units
        sizes |= {f"{name}{number}": units for name in {"lstm": "c", "gru": "h"}.get(kind, "")}
    return sizes | (
        {"context": decoder.cells[0].gates * units} if kind == "gru" and decoder.attention else {}
    )


def _memory_shapes(decoder, options):
    """Leaves of the memory; none without attention."""
    if not decoder.attention:
        return {}
    size = {
        "additive": options.attention_units,
        "general": options.decoder_units,
        "dot": decoder.memory_size,
    }
    width = decoder.cells[0].gates * options.decoder_units + decoder.readout_units
    return {
        "keys": ("sentences", "source_len", size[options.attention]),
        "values": ("sentences", "source_len", width),
        "mask": ("sentences", 1, "source_len"),
    }


def _remember(g, decoder, outputs, options):
    """Keys, and values: products of the encoder's outputs with what later meets the context."""
    attention = decoder.attention
    units = options.decoder_units
    keys = outputs
    if options.attention != "dot":
        kernel = np.asarray(attention.key_kernel)
        keys = g.linear(
            outputs, kernel, np.asarray(getattr(attention, "bias", np.zeros(kernel.shape[1])))
        )
    context = _gates(np.asarray(decoder.context_kernel), options.cell, units)
    readout = np.asarray(decoder.readout_kernel)[units:]
    bias = np.concatenate([np.zeros(context.shape[1]), np.asarray(decoder.readout_bias)])
    return {"keys": keys, "values": g.linear(outputs, np.concatenate([context, readout], 1), bias)}


def _layer(g, x, lengths, cells, kind, ways):
    """An encoder layer by ONNX's own operator: outputs [source_len, directions, sentences, units], last h."""
    units = cells[0].units
    order = ONNX_ORDER[kind]

    def gathered(weights):
        return np.stack([_ordered(np.asarray(w), order, units) for w in weights])

    kernel = gathered(c.kernel for c in cells)
    recurrent = gathered(c.recurrent_kernel for c in cells)
    bias = gathered(c.bias for c in cells)
    bias = (
        np.concatenate([bias[:, 0], bias[:, 1]], 1)
        if kind == "gru"
        else np.concatenate([bias, 0 * bias], 1)
    )
    direction = (
        {"backward": "reverse"}.get(ways[0], "forward") if len(ways) == 1 else "bidirectional"
    )
    common = {"hidden_size": units, "direction": direction}
    if kind == "lstm" and g.quantised:
        parts = [[quantise(w) for w in side] for side in (kernel, recurrent)]
        weights = [g.constant(np.stack([w for w, _ in side]), np.int8) for side in parts]
        scales = [g.constant(np.stack([s for _, s in side])) for side in parts]
        zeros = g.constant(np.zeros((len(cells), 4 * units)), np.int8)
        y, h, _ = g(
            "DynamicQuantizeLSTM",
            x,
            *weights,
            g.constant(bias),
            lengths,
            "",
            "",
            "",
            scales[0],
            zeros,
            scales[1],
            zeros,
            domain="com.microsoft",
            results=3,
            **common,
        )
        return y, h
    weights = [g.constant(w.transpose(0, 2, 1)) for w in (kernel, recurrent)]
    if kind == "gru":
        common["linear_before_reset"] = 1
    y, h = g(
        {"rnn": "RNN"}.get(kind, kind.upper()),
        x,
        *weights,
        g.constant(bias),
        lengths,
        results=2,
        **common,
    )
    return y, h


def _cell(g, kind, units, x, recurrent, former):
    """The new h (and c) of a decoder cell from the input part and the recurrent part of its gates."""
    if kind == "rnn":
        return {"h": g("Tanh", g("Add", x, recurrent))}
    if kind == "gru":
        gates_x, new_x = g.split(x, 2 * units, units)
        gates_h, new_h = g.split(recurrent, 2 * units, units)
        update, reset = g.split(g("Sigmoid", g("Add", gates_x, gates_h)), units, units)
        new = g("Tanh", g("Add", new_x, g("Mul", reset, new_h)))
        return {"h": g("Add", new, g("Mul", update, g("Sub", former["h"], new)))}
    gates, candidate = g.split(g("Add", x, recurrent), 3 * units, units)
    i, f, o = g.split(g("Sigmoid", gates), units, units, units)
    c = g("Add", g("Mul", f, former["c"]), g("Mul", i, g("Tanh", candidate)))
    return {"h": g("Mul", o, g("Tanh", c)), "c": c}


def _attend(g, query, memory, energy):
    """Attention of every row: (sum of values [sentences, beam, n], weights [sentences, beam, source_len]).

    query: [sentences, beam, units]; energy: of the additive, or None.
    """
    if energy is None:
        energies = g("FusedMatMul", query, memory["keys"], transB=1, domain="com.microsoft")
    else:
        keys = g("Unsqueeze", memory["keys"], g.constant([1], np.int64))
        sums = g("Tanh", g("Add", keys, g("Unsqueeze", query, g.constant([2], np.int64))))
        rows = g("Reshape", sums, g.constant([-1, energy.shape[0]], np.int64))
        # A product with a matrix of one column takes six times as long as with one row, transposed.
        energies = g("Gemm", g.constant(np.asarray(energy)[None]), rows, transB=1)
        energies = g("Reshape", energies, g("Shape", sums, end=3))
    weights = g("Softmax", g("Add", energies, memory["mask"]))
    return g("MatMul", weights, memory["values"]), weights


def _recurrent(cell, kind):
    """Kernel and bias of the recurrent part of a decoder cell's gates."""
    bias = np.asarray(cell.bias)[1] if kind == "gru" else np.zeros(cell.gates * cell.units)
    return _gates(np.asarray(cell.recurrent_kernel), kind, cell.units), bias


def _gates(weights, kind, units):
    """Gates on the last axis in the order of the step graph."""
    return _ordered(weights, ORDER.get(kind, range(weights.shape[-1] // units)), units)


def _ordered(weights, order, units):
    parts = [weights[..., gate * units : (gate + 1) * units] for gate in order]
    return np.concatenate(parts, -1)
