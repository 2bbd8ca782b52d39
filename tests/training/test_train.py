"""Training as a whole: what it leaves in a run folder, how long it goes on, and that it learns."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import nmt
from nmt import files
from nmt.batches.store import Store
from nmt.corpora.corpus import Corpus
from nmt.errors import Failure
from nmt.evaluation import metrics
from nmt.inference.load import load
from nmt.models import sequence as model_module
from nmt.recipe import load_recipe
from nmt.runs.folder import HELD_OUT, Run
from nmt.training.history import COLUMNS
from nmt.training.prepare import training_store
from nmt.training.train import train
from tests.short_run import (
    LINES,
    SHORT,
    after_step,
    arrays,
    assert_same_numbers,
    assert_same_run,
    contents,
    history,
    interrupt,
    trained,
)

ROOT = Path(nmt.__file__).parents[1]


def test_a_run_folder_holds_what_it_should(tiny_run, tiny_recipe):
    run, recipe = Run.open(tiny_run), load_recipe(tiny_recipe)
    assert run.recipe == recipe
    info, rows = run.info, history(tiny_run)
    assert (info.format, info.complete, info.epochs) == (1, True, recipe.train.epochs)
    assert (info.source, info.target) == ("en", "de")
    assert files.digest(tiny_run / info.weights) == info.weights_sha256
    digests = [files.digest(tiny_run / name) for name in info.tokenizers]
    assert digests == info.tokenizer_sha256

    assert tuple(rows[0]) == COLUMNS
    assert int(rows[-1]["step"]) == info.step
    assert int(rows[-1]["target_tokens"]) == info.target_tokens
    steps = [int(row["step"]) for row in rows]
    assert steps[:-1] == [recipe.train.valid_every * (n + 1) for n in range(len(rows) - 1)]
    assert float(rows[-1]["valid_loss"]) < float(rows[0]["valid_loss"])
    smoothed = np.exp(0.9 * float(rows[0]["loss"]))
    assert float(rows[0]["perplexity"]) == pytest.approx(smoothed, rel=0.5)

    ours = ["run.json", "run.lock", "recipe.toml", "profile.json", "history.csv", "lexicon.npz"]
    snapshots = [f"state/step-{step:07d}.weights.h5" for step in steps[-recipe.train.average :]]
    graphs = ["encoder.onnx", "step.onnx", "shortlist.onnx"]
    inputs = ["projection.npz", "table.npy", "table_scale.npy", "lexicon.npz"]
    held_out = list(HELD_OUT.values())
    copies = ["run.json", "recipe.toml", "profile.json", "tokenizer.model", *held_out]
    exported = [f"export/{name}" for name in (*graphs, *inputs, *copies)]
    expected = [
        *ours,
        "tokenizer.model",
        *held_out,
        info.weights,
        "state/state.npz",
        *snapshots,
        *exported,
    ]
    assert contents(tiny_run) == sorted(expected)


def test_training_tokens_are_counted_once_an_epoch(short_copy, tiny_recipe):
    """EOS counts, BOS and padding do not."""
    run = Run(short_copy)
    store = training_store(run, load_recipe(tiny_recipe, SHORT))
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


def test_more_epochs_or_steps_go_on(short_run, tiny_recipe, tmp_path):
    """An epoch, complete, then another: as two at once, for this schedule knows no end."""
    folder = tmp_path / "run"
    trained(tiny_recipe, folder, *SHORT, "train.epochs=1")
    assert Run(folder).info.complete and Run(folder).info.epochs == 1
    lines = []
    trained(tiny_recipe, folder, *SHORT, lines=lines)
    assert any(re.search(r"resuming at step (\d+) of 32", line) for line in lines)
    assert_same_run(folder, short_run)

    in_steps = [*(option for option in SHORT if "epochs" not in option), "train.steps=32"]
    trained(tiny_recipe, folder, *in_steps)
    info = Run(folder).info
    assert (info.complete, info.step, info.steps) == (True, 32, 32)
    trained(tiny_recipe, folder, *in_steps, lines=lines)
    assert any("nothing to train" in line for line in lines)
    assert_same_numbers(folder, short_run)


def test_a_complete_run_is_left_as_it_is(short_copy, tiny_recipe):
    before, lines = arrays(short_copy), []
    more = ("train.threads=2", "train.log_every=7", "train.patience=9")
    trained(tiny_recipe, short_copy, *SHORT, *more, lines=lines)
    assert any("nothing to train" in line for line in lines)
    assert all(np.array_equal(value, before[name]) for name, value in arrays(short_copy).items())


def test_train_takes_a_path_and_callbacks(short_run, tmp_path):
    """The Python door; callbacks come after ours, so they find the step counted."""
    folder, seen = tmp_path / "run", []
    callback = after_step(
        2, lambda: (seen.append(int(callback.model.optimizer.iterations)), interrupt())
    )
    with pytest.raises(KeyboardInterrupt):
        nmt.train(short_run / "recipe.toml", folder, callbacks=[callback])
    assert seen == [2] and Run(folder).recipe == Run(short_run).recipe


def test_a_loss_that_is_not_a_number_stops_and_spoils_nothing(short_copy, tiny_recipe, monkeypatch):
    """The former weights and state stay, so a lower rate can go on from there.

    As all that are stopped on their way to more epochs, the run is not complete.
    """
    before, outputs = arrays(short_copy), load(short_copy).translate(LINES)
    cross_entropy = model_module.cross_entropy

    def not_a_number(*arguments):
        return [x * float("nan") for x in cross_entropy(*arguments)]

    monkeypatch.setattr(model_module, "cross_entropy", not_a_number)
    with pytest.raises(Failure, match="not a number at step 33") as failure:
        trained(tiny_recipe, short_copy, *SHORT, "train.epochs=3", anew=True)
    assert "\n" not in str(failure.value) and "learning_rate" in str(failure.value)
    assert Run(short_copy).info.complete is False
    for name, value in arrays(short_copy).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert load(short_copy).translate(LINES) == outputs


@pytest.mark.first
def test_the_toy_recipe_learns_to_translate(tmp_path):
    """BLEU over 90 on combinations of verb and object that training never saw; its half size."""
    options = "embedding=64", "encoder_units=64", "decoder_units=128", "attention_units=64"
    recipe = load_recipe(
        ROOT / "data" / "toy.toml",
        [
            *(f"model.{option}" for option in options),
            "train.epochs=4",
            "train.valid_sentences=50",
            "train.threads=1",
        ],
    )
    folder = train(recipe, tmp_path / "toy").path
    pairs = Corpus(recipe.data).held_out("test", 200)
    hypotheses = load(folder).translate([source for source, _ in pairs])
    references = [reference for _, reference in pairs]
    score = metrics.bleu(hypotheses, references)["score"]
    wrong = [pair for pair in zip(hypotheses, references, strict=True) if pair[0] != pair[1]]
    assert score > 90, (score, wrong[:5])
