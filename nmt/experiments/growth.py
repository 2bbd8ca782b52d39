"""`nmt bench --growth`: how time and memory grow with pairs, sentence length, vocabulary and beam.

Preparing a corpus is measured on generated pairs. Translating and training use the reference model
of bench.py with random weights. EOS is switched off, so every translation is exactly as long as its
source, and the work is known. Each point is a process of its own, on one thread.
"""

import itertools
import json
import logging
import tempfile
import time
from pathlib import Path

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


def growth(path: Path) -> list[dict]:
    """Measures every point that the JSON file `path` lacks; returns all rows.

    The file gets a row as soon as it is measured. UserError where it holds anything else.
    """
    rows = _rows(path)
    with tempfile.TemporaryDirectory() as folder:
        for point in _points():
            if any(point.items() <= row.items() for row in rows):
                continue
            # The graphs of a vocabulary serve all points that have it.
            case = {**STANDARD, point["what"]: point["value"], "folder": folder, **point}
            if case["kind"] == "translating" and not _graphs_folder(case).exists():
                isolated.run("growth", {**case, "kind": "graphs"})
            rows.append({**point, **isolated.run("growth", case)})
            log.info(row_line(rows[-1]))
            with files.atomic(path) as file:
                json.dump(rows, file, indent=1)
    return rows


def _points():
    for what, values in VALUES.items():
        for kind, value in itertools.product(KINDS[what], values):
            yield {"kind": kind, "what": what, "value": value}


def _rows(path):
    """The rows that an earlier measurement has left; UserError where the file has anything else."""
    # A file of something else must not be overwritten.
    if not path.exists():
        return []
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        names = {"kind", "what", "value", "time", "memory"}
        if not rows or not all(names <= row.keys() for row in rows):
            raise ValueError
    except (OSError, ValueError, TypeError, AttributeError):
        reason = "is there already and holds no such figures; choose another file (-o)"
        raise UserError(f"{path}: {reason}") from None
    return rows


def row_line(row: dict) -> str:
    """A row as people read it."""
    point = f"{row['kind']:<12} {row['what']:<10} {row['value']:>9,}"
    unit = UNITS[row["kind"]]
    return f"{point}   {row['time']:>9,.1f} {unit:<17} {row['memory']:>6,} MB"


def _preparing(case):
    """Generated pairs read, cleaned, a tokenizer trained, everything tokenised: seconds."""
    from nmt.recipe import DataOptions, Recipe, TokenizerOptions
    from nmt.runs.folder import Run
    from nmt.training.prepare import training_store

    data = DataOptions(format="grammar", size=case["value"])
    recipe = Recipe(data=data, tokenizer=TokenizerOptions(vocab_size=2000))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store = training_store(Run(folder), recipe)
        return {"time": time.perf_counter() - started, "kept": store.pairs}


def _graphs(case):
    """Writes the graphs of the reference model with random weights that never say EOS."""
    from nmt.engine.writer import write

    model = _reference_model(case)
    # A bias that EOS cannot win against.
    model.output_bias.assign(np.where(np.arange(case["vocabulary"]) == EOS, -1e4, 0.0))
    folder = _graphs_folder(case)
    folder.mkdir()
    write(model, "int8", folder)
    return {}


def _translating(case):
    """Beam search with the engine, full batches: microseconds a target piece."""
    from nmt.decoding.beam import beam_search
    from nmt.engine.runtime import Engine
    from nmt.inference.batching import ENGINE_HYPOTHESES

    # As many sentences as fill a batch of the translator.
    length = case["length"]
    engine = Engine(lambda name: _graphs_folder(case) / name)
    sentences = max(1, ENGINE_HYPOTHESES // case["beam"])
    rng = np.random.default_rng(0)
    source = rng.integers(4, case["vocabulary"], (sentences, length)).astype(np.int32)
    limits = [length] * sentences
    time = _microseconds(lambda: beam_search(engine, source, case["beam"], limits=limits))
    return {"time": time / (sentences * length)}


def _training(case):
    """`train_step` on batches of equal sentences: microseconds a target token."""
    length = case["length"]
    model = _reference_model(case)
    import tensorflow as tf

    # One batch, again and again.
    sentences = max(1, BATCH_TOKENS // length)
    rng = np.random.default_rng(0)
    ids = tf.TensorSpec((None, None), tf.int32)
    step = tf.function(
        lambda source, target: model.train_step((source, target)), input_signature=[ids, ids]
    )
    source, target = (
        tf.constant(rng.integers(4, case["vocabulary"], (sentences, n)), tf.int32)
        for n in (length, length + 1)
    )
    seconds = _microseconds(lambda: step(source, target)["loss"].numpy())
    return {"time": seconds / (sentences * length)}


def _microseconds(function):
    """How long a call takes, in the median."""
    seconds = [isolated.seconds(function) for _ in range(1 + REPEATS)]
    return 1e6 * float(np.median(seconds[1:]))


def _reference_model(case):
    # Threads are set before TensorFlow starts.
    from nmt.machine import start_keras

    start_keras(threads=1)
    from nmt.experiments.bench import reference_model
    from nmt.recipe import Recipe

    return reference_model(Recipe(), case["vocabulary"])


def _graphs_folder(case):
    return Path(case["folder"], str(case["vocabulary"]))


def run_case(case: dict) -> dict:
    """A point of the growth, and the peak memory it took."""
    kinds = {
        "preparing": _preparing,
        "graphs": _graphs,
        "translating": _translating,
        "training": _training,
    }
    return {**kinds[case["kind"]](case), "memory": isolated.peak_memory()}


if __name__ == "__main__":
    isolated.serve(run_case)
