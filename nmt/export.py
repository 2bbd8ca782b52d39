"""A trained model as ONNX graphs for `nmt.engine`: weights laid out so that a step of search needs few products.

Three graphs come from the weights of a `TranslationModel`:

    encoder.onnx    source -> memory (keys, values, mask) and the state before the first word
    step.onnx       memory, state, origin, tokens, k -> the k best next words and the new state
    shortlist.onnx  the same, with the projection (kernel, scale, bias, ids of the words) as inputs

What the step need not do again is done before it. The embedding times the input kernel, bias included, is one
table. Attention weights sum to 1, so the products of the context with the kernels of gates and readout are
sums of `values`, products of every source position with those kernels, made once a sentence. What depends on the
new h of a layer is one product: the recurrent part of its next gates, the input of the layer above, or query
and readout. `state` therefore holds the coming step's recurrent part instead of h.

int8: weights of 7 bits, one scale a column; eight bits would overflow the 16-bit sums of processors without VNNI.
All that they are multiplied with is a hidden state or a tanh, so between -1 and 1: activations need no search for
their range, and a row's result does not depend on its neighbours. Only ONNX Runtime's LSTM looks for ranges.
"""

import json
import shutil

import numpy as np

from nmt import files
from nmt.errors import UserError
from nmt.run import Run

LEVELS = 63  # weights are integers from -63 to 63
ORDER = {"lstm": (0, 1, 3, 2)}  # gates i, f, o, c: one sigmoid serves the first three
ONNX_ORDER = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "rnn": (0,)}  # of ONNX's own layers: i, o, f, c


def reason_against(options):
    """Why a model (config.Model) cannot be exported, or None."""
    if options.architecture == "language_model":
        return "the graphs are those of translators (model.architecture=language_model)"
    layers = max(options.encoder_layers, options.decoder_layers)
    reasons = {
        "ONNX's recurrent layers have no layer normalisation (model.layer_norm)": options.layer_norm,
        "hidden states beyond 1 (model.activation=relu)": options.cell == "rnn" and options.activation == "relu",
        "hidden states beyond 1 (model.residual)": options.residual and layers > 1,
        "a product inside the gates (model.reset_after=false)": options.cell == "gru" and not options.reset_after,
        f"its step knows additive attention only (model.attention={options.attention})":
            options.attention != "additive",
    }  # fmt: skip
    return next((reason for reason, holds in reasons.items() if holds), None)


def export(run, folder=None, precision="int8"):
    """Writes a run's model as a folder that translates by itself (default: RUN/export); returns the folder.

    Raises UserError for a model whose parts ONNX cannot express, and for a folder that holds anything else.
    """
    if reason := reason_against(run.recipe.model):
        raise UserError(f"{run.path}: cannot be exported: {reason}")
    folder = run.export_path if folder is None else folder
    if folder.exists() and not (folder.is_dir() and ("engine" in Run(folder).meta or not any(folder.iterdir()))):
        raise UserError(f"{folder}: is there already and no exported folder; choose another one (--output)")
    model = run.load_model()
    graphs = {"encoder": encoder(model, precision), "step": step(model, precision)}
    arrays = {}
    if precision == "int8":
        kernel, scale = quantise(np.asarray(model.output_kernel).T)
        arrays = {"kernel": np.ascontiguousarray(kernel.T), "scale": scale, "bias": np.asarray(model.output_bias)}
        graphs["shortlist"] = step(model, precision, shortlist=True)
    partial = folder.with_name(f"partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for name, graph in graphs.items():
            with files.atomic(partial / f"{name}.onnx", "wb") as file:
                file.write(graph)
        if arrays:
            with files.atomic(partial / "projection.npz", "wb") as file:
                np.savez(file, **arrays)
        for name in {"recipe.toml", *run.meta["tokenizers"], *run.lexicon}:
            shutil.copyfile(run.path / name, partial / name)
        checksums = {path.name: files.digest(path) for path in sorted(partial.iterdir())}
        kept = {key: run.meta[key] for key in ("format", "source", "target", "tokenizers", "tokenizer_sha256")}
        about = {"precision": precision, "weights_sha256": run.meta["weights_sha256"], "files": checksums}
        with files.atomic(partial / "run.json") as file:
            json.dump({**kept, "engine": about}, file, indent=2, ensure_ascii=False)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise files.write_failure(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def quantise(matrix):
    """(int8 matrix [n, m], float32 scale [m]): one scale a column."""
    scale = np.maximum(np.abs(matrix).max(0), 1e-12).astype(np.float32) / LEVELS
    return np.rint(matrix / scale).astype(np.int8), scale


class Graph:
    """An ONNX graph under construction; values are named by strings."""

    def __init__(self, precision):
        from onnx import helper, numpy_helper

        self.helper, self.from_array = helper, numpy_helper.from_array
        self.quantised = precision == "int8"
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def input(self, name, dtype, *shape):
        self.inputs.append(self.helper.make_tensor_value_info(name, self._type(dtype), shape))
        return name

    def output(self, name, value, dtype, *shape):
        self.nodes.append(self.helper.make_node("Identity", [value], [name]))
        self.outputs.append(self.helper.make_tensor_value_info(name, self._type(dtype), shape))

    def _type(self, dtype):
        return self.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def constant(self, array, dtype=np.float32):
        name = f"constant.{len(self.constants)}"
        self.constants.append(self.from_array(np.ascontiguousarray(array, dtype), name))
        return name

    def __call__(self, op, *inputs, results=1, domain="", **attributes):
        """Adds a node; returns the name of its result, or a list of names."""
        names = [f"v{len(self.nodes)}.{n}" for n in range(results)]
        self.nodes.append(self.helper.make_node(op, list(inputs), names, domain=domain, **attributes))
        return names[0] if results == 1 else names

    def linear(self, x, kernel, bias):
        """x W + b for an x between -1 and 1."""
        if self.quantised:
            weights, scale = quantise(kernel)
            return self.integer(x, self.constant(weights, np.int8), self.constant(scale), self.constant(bias))
        return self("Add", self("MatMul", x, self.constant(kernel)), self.constant(bias))

    def integer(self, x, weights, scale, bias):
        """x W + b in integers, for an x between -1 and 1."""
        step, zero = self.constant(1 / 127), self.constant(128, np.uint8)
        x = self("QuantizeLinear", x, step, zero)
        return self("MatMulIntegerToFloat", x, weights, step, scale, zero, "", bias, domain="com.microsoft")

    def split(self, x, *sizes):
        """Parts of the last axis."""
        return self("Split", x, self.constant(sizes, np.int64), results=len(sizes), axis=-1)

    def lookup(self, table, ids):
        """Rows of a constant table [words, n], in int8 with one scale a word."""
        if not self.quantised:
            return self("Gather", self.constant(table), ids)
        weights, scale = quantise(table.T)
        rows = self("Cast", self("Gather", self.constant(weights.T, np.int8), ids), to=1)
        return self("Mul", rows, self("Gather", self.constant(scale[:, None]), ids))

    def bytes(self):
        """The finished model."""
        from onnx import checker

        graph = self.helper.make_graph(self.nodes, "nmt", self.inputs, self.outputs, self.constants)
        versions = [self.helper.make_opsetid("", 21), self.helper.make_opsetid("com.microsoft", 1)]
        model = self.helper.make_model(graph, opset_imports=versions, ir_version=10, producer_name="nmt")
        checker.check_model(model)
        return model.SerializeToString()


def encoder(model, precision):
    """source [sentences, source_len] -> keys, values, mask, and the state of one row a sentence."""
    g, decoder, options = Graph(precision), model.decoder, model.options
    source = g.input("source", np.int32, "sentences", "source_len")
    real = g("Cast", g("Not", g("Equal", source, g.constant(0, np.int32))), to=6)
    lengths = g("ReduceSum", real, g.constant([1], np.int64), keepdims=0)
    x = g.lookup(np.asarray(model.source_embedding) * options.embedding**0.5, source)
    x = g("Transpose", x, perm=[1, 0, 2])
    for cells in model.encoder.layers:
        y, final = _layer(g, x, lengths, cells, options.cell, model.encoder.ways)
        x = g("Reshape", g("Transpose", y, perm=[0, 2, 1, 3]), g.constant([0, 0, model.encoder.size], np.int64))
    outputs = g("Transpose", x, perm=[1, 0, 2])
    final = g("Reshape", g("Transpose", final, perm=[1, 0, 2]), g.constant([0, model.encoder.size], np.int64))

    attention, units = decoder.attention, decoder.cells[0].units
    context = _gates(np.asarray(decoder.context_kernel), options.cell, units)
    readout = np.asarray(decoder.readout_kernel)[units:]
    keys = g.linear(outputs, np.asarray(attention.key_kernel), np.asarray(attention.bias))
    values = g.linear(outputs, np.concatenate([context, readout], 1),
                      np.concatenate([np.zeros(context.shape[1]), np.asarray(decoder.readout_bias)]))  # fmt: skip
    mask = g("Mul", g("Cast", g("Sub", real, g.constant(1, np.int32)), to=1), g.constant(1e9))
    g.output("keys", keys, np.float32, "sentences", "source_len", attention.units)
    g.output("values", values, np.float32, "sentences", "source_len", context.shape[1] + readout.shape[1])
    g.output("mask", g("Unsqueeze", mask, g.constant([1], np.int64)), np.float32, "sentences", 1, "source_len")

    first = {}
    for number, (cell, dense) in enumerate(zip(decoder.cells, decoder.bridge, strict=True)):
        first[f"h{number}"] = g("Tanh", g.linear(final, np.asarray(dense.kernel), np.asarray(dense.bias)))
        first[f"recurrent{number}"] = g.linear(first[f"h{number}"], *_recurrent(cell, options.cell))
    rows = g("Slice", g("Shape", final), g.constant([0], np.int64), g.constant([1], np.int64))
    for name, size in _state_sizes(decoder, options.cell).items():
        zeros = g("Expand", g.constant(0.0), g("Concat", rows, g.constant([size], np.int64), axis=0))
        g.output(name, first.get(name, zeros), np.float32, "sentences", size)
    return g.bytes()


def step(model, precision, shortlist=False):
    """One word further; with `shortlist` the projection comes as inputs and ids are those of its words."""
    g, decoder, options = Graph(precision), model.decoder, model.options
    kind, units, top = options.cell, decoder.cells[0].units, len(decoder.cells) - 1
    gates, width = decoder.cells[0].gates * units, decoder.readout_units
    memory = {"keys": g.input("keys", np.float32, "sentences", "source_len", options.attention_units),
              "values": g.input("values", np.float32, "sentences", "source_len", gates + width),
              "mask": g.input("mask", np.float32, "sentences", 1, "source_len")}  # fmt: skip
    sizes = _state_sizes(decoder, kind)
    state = {name: g.input(name, np.float32, "former_rows", size) for name, size in sizes.items()}
    origin, tokens = g.input("origin", np.int32, "rows"), g.input("tokens", np.int32, "rows")
    k = g.input("k", np.int64, 1)
    state = {name: g("Gather", leaf, origin) for name, leaf in state.items()}

    table = np.asarray(decoder.cells[0].inputs(model.target_embedding * options.embedding**0.5))
    x, new, recurrent = g.lookup(_gates(table, kind, units), tokens), {}, []
    for number, cell in enumerate(decoder.cells):
        if kind == "gru" and number == 0:
            x = g("Add", x, state["context"])
        former = {name[:1]: leaf for name, leaf in state.items() if name in (f"c{number}", f"h{number}")}
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
            kernel = np.concatenate([kernel, np.asarray(decoder.readout_kernel)[:units],
                                     np.asarray(decoder.attention.query_kernel)], 1)  # fmt: skip
            bias = np.concatenate([bias, np.zeros(kernel.shape[1] - gates)])
            part, seen, query = g.split(g.linear(after["h"], kernel, bias), gates, width, options.attention_units)
        recurrent.append(part)
    context, attention = _attend(g, query, memory, np.asarray(decoder.attention.energy))
    context, from_context = g.split(context, gates, width)
    if kind == "gru":
        new["context"] = context
    else:
        recurrent[0] = g("Add", recurrent[0], context)
    new |= {f"recurrent{number}": part for number, part in enumerate(recurrent)}
    readout = g("Tanh", g("Add", seen, from_context))

    if shortlist:
        kernel = g.input("kernel", np.int8, width, "words")
        scale, bias = g.input("scale", np.float32, "words"), g.input("bias", np.float32, "words")
        logits = g.integer(readout, kernel, scale, bias)
    else:
        logits = g.linear(readout, np.asarray(model.output_kernel).T, np.asarray(model.output_bias))
    every = g("LogSoftmax", logits)
    best, ids = g("TopK", every, k, results=2)
    if shortlist:
        ids = g("Gather", g.input("ids", np.int64, "words"), ids)
    else:
        g.output("every", every, np.float32, "rows", model.target_vocab)
    g.output("log_probs", best, np.float32, "rows", "k")
    g.output("best", ids, np.int64, "rows", "k")
    g.output("attention", attention, np.float32, "rows", "source_len")
    for name, size in sizes.items():
        g.output(f"new_{name}", new[name], np.float32, "rows", size)
    return g.bytes()


def _state_sizes(decoder, kind):
    """Leaves of the state and their units: recurrent parts; c of an LSTM; h of a GRU and its context's part."""
    units, sizes = decoder.cells[0].units, {}
    for number, cell in enumerate(decoder.cells):
        sizes[f"recurrent{number}"] = cell.gates * units
        sizes |= {f"{name}{number}": units for name in {"lstm": "c", "gru": "h"}.get(kind, "")}
    return sizes | ({"context": decoder.cells[0].gates * units} if kind == "gru" else {})


def _layer(g, x, lengths, cells, kind, ways):
    """An encoder layer by ONNX's own operator: outputs [source_len, directions, sentences, units], last h."""
    units, order = cells[0].units, ONNX_ORDER[kind]

    def gathered(weights):
        return np.stack([_ordered(np.asarray(w), order, units) for w in weights])

    kernel, recurrent = gathered(c.kernel for c in cells), gathered(c.recurrent_kernel for c in cells)
    bias = gathered(c.bias for c in cells)
    bias = np.concatenate([bias[:, 0], bias[:, 1]], 1) if kind == "gru" else np.concatenate([bias, 0 * bias], 1)
    direction = {"backward": "reverse"}.get(ways[0], "forward") if len(ways) == 1 else "bidirectional"
    common = {"hidden_size": units, "direction": direction}
    if kind == "lstm" and g.quantised:
        parts = [[quantise(w) for w in side] for side in (kernel, recurrent)]
        weights = [g.constant(np.stack([w for w, _ in side]), np.int8) for side in parts]
        scales = [g.constant(np.stack([s for _, s in side])) for side in parts]
        zeros = g.constant(np.zeros((len(cells), 4 * units)), np.int8)
        y, h, _ = g("DynamicQuantizeLSTM", x, *weights, g.constant(bias), lengths, "", "", "", scales[0], zeros,
                    scales[1], zeros, domain="com.microsoft", results=3, **common)  # fmt: skip
        return y, h
    weights = [g.constant(w.transpose(0, 2, 1)) for w in (kernel, recurrent)]
    if kind == "gru":
        common["linear_before_reset"] = 1
    y, h = g({"rnn": "RNN"}.get(kind, kind.upper()), x, *weights, g.constant(bias), lengths, results=2, **common)
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
    """Additive attention of every row: (sum of values [rows, n], weights [rows, source_len])."""
    sentences = g("Slice", g("Shape", memory["keys"]), g.constant([0], np.int64), g.constant([1], np.int64))
    query = g("Reshape", query, g("Concat", sentences, g.constant([-1, 1, len(energy)], np.int64), axis=0))
    keys = g("Unsqueeze", memory["keys"], g.constant([1], np.int64))
    energies = g("MatMul", g("Tanh", g("Add", keys, query)), g.constant(energy[:, None]))
    energies = g("Squeeze", energies, g.constant([3], np.int64))
    weights = g("Softmax", g("Add", energies, memory["mask"]))
    found = g("MatMul", weights, memory["values"])
    last = g("Slice", g("Shape", found), g.constant([2], np.int64), g.constant([3], np.int64))
    source_len = g("Slice", g("Shape", weights), g.constant([2], np.int64), g.constant([3], np.int64))
    minus = g.constant([-1], np.int64)
    return (g("Reshape", found, g("Concat", minus, last, axis=0)),
            g("Reshape", weights, g("Concat", minus, source_len, axis=0)))  # fmt: skip


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
