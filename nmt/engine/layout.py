"""The protocol of an export: what `nmt.engine.writer` writes and `nmt.engine.runtime` reads.

Three graphs in float32 or int8, and the arrays that they take as inputs:

    encoder.onnx      source -> memory, state
    step.onnx         memory, state, origin, tokens, k, table -> log_probs, best, new state
    shortlist.onnx    the same over a shortlist: the projection's kernel and bias are inputs too
    table.npy         what each target token adds to the gates of the first decoder layer
    projection.npz    the projection from which shortlists are cut
    lexicon.npz       which target tokens a source token suggests (nmt/engine/lexicon.py)

With precision float32 there is no shortlist.onnx and no projection.npz. A change to what the graphs take or
give is a new EXPORT_FORMAT; exports of another one are not loaded.
"""

EXPORT_FORMAT = 2

# Files.
ENCODER = "encoder.onnx"
STEP = "step.onnx"
SHORTLIST_STEP = "shortlist.onnx"
TABLES = ("table.npy", "table_scale.npy")
PROJECTION = "projection.npz"
LEXICON = "lexicon.npz"
FILES = (ENCODER, STEP, SHORTLIST_STEP, *TABLES, PROJECTION, LEXICON)
