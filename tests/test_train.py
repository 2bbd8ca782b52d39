"""Training as a whole: what a run folder holds, that any interruption can be resumed, and that it learns."""

import contextlib
import csv
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest

import nmt
from nmt import __main__ as command
from nmt import files
from nmt.batches.store import Store
from nmt.corpora import toy as grammar
from nmt.corpora.corpus import Corpus
from nmt.errors import Failure, UserError
from nmt.evaluation import metrics
from nmt.evaluation import report as evaluate
from nmt.inference.load import load
from nmt.models import translation as model_module
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.runs.weights import read_weights, write_weights
from nmt.training import callbacks, prepare
from nmt.training import train as train_module
from nmt.training.train import train
from tests.fakes import messages

ROOT = Path(nmt.__file__).parents[1]
LINES = ["The boy reads a book.", "We found a fresh egg in the park.", "Where are my two cats?"]
# A run of seconds with every kind of dropout. As the rate does not decay, more epochs change nothing before them.
SHORT = (
    "train.epochs=2",
    "train.valid_every=0",
    "train.valid_sentences=8",
    "train.save_minutes=0",
    "train.decay=none",
    "model.recurrent_dropout=0.1",
)


def trained(recipe, folder, *overrides, lines=None):
    """Trains in this process; what it says is collected in `lines`."""
    with messages() as said:
        try:
            return train(load_recipe(recipe, overrides), folder)
        finally:
            if lines is not None:
                lines += said


@contextlib.contextmanager
def stopped_at(name, monkeypatch):
    """Ctrl-C at the call of a function of nmt/training/train.py."""
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train_module, name, mock.Mock(side_effect=KeyboardInterrupt))
        yield


def arrays(folder):
    """All numbers of a run: its weights, and the weights, moments and step count it resumes from."""
    found, run = {}, Run(folder)
    with h5py.File(run.path / run.info.weights) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]} if hasattr(item, "shape") else {})
        )
    with np.load(run.state_path) as state:
        found.update({name: state[name] for name in state.files if name != "history"})
    return found


def assert_same(folder, other):
    """Bit for bit the same weights, and the same way to them."""
    first, second = arrays(folder), arrays(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    told = [
        "step",
        "epochs",
        "target_tokens",
        "weights",
        "corpus_sha256",
        "tokenizer_sha256",
        "complete",
    ]
    assert [getattr(Run(folder).info, name) for name in told] == [
        getattr(Run(other).info, name) for name in told
    ]
    measured = [[row[c] for c in ("step", "valid_loss", "bleu", "chrf")] for row in history(folder)]
    assert measured == [
        [row[c] for c in ("step", "valid_loss", "bleu", "chrf")] for row in history(other)
    ]


def history(folder):
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    """Names of all files but TensorBoard's."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith("tensorboard"))


def on_batch(monkeypatch, act):
    """Calls act(history, logs) after every training step, before anything else happens."""
    former = callbacks.Clock.on_train_batch_end

    def after(self, batch, logs=None):
        former(self, batch, logs)
        act(self.history, logs)

    monkeypatch.setattr(callbacks.Clock, "on_train_batch_end", after)


@pytest.fixture(scope="session")
def short_run(tiny_recipe, once):
    """A complete run that nothing interrupted. Not to be changed."""
    return once("short", lambda folder: trained(tiny_recipe, folder, *SHORT))


@pytest.fixture
def copy(short_run, tmp_path):
    """A copy of it, to be changed."""
    return Path(shutil.copytree(short_run, tmp_path / "copy"))


# ---- the run folder


def test_a_run_folder_holds_what_it_should(tiny_run, tiny_recipe):
    run, recipe = Run.open(tiny_run), load_recipe(tiny_recipe)
    assert run.recipe == recipe
    info, rows = run.info, history(tiny_run)
    assert (info.format, info.complete, info.epochs) == (1, True, recipe.train.epochs)
    assert (info.source, info.target) == ("en", "de")
    assert files.digest(tiny_run / info.weights) == info.weights_sha256
    assert [files.digest(tiny_run / name) for name in info.tokenizers] == info.tokenizer_sha256
    assert tuple(rows[0]) == callbacks.COLUMNS
    assert (
        int(rows[-1]["step"]) == info.step and int(rows[-1]["target_tokens"]) == info.target_tokens
    )
    steps = [int(row["step"]) for row in rows]
    assert steps[:-1] == [recipe.train.valid_every * (n + 1) for n in range(len(rows) - 1)]
    assert float(rows[-1]["valid_loss"]) < float(rows[0]["valid_loss"])
    assert float(rows[0]["perplexity"]) == pytest.approx(
        np.exp(0.9 * float(rows[0]["loss"])), rel=0.5
    )
    snapshots = [f"state/step-{step:07d}.weights.h5" for step in steps[-recipe.train.average :]]
    expected = [
        "run.json",
        "run.lock",
        "recipe.toml",
        "history.csv",
        "tokenizer.model",
        "state/state.npz",
        info.weights,
        "lexicon.npz",
    ]
    graphs = [
        "encoder.onnx",
        "step.onnx",
        "shortlist.onnx",
        "projection.npz",
        "table.npy",
        "table_scale.npy",
    ]
    exported = [
        f"export/{name}"
        for name in [*graphs, "run.json", "recipe.toml", "tokenizer.model", "lexicon.npz"]
    ]
    assert contents(tiny_run) == sorted(expected + snapshots + exported)


def test_training_tokens_are_counted_once_an_epoch(short_run, tiny_recipe, tmp_path):
    """EOS counts, BOS and padding do not."""
    recipe = load_recipe(tiny_recipe, SHORT)
    run = Run(shutil.copytree(short_run, tmp_path / "run"))
    store = prepare.training_store(run, recipe)
    assert isinstance(store, Store) and store.pairs == 300
    assert run.info.target_tokens == 2 * store.target_tokens
    assert store.target_tokens == sum(len(ids) + 1 for ids in store.ids(1, range(300)))


def test_a_run_moves_anywhere(tiny_run, tmp_path, monkeypatch):
    """Renamed, without what only training needs, from another working directory."""
    expected = load(tiny_run).translate(LINES)
    moved = Path(shutil.copytree(tiny_run, tmp_path / "a b" / "übersetzer"))
    shutil.rmtree(moved / "state")
    monkeypatch.chdir(moved.parent)
    assert nmt.load("übersetzer").translate(LINES) == expected
    monkeypatch.chdir(moved)
    assert nmt.load(".").translate(LINES) == expected


@pytest.mark.parametrize(
    "overrides, named",
    [
        (["model.embedding=25"], ["model.embedding: 24 there, 25 here"]),
        (
            ["model.cell=gru", "train.seed=2"],
            ["model.cell: 'lstm' there, 'gru' here", "train.seed: 1 there, 2 here"],
        ),
        (["data.size=301"], ["data.size: 300 there, 301 here"]),
        (["tokenizer.vocab_size=240"], ["tokenizer.vocab_size"]),
    ],
)
def test_the_folder_of_another_recipe_is_refused(short_run, tiny_recipe, overrides, named):
    before = {path: path.stat().st_mtime_ns for path in short_run.rglob("*")}
    with pytest.raises(UserError) as refusal:
        trained(tiny_recipe, short_run, *SHORT, *overrides)
    assert all(part in str(refusal.value) for part in [*named, str(short_run)])
    assert {path: path.stat().st_mtime_ns for path in short_run.rglob("*")} == before


def test_a_folder_that_is_no_run_is_refused(tiny_recipe, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not empty"):
        trained(tiny_recipe, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_complete_run_is_left_as_it_is(copy, tiny_recipe):
    before, lines = arrays(copy), []
    trained(
        tiny_recipe,
        copy,
        *SHORT,
        "train.threads=1",
        "train.log_every=7",
        "train.patience=9",
        lines=lines,
    )
    assert any("nothing to train" in line for line in lines)
    assert all(np.array_equal(value, before[name]) for name, value in arrays(copy).items())


# ---- interruptions

KILLED = """
import importlib, os, signal, sys
from nmt.__main__ import main
where, _, count = sys.argv[1].rpartition(":")
if where:
    path, name = where.split(":")
    owner = importlib.import_module(path)
    *inner, name = name.split(".")
    for part in inner:
        owner = getattr(owner, part)
    function, calls = getattr(owner, name), 0

    def deadly(*arguments, **options):
        global calls
        calls += 1
        if calls == int(count):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)

    setattr(owner, name, deadly)
sys.exit(main(sys.argv[2:]))
"""


def started(moment, recipe, folder, *overrides):
    """The training in another process, which kills itself when a function is called for the n-th time."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            KILLED,
            moment,
            "train",
            str(recipe),
            *overrides,
            "--run",
            str(folder),
        ],
        env=environment,
        cwd=Path(folder).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_killed_and_resumed_a_run_is_bit_for_bit_the_same(short_run, tiny_recipe, tmp_path):
    """Killed while preparing, amid an epoch, between the weights and their entry, and while choosing weights.

    The third finds a state of the last step before a validation, were one saved there: nothing may skip that.
    """
    folder = tmp_path / "run"
    for moment in (
        "os:replace:4",
        "nmt.training.callbacks:State.save:9",
        "nmt.files:digest:2",
        "nmt.training.callbacks:average:1",
    ):
        process = started(moment, tiny_recipe, folder, *SHORT)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, f"not killed at {moment}:\n{output}"
    trained(tiny_recipe, folder, *SHORT)
    assert_same(folder, short_run)
    assert contents(folder) == contents(short_run), "a kill left something behind"


@pytest.mark.slow
def test_killed_at_ten_random_moments_a_run_is_bit_for_bit_the_same(
    short_run, tiny_recipe, tmp_path
):
    folder, seed = tmp_path / "run", int(time.time())
    print("seed", seed)
    draw, killed = random.Random(seed), 0
    for _ in range(10):
        process = started("", tiny_recipe, folder, *SHORT)
        try:
            process.communicate(timeout=draw.uniform(0.3, 12))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
    assert killed > 2
    trained(tiny_recipe, folder, *SHORT)
    assert_same(folder, short_run)
    assert contents(folder) == contents(short_run), "a kill left something behind"


def test_what_a_kill_left_half_written_is_no_obstacle(tiny_recipe, tmp_path, monkeypatch):
    """Killed while the very first file is written, or between it and the next: neither empty nor a run yet."""
    folder = tmp_path / "run"
    for n in (1, 2):
        process = started(f"os:replace:{n}", tiny_recipe, folder, *SHORT)
        process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL
        assert any(files.is_partial(path.name) for path in folder.iterdir())
    with stopped_at("_fit", monkeypatch):
        trained(tiny_recipe, folder, *SHORT)
    assert Run(folder).recipe == load_recipe(tiny_recipe, SHORT)
    assert not any(files.is_partial(path.name) for path in folder.rglob("*"))


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampled_pieces_are_a_function_of_the_seed(kind):
    """In any process, or a resumed training would go on with other pieces than it would have seen."""
    program = f"""
from nmt.corpora import toy as grammar
from nmt.recipe import TokenizerOptions, load_recipe
from nmt.text.tokenizer import Tokenizer
lines = [source for source, _ in grammar.generate("en-de", "train", 200)]
options = TokenizerOptions(kind={kind!r}, vocab_size=200, byte_fallback=False)
tokenizer = Tokenizer.train(lines, options)
print([tokenizer.sample(lines[:20], 0.3, seed) for seed in (5, 5, 6)])
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    first, again, other = json.loads(said[0])
    assert first == again != other
    assert said[0] == said[1]


def test_signals_save_and_stop(short_run, tiny_recipe, tmp_path, monkeypatch, capsys):
    """SIGTERM amid an epoch: 143; ctrl-C while validating: 130; the same command goes on, bit for bit."""
    arguments = [
        "train",
        str(tiny_recipe),
        *SHORT,
        "train.save_minutes=1000",
        "--run",
        str(tmp_path / "run"),
    ]
    former = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    def terminate(history, logs):
        if history.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        on_batch(patch, terminate)
        assert command.main(arguments) == 143
    assert "state saved" in capsys.readouterr().err
    with pytest.raises(UserError, match="no weights yet"):
        Run.open(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks.TranslationValidation, "show", lambda *_: os.kill(os.getpid(), signal.SIGINT)
        )
        assert command.main(arguments) == 130
    said = capsys.readouterr().err
    assert "resuming at step 5 of 32" in said and "state saved" in said
    assert len(history(tmp_path / "run")) == 1
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == former
    assert command.main(arguments) == 0
    assert "resuming at step 16 of 32" in capsys.readouterr().err
    assert_same(tmp_path / "run", short_run)


def test_more_epochs_go_on(short_run, tiny_recipe, tmp_path):
    """One epoch, complete, then another: as two at once, for the schedule of this recipe knows no end."""
    folder = tmp_path / "run"
    trained(tiny_recipe, folder, *SHORT, "train.epochs=1")
    assert Run(folder).info.complete and Run(folder).info.epochs == 1
    lines = []
    trained(tiny_recipe, folder, *SHORT, lines=lines)
    assert any(re.search(r"resuming at step (\d+) of 32", line) for line in lines)
    assert_same(folder, short_run)


def test_steps_tell_how_long_as_well(short_run, tiny_recipe, tmp_path):
    options, folder, lines = (
        [option for option in SHORT if "epochs" not in option],
        tmp_path / "run",
        [],
    )
    for steps in (16, 32):
        trained(tiny_recipe, folder, *options, f"train.steps={steps}")
        assert Run(folder).info.complete and Run(folder).info.step == steps
    trained(tiny_recipe, folder, *options, "train.steps=32", lines=lines)
    assert any("nothing to train" in line for line in lines)
    for name, value in arrays(short_run).items():
        np.testing.assert_array_equal(value, arrays(folder)[name], err_msg=name)


def test_a_run_that_goes_on_is_not_complete(short_run, copy, tiny_recipe, monkeypatch):
    """Stopped on its way to more epochs; its former length does not make it complete again."""
    for more in (["train.epochs=3"], []):
        with stopped_at("_choose", monkeypatch):
            trained(tiny_recipe, copy, *SHORT, *more)
        assert not Run(copy).info.complete


def test_without_its_state_a_complete_run_cannot_go_on(copy, tiny_recipe):
    """Training anew would replace weights that took hours by those of the first minutes."""
    shutil.rmtree(copy / "state")
    weights = (copy / Run(copy).info.weights).read_bytes()
    with pytest.raises(UserError, match="missing, so training cannot go on.*train.from"):
        trained(tiny_recipe, copy, *SHORT, "train.epochs=3")
    assert (copy / Run(copy).info.weights).read_bytes() == weights and Run(copy).info.complete


def test_two_trainings_do_not_share_a_folder(copy, tiny_recipe):
    """Nor does the second one clean up what the first is writing."""
    half = copy / files.partial_name()
    half.write_text("half")
    with Run(copy).lock(), pytest.raises(UserError, match="another process is training there"):
        trained(tiny_recipe, copy, *SHORT, "train.epochs=3")
    assert half.exists()


def test_what_a_killed_export_was_writing_goes(copy, tiny_recipe):
    scratch = copy / files.partial_name()
    scratch.mkdir()
    (scratch / "step.onnx").write_text("half")
    trained(tiny_recipe, copy, *SHORT)
    assert not scratch.exists()


def test_what_was_only_prepared_makes_room_for_another_recipe(tiny_recipe, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    with stopped_at("_fit", monkeypatch):
        trained(tiny_recipe, folder, *SHORT, "tokenizer.vocab_size=200")
    assert Run(folder).tokenizers[0].size == 200
    trained(tiny_recipe, folder, *SHORT, "train.epochs=1")
    assert Run(folder).info.complete and Run(folder).tokenizers[0].size == 250


@pytest.fixture(scope="module")
def own_text(tmp_path_factory):
    """Overrides for training two steps on a TSV file, and that file."""
    path = tmp_path_factory.mktemp("text") / "own.tsv"
    path.write_text(
        "".join(
            f"{source}\t{target}\n" for source, target in grammar.generate("en-de", "train", 60)
        )
    )
    return [
        "data.format=tsv",
        f"data.train={path}",
        "data.held_out=0.2",
        "train.steps=2",
        "train.valid_every=0",
        "train.valid_sentences=4",
        "train.average=0",
        "train.warmup_steps=0",
    ], path


@pytest.mark.parametrize("complete", [True, False])
def test_another_text_is_refused_and_leaves_the_recipe(
    tiny_recipe, own_text, tmp_path, monkeypatch, complete
):
    """In another file, or in the same one; the same text in another file is taken, and remembered."""
    (options, path), folder = own_text, tmp_path / "run"
    text, moved = path.read_text(), tmp_path / "moved.tsv"
    own = tmp_path / "own.tsv"
    own.write_text(text)
    options = [*options, f"data.train={own}"]
    if complete:
        trained(tiny_recipe, folder, *options)
    else:
        with stopped_at("_choose", monkeypatch):
            trained(tiny_recipe, folder, *options)
    recipe = (folder / "recipe.toml").read_bytes()
    moved.write_text(text.replace("the", "a"))
    with pytest.raises(UserError, match="was trained on other text"):
        trained(tiny_recipe, folder, *options, f"data.train={moved}", "train.steps=9")
    if not complete:  # a complete one is not read again
        own.write_text(text.replace("the", "a"))
        with pytest.raises(UserError, match="was trained on other text"):
            trained(tiny_recipe, folder, *options)
    assert (folder / "recipe.toml").read_bytes() == recipe and not (folder / "cache").exists()
    moved.write_text(text)
    trained(tiny_recipe, folder, *options, f"data.train={moved}")
    assert Run(folder).recipe.data.train == str(moved) and Run(folder).recipe.train.steps == 2


def test_a_report_is_of_its_test_text(tiny_recipe, own_text, tmp_path):
    (options, path), test = own_text, tmp_path / "test.tsv"
    test.write_text(path.read_text())
    options = [*options, f"data.valid={path}", "data.held_out=0"]
    run = trained(tiny_recipe, tmp_path / "run", *options, f"data.test={test}")
    evaluate.write_report(run, *evaluate.evaluate(run, load(run.path, engine="keras")))
    assert evaluate.last_report(run)["sentences"] > 1
    other = tmp_path / "other.tsv"
    other.write_text(path.read_text())
    trained(
        tiny_recipe, run.path, *options, f"data.test={other}"
    )  # complete, but tested on something else
    assert (
        Run(run.path).recipe.data.test == str(other) and evaluate.last_report(Run(run.path)) is None
    )
    trained(tiny_recipe, run.path, *options, f"data.test={test}")
    assert evaluate.last_report(Run(run.path))["sentences"] > 1
    test.write_text(path.read_text().splitlines()[0] + "\n")
    assert evaluate.last_report(Run(run.path)) is None


def test_held_out_text_is_looked_at_first(tiny_recipe, own_text, tmp_path):
    """No validation text: nothing is trained. No test text: that is said."""
    (options, path), lines = own_text, []
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(path.read_text().splitlines()[:5]))
    with pytest.raises(UserError, match="no valid pair left of 5 .*in other splits 5"):
        trained(tiny_recipe, tmp_path / "run", *options, f"data.train={few}", "data.held_out=0.001")
    assert not (tmp_path / "run").exists()
    trained(
        tiny_recipe, tmp_path / "run", *options, f"data.valid={few}", "data.held_out=0", lines=lines
    )
    assert any("nothing to evaluate on" in line for line in lines)


# ---- early stopping, choice of weights, losses that are no numbers


def falling(monkeypatch, *scores):
    """Validation scores as told."""
    scores = iter(scores)
    monkeypatch.setattr(
        callbacks, "scored", lambda *_: dict.fromkeys(("bleu", "chrf"), next(scores))
    )


def test_patience_ends_training_even_when_interrupted(tiny_recipe, tmp_path, monkeypatch):
    """Best at the first validation, two worse ones: stopped at step 12 of 32, also if a kill comes just then."""
    folder, options = (
        tmp_path / "run",
        (*SHORT, "train.valid_every=4", "train.patience=2", "train.average=0"),
    )
    falling(monkeypatch, 10.0, 9.0, 8.0, 99.0)
    with stopped_at("_choose", monkeypatch):
        trained(tiny_recipe, folder, *options)
    assert [int(row["step"]) for row in history(folder)] == [4, 8, 12]
    trained(tiny_recipe, folder, *options)
    info = Run(folder).info
    assert (info.complete, info.step, info.weights) == (
        True,
        12,
        "best-0000004.weights.h5",
    )
    assert len(history(folder)) == 3
    lines = []
    trained(
        tiny_recipe, folder, *options, "train.epochs=5", lines=lines
    )  # patience is over all the same
    assert any("nothing to train" in line and "a higher train.patience" in line for line in lines)
    falling(monkeypatch, *range(11, 50))
    trained(tiny_recipe, folder, *options, "train.patience=3")
    assert (Run(folder).info.step, Run(folder).info.patience) == (32, None)


@pytest.mark.parametrize(
    "best, averaged, chosen",
    [
        (10.0, 11.0, "average-0000020"),
        (10.0, 10.0, "average-0000020"),
        (10.0, 9.9, "best-0000010"),
    ],
)
def test_the_better_of_best_and_average_is_kept(copy, best, averaged, chosen):
    """Average means the mean of the last snapshots, weight by weight."""
    scores = iter((best, averaged))
    validation = types.SimpleNamespace(final_name="bleu, beam 3", final_score=lambda: next(scores))
    run = Run(copy)
    model, values = run.load_model(), []
    for seed, name in enumerate(["state/step-0000010", "state/step-0000020", "best-0000010"]):
        for variable in model.trainable_variables:
            variable.assign(np.random.default_rng(seed).normal(size=variable.shape))
        values.append([np.array(v) for v in model.trainable_variables])
        write_weights(model, copy / f"{name}.weights.h5")
    run.update(
        weights="best-0000010.weights.h5",
        weights_sha256=files.digest(copy / "best-0000010.weights.h5"),
    )
    past = callbacks.History(20, 10)
    past.step, past.snapshots = 20, ["step-0000010", "step-0000020"]
    train_module._choose(run, run.recipe, model, validation, past)
    assert run.info.weights == f"{chosen}.weights.h5" and run.info.complete
    expected = (
        values[2]
        if chosen.startswith("best")
        else [(a + b) / 2 for a, b in zip(*values[:2], strict=True)]
    )
    for own, other in zip(Run(copy).load_model().trainable_variables, expected, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-6)
    assert (copy / "best-0000010.weights.h5").exists() == chosen.startswith("best")


def test_a_loss_that_is_not_a_number_stops_and_spoils_nothing(copy, tiny_recipe, monkeypatch):
    """The former weights and state stay, so a lower rate or a former state can go on from there."""
    before, said = arrays(copy), load(copy).translate(LINES)
    plain = model_module.cross_entropy
    monkeypatch.setattr(
        model_module, "cross_entropy", lambda *a: [x * float("nan") for x in plain(*a)]
    )
    with pytest.raises(Failure, match="not a number at step 33") as failure:
        trained(tiny_recipe, copy, *SHORT, "train.epochs=3")
    assert "\n" not in str(failure.value) and "learning_rate" in str(failure.value)
    for name, value in arrays(copy).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert load(copy).translate(LINES) == said


# ---- starting from another run


def test_fine_tuning_starts_from_the_weights_and_only_from_them(
    tiny_run, tiny_recipe, tmp_path, monkeypatch
):
    """Model and tokenizer are the parent's; steps, schedule and moments are its own."""
    losses, models = [], []

    def note(history, logs):
        losses.append(float(logs["loss"]))
        if history.step == 3:
            raise KeyboardInterrupt

    on_batch(monkeypatch, note)
    monkeypatch.setattr(
        callbacks.State,
        "set_model",
        lambda self, model: models.append(model) or setattr(self, "_model", model),
    )
    tiny_recipe = tmp_path / "own.toml"
    tiny_recipe.write_text(
        (tiny_run / "recipe.toml").read_text().replace("embedding = 24", "embedding = 7")
    )
    with pytest.raises(KeyboardInterrupt):
        trained(
            tiny_recipe,
            tmp_path / "tuned",
            "train.warmup_steps=100",
            "train.learning_rate=1e-3",
            "train.epochs=2",
            f"train.from={tiny_run}",
        )
    assert int(models[-1].optimizer.iterations) == 3, "it did not begin with step 0"
    assert losses[0] < float(history(tiny_run)[0]["loss"]) - 0.3, (
        "it begins no better than its parent began"
    )
    tuned, parent = Run(tmp_path / "tuned"), Run(tiny_run)
    assert tuned.info.tokenizer_sha256 == parent.info.tokenizer_sha256
    assert tuned.recipe.model == parent.recipe.model and tuned.recipe.train.learning_rate == 1e-3
    for own, other in zip(
        models[-1].trainable_variables, parent.load_model().trainable_variables, strict=True
    ):
        assert np.abs(own - np.array(other)).max() < 4 * 1e-3 * 3 / 100, (
            f"{own.path}: more than three small steps"
        )


@pytest.mark.parametrize("joint", ["true", "false"])
def test_the_tokenizer_of_another_run_can_be_shared(tiny_recipe, tmp_path, joint):
    """Even of a run that has not been trained yet, on other text."""
    for name, more in (
        ("first", []),
        ("second", [f"tokenizer.from={tmp_path / 'first'}", "data.size=200"]),
    ):
        recipe, run = (
            load_recipe(tiny_recipe, [f"tokenizer.joint={joint}", *more]),
            Run(tmp_path / name),
        )
        run.save_recipe(recipe)
        prepare.training_store(run, recipe)
    first, second = (Run(tmp_path / name).info for name in ("first", "second"))
    assert first.tokenizer_sha256 == second.tokenizer_sha256
    assert len(set(first.tokenizer_sha256)) == (1 if joint == "true" else 2)
    assert first.corpus_sha256 != second.corpus_sha256


def test_one_vocabulary_must_be_one(tiny_recipe, tmp_path):
    """model.tie=all with the tokenizers of a run that has two: a mistake, told before training."""
    first = load_recipe(tiny_recipe, ["tokenizer.joint=false"])
    Run(tmp_path / "first").save_recipe(first)
    prepare.training_store(Run(tmp_path / "first"), first)
    with pytest.raises(UserError, match="tie"):
        trained(
            tiny_recipe,
            tmp_path / "second",
            "model.tie=all",
            f"tokenizer.from={tmp_path / 'first'}",
            "train.epochs=1",
            "train.valid_sentences=1",
        )


# ---- damage


def cut_short(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b"")


def nonsense(path):
    path.write_bytes(b"[1, 2]" * 50)


@pytest.mark.parametrize(
    "name, damage",
    [
        *itertools.product(
            [
                "weights",
                "tokenizer.model",
                "export/shortlist.onnx",
                "export/projection.npz",
                "export/table.npy",
            ],
            [cut_short, flip, empty, nonsense, Path.unlink],
        ),
        *itertools.product(["run.json"], [cut_short, empty, nonsense, Path.unlink]),
        *itertools.product(["recipe.toml"], [flip, empty, nonsense, Path.unlink]),
    ],
)
def test_damage_is_told_in_one_line(copy, name, damage):
    path = copy / (Run(copy).info.weights if name == "weights" else name)
    damage(path)
    with pytest.raises((Failure, UserError)) as failure:
        load(copy, engine="keras" if name == "weights" else "auto").translate(LINES)
    text = str(failure.value)
    assert str(path) in text or (name, damage) == ("run.json", Path.unlink)
    assert "\n" not in text or name == "recipe.toml"
    if not name.endswith(("json", "toml")):
        assert isinstance(failure.value, Failure)


def test_another_format_is_refused(copy):
    meta = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    (copy / "run.json").write_text(json.dumps({**meta, "format": 99}), encoding="utf-8")
    with pytest.raises(Failure, match="format 99"):
        load(copy)


@pytest.mark.parametrize("damage", [cut_short, flip, empty, nonsense])
def test_a_damaged_state_is_told_in_one_line(copy, tiny_recipe, damage):
    """Or restored to the bit, where the damage does not matter; never taken in silence."""
    run, recipe = Run(copy), load_recipe(tiny_recipe, SHORT)
    model = run.load_model()
    model.compile(train_module.optimizer(recipe.train, 32))
    model.optimizer.build(model.trainable_variables)
    state = callbacks.State(run, callbacks.History(32, 16), 1)
    state.set_model(model)
    state.restore()
    assert state.history.step == 32 and int(model.optimizer.iterations) == 32
    damage(run.state_path)
    with pytest.raises(Failure) as failure:
        state.restore()
    assert str(run.state_path) in str(failure.value) and "\n" not in str(failure.value)


@pytest.mark.parametrize("damage", [cut_short, empty, nonsense, Path.unlink])
def test_damaged_weights_to_start_from_are_told_in_one_line(copy, damage):
    model, path = Run(copy).load_model(), copy / Run(copy).info.weights
    read_weights(model, path)
    damage(path)
    with pytest.raises(Failure) as failure:
        read_weights(model, path)
    assert str(path) in str(failure.value) and "\n" not in str(failure.value)


# ---- it learns


@pytest.mark.first
def test_the_toy_recipe_learns_to_translate(tmp_path):
    """BLEU over 90 on combinations of verb and object that training never saw, in about a minute."""
    recipe = load_recipe(ROOT / "data" / "toy.toml", ["train.epochs=4", "train.valid_sentences=50"])
    folder = train(recipe, tmp_path / "toy").path
    sources, references = zip(*Corpus(recipe.data).held_out("test", 200), strict=True)
    hypotheses = load(folder).translate(sources)
    score = metrics.bleu(hypotheses, references)["score"]
    wrong = [pair for pair in zip(hypotheses, references, strict=True) if pair[0] != pair[1]]
    assert score > 90, (score, wrong[:5])
