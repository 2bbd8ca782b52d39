"""The protocol of an export: what the writer and the runtime of `nmt.engine` agree on.

Three graphs, of float32 or of int8 products, and arrays in files of their own:

    encoder.onnx      source (in a small export with tied embeddings also tables) -> memory, state
    step.onnx         memory, state, origin, tokens, k, tables
                      -> log_probs, best, every, attention, new state
    shortlist.onnx    the same over shortlists of target tokens: the projection (kernel, scale,
                      bias) onto those of all sentences together, their ids, and the places of
                      each sentence's among them are inputs
    table.npy         input part of the gates of the first decoder layer, a row a target token;
                      with int8 a scale a row in table_scale.npy. In a small export it holds the
                      embeddings: with int8 as uint8 around 128, and one scale for all
    projection.npz    kernel [vocab, units] in int8, scale [vocab], bias [vocab]: shortlists are cut
                      from it (int8 only)
    lexicon.npz       which target tokens a source token suggests (nmt/engine/lexicon.py)

Rows of the step graphs are [sentences, beam]; `origin` holds rows of the former step, which need
not be as many for each sentence.

A step is fast because it repeats nothing that can be done before it. The embedding times the input
kernel is one table, of which only the rows that are looked up are read (a small export saves the
room instead). Attention weights sum to 1, so the products of the context with the kernels of gates
and readout are sums of `values` and `readouts`, products of every source position with those
kernels, made once a sentence. The state holds the recurrent part of the coming step's gates in the
place of h. Each product is a node of its own: cutting one product into its parts would copy it.

A change to what the graphs take or return is a new EXPORT_FORMAT; other formats are not loaded.
"""

from typing import Any

EXPORT_FORMAT = 6

# Files.
ENCODER = "encoder.onnx"
STEP = "step.onnx"
SHORTLIST_STEP = "shortlist.onnx"
PROJECTION = "projection.npz"
LEXICON = "lexicon.npz"
# Inputs of both step graphs, each in the file <name>.npy; without the scale where it is float32.
TABLES = ("table", "table_scale")
FILES = (ENCODER, STEP, SHORTLIST_STEP, *(f"{name}.npy" for name in TABLES), PROJECTION, LEXICON)

# Inputs and outputs of the graphs, besides the leaves of memory and state.
SOURCE = "source"  # [sentences, source_len] int32, EOS last, padded right
ORIGIN = "origin"  # [sentences, beam] int32: row of the former state that a row goes on from
TOKENS = "tokens"  # [sentences, beam] int32: the input tokens
K = "k"  # [1] int64
LOG_PROBS = "log_probs"  # [sentences, beam, k] of the best tokens, best first
BEST = "best"  # [sentences, beam, k] int64: their ids
EVERY = "every"  # [sentences, beam, vocab or own]: log-probabilities of all tokens
# [sentences, beam, grouped_len]: source_len up to a multiple of POSITIONS, zeros behind the source.
ATTENTION = "attention"
# The projection onto the shortlists of all sentences of a batch; the last word stands for none.
KERNEL = "kernel"  # [units, words] int8; in projection.npz [vocab, units]
SCALE = "scale"  # [words]
BIAS = "bias"  # [words], LOG_ZERO for the last one
IDS = "ids"  # [words] int64, ascending but for the last one
# [sentences, 1, own] int32: the words that each sentence may use, ascending, padded with the last.
PLACES = "places"
NEW = "new_"  # leaves of the new state are called new_<name>

# Leaves of the memory; a model without attention has none. They have whole groups of positions.
KEYS = "keys"  # what queries are compared with
VALUES = "values"  # parts of the gates that the attention weights sum up
READOUTS = "readouts"  # parts of the readout that they sum up
MASK = "mask"  # 0, or at padding MASKED of nmt/models/attention.py
LEAVES = (KEYS, VALUES, READOUTS, MASK)
# Positions of such a group: ONNX Runtime computes what is left over of products and sums of four in
# another order, and the last bits of a sentence would depend on how long its neighbours are.
POSITIONS = 4


def memory_shapes(decoder: Any) -> dict[str, tuple[str | int, ...]]:
    """The leaves of a decoder's memory and their shapes."""
    if decoder.attention is None:
        return {}
    return {
        KEYS: ("sentences", "grouped_len", decoder.attention.key_size),
        VALUES: ("sentences", "grouped_len", gate_units(decoder)),
        READOUTS: ("sentences", "grouped_len", decoder.readout_units),
        MASK: ("sentences", 1, "grouped_len"),
    }


def state_sizes(decoder: Any) -> dict[str, int]:
    """The leaves of a decoder's state and their units.

    recurrent<layer>: the recurrent part of its gates, in the order `onnx.gates` of its cell,
    in the coming step; for the first layer with the context's part. <state><layer>: states that the
    step of a cell takes besides (c of an LSTM). context: the context's part alone, where the cell
    must not add it to the recurrent part (GRU).
    """
    sizes = {}
    for number, cell in enumerate(decoder.cells):
        sizes[f"recurrent{number}"] = gate_units(decoder)
        sizes |= {f"{name}{number}": cell.units for name in cell.onnx.states}
    if context_apart(decoder):
        sizes["context"] = gate_units(decoder)
    return sizes


def gate_units(decoder: Any) -> int:
    """Units of all gates of a decoder layer."""
    return decoder.cells[0].gates * decoder.cells[0].units


def context_apart(decoder: Any) -> bool:
    """Whether the context's part of the gates is a leaf of the state by itself."""
    return decoder.attention is not None and not decoder.cells[0].sums_products()
