"""`nmt bench --growth`: how time and memory grow with pairs, sentence length, vocabulary and beam.

Preparing a corpus is measured on generated pairs. Translating and training use the reference model of `nmt.experiments.bench`
with random weights: translating never ends a sentence before its limit, as many pieces as the source has, so that
the work is known. Each point is a process of its own, on one thread.
"""

import json
import logging
import tempfile
import time
from pathlib import Path

import numpy as np

from nmt import files
from nmt.errors import UserError
from nmt.experiments import isolated as child

log = logging.getLogger(__name__)

VALUES = {
    "pairs": (10_000, 100_000, 1_000_000, 5_000_000),
    "length": (10, 25, 50, 100, 200, 400),
    "vocabulary": (2000, 4000, 8000, 16_000, 32_000),
    "beam": (1, 2, 4, 8, 16, 32),
}
STANDARD = {"length": 16, "vocabulary": 8000, "beam": 5}
UNITS = {"preparing": "s", "translating": "µs a target piece", "training": "µs a target token"}


def growth(path):
    """Measures every point that the JSON file `path` lacks, and writes each as it comes; returns all rows."""
    path, rows = Path(path), _rows(path)
    with tempfile.TemporaryDirectory() as folder:
        for what, values in VALUES.items():
            kinds = {"pairs": ["preparing"], "beam": ["translating"]}.get(
                what, ["translating", "training"]
            )
            for kind in kinds:
                for value in values:
                    case = {"kind": kind, "what": what, "value": value}
                    if any(case.items() <= row.items() for row in rows):
                        continue
                    settings = {**STANDARD, what: value, "folder": folder, **case}
                    if (
                        kind == "translating"
                        and not Path(folder, str(settings["vocabulary"])).exists()
                    ):
                        child.run("growth", {**settings, "kind": "graphs"})
                    rows.append({**case, **child.run("growth", settings)})
                    log.info(line(rows[-1]))
                    with files.atomic(path) as file:
                        json.dump(rows, file, indent=1)
    return rows


def _rows(path):
    """The rows that a former measurement has left in a file; UserError where it holds anything else."""
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


def line(row):
    """A row of the table."""
    time = f"{row['time']:,.1f}"
    unit = UNITS[row["kind"]]
    return f"{row['kind']:<12} {row['what']:<10} {row['value']:>9,}   {time:>9} {unit:<17} {row['memory']:>6,} MB"


def preparing(settings):
    """Generated pairs read, cleaned, a tokenizer trained, everything tokenised: seconds."""
    from nmt.recipe import DataOptions, Recipe, TokenizerOptions
    from nmt.runs.folder import Run
    from nmt.training.prepare import training_store

    recipe = Recipe(
        data=DataOptions(format="grammar", size=settings["value"]),
        tokenizer=TokenizerOptions(vocab_size=2000),
    )
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        store = training_store(Run(folder), recipe)
        return {"time": time.perf_counter() - started, "kept": store.pairs}


def graphs(settings):
    """Writes the graphs of the reference model with random weights that never say EOS."""
    from nmt.engine.writer import write

    model, _ = _reference(settings["vocabulary"])
    model.output_bias.assign(np.where(np.arange(settings["vocabulary"]) == 3, -1e4, 0.0))
    folder = Path(settings["folder"], str(settings["vocabulary"]))
    folder.mkdir()
    write(model, "int8", folder)
    return {}


def translating(settings):
    """The engine, batches of 40 rows: microseconds a target piece."""
    from nmt.decoding.beam import beam_search
    from nmt.engine.runtime import Engine
    from nmt.inference.batching import ENGINE_HYPOTHESES

    length, beam, vocabulary = (settings[name] for name in ("length", "beam", "vocabulary"))
    engine = Engine(lambda name: Path(settings["folder"], str(vocabulary), name))
    sentences = max(1, ENGINE_HYPOTHESES // beam)
    times = []
    source = np.random.default_rng(0).integers(4, vocabulary, (sentences, length)).astype(np.int32)
    while len(times) < 4:
        started = time.perf_counter()
        beam_search(engine, source, beam, limits=[length] * sentences)
        times.append(1e6 * (time.perf_counter() - started) / (sentences * length))
    return {"time": float(np.median(times[1:]))}


def training(settings):
    """`train_step` on batches of 2,048 target tokens: microseconds a token."""
    length = settings["length"]
    vocabulary = settings["vocabulary"]
    model, recipe = _reference(vocabulary)
    import tensorflow as tf

    from nmt.training.train import optimizer

    model.compile(
        optimizer(recipe.train, 1000), recipe.train.label_smoothing, "auto", jit_compile=False
    )
    model.optimizer.build(model.trainable_variables)
    rows = max(1, 2048 // length)
    times = []
    rng = np.random.default_rng(0)
    ids = tf.TensorSpec((None, None), tf.int32)
    step = tf.function(
        lambda source, target: model.train_step((source, target)), input_signature=[ids, ids]
    )
    source, target = (
        tf.constant(rng.integers(4, vocabulary, (rows, length + n)), tf.int32) for n in (0, 1)
    )
    while len(times) < 4:
        started = time.perf_counter()
        step(source, target)["loss"].numpy()
        times.append(1e6 * (time.perf_counter() - started) / (rows * length))
    return {"time": float(np.median(times[1:]))}


def _reference(vocabulary):
    from nmt.machine import start_keras

    start_keras(threads=1)
    from nmt.models.build import build
    from nmt.recipe import Recipe

    recipe = Recipe()
    return build(recipe, vocabulary, vocabulary), recipe


def part(settings):
    """A point of the growth, and the peak memory it took."""
    kinds = {
        "preparing": preparing,
        "graphs": graphs,
        "translating": translating,
        "training": training,
    }
    return {**kinds[settings["kind"]](settings), "memory": child.peak()}


if __name__ == "__main__":
    child.main(part)
