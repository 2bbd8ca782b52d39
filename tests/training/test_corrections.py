"""Training from a run learns what its users have corrected, and says what that has changed."""

import json
import shutil

import pytest

from nmt.corpora import toy
from nmt.corpora.mixture import Mixture
from nmt.recipe import load_recipe
from nmt.runs.corrections import Corrections
from nmt.runs.folder import Run
from nmt.training import corrections
from nmt.training.train import train
from tests.fakes import messages, tree
from tests.short_run import after_step, interrupt, trained

PAIRS = [
    ("The boy reads a book.", "Wo sind meine zwei Katzen?"),
    ('"The dog" sees a cat.', 'Der "Hund" sieht ein Buch.'),
    ('"A cat."', '"Ein Hund."'),
    ("source\ttarget", "Ziel"),
]
SHORT = (
    "train.steps=30",
    "train.corrections=60",
    "train.average=0",
    "train.save_minutes=0",
    "train.warmup_steps=5",
)


@pytest.fixture(scope="module")
def parent(tiny_run, tmp_path_factory):
    """The folder of a run with corrections, one of them of its test text."""
    folder = shutil.copytree(tiny_run, tmp_path_factory.mktemp("parent") / "run")
    (held_out, _), *_ = toy.generate("en-de", "test", 1)
    Corrections.of(folder, "en", "de").add([*PAIRS, (held_out, held_out.upper())])
    return folder


@pytest.fixture(scope="module")
def tuned(parent, tiny_recipe, tmp_path_factory):
    """(run, messages) of a training that was stopped, while users went on."""
    folder = tmp_path_factory.mktemp("tuned") / "run"
    options = (f"train.from={parent}", *SHORT)
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, folder, *options, callbacks=[after_step(8, interrupt)])
    begun = tree(folder)
    Corrections.of(parent, "en", "de").add([("Two cats.", "Später")])
    lines = []
    run = trained(tiny_recipe, folder, *options, lines=lines)
    for name in ("learnt.en-de.tsv", "corrections.en-de.tsv"):
        assert tree(folder)[name] == begun[name]
    assert any("resuming at step" in line for line in lines)
    return run, lines


def test_corrections_are_a_corpus_without_held_out_text(tuned):
    run, _ = tuned
    (corpus,) = run.recipe.data.more
    assert (corpus.weight, corpus.splits, corpus.target) == (60.0, "train", "de")
    learnt = list(Mixture(run.recipe.data).training_pairs(1))
    assert learnt == [(source.replace("\t", " "), target) for source, target in PAIRS]
    # Those answers are the new run's, too, also that of test text.
    assert len(Corrections.of(run.path, "en", "de").pairs()) == len(PAIRS) + 1


def test_before_and_after_are_told_and_kept(tuned, tiny_recipe, parent):
    run, lines = tuned
    report = json.loads((run.path / corrections.REPORT).read_text("utf-8"))
    assert (report["corrections"], report["learnt"]) == (len(PAIRS) + 1, len(PAIRS))
    learnt, validation = report["texts"]
    assert learnt["sentences"] == len(PAIRS) and validation["sentences"] == 20
    assert learnt["chrf"][1] > learnt["chrf"][0] + 3
    table = "\n".join(corrections.lines(report))
    assert table in lines and "1 left out" in table and "corrections en-de, 4:" in table
    # Once for these weights.
    with messages() as again:
        train(load_recipe(tiny_recipe, [f"train.from={parent}", *SHORT]), run.path)
    assert table not in again


@pytest.fixture
def stub(tmp_path):
    """stub(recipe text): a run that seems to be trained."""

    def made(text, name="run"):
        (tmp_path / f"{name}.toml").write_text(text)
        run = Run(tmp_path / name)
        run.path.mkdir()
        run.save_recipe(load_recipe(tmp_path / f"{name}.toml"))
        run.update(weights="none.weights.h5")
        return run

    return made


TWO = '[data]\nformat = "grammar"\n[[data.more]]\ntarget = "ja"\n'
TOKENS = '[data]\nformat = "tsv"\ntrain = "x"\npreprocess = "tokens"\n'


@pytest.mark.parametrize(
    ("text", "options", "targets"),
    [
        (TWO, [], ["ja"]),
        (TWO, ["train.corrections=0"], []),
        (TOKENS, [], []),
    ],
    ids=["of the directions of the recipe", "none if so asked", "none where text is tokens"],
)
def test_which_corrections_are_learnt(stub, tmp_path, text, options, targets):
    parent = stub(text)
    for target in ("ja", "sv") if text == TWO else ("de",):
        Corrections.of(parent.path, "en", target).add([("a", "b")])
    # No training text is the same on both sides.
    Corrections.of(parent.path, "en", "de").add([("same", "same")])
    recipe = load_recipe(parent.path / "recipe.toml", [f"train.from={parent.path}", *options])
    run = Run(tmp_path / "new")
    made = corrections.with_corrections(run, recipe, str(parent.path))
    own = made.data.more[len(recipe.data.more) :]
    assert [each.target for each in own] == targets
    # From that run on there is no second corpus of them.
    again = corrections.with_corrections(Run(tmp_path / "next"), made, str(parent.path))
    assert len(again.data.more) == len(made.data.more)
    assert all("next" in str(each.train) for each in again.data.more[len(recipe.data.more) :])


def test_a_new_run_has_what_its_parent_has_whether_it_learns_that_or_not(stub, tmp_path):
    first, second = stub(TOKENS, "first"), stub(TOKENS, "second")
    Corrections.of(first.path, "en", "de").add([("a", "b"), ("both", "1")])
    Corrections.of(second.path, "en", "de").add([("both", "2"), ("same", "same")])
    run = Run(tmp_path / "new")
    run.path.mkdir()
    # Each time the folder is renewed, what an earlier try has left is gone.
    for options, expected in (
        ([f"train.from={first.path}"], [("a", "b"), ("both", "1")]),
        ([f"train.from={second.path}", "train.corrections=0"], [("both", "2"), ("same", "same")]),
        ([], []),
    ):
        recipe = load_recipe(first.path / "recipe.toml", options)
        corrections.hand_on(run, recipe)
        assert Corrections.beside(run, "en", "de").pairs() == expected


def test_corrections_of_held_out_text_alone_are_nothing_to_compare(tuned, tmp_path, monkeypatch):
    run = Run(shutil.copytree(tuned[0].path, tmp_path / "run"))
    (run.path / corrections.REPORT).unlink()
    monkeypatch.setattr(corrections.Mixture, "training_pairs", lambda *_: iter(()))
    corrections.report(run)
    report = json.loads((run.path / corrections.REPORT).read_text("utf-8"))
    assert report["learnt"] == 0
    assert [row["text"] for row in report["texts"]] == ["validation en-de"]


def test_a_refused_training_leaves_nothing(parent, tiny_recipe, tmp_path):
    options = [f"train.from={parent}", "data.format=tsv", "data.train=missing.tsv"]
    with messages(), pytest.raises(Exception, match="no such file"):
        train(load_recipe(tiny_recipe, options), tmp_path / "run")
    assert not (tmp_path / "run").exists()
