"""`nmt bench --growth`: how time and memory grow with pairs, sentence length, vocabulary and beam.

Preparing a corpus is measured on generated pairs. Translating and training use the reference model
of bench.py with random weights. EOS is switched off, so every translation is exactly as long as its
source, and the work is known. Each point is a process of its own, on one thread.
"""

import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmt import files
from nmt.errors import UserError
from nmt.experiments import isolated
from nmt.text.vocabulary import EOS

log = logging.getLogger(__name__)

VALUES = {
    "pairs": (10_000, 100_000, 1_000_000, 5_000_000),
    "length": (10, 25, 50, 100, 200, 400),
    "vocabulary": (2000, 4000, 8000, 16_000, 32_000),
    "beam": (1, 2, 4, 8, 16, 32),
}
KINDS = {
    "pairs": ("preparing",),
    "length": ("translating", "training"),
    "vocabulary": ("translating", "training"),
    "beam": ("translating",),
}
STANDARD = {"length": 16, "vocabulary": 8000, "beam": 5}
UNITS = {"preparing": "s", "translating": "µs a target piece", "training": "µs a target token"}
REPEATS = 3  # after one that warms up; the median counts
BATCH_TOKENS = 2048


def growth(path: str | Path) -> list[dict[str, Any]]:
    """Measures every point that the JSON file `path` lacks; returns all rows.

    The file gets a row as soon as it is measured. UserError where it holds anything else.
    """
    path = Path(path)
    rows = _rows(path)
    with tempfile.TemporaryDirectory() as folder:
        for point in _points():
            if any(point.items() <= row.items() for row in rows):
                continue
            case = {**STANDARD, point["what"]: point["value"], "folder": folder, **point}
            if case["kind"] == "translating" and not _graphs_folder(case).exists():
                isolated.run("growth", {**case, "kind": "graphs"})
            rows.append({**point, **isolated.run("growth", case)})
            log.info(row_line(rows[-1]))
            with files.atomic(path) as file:
                json.dump(rows, file, indent=1)
    return rows


def _points() -> Iterator[dict[str, Any]]:
    for what, values in VALUES.items():
        for kind in KINDS[what]:
            for value in values:
                yield {"kind": kind, "what": what, "value": value}


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows that an earlier measurement has left; UserError where the file has anything else."""
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        if not rows or not all(
            {"kind", "what", "value", "time", "memory"} <= row.keys() for row in rows
        ):
            raise ValueError
    except (OSError, ValueError, TypeError, AttributeError):
        raise UserError(
            f"{path}: is there already and holds no such figures; choose another file (-o)"
        ) from None
    return rows


def row_line(row: Mapping[str, Any]) -> str:
    """A row as people read it."""
    point = f"{row['kind']:<12} {row['what']:<10} {row['value']:>9,}"
    unit = UNITS[row["kind"]]
    return f"{point}   {row['time']:>9,.1f} {unit:<17} {row['memory']:>6,} MB"


def preparing(case: Mapping[str, Any]) -> dict[str, Any]:
    """Generated pairs read, cleaned, a tokenizer trained, everything tokenised: seconds."""
    from nmt.recipe import DataOptions, Recipe, TokenizerOptions
    from nmt.runs.folder import Run
    from nmt.training.prepare import training_store

    recipe = Recipe(
        data=DataOptions(format="grammar", size=case["value"]),
        tokenizer=TokenizerOptions(vocab_size=2000),
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store = training_store(Run(folder), recipe)
        return {"time": time.perf_counter() - started, "kept": store.pairs}


def graphs(case: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the graphs of the reference model with random weights that never say EOS."""
    from nmt.engine.writer import write

    model, _ = _reference_model(case["vocabulary"])
    model.output_bias.assign(np.where(np.arange(case["vocabulary"]) == EOS, -1e4, 0.0))
    folder = _graphs_folder(case)
    folder.mkdir()
    write(model, "int8", folder)
    return {}


def translating(case: Mapping[str, Any]) -> dict[str, Any]:
    """Beam search with the engine, full batches: microseconds a target piece."""
    from nmt.decoding.beam import beam_search
    from nmt.engine.runtime import Engine
    from nmt.inference.batching import ENGINE_HYPOTHESES

    length = case["length"]
    engine = Engine(lambda name: _graphs_folder(case) / name)
    sentences = max(1, ENGINE_HYPOTHESES // case["beam"])
    rng = np.random.default_rng(0)
    source = rng.integers(4, case["vocabulary"], (sentences, length)).astype(np.int32)

    def search():
        beam_search(engine, source, case["beam"], limits=[length] * sentences)

    return {"time": _microseconds(search) / (sentences * length)}


def training(case: Mapping[str, Any]) -> dict[str, Any]:
    """`train_step` on batches of equal sentences: microseconds a target token."""
    length = case["length"]
    vocabulary = case["vocabulary"]
    model, recipe = _reference_model(vocabulary)
    import tensorflow as tf

    from nmt.training.train import optimizer

    model.compile(
        optimizer(recipe.train, 1000), recipe.train.label_smoothing, "auto", jit_compile=False
    )
    model.optimizer.build(model.trainable_variables)
    sentences = max(1, BATCH_TOKENS // length)
    rng = np.random.default_rng(0)
    ids = tf.TensorSpec((None, None), tf.int32)
    step = tf.function(
        lambda source, target: model.train_step((source, target)), input_signature=[ids, ids]
    )
    source, target = (
        tf.constant(rng.integers(4, vocabulary, (sentences, n)), tf.int32)
        for n in (length, length + 1)
    )
    seconds = _microseconds(lambda: step(source, target)["loss"].numpy())
    return {"time": seconds / (sentences * length)}


def _microseconds(function: Callable[[], object]) -> float:
    """How long a call takes, in the median."""
    times = []
    for _ in range(1 + REPEATS):
        started = time.perf_counter()
        function()
        times.append(1e6 * (time.perf_counter() - started))
    return float(np.median(times[1:]))


def _reference_model(vocabulary: int) -> tuple[Any, Any]:
    from nmt.machine import start_keras

    start_keras(threads=1)
    from nmt.models.build import build
    from nmt.recipe import Recipe

    recipe = Recipe()
    return build(recipe, vocabulary, vocabulary), recipe


def _graphs_folder(case):
    return Path(case["folder"], str(case["vocabulary"]))


def run_case(case: Mapping[str, Any]) -> dict[str, Any]:
    """A point of the growth, and the peak memory it took."""
    kinds: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
        "preparing": preparing,
        "graphs": graphs,
        "translating": translating,
        "training": training,
    }
    return {**kinds[case["kind"]](case), "memory": isolated.peak_memory()}


if __name__ == "__main__":
    isolated.serve(run_case)
