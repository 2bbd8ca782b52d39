"""`nmt bench`: how fast this machine trains the reference model, and translates with a run.

Reference model: joint vocabulary of 8,000, embeddings 256 (untied), bidirectional LSTM of 256 units a direction,
decoder LSTM 512, additive attention 512, dropout 0.3, label smoothing 0.1, Adam, clipping at norm 1. It is trained
through `fit`, on random pieces with the lengths of captions (16 a sentence on average): speed does not depend on
what they say. Each case runs in a process of its own, so that its threads and its peak memory are its own.
Warm-up is excluded; figures are the median of the repeats, with the range. Padding is not counted. Beside training
speed: peak memory, the rate of large matrix products, the share of it that training has, and `input`, the time that
batches take to be made as a share of the training step, which they are made beside.
"""

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from nmt.batches.buckets import Batches
from nmt.batches.store import write_ids, write_text
from nmt.experiments import isolated as child
from nmt.machine import cores

REPEATS = 5
STEPS = {2048: 3, 4096: 2}  # of a repeat, by target tokens a batch
SENTENCES = {"onnx": 300, "keras": 256}  # translated in a repeat
VOCAB = 8000
LINE = "The light in the kitchen is on."


def bench(run, log=lambda line: None):
    """Measures training of the reference model and, with a run folder, translating; returns rows (dicts)."""
    threads = sorted({1, cores()})
    cases = [
        {"part": "training", "precision": precision, "batch_tokens": tokens, "threads": number}
        for precision in ("float32", "bfloat16")
        for tokens in STEPS
        for number in threads
    ]
    if run is not None:
        cases += [
            {"part": "translating", "run": str(run), "engine": engine, "threads": number}
            for engine in ("onnx", "keras")
            for number in threads
        ]
        cases += [
            {"part": "start", "run": str(run), "engine": engine} for engine in ("onnx", "keras")
        ]
    rows = []
    for case in cases:
        for row in child.run("bench", case):
            rows.append(row)
            log(line(row))
    return rows


def line(row):
    """A row of the table."""
    if "note" in row:
        return f"{row['what']:<54} {row['note']}"
    spread = f"{row['low']:,.{row['digits']}f} to {row['high']:,.{row['digits']}f}"
    more = "  ".join(f"{name} {value}" for name, value in row.get("more", {}).items())
    return f"{row['what']:<54} {row['median']:>9,.{row['digits']}f} {row['unit']:<16} ({spread})  {more}".rstrip()


def row(what, values, unit, digits=0, **more):
    """Median and range of the repeats."""
    values = [round(v, 3) for v in values]
    return {
        "what": what,
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
        "unit": unit,
        "digits": digits,
        "more": more,
    }


def training(case):
    """Target tokens a second through `compile` and `fit`, and the share of the processor's matrix product rate."""
    from nmt.machine import detect_precision, start_keras

    start_keras(case["threads"])
    import keras

    from nmt.models.build import build
    from nmt.recipe import Recipe, TrainOptions
    from nmt.training.train import dataset, optimizer

    precision = case["precision"]
    budget = case["batch_tokens"]
    what = f"training, {budget:,} tokens, {precision}, {threads(case)}"
    if precision == "bfloat16" and detect_precision() != precision:
        return [{"what": what, "note": "not measured: this processor has no bfloat16 products"}]
    recipe = Recipe(train=TrainOptions(batch_tokens=budget, precision=precision))
    model = build(recipe, VOCAB, VOCAB)
    model.compile(
        optimizer(recipe.train, 10_000), recipe.train.label_smoothing, precision, jit_compile=False
    )
    speeds = []

    class Timer(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            speeds.append(logs["target_tokens"] / (time.perf_counter() - self.started))

    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(random_store(folder), budget, seed=1)
        model.fit(
            dataset(lambda: batches.batches_from(0)),
            epochs=1 + REPEATS,
            steps_per_epoch=STEPS[budget],
            callbacks=[Timer()],
            verbose=0,
            shuffle=False,
        )
        making = reading(batches)
        work = operations(model, batches.store)
    speed = statistics.median(speeds[1:])
    rate = product_rate(precision)
    return [
        row(
            what,
            speeds[1:],
            "target tokens/s",
            peak=_peak(),
            products=f"{rate / 1e9:.0f} GFLOP/s",
            share=f"{speed * work / rate:.0%}",
            input=f"{making * speed:.1%}",
        )
    ]


def reading(batches):
    """Seconds a target token that batches take to be made, with nothing beside it."""
    started = time.perf_counter()
    tokens = sum(
        np.count_nonzero(target) - len(target)
        for _, target in itertools.islice(batches.batches_from(0), 50)
    )
    return (time.perf_counter() - started) / tokens


class Numbers:
    """In the place of a tokenizer: pieces as numbers."""

    def encode(self, lines):
        return [[int(piece) for piece in line.split()] for line in lines]


def random_store(folder):
    """A `batches.Store` of 4,000 pairs of random pieces: about 13 a sentence, 95 % at most 24."""
    rng = np.random.default_rng(0)
    count = 4000
    source = np.clip(np.rint(rng.lognormal(np.log(14), 0.33, count)), 3, 60).astype(int)
    target = np.maximum(2, source + rng.integers(-2, 3, count))
    sides = [
        [" ".join(map(str, rng.integers(4, VOCAB, n))) for n in lengths]
        for lengths in (source, target)
    ]
    write_text(zip(*sides, strict=True), folder)
    return write_ids(folder, [Numbers(), Numbers()], max_pieces=100)


def operations(model, store):
    """Floating-point operations of matrix products a target token in training: six a weight and position.

    Weights that meet each source position count by source pieces, the others by target pieces, EOS included.
    """
    per_source = [v for v in model.encoder.trainable_variables if len(v.shape) == 2]
    per_source.append(model.decoder.attention.key_kernel)
    decoder = [
        v
        for v in model.decoder.trainable_variables
        if len(v.shape) == 2 and v is not per_source[-1]
    ]
    bridge = {id(v) for dense in model.decoder.bridge for v in dense.trainable_variables}
    per_target = [*(v for v in decoder if id(v) not in bridge), model.output_kernel]
    ratio = np.mean(store.lengths[0] + 1) / np.mean(store.lengths[1] + 1)
    return 6 * (
        ratio * sum(np.prod(v.shape) for v in per_source)
        + sum(np.prod(v.shape) for v in per_target)
    )


def product_rate(precision):
    """Operations a second of a large matrix product in this process, the best of ten."""
    import tensorflow as tf

    from nmt.models import kernels

    a, b = (tf.cast(tf.random.normal((2048, 2048)), precision) for _ in range(2))
    product = tf.function(kernels.matmul)
    times = []
    for _ in range(11):
        started = time.perf_counter()
        product(a, b).numpy()
        times.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(times[1:])


def translating(case):
    """Validation sentences of a run: in batches of some sizes, and one at a time."""
    from nmt.corpora.corpus import Corpus
    from nmt.inference.load import load
    from nmt.runs.folder import Run

    engine = case["engine"]
    run = Run.open(case["run"])
    if engine == "onnx" and not run.exported():
        return [{"what": f"onnx, {threads(case)}", "note": "not measured: the run has no export"}]
    pairs = Corpus(run.recipe.data).held_out("valid", SENTENCES[engine])
    sources = [source for source, _ in pairs]
    translator = load(case["run"], engine=engine, threads=case["threads"])
    rows = []
    for beam in (5, 1):
        name = f"{engine}, {threads(case)}, {f'beam {beam}' if beam > 1 else 'greedy'}"
        for sentences in {"onnx": (4, 8, 16, 32), "keras": (64,)}[engine]:
            translator.hypotheses_per_batch = sentences * beam
            times = []
            for _ in range(REPEATS + 1):
                started = time.perf_counter()
                outputs = translator.translate(sources, beam=beam)
                times.append(time.perf_counter() - started)
            words = sum(len(output.split()) for output in outputs)
            rows.append(
                row(
                    f"{name}, batches of {sentences}",
                    [len(sources) / t for t in times[1:]],
                    "sentences/s",
                    words=f"{words / statistics.median(times[1:]):,.0f}/s",
                )
            )
        times = []
        singles = sources[:50]
        for source in singles * 2:  # the first pass warms up
            started = time.perf_counter()
            translator.translate([source], beam=beam)
            times.append(1000 * (time.perf_counter() - started))
        times = times[len(singles) :]
        late = f"{np.percentile(times, 95):.1f} ms"
        rows.append(row(f"{name}, one at a time", times, "ms", 1, percentile95=late))
    rows[-1]["more"]["peak"] = _peak()
    return rows


def start(case):
    """A whole `nmt translate` of one line, from start to exit."""
    command = [
        sys.executable,
        "-m",
        "nmt",
        "translate",
        case["run"],
        "--engine",
        case["engine"],
        LINE,
    ]
    times = []
    peaks = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        times.append(1000 * (time.perf_counter() - started))
        peaks.append(used.ru_maxrss / child.MAXRSS_PER_MB)
        if status:
            return [
                {
                    "what": f"one line, {case['engine']}",
                    "note": "not measured: nmt translate failed",
                }
            ]
    return [
        row(
            f"one line, whole process, {case['engine']}",
            times[1:],
            "ms",
            peak=f"{max(peaks):.0f} MB",
        )
    ]


def threads(case):
    return "1 thread" if case["threads"] == 1 else f"{case['threads']} threads"


def _peak():
    return f"{child.peak():,} MB"


if __name__ == "__main__":
    child.main(
        lambda case: {"training": training, "translating": translating, "start": start}[
            case["part"]
        ](case)
    )
