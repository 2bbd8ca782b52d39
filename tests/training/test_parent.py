"""Starting from another run: its weights (train.from), or its tokenizer alone (tokenizer.from)."""

import re

import numpy as np
import pytest

from nmt.errors import UserError
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training.prepare import training_store
from tests.fakes import messages
from tests.short_run import at_the_beginning, history, interrupt, trained


def test_fine_tuning_starts_from_the_weights_and_only_from_them(short_run, tmp_path):
    """Model and tokenizer are the parent's; steps, schedule and moments are its own."""
    import keras

    losses, tuned_weights = [], []

    def note(batch, logs):
        losses.append(float(logs["loss"]))
        if len(losses) == 3:
            model = callback.model
            assert int(model.optimizer.iterations) == 3, "it did not begin with step 0"
            tuned_weights.extend(np.array(v) for v in model.trainable_variables)
            raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    recipe = tmp_path / "own.toml"
    text = (short_run / "recipe.toml").read_text()
    recipe.write_text(text.replace("embedding = 24", "embedding = 7"))
    options = ("train.warmup_steps=100", "train.learning_rate=1e-3", "train.epochs=2")
    folder = tmp_path / "tuned"
    with pytest.raises(KeyboardInterrupt):
        trained(recipe, folder, *options, f"train.from={short_run}", callbacks=[callback])

    assert losses[0] < float(history(short_run)[0]["loss"]) - 0.3, "no better than a new model"
    tuned, parent = Run(folder), Run(short_run)
    assert tuned.info.tokenizer_sha256 == parent.info.tokenizer_sha256
    assert tuned.recipe.model == parent.recipe.model and tuned.recipe.train.learning_rate == 1e-3
    three_small_steps = 4 * 1e-3 * 3 / 100
    for own, variable in zip(tuned_weights, parent.load_model().trainable_variables, strict=True):
        assert np.abs(own - np.array(variable)).max() < three_small_steps, variable.path
    # What stays the recipe's own must not change on the way.
    for changed in ("model.dropout=0.33", "model.recurrent_dropout=0.2"):
        with pytest.raises(UserError, match=changed.partition("=")[0]):
            trained(recipe, folder, *options, f"train.from={short_run}", changed)


@pytest.mark.parametrize("joint", ["true", "false"])
def test_the_tokenizer_of_another_run_can_be_shared(tiny_recipe, tmp_path, joint):
    """Even of a run that has not been trained yet, on other text."""
    from_first = [f"tokenizer.from={tmp_path / 'first'}", "data.size=200"]
    for name, more in (("first", []), ("second", from_first)):
        recipe = load_recipe(tiny_recipe, [f"tokenizer.joint={joint}", *more])
        run = Run(tmp_path / name)
        run.save_recipe(recipe)
        training_store(run, recipe)
    first, second = (Run(tmp_path / name).info for name in ("first", "second"))
    assert first.tokenizer_sha256 == second.tokenizer_sha256
    assert len(set(first.tokenizer_sha256)) == (1 if joint == "true" else 2)
    assert first.corpus_sha256 != second.corpus_sha256


def test_a_tokenizer_brings_its_options(tiny_recipe, tmp_path):
    """What a source looks like depends on them; the recipe of the run says so."""
    options = ["tokenizer.normalization=nfkc", "tokenizer.kind=bpe", "tokenizer.vocab_size=300"]
    recipe = load_recipe(tiny_recipe, options)
    first = Run(tmp_path / "first")
    first.save_recipe(recipe)
    training_store(first, recipe)
    second = tmp_path / "second"
    taken = [f"tokenizer.from={first.path}", "train.threads=1"]
    with pytest.raises(KeyboardInterrupt):
        callback = at_the_beginning(interrupt)
        trained(tiny_recipe, second, *taken, callbacks=[callback])
    found = Run(second).recipe.tokenizer
    assert (found.normalization, found.kind, found.vocab_size) == ("nfkc", "bpe", 300)
    assert found.from_ == str(first.path)


def test_text_that_the_tokenizer_has_no_pieces_for_is_told(tiny_recipe, tmp_path):
    options = ["tokenizer.byte_fallback=true", "tokenizer.vocab_size=500", "data.size=200"]
    from_first = [f"tokenizer.from={tmp_path / 'first'}", "data.size=250"]
    runs = {
        "first": options,
        "alike": from_first,
        "other": [*from_first, "data.source=en", "data.target=ja"],
    }
    notes = {}
    for name, more in runs.items():
        recipe = load_recipe(tiny_recipe, more)
        run = Run(tmp_path / name)
        run.save_recipe(recipe)
        with messages() as lines:
            training_store(run, recipe)
        notes[name] = [line for line in lines if "has no pieces" in line]
    assert notes["first"] == [] and notes["alike"] == []
    (note,) = notes["other"]
    assert "% of the characters of the target text: bytes" in note and "\n" not in note
    assert str(tmp_path / "first") in note and "source text" not in note
    share = int(re.search(r"(\d+) %", note)[1])
    assert 80 < share <= 100


def test_one_vocabulary_must_be_one(tiny_recipe, tmp_path):
    """model.tie=all with the tokenizers of a run that has two: a mistake, told before training."""
    recipe, run = load_recipe(tiny_recipe, ["tokenizer.joint=false"]), Run(tmp_path / "first")
    run.save_recipe(recipe)
    training_store(run, recipe)
    options = ["model.tie=all", f"tokenizer.from={run.path}", "train.epochs=1"]
    with pytest.raises(UserError, match="tie"):
        trained(tiny_recipe, tmp_path / "second", *options)


@pytest.mark.parametrize("joint", ["true", "false"])
def test_another_vocabulary_keeps_the_vectors_of_the_pieces_that_both_have(
    tiny_recipe, tmp_path, joint
):
    """Other text, other pieces, the same model otherwise."""
    short = ["train.epochs=1", "train.valid_sentences=2", f"tokenizer.joint={joint}"]
    tie = f"model.tie={'all' if joint == 'true' else 'none'}"
    fast = ["model.cell=rnn", "model.bidirectional=false", "model.attention=none"]  # to trace
    parent = trained(tiny_recipe, tmp_path / "parent", *short, tie, *fast)
    began = {}

    def note():
        model = callback.model
        began.update({v.path.split("/", 1)[1]: np.array(v) for v in model.trainable_variables})
        raise KeyboardInterrupt

    callback = at_the_beginning(note)
    options = [*short, f"train.from={parent.path}", "tokenizer.own=true", "data.size=150"]
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, tmp_path / "own", *options, callbacks=[callback])
    own = Run(tmp_path / "own")
    assert own.recipe.model.tie == parent.recipe.model.tie
    assert own.info.tokenizer_sha256 != parent.info.tokenizer_sha256
    weights = {
        v.path.split("/", 1)[1]: np.array(v) for v in parent.load_model().trainable_variables
    }
    assert weights.keys() == began.keys()
    tables = {"target_embedding": 1} | ({"source_embedding": 0} if joint == "false" else {})
    for name, old in weights.items():
        if name in tables:
            before, after = (run.tokenizers[tables[name]] for run in (parent, own))
            ids = {before.piece(id): id for id in range(before.size)}
            both = [id for id in range(after.size) if after.piece(id) in ids]
            assert 20 < len(both) < after.size
            for id in both:
                np.testing.assert_array_equal(began[name][id], old[ids[after.piece(id)]])
            new = np.setdiff1d(np.arange(after.size), both)
            assert np.std(began[name][new]) > 0
        elif "output" not in name:
            np.testing.assert_array_equal(began[name], old)


def test_an_own_tokenizer_must_fit_the_parent(tiny_recipe, tiny_run, tmp_path):
    for options, words in (
        ([f"tokenizer.from={tiny_run}"], "excludes tokenizer.from"),
        (["model.embedding=7"], "model.embedding has no effect here"),
    ):
        with pytest.raises(UserError, match=words):
            load_recipe(tiny_recipe, [f"train.from={tiny_run}", "tokenizer.own=true", *options])
    with pytest.raises(UserError, match="it needs train.from"):
        load_recipe(tiny_recipe, ["tokenizer.own=true"])
