"""Writes the graphs and arrays of a trained model; see nmt/engine/layout.py."""

from pathlib import Path
from typing import Any

import numpy as np

from nmt import files
from nmt.engine import layout
from nmt.engine.builder import quantise, stored_rows, stored_table
from nmt.recipe import ModelOptions


def reason_against(options: ModelOptions) -> str | None:
    """Why a model with these options cannot be exported, or None."""
    if options.architecture == "language_model":
        return "the graphs are those of translators (model.architecture=language_model)"
    if options.architecture == "transformer":
        return "layers that are not recurrent (model.architecture=transformer)"
    from nmt.models.attention import ATTENTIONS
    from nmt.models.cells import CELLS

    if reason := CELLS[options.cell].reason_against_onnx(options):
        return reason
    if options.residual and max(options.encoder_layers, options.decoder_layers) > 1:
        return "hidden states beyond 1 (model.residual)"
    attention = ATTENTIONS.get(options.attention)
    if attention is not None and attention.onnx_energies is None:
        return f"an attention without an ONNX form (model.attention={options.attention})"
    return None


def write(model: Any, precision: str, folder: Path, small: bool = False) -> None:
    """Writes a `TranslationModel` into a folder; precision: "int8" or "float32".

    small: without the table of gates, so that each step multiplies embeddings, which the encoder
    reads as well where they are the same.
    """
    from nmt.engine.encoder_graph import encoder_graph
    from nmt.engine.step_graph import step_graph
    from nmt.engine.weights import token_table, token_vectors

    # The arrays that are inputs of the graphs.
    if small:
        tables = stored_rows(token_vectors(model.target_embedding, model), precision)
    else:
        tables = stored_table(token_table(model), precision)
    for name, table in tables.items():
        with files.atomic(folder / f"{name}.npy", "wb") as file:
            np.save(file, table)
    shared = tables if small and model.options.tie == "all" else {}
    # The graphs; in int8 one more for shortlists, and what those are cut from.
    graphs = {
        layout.ENCODER: encoder_graph(model, precision, shared),
        layout.STEP: step_graph(model, precision, tables, small),
    }
    if precision == "int8":
        graphs[layout.SHORTLIST_STEP] = step_graph(model, precision, tables, small, shortlist=True)
        kernel, scale = quantise(np.asarray(model.output_kernel).T)
        bias = np.asarray(model.output_bias)
        with files.atomic(folder / layout.PROJECTION, "wb") as file:
            np.savez(file, kernel=np.ascontiguousarray(kernel.T), scale=scale, bias=bias)
    for name, graph in graphs.items():
        with files.atomic(folder / name, "wb") as file:
            file.write(graph)
