"""Comparing systems: equal budgets, a row once, tables and pictures that show what was measured."""

import itertools
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from nmt import plots
from nmt.corpora import corpus
from nmt.errors import Failure, UserError
from nmt.experiments import comparison, isolated, measurement, results
from nmt.experiments.comparison import BUDGETS, SYSTEMS
from nmt.experiments.gradients import gradient_norms, training_norms
from nmt.models.build import build
from nmt.recipe import ModelOptions, Recipe, differences, dump_recipe, load_recipe
from nmt.training.pipeline import optimizer
from tests.fakes import messages

TINY = [
    "data.size=200",
    "data.sentences=2",
    "tokenizer.vocab_size=250",
    "model.embedding=8",
    "model.encoder_units=8",
    "model.decoder_units=16",
    "model.attention_units=8",
    "train.batch_tokens=256",
    "train.steps=4",
    "train.valid_every=2",
    "train.valid_sentences=4",
    "train.threads=1",
    "search.beam=2",
    "search.max_ratio=1",
]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The recipe of the small budget in a folder, as `compare` leaves it there."""
    folder = tmp_path_factory.mktemp("base")
    for budget in BUDGETS:
        recipe = load_recipe(BUDGETS[budget].recipe, BUDGETS[budget].overrides.split())
        (folder / budget).mkdir()
        (folder / budget / measurement.RECIPE).write_text(dump_recipe(recipe), encoding="utf-8")
    return folder


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_system_is_a_recipe_of_the_same_training(base, budget):
    first = measurement.recipe_of(base / budget)
    for name, system in comparison.systems(budget).items():
        recipe = measurement.recipe_of(base / budget, system.overrides.split())
        assert {line.split(":")[0] for line in differences(first, recipe)} == {
            override.partition("=")[0] for override in system.overrides.split()
        }, name
        assert (recipe.train.steps, recipe.train.batch_tokens) == (
            first.train.steps,
            first.train.batch_tokens,
        )


@pytest.mark.parametrize(
    "name", ["lstm", "rnn-fixed", "lstm-one-way", "lstm-2-layers", "lstm-dot", "transformer"]
)
def test_weights_are_evened_out(base, name):
    system = comparison.systems("small")[name]
    first, recipe = (
        measurement.recipe_of(base / "small", overrides)
        for overrides in ((), system.overrides.split())
    )
    even, weights = measurement.evened(recipe, first, system.widths, (600, 600))
    assert build(even, 600, 600).count_params() == weights
    assert weights == pytest.approx(build(first, 600, 600).count_params(), rel=0.03)


# ---- rows


def bleu(score):
    return {
        "score": score,
        "interval": [score - 2, score + 2],
        "signature": "tok:13a",
        "brevity": 1.0,
    }


def row(name, number):
    """A made-up row, other numbers in each."""
    pairs = int(name.rpartition("-")[2]) if name.rpartition("-")[2].isdigit() else 4000
    return {
        "overrides": [],
        "weights": 1000 + number,
        "widths": [8, 16],
        "pairs": pairs,
        "steps": 40,
        "target_tokens": 9000,
        "tokens_per_second": 2000 + number,
        "perplexity": 3 + number / 100,
        "sentences": 12,
        "beam": 2,
        "sentences_per_second": 30.0 + number,
        "bleu": bleu(20 + number % 4),
        "chrf": bleu(50 + number),
        "by_length": [[1, 6, 5, 30.0], [7, 10**9, 7, 20.0 + number]],
        "memory": 500,
        "seconds": 9,
    }


@pytest.fixture
def children(monkeypatch):
    """(names that were measured, fates): child processes return made-up rows, or raise."""
    asked, fate = [], {}

    def run(module, case, log):
        asked.append(case.get("name", "gradients"))
        if asked[-1] in fate:
            raise fate[asked[-1]]
        return row(case["name"], len(asked)) if "name" in case else {"made": "up"}

    monkeypatch.setattr(isolated, "run", run)
    monkeypatch.setattr(comparison, "cores", lambda: 1)
    return asked, fate


def test_what_was_measured_is_not_measured_again(tmp_path, children):
    asked, fate = children
    fate["lstm-dot"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        comparison.compare("small", tmp_path, overrides=TINY)
    rows = json.loads((tmp_path / "compare.json").read_text())["rows"]
    assert len(rows) < len(comparison.systems("small"))
    fate.clear()
    with messages() as lines:
        found = comparison.compare("small", tmp_path, overrides=TINY)
    assert found["rows"].keys() == comparison.systems("small").keys() and found["gradients"] == {
        "made": "up"
    }
    assert {name: found["rows"][name] for name in rows} == rows
    assert sum("minutes left" in line for line in lines) == len(found["rows"]) - len(rows)
    before = len(asked)
    assert comparison.compare("small", tmp_path, overrides=TINY) == found and len(asked) == before
    # A former version had other comments and fewer options.
    path = tmp_path / "compare.json"
    former = re.sub("  # .*", "", found["recipe"]).replace("layer_norm = false\n", "")
    assert former.count("\n") == found["recipe"].count("\n") - 1
    path.write_text(json.dumps({**found, "recipe": former}))
    assert comparison.compare("small", tmp_path, overrides=TINY)["rows"] == found["rows"]
    for other in ("train.seed=2", "train.steps=7", "train.threads=2", "train.valid_sentences=3"):
        with pytest.raises(UserError, match="another comparison"):
            comparison.compare("small", tmp_path, overrides=[*TINY, other])
    # With a number of steps the recipe's epochs have no effect.
    epochs = re.sub("\\nepochs = .*", "\nepochs = 99", found["recipe"])
    path.write_text(json.dumps({**found, "recipe": epochs}))
    assert comparison.compare("small", tmp_path, overrides=TINY)["rows"] == found["rows"]


def test_one_failure_keeps_no_other_system_from_being_measured(tmp_path, children):
    children[1]["gru"] = Failure("no space left")
    with pytest.raises(Failure, match="no space"):
        comparison.compare("small", tmp_path, ["lstm", "gru", "rnn"], TINY)
    assert json.loads((tmp_path / "compare.json").read_text())["rows"].keys() == {"lstm", "rnn"}
    with pytest.raises(UserError, match="did you mean lstm-dot"):
        comparison.compare("small", tmp_path, ["lstm-dto"], TINY)


# ---- tables and pictures


@pytest.fixture(scope="module")
def found():
    """What a whole comparison finds, one system diverged."""
    rows = {name: row(name, number) for number, name in enumerate(comparison.systems("small"))}
    rows["rnn-unclipped"] = {
        **{name: rows["rnn"][name] for name in ("overrides", "weights", "widths")},
        "diverged": "the loss is not a number at step 7",
    }
    norms = {cell: [1.0, 0.5, 0.25, 0.125, 0.0625] for cell in measurement.COMPARED_CELLS}
    gradients = {
        "sentences": 3,
        "start": norms,
        "trained": norms,
        "large": [1, 2, 4, 8, 16],
        "factor": 2.5,
        "clipped": [[5.0, 10.0], [4.0, 1.0]],
        "unclipped": [[5.0, 10.0], [6.0, 1e6]],
    }
    recipe = dump_recipe(load_recipe(BUDGETS["small"].recipe, ["train.steps=300"]))
    return {
        "budget": "small",
        "overrides": [],
        "jobs": 2,
        "machine": {"processor": "abacus"},
        "recipe": recipe,
        "rows": rows,
        "gradients": gradients,
    }


def test_the_tables_have_every_number(found):
    lines = list(results.markdown(found))
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]
    assert {len(cells) for cells in table if len(cells) > 5} == {len(results.HEADS)}
    by_name = {cells[1]: cells for cells in table if len(cells) == len(results.HEADS)}
    for name, system in SYSTEMS.items():
        row = found["rows"][name]
        if "diverged" in row:
            assert row["diverged"] in by_name[name]
            continue
        score = row["bleu"]["score"]
        chrf = "{score:.1f} ({interval[0]:.1f} to {interval[1]:.1f})".format(**row["chrf"])
        assert by_name[name][2:] == [
            system.overrides,
            f"{row['weights']:,}",
            "8/16",
            f"{row['tokens_per_second']:,}",
            f"{row['perplexity']:.2f}",
            f"{score:.1f} ({score - 2:.1f} to {score + 2:.1f})",
            chrf,
            f"{row['sentences_per_second']:.0f}",
        ]
    assert ["BLEU by training pairs", "400", "1,200", "4,000"] in table
    text = "\n".join(lines)
    for part in (
        "300 updates",
        "12 sentences",
        "abacus",
        "seed 1",
        "tok:13a",
        "rnn, after training",
    ):
        assert part in text


@pytest.mark.parametrize("name", ["gru", "rnn-unclipped", "lstm-400"])
def test_little_is_shown_of_little(found, name):
    little = {**found, "rows": {name: found["rows"][name]}}
    del little["gradients"]
    assert f"{found['rows'][name]['weights']:,}" in "\n".join(results.markdown(little))


def test_every_picture_has_labels(found, tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before, drawn = pyplot.get_fignums(), list(results.pictures(found))
    assert [name for name, _, _ in drawn] == ["gradients", "length", "pairs", "speed"]
    for _, title, figure in drawn:
        assert (
            title and all(axes.get_xlabel() for axes in figure.axes) and figure.axes[0].get_ylabel()
        )
    results.write(found, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert (
        all(f"({path.name})" in text for path in tmp_path.glob("*.png")) and text.count("![") == 4
    )
    assert pyplot.get_fignums() == before


def test_labels_of_the_speed_picture_cover_nothing():
    Text = pytest.importorskip("matplotlib.text").Text
    points = {f"system {n}": (50.0 + n % 3, bleu(40 + n / 100)) for n in range(18)}
    figure = plots.speed(points)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(label) for label in figure.axes[0].texts]  # without the lines
    boxes.sort(key=lambda box: box.y0)
    assert len(boxes) == 18 and all(a.y1 <= b.y0 for a, b in itertools.pairwise(boxes))
    assert all(box.x0 > figure.axes[0].get_window_extent().x1 for box in boxes)


# ---- gradients


@pytest.mark.parametrize(
    "options",
    [
        {"cell": "lstm", "attention": "none", "bidirectional": False},
        {"cell": "gru", "decoder_layers": 2},
        {"cell": "rnn", "attention": "dot", "decoder_units": 8},
    ],
)
def test_gradient_norms_equal_differences(options):
    sizes = {"embedding": 5, "encoder_units": 4, "decoder_units": 6, "attention_units": 4}
    model = build(Recipe(model=ModelOptions(**{**sizes, **options})), 12, 11)
    rng = np.random.default_rng(1)
    source = rng.integers(4, 12, (2, 3)).astype(np.int32)
    target = rng.integers(4, 11, (2, 4)).astype(np.int32)

    def losses(state, first, rows):
        """Of the last piece of these sentences, from the state that enters step `first` on."""
        hidden, _, _ = model.step(model.take(memory, rows), state, target[rows, first:-1])
        log_probs = tf.nn.log_softmax(model.project(hidden[:, -1])).numpy()
        return -log_probs[np.arange(len(rows)), target[rows, -1]]

    memory, state = model.encode(source)
    for first, norm in enumerate(gradient_norms(model, source, target).T[::-1]):
        squares = 0
        for name, part in state.items():
            # Every unit up and down, in both sentences, side by side.
            units = part.shape[1]
            nudges = np.repeat(np.concatenate([np.eye(units), -np.eye(units)]), 2, axis=0)
            rows = np.tile(np.arange(2), 2 * units)
            nudged = {key: tf.gather(leaf, rows) for key, leaf in state.items()}
            nudged[name] += (1e-2 * nudges).astype(np.float32)
            up, down = losses(nudged, first, rows).reshape(2, units, 2)
            squares += (((up - down) / 2e-2) ** 2).sum(0)
        np.testing.assert_allclose(norm, squares**0.5, rtol=0.02, atol=1e-5)
        _, _, state = model.step(memory, state, target[:, first : first + 1])


def test_training_norms_are_those_of_training():
    sizes = {"embedding": 6, "encoder_units": 4, "decoder_units": 6}
    recipe = Recipe(model=ModelOptions(cell="rnn", bidirectional=False, **sizes))
    rng = np.random.default_rng(0)
    batches = [
        tuple(rng.integers(4, 11, (3, n)).astype(np.int32) for n in (4, 6)) for _ in range(3)
    ]
    models = [build(recipe, 11, 11) for _ in range(2)]
    for model in models:
        model.compile(optimizer(recipe.train, 10), 0.1, "float32", jit_compile=False)
        model.optimizer.build(model.trainable_variables)
    seen = training_norms(models[0], iter(batches * 2), steps=3)
    losses = [
        float(models[1].train_step(batch)["loss"])
        for batch in batches
        if not models[1].reset_metrics()
    ]
    np.testing.assert_allclose([loss for loss, _ in seen], losses, rtol=1e-4)
    assert all(norm > 0 for _, norm in seen) and models[0].optimizer.iterations == 3


# ---- processes


def test_a_child_tells_what_it_found_or_that_it_failed(tmp_path):
    found = isolated.run("growth", {"kind": "preparing", "value": 200}, tmp_path / "log")
    assert 150 < found["kept"] < 200 and found["memory"] > 10
    with pytest.raises(Failure, match=r"nothing.* ended with status 1; see .*log"):
        isolated.run("growth", {"kind": "nothing"}, tmp_path / "log")
    assert "KeyError" in (tmp_path / "log").read_text()


def test_a_child_ends_with_its_parent(tmp_path):
    command = [
        sys.executable,
        "-m",
        "nmt.experiments.growth",
        json.dumps({"kind": "preparing", "value": 10**7}),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        process.stdin.close()
        assert process.wait(timeout=60) == -signal.SIGTERM


# ---- all of it


@pytest.fixture
def in_process(monkeypatch):
    """What child processes do, done here, on few validation sentences."""
    monkeypatch.setattr(
        isolated,
        "run",
        lambda module, case, log: json.loads(json.dumps(measurement.run_case(case))),
    )
    monkeypatch.setattr(comparison, "cores", lambda: 1)
    monkeypatch.setattr(corpus, "TOY_HELD_OUT", 12)
    monkeypatch.setattr(measurement, "UPDATES", 2)


def test_two_systems(tmp_path, in_process):
    # The base is made one that is traced fast.
    base = [*TINY, "model.cell=rnn", "model.bidirectional=false"]
    rows = comparison.compare("small", tmp_path, ["lstm", "lstm-fixed"], base)["rows"]
    for name, row in rows.items():
        assert (tmp_path / name / "run.json").exists() and not (
            tmp_path / name / "report.json"
        ).exists()
        assert (row["steps"], row["sentences"], row["pairs"]) == (4, 12, 200)
        assert (
            row["perplexity"] > 1
            and row["tokens_per_second"] > 0
            and row["sentences_per_second"] > 0
        )
        assert sum(count for _, _, count, _ in row["by_length"]) == 12
    assert rows["lstm"]["widths"] == [8, 16] != rows["lstm-fixed"]["widths"]
    assert rows["lstm"]["target_tokens"] == rows["lstm-fixed"]["target_tokens"]
    text = "\n".join(results.write(json.loads((tmp_path / "compare.json").read_text()), tmp_path))
    assert all(f"{row['weights']:,}" in text for row in rows.values())


@pytest.mark.slow
def test_gradients_of_trained_systems(tmp_path, in_process):
    found = comparison.compare(
        "small", tmp_path, [f"{cell}-fixed" for cell in measurement.COMPARED_CELLS], TINY
    )["gradients"]
    for norms in (*found["start"].values(), *found["trained"].values(), found["large"]):
        assert norms[0] == 1 and len(norms) == BUDGETS["small"].chain and np.isfinite(norms).all()
    assert found["large"][-1] > found["start"]["rnn"][-1]
    assert len(found["clipped"]) == len(found["unclipped"]) == 2
