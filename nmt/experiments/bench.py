"""`nmt bench`: how fast this machine trains the reference model, and translates with a run.

Reference model: joint vocabulary of 8,000, embeddings 256 (untied), bidirectional LSTM of 256 units
a direction, decoder LSTM 512, additive attention 512, dropout 0.3, label smoothing 0.1, Adam,
clipping at norm 1. It is trained through `fit`, on random pieces with the lengths of captions (16 a
sentence on average): speed does not depend on what they say. Each case runs in a process of its
own, so that its threads and its peak memory are its own. Warm-up is excluded; figures are the
median of the repeats, with the range. Padding is not counted. Beside training speed: peak memory,
the rate of large matrix products, the share of it that training has, and `input`, the time that
batches take to be made as a share of the training step, beside which they are made.
"""

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nmt.batches.buckets import Batches
from nmt.batches.store import Store, write_ids, write_text
from nmt.experiments import isolated
from nmt.machine import cores

PRECISIONS = ("float32", "bfloat16")
REPEATS = 5
STEPS = {2048: 3, 4096: 2}  # of a repeat, by target tokens a batch
SENTENCES = {"onnx": 300, "keras": 256}  # translated in a repeat
BATCHES = {"onnx": (4, 8, 16, 32), "keras": (64,)}  # sentences translated together
SINGLES = 50  # sentences translated one at a time
VOCAB = 8000
LINE = "The light in the kitchen is on."


def bench(run: str | None) -> Iterator[dict]:
    """Measures training of the reference model and, with a run folder, translating; yields rows."""
    for case in cases(run):
        yield from isolated.run("bench", case)


def cases(run: str | None) -> list[dict]:
    """What is measured, each in a process of its own; see `run_case`."""
    # On one core alone, and on all; a machine of one core has one case.
    threads = sorted({1, cores()})
    training: list[dict] = [
        {"kind": "training", "precision": precision, "batch_tokens": tokens, "threads": number}
        for precision, tokens, number in itertools.product(PRECISIONS, STEPS, threads)
    ]
    if not run:
        return training
    translating = [
        {"kind": "translating", "run": run, "engine": engine, "threads": number}
        for engine, number in itertools.product(BATCHES, threads)
    ]
    start = [{"kind": "start", "run": run, "engine": engine} for engine in BATCHES]
    return training + translating + start


def row_line(row: dict) -> str:
    """A row as people read it."""
    if "note" in row:
        return f"{row['what']:<54} {row['note']}"
    low, median, high = (f"{row[name]:,.{row['digits']}f}" for name in ("low", "median", "high"))
    more = "".join(f"  {name} {value}" for name, value in row["more"].items())
    return f"{row['what']:<54} {median:>9} {row['unit']:<16} ({low} to {high}){more}"


def _summary(what, values, unit, digits=0, **more):
    """The row of a case: median and range of the repeats."""
    # Rounded, as rows are read by people, too.
    values = [round(value, 3) for value in values]
    figures = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return {"what": what, **figures, "unit": unit, "digits": digits, "more": more}


def _not_measured(what, reason):
    """The row of a case that has no figures."""
    return {"what": what, "note": f"not measured: {reason}"}


# Training.


def _training(case):
    """Target tokens a second through `compile` and `fit`; its share of the matrix product rate."""
    from nmt.machine import detect_precision
    from nmt.recipe import Recipe, TrainOptions
    from nmt.training import threads

    # 1. The reference model, and batches for it. Threads are set before TensorFlow starts.
    precision = case["precision"]
    budget = case["batch_tokens"]
    what = f"training, {budget:,} tokens, {precision}, {_threads(case)}"
    if precision == "bfloat16" and detect_precision() != precision:
        return [_not_measured(what, "this processor has no bfloat16 products")]
    train = TrainOptions(batch_tokens=budget, precision=precision, threads=case["threads"])
    recipe = Recipe(train=train)
    threads.start(recipe)
    model = reference_model(recipe, VOCAB)
    # 2. Speeds of training, and of what it consists of.
    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(random_store(Path(folder)), budget, seed=1)
        speeds = _fit_speeds(model, batches, STEPS[budget])
        input_seconds = _batch_seconds(batches)
        work = operations(model, batches.store)
    speed = statistics.median(speeds)
    rate = _product_rate(precision)
    shares = {
        "products": f"{rate / 1e9:.0f} GFLOP/s",
        "share": f"{speed * work / rate:.0%}",
        "input": f"{input_seconds * speed:.1%}",
    }
    return [_summary(what, speeds, "target tokens/s", peak=_peak(), **shares)]


def reference_model(recipe: Any, vocabulary: int) -> Any:
    """The reference model, compiled; the recipe says how it is trained."""
    from nmt.models.build import build
    from nmt.training.pipeline import compiled

    return compiled(build(recipe, vocabulary, vocabulary), recipe, total_steps=10_000)


def _fit_speeds(model, batches, steps):
    """Target tokens a second of each repeat of `steps` updates, after one that warms up."""
    import keras

    from nmt.training.pipeline import dataset

    speeds = []

    # An epoch is a repeat: `fit` makes no validation or saving part of it.
    class Timer(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            speeds.append(logs["target_tokens"] / (time.perf_counter() - self.started))

    model.fit(
        dataset(lambda: batches.batches_from(0)),
        epochs=1 + REPEATS,
        steps_per_epoch=steps,
        callbacks=[Timer()],
        verbose=0,
        shuffle=False,
    )
    return speeds[1:]


def _batch_seconds(batches):
    """Seconds a target token that batches take to be made, with nothing beside it."""
    started = time.perf_counter()
    made = itertools.islice(batches.batches_from(0), 50)
    tokens = sum(np.count_nonzero(target) - len(target) for _, target in made)  # without BOS
    return (time.perf_counter() - started) / tokens


class Numbers:
    """In the place of a tokenizer: pieces as numbers."""

    def encode(self, lines: Sequence[str]) -> list[list[int]]:
        return [[int(piece) for piece in line.split()] for line in lines]


def random_store(folder: Path) -> Store:
    """4,000 pairs of random pieces: about 13 a sentence, 95 % at most 24."""
    # Lengths of captions; a target about as long as its source.
    rng = np.random.default_rng(0)
    count = 4000
    source = np.clip(np.rint(rng.lognormal(np.log(14), 0.33, count)), 3, 60).astype(int)
    target = np.maximum(2, source + rng.integers(-2, 3, count))
    sides = [
        [" ".join(map(str, rng.integers(4, VOCAB, n))) for n in lengths]
        for lengths in (source, target)
    ]
    # Pieces are numbers, which `Numbers` reads as ids.
    write_text(zip(*sides, strict=True), folder)
    return write_ids(folder, [Numbers(), Numbers()], max_pieces=100)


def operations(model: Any, store: Store) -> float:
    """Floating-point operations of matrix products a target token in training.

    Six a weight and position. Weights that meet each source position count by source pieces, the
    others by target pieces, EOS included.
    """
    # 1. Which weights meet source positions; the bridge meets no position.
    keys = model.decoder.attention.key_kernel  # of the decoder, but meets source positions
    bridge = {id(v) for dense in model.decoder.bridge for v in dense.trainable_variables}
    per_source = [*_matrices(model.encoder), keys]
    per_target = [v for v in _matrices(model.decoder) if v is not keys and id(v) not in bridge]
    per_target.append(model.output_kernel)
    # 2. Forward one product of two operations, backward two.
    ratio = np.mean(store.lengths[0] + 1) / np.mean(store.lengths[1] + 1)
    sizes = [sum(np.prod(v.shape) for v in matrices) for matrices in (per_source, per_target)]
    return 6 * (ratio * sizes[0] + sizes[1])


def _matrices(layer):
    # Biases and scales are vectors.
    return [variable for variable in layer.trainable_variables if len(variable.shape) == 2]


def _product_rate(precision):
    """Operations a second of a large matrix product in this process, the best of ten."""
    import tensorflow as tf

    from nmt.models import kernels

    a, b = (tf.cast(tf.random.normal((2048, 2048)), precision) for _ in range(2))
    product = tf.function(kernels.matmul)
    # The first traces the graph. `numpy` waits for the result.
    seconds = [isolated.seconds(lambda: product(a, b).numpy()) for _ in range(11)]
    return 2 * 2048**3 / min(seconds[1:])


# Translating.


def translating(case: dict) -> list[dict]:
    """Validation sentences of a run: in batches of some sizes, and one at a time."""
    from nmt.inference.load import load
    from nmt.runs.folder import Run
    from nmt.runs.held_out import held_out

    # 1. A translator, and sentences that its run was not trained on.
    engine = case["engine"]
    run = Run.open(case["run"])
    if engine == "onnx" and not run.exported():
        return [_not_measured(f"onnx, {_threads(case)}", "the run has no export")]
    sources = [text for text, _ in held_out(run, "valid", SENTENCES[engine])]
    translator = load(case["run"], engine=engine, threads=case["threads"])
    # 2. A row for each size of batches.
    rows = []
    for beam, search in ((5, "beam 5"), (1, "greedy")):
        name = f"{engine}, {_threads(case)}, {search}"
        for size in BATCHES[engine]:
            translator.searcher.hypotheses_per_batch = size * beam
            rows.append(_in_batches(f"{name}, batches of {size}", translator, sources, beam))
        rows.append(_one_at_a_time(f"{name}, one at a time", translator, sources, beam))
    # The peak is that of all cases of the process.
    rows[-1]["more"]["peak"] = _peak()
    return rows


def _in_batches(what, translator, sources, beam):
    """Sentences a second; the first repeat warms up."""
    outputs = translator.translate(sources, beam=beam)
    seconds = [isolated.seconds(translator.translate, sources, beam=beam) for _ in range(REPEATS)]
    words = sum(len(output.split()) for output in outputs) / statistics.median(seconds)
    speeds = [len(sources) / second for second in seconds]
    return _summary(what, speeds, "sentences/s", words=f"{words:,.0f}/s")


def _one_at_a_time(what, translator, sources, beam):
    """Milliseconds a sentence; the first pass warms up."""
    # In the first pass every length comes for the first time.
    for _ in range(2):
        times = [
            1000 * isolated.seconds(translator.translate, [line], beam=beam)
            for line in sources[:SINGLES]
        ]
    late = f"{np.percentile(times, 95):.1f} ms"
    return _summary(what, times, "ms", 1, percentile95=late)


def _start(case):
    """A whole `nmt translate` of one line, from start to exit."""
    engine = case["engine"]
    command = [sys.executable, "-m", "nmt", "translate", case["run"], "--engine", engine, LINE]
    times = []
    peaks = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # `wait4` tells the memory of this one child.
        _, status, used = os.wait4(process.pid, 0)
        times.append(1000 * (time.perf_counter() - started))
        peaks.append(used.ru_maxrss / isolated.MAXRSS_PER_MB)
        if status:
            return [_not_measured(f"one line, {engine}", "nmt translate failed")]
    peak = f"{max(peaks):.0f} MB"
    return [_summary(f"one line, whole process, {engine}", times[1:], "ms", peak=peak)]


def _threads(case):
    number = case["threads"]
    return "1 thread" if number == 1 else f"{number} threads"


def _peak():
    return f"{isolated.peak_memory():,} MB"


def run_case(case: dict) -> list[dict]:
    """The rows of a case."""
    kinds = {"training": _training, "translating": translating, "start": _start}
    return kinds[case["kind"]](case)


if __name__ == "__main__":
    isolated.serve(run_case)
