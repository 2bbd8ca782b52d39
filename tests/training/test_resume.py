"""Whose a folder is: another recipe, text or process is refused, what was only prepared is not."""

import dataclasses
import shutil

import keras
import pytest

from nmt import files
from nmt.corpora import toy
from nmt.errors import UserError
from nmt.evaluation import report as evaluation
from nmt.evaluation.scored_text import of_split
from nmt.inference.load import load
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training.resume import is_complete
from tests.short_run import SHORT, after_step, at_the_beginning, interrupt, trained


def trained_until(callback, *arguments):
    with pytest.raises(KeyboardInterrupt):
        trained(*arguments, callbacks=[callback])


# ---- another recipe


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["model.embedding=25"], ["model.embedding: 24 there, 25 here"]),
        (
            ["model.cell=gru", "train.seed=2"],
            ["model.cell: 'rnn' there, 'gru' here", "train.seed: 1 there, 2 here"],
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


def test_an_end_before_the_first_validation_is_refused(tiny_recipe, tmp_path):
    options = [each for each in SHORT if not each.startswith("train.epochs")]
    long = [*options, "train.steps=40", "train.valid_every=30"]
    trained_until(after_step(6, interrupt), tiny_recipe, tmp_path / "run", *long)
    with pytest.raises(UserError, match="is at step 6 .* train.steps must be higher"):
        trained(tiny_recipe, tmp_path / "run", *long, "train.steps=5")


def test_a_folder_that_is_no_run_is_refused(tiny_recipe, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not empty"):
        trained(tiny_recipe, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_was_only_prepared_makes_room_for_another_recipe(tiny_recipe, tmp_path):
    folder = tmp_path / "run"
    callback = at_the_beginning(interrupt)
    trained_until(callback, tiny_recipe, folder, *SHORT, "tokenizer.vocab_size=200")
    assert Run(folder).tokenizers[0].size == 200
    trained_until(callback, tiny_recipe, folder, *SHORT)
    assert Run(folder).tokenizers[0].size == 270


def test_a_training_begins_with_another_run_or_without(tiny_recipe, short_run, tmp_path):
    """That run may have moved; it is no news to a training that has begun."""
    moved = shutil.copytree(short_run, tmp_path / "moved")
    folder = tmp_path / "run"
    trained_until(at_the_beginning(interrupt), tiny_recipe, folder, *SHORT)
    own = Run(folder).info.tokenizer_sha256
    named = [option for option in SHORT if not option.startswith(("model.", "train.epochs"))]
    named += [f"train.from={short_run}", "train.steps=2"]
    run = trained(tiny_recipe, folder, *named)
    assert run.info.tokenizer_sha256 == Run(short_run).info.tokenizer_sha256 and own
    with pytest.raises(UserError, match="(?s)holds another training.*train.from"):
        trained(tiny_recipe, folder, *SHORT)
    trained(tiny_recipe, folder, *named, f"train.from={moved}", "train.steps=3")
    assert Run(folder).info.step == 3


@pytest.mark.parametrize(
    ("entries", "overrides", "complete"),
    [
        ({"complete": False, "epochs": 2}, ["train.epochs=2"], False),
        ({"complete": True, "epochs": 2}, ["train.epochs=2"], True),
        ({"complete": True, "epochs": 2}, ["train.epochs=1"], True),
        ({"complete": True, "epochs": 2}, ["train.epochs=3"], False),
        ({"complete": True, "epochs": 2}, ["train.steps=2"], False),
        ({"complete": True, "steps": 9}, ["train.steps=9"], True),
        ({"complete": True, "steps": 9, "patience": 2}, ["train.steps=99"], False),
        ({"complete": True, "epochs": 2, "patience": 2}, ["train.patience=2"], True),
        ({"complete": True, "epochs": 2, "patience": 2}, ["train.patience=3"], False),
    ],
)
def test_a_run_is_complete_when_it_was_trained_for_as_long_as_the_recipe_says(
    tmp_path, entries, overrides, complete
):
    info = dataclasses.replace(Run(tmp_path).info, **entries)
    options = load_recipe(None, ["data.format=grammar", *overrides]).train
    assert is_complete(info, options) == complete


def test_a_callback_may_stop_a_training_which_then_may_go_on(tiny_recipe, tmp_path):
    stops = []

    def stop(epoch, logs):
        stops.append(epoch)
        callback.model.stop_training = True

    callback = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    options = [*SHORT, "train.valid_every=8"]
    run = trained(tiny_recipe, tmp_path, *options, callbacks=[callback])
    assert stops == [0] and run.info.step == 8 and run.info.complete
    assert trained(tiny_recipe, tmp_path, *options).info.step == 32


# ---- what is missing, who else is there


def test_without_its_state_a_complete_run_cannot_go_on(short_copy, tiny_recipe):
    """Training anew would replace weights that took hours by those of the first minutes."""
    shutil.rmtree(short_copy / "state")
    weights = short_copy / Run(short_copy).info.weights
    before = weights.read_bytes()
    with pytest.raises(UserError, match="missing, so training cannot go on.*train.from"):
        trained(tiny_recipe, short_copy, *SHORT, "train.epochs=3")
    assert weights.read_bytes() == before and Run(short_copy).info.complete


def test_two_trainings_do_not_share_a_folder(short_copy, tiny_recipe):
    """Nor does the second one clean up what the first is writing."""
    half = short_copy / files.partial_name()
    half.write_text("half")
    with Run(short_copy).lock(), pytest.raises(UserError, match="another process is training"):
        trained(tiny_recipe, short_copy, *SHORT, "train.epochs=3")
    assert half.exists()


def test_what_a_killed_export_was_writing_goes(short_copy, tiny_recipe):
    scratch = short_copy / files.partial_name()
    scratch.mkdir()
    (scratch / "step.onnx").write_text("half")
    trained(tiny_recipe, short_copy, *SHORT)
    assert not scratch.exists()


# ---- another text


@pytest.fixture(scope="module")
def own_text(tmp_path_factory):
    """Overrides for training two steps on a TSV file, and that file."""
    path = tmp_path_factory.mktemp("text") / "own.tsv"
    pairs = toy.generate("en-de", "train", 60)
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    return [
        "data.format=tsv",
        f"data.train={path}",
        "data.held_out=0.2",
        "train.steps=2",
        "train.valid_every=0",
        "train.valid_sentences=4",
        "train.average=0",
        "train.warmup_steps=0",
        "train.decay=none",
        "train.save_minutes=0",
        "model.cell=rnn",
        "model.bidirectional=false",
        "model.attention=none",
    ], path


@pytest.mark.parametrize("complete", [True, False])
def test_another_text_is_refused_and_leaves_the_recipe(tiny_recipe, own_text, tmp_path, complete):
    """In another file or in the same one; the same text in another file is taken."""
    (options, path), folder = own_text, tmp_path / "run"
    text, moved, own = path.read_text(), tmp_path / "moved.tsv", tmp_path / "own.tsv"
    own.write_text(text)
    options = [*options, f"data.train={own}"]
    if complete:
        trained(tiny_recipe, folder, *options)
    else:
        trained_until(after_step(1, interrupt), tiny_recipe, folder, *options)
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
    recorded = Run(folder).recipe
    assert recorded.data.train == str(moved) and recorded.train.steps == 2


@pytest.mark.parametrize("complete", [True, False])
def test_other_validation_text_is_refused(tiny_recipe, own_text, tmp_path, complete):
    """The best score is of the text that was there first."""
    (options, path), folder = own_text, tmp_path / "run"
    lines = path.read_text().splitlines(keepends=True)
    valid, other = tmp_path / "valid.tsv", tmp_path / "other.tsv"
    valid.write_text("".join(lines[:10]))
    other.write_text("".join(lines[10:20]))
    options = [*options, "data.held_out=0", f"data.test={other}"]
    if complete:
        trained(tiny_recipe, folder, *options, f"data.valid={valid}")
    else:
        callback = after_step(1, interrupt)
        trained_until(callback, tiny_recipe, folder, *options, f"data.valid={valid}")
    recipe, kept = ((folder / name).read_bytes() for name in ("recipe.toml", "held_out.valid.tsv"))
    short = tmp_path / "short.tsv"
    short.write_text("".join(lines[:9]))
    with pytest.raises(UserError, match="was validated on other text"):
        trained(tiny_recipe, folder, *options, f"data.valid={short}", "train.steps=9")
    assert (folder / "recipe.toml").read_bytes() == recipe
    assert (folder / "held_out.valid.tsv").read_bytes() == kept
    trained(tiny_recipe, folder, *options, f"data.valid={valid}", "train.steps=4")
    assert Run(folder).info.step == 4


def test_text_may_be_mended_as_long_as_nothing_was_trained_on_it(tiny_recipe, own_text, tmp_path):
    (options, path), folder, own = own_text, tmp_path / "run", tmp_path / "own.tsv"
    options = [*options, f"data.train={own}"]
    own.write_text(path.read_text())
    trained_until(at_the_beginning(interrupt), tiny_recipe, folder, *options)
    former = Run(folder).info
    own.write_text(path.read_text().replace("the", "a"))
    info = trained(tiny_recipe, folder, *options).info
    assert info.complete and info.corpus_sha256 != former.corpus_sha256
    assert info.tokenizer_sha256 != former.tokenizer_sha256


def test_a_report_is_of_its_test_text(tiny_recipe, own_text, tmp_path):
    (options, path), test = own_text, tmp_path / "test.tsv"
    test.write_text(path.read_text())
    options = [*options, f"data.valid={path}", "data.held_out=0"]
    run = trained(tiny_recipe, tmp_path / "run", *options, f"data.test={test}")
    text = of_split(run, "test")[0]
    results = evaluation.evaluate(run, load(run.path, engine="keras"), text)
    evaluation.write_report(run, *results)
    assert evaluation.last_report(run)["sentences"] > 1

    # The run has its own copy: what becomes of the file changes nothing.
    test.unlink()
    assert evaluation.last_report(Run(run.path))["sentences"] > 1
    assert of_split(Run(run.path), "test")[0].pairs == text.pairs

    # Complete, but tested on something else; then on the same text under another name.
    other = tmp_path / "other.tsv"
    other.write_text(path.read_text().splitlines()[0] + "\n")
    trained(tiny_recipe, run.path, *options, f"data.test={other}")
    assert Run(run.path).recipe.data.test == str(other)
    assert evaluation.last_report(Run(run.path)) is None
    same = tmp_path / "same.tsv"
    same.write_text(path.read_text())
    trained(tiny_recipe, run.path, *options, f"data.test={same}")
    assert evaluation.last_report(Run(run.path))["sentences"] > 1


def test_held_out_text_is_looked_at_first(tiny_recipe, own_text, tmp_path):
    """No validation text: nothing is trained. No test text: that is said."""
    (options, path), folder, lines = own_text, tmp_path / "run", []
    options = list(options)
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(path.read_text().splitlines()[:5]))
    with pytest.raises(UserError, match="no valid pair left of 5 .*in other splits 5"):
        trained(tiny_recipe, folder, *options, f"data.train={few}", "data.held_out=0.001")
    assert not folder.exists()
    callback = at_the_beginning(interrupt)
    options += [f"data.valid={few}", "data.held_out=0"]
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, folder, *options, callbacks=[callback], lines=lines)
    assert any("nothing to evaluate on" in line for line in lines)
