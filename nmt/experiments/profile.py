"""`nmt bench --profile`: where a training step of the reference model, and a search, spend time.

Self time by kind of operation: what an operation itself takes, without those inside of it. Training
is watched by TensorFlow's profiler, the search of an exported run by ONNX Runtime's. Watching costs
time, most where operations are small: shares count, not sums.
"""

import itertools
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nmt.errors import UserError
from nmt.experiments import bench, isolated

STEPS = 6  # of training
BATCH_TOKENS = 2048
SENTENCES = 100  # of search
SHOWN = 25


class Row(NamedTuple):
    """The calls of a kind of operation in a training step, or in a search."""

    operation: str
    calls: float
    milliseconds: float
    share: float


def profile(run: str | None) -> Iterator[tuple[str, list[Row]]]:
    """(what, rows) of training and, with a run folder, of search."""
    for case in [{"kind": "training"}, *([{"kind": "search", "run": run}] if run else [])]:
        what, times, calls = isolated.run("profile", case)
        total = sum(times.values())
        yield (
            what,
            [
                Row(name, calls[name], time, time / total)
                for name, time in Counter(times).most_common(SHOWN)
            ],
        )


def row_line(row: Row) -> str:
    """A row as people read it."""
    return f"{row.operation:<32}{row.calls:>8,.0f}{row.milliseconds:>10,.1f} ms{row.share:>7.1%}"


def run_case(case: dict) -> tuple[str, dict, dict]:
    """What was watched; of each kind of operation its milliseconds, and its calls."""
    return _training() if case["kind"] == "training" else _search(case["run"])


def _training():
    from nmt.machine import detect_precision, start_keras

    # 1. The reference model on one thread.
    start_keras(threads=1)
    import tensorflow as tf

    from nmt.batches.buckets import Batches
    from nmt.recipe import Recipe, TrainOptions
    from nmt.training.pipeline import dataset

    precision = detect_precision()
    train = TrainOptions(batch_tokens=BATCH_TOKENS, precision=precision, threads=1)
    model = bench.reference_model(Recipe(train=train), bench.VOCAB)
    with tempfile.TemporaryDirectory() as folder:
        batches = Batches(bench.random_store(Path(folder)), BATCH_TOKENS, seed=1)

        def fit():
            data = dataset(lambda: batches.batches_from(0))
            model.fit(data, steps_per_epoch=STEPS, verbose=0, shuffle=False)

        # 2. Once to trace it, once to watch it.
        fit()
        tf.profiler.experimental.start(folder)
        fit()
        tf.profiler.experimental.stop()
        times, calls = _self_times(next(Path(folder).rglob("*.xplane.pb")))
    what = f"a training step, {BATCH_TOKENS:,} target tokens, {precision}, 1 thread"
    return what, *({name: n / STEPS for name, n in each.items()} for each in (times, calls))


def _self_times(path):
    """Milliseconds and calls by kind of operation, of a profile of TensorFlow."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    # Its classes are made when it is imported.
    pb2: Any = xplane_pb2
    times: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for plane in pb2.XSpace.FromString(path.read_bytes()).planes:
        names = {number: entry.name for number, entry in plane.event_metadata.items()}
        for line in plane.lines:
            # What begins first holds what begins and ends within it.
            events = sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps))
            open_events: list[tuple[int, str]] = []
            for event in events:
                # An operation is called name:Kind; what else is watched holds operations.
                name, _, kind = names[event.metadata_id].rpartition(":")
                kind = kind if name and not name.endswith(":") else ""
                while open_events and open_events[-1][0] <= event.offset_ps:
                    open_events.pop()
                if open_events:
                    times[open_events[-1][1]] -= event.duration_ps / 1e9
                open_events.append((event.offset_ps + event.duration_ps, kind))
                times[open_events[-1][1]] += event.duration_ps / 1e9
                calls[open_events[-1][1]] += 1
    del times[""], calls[""]
    return times, calls


def _search(path):
    from nmt.engine.runtime import Engine
    from nmt.inference.load import load
    from nmt.runs.folder import Run
    from nmt.runs.held_out import held_out

    run = Run.open(path)
    if not run.exported():
        raise UserError(f"{path}: it has no export; nmt export {path} makes one")
    sources = [source for source, _ in held_out(run, "valid", SENTENCES)]
    with tempfile.TemporaryDirectory() as folder:
        Engine.profile_to = folder
        try:
            translator = load(path, engine="onnx", threads=1)
            translator.translate(sources)
        finally:
            Engine.profile_to = None
        engine: Any = translator.model
        files = engine.end_profile()
        events = [json.loads(Path(file).read_text()) for file in files]
    times: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    for event in itertools.chain.from_iterable(events):
        if event.get("cat") == "Node" and "op_name" in event.get("args", {}):
            times[event["args"]["op_name"]] += event["dur"] / 1e3
            calls[event["args"]["op_name"]] += 1
    beam = translator.recipe.search.beam
    return f"{len(sources)} sentences, beam {beam}, ONNX Runtime, 1 thread", times, calls


if __name__ == "__main__":
    isolated.serve(run_case)
