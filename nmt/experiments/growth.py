"""`nmt bench --growth`: how time and memory grow with pairs, sentence length, vocabulary and beam.

Preparing is measured on a file of generated pairs, of which one in forty came before, with all
cores; its memory is that of all processes. Translating and training use the reference model of
bench.py with random weights, on one thread. EOS is switched off, so every translation is exactly as
long as its source, and the work is known. Each point is a process of its own.
"""

import contextlib
import itertools
import json
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
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
# Generated sentences, two of which make a side of a pair, and characters of the longest one.
SENTENCES = 2**16
SHORT = 48
MULTIPLIER = 2_654_435_761
# The last of so many pairs is the one of half its number, which may not have come yet.
REPEATED = 20
REPEATS = 3  # after one that warms up; the median counts
BATCH_TOKENS = 2048


def growth(path: Path, pairs: Sequence[int] = ()) -> list[dict]:
    """Measures every point that the JSON file `path` lacks; returns all rows.

    pairs: prepare so many, and measure nothing else. The file gets a row as soon as it is measured.
    UserError where it holds anything else.
    """
    rows = _rows(path)
    with tempfile.TemporaryDirectory() as folder:
        for point in _points({"pairs": pairs} if pairs else VALUES):
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


def _points(wanted):
    for what, values in wanted.items():
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
    line = f"{point}   {row['time']:>9,.1f} {unit:<17} {row['memory']:>6,} MB"
    # Older figures of preparing are without it.
    if "tokenizer" in row:
        rates = [
            row["value"] / seconds for seconds in (row["time"], row["time"] - row["tokenizer"])
        ]
        line += "   {:,.0f} pairs/s, {:,.0f} beside its tokenizer".format(*rates)
    return line


def _preparing(case):
    """Pairs read, cleaned, a tokenizer trained, everything tokenised: seconds.

    work: of all processors. tokenizer: of its training, which is a part of both. memory: of all
    processes, MB.
    """
    from nmt.recipe import DataOptions, Recipe, TokenizerOptions
    from nmt.runs.folder import Run
    from nmt.training.prepare import training_store

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs.tsv")
        _write_pairs(path, case["value"])
        data = DataOptions(format="tsv", train=str(path))
        recipe = Recipe(data=data, tokenizer=TokenizerOptions(vocab_size=2000))
        with isolated.MemoryOfAll() as memory, _timed_trainer() as trainer:
            work_before = isolated.processor_seconds()
            started = time.perf_counter()
            store = training_store(Run(Path(folder, "run")), recipe)
            seconds = time.perf_counter() - started
        return {
            "time": seconds,
            "work": isolated.processor_seconds() - work_before,
            "tokenizer": sum(trainer),
            "kept": store.pairs,
            "memory": memory.peak,
        }


def _write_pairs(path, count):
    """Writes so many generated pairs of two short sentences a side, some of them again."""
    from nmt.corpora import toy

    generated = toy.generate("en-de", "train", sys.maxsize)
    sentences: dict[str, str] = {}
    while len(sentences) < SENTENCES:
        source, target = next(generated)
        if len(source) <= SHORT:
            sentences[source] = target
    pool = list(sentences.items())
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            if number % REPEATED == REPEATED - 1:
                number //= 2
            # Each number has a combination of its own: Knuth's multiplicative hash.
            first, second = divmod(number * MULTIPLIER % SENTENCES**2, SENTENCES)
            sides = zip(pool[first], pool[second], strict=True)
            file.write("\t".join(map(" ".join, sides)) + "\n")


@contextlib.contextmanager
def _timed_trainer():
    """Within the block, the seconds that tokenizers take to be trained."""
    from nmt.text.tokenizer import Tokenizer

    train = Tokenizer.train
    seconds = []

    def timed(*arguments):
        started = time.perf_counter()
        tokenizer = train(*arguments)
        seconds.append(time.perf_counter() - started)
        return tokenizer

    Tokenizer.train = timed  # type: ignore[method-assign, assignment]
    try:
        yield seconds
    finally:
        Tokenizer.train = train  # type: ignore[method-assign]


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
    return {"memory": isolated.peak_memory(), **kinds[case["kind"]](case)}


if __name__ == "__main__":
    isolated.serve(run_case)
