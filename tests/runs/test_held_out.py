"""The text that a run keeps: what the corpus has, a line a pair, whatever tool reads it."""

import pytest

from nmt.corpora.corpus import Corpus
from nmt.corpora.mixture import Mixture
from nmt.errors import UserError
from nmt.recipe import load_recipe
from nmt.runs.folder import HELD_OUT, Run
from nmt.runs.held_out import held_out, keep, stamp
from tests.fakes import messages

BREAKS = ["\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.fixture
def corpus(tmp_path):
    """A corpus with all that may end a line in its test text, and the run that is to keep it."""
    tmp_path.joinpath("train.tsv").write_text("a\tb\nc\td\n")
    tmp_path.joinpath("valid.tsv").write_text("e\tf\n")
    lines = [f"one{mark}two\teins{mark}zwei\n" for mark in BREAKS]
    tmp_path.joinpath("test.tsv").write_text("".join(lines), "utf-8", newline="\n")
    splits = [f"data.{split}={tmp_path / split}.tsv" for split in ("train", "valid", "test")]
    return Mixture(load_recipe(None, ["data.format=tsv", *splits]).data)


def kept(corpus, folder):
    run = Run(folder)
    run.save_recipe(load_recipe(None, ["data.format=grammar"]))
    keep(run, corpus)
    return Run(folder)


def test_a_generated_corpus_comes_back(tiny_run):
    run = Run(tiny_run)
    for split in HELD_OUT:
        pairs = Corpus(run.recipe.data).held_out(split)
        assert held_out(run, split) == pairs
        assert held_out(run, split, 7) == Corpus(run.recipe.data).held_out(split, 7)


def test_a_pair_is_a_line_whatever_reads_it(corpus, tmp_path):
    run = kept(corpus, tmp_path / "run")
    assert len(held_out(run, "test")) == len(BREAKS)
    text = (run.path / HELD_OUT["test"]).read_bytes().decode()
    assert text.count("\n") == len(text.splitlines()) == len(BREAKS)


def test_without_test_text_there_is_a_note_and_without_validation_text_no_run(corpus, tmp_path):
    (tmp_path / "test.tsv").write_text("")
    with messages() as logged:
        run = kept(corpus, tmp_path / "run")
    assert len(logged) == 1 and "nothing to evaluate on" in logged[0]
    assert run.info.held_out.keys() == {HELD_OUT["valid"]}
    (tmp_path / "valid.tsv").write_text("")
    with pytest.raises(UserError, match="no valid pair"):
        kept(corpus, tmp_path / "other")


def test_the_stamp_is_that_of_the_text(corpus, tmp_path):
    first = stamp(kept(corpus, tmp_path / "run"), "test")
    assert stamp(kept(corpus, tmp_path / "again"), "test") == first
    (tmp_path / "test.tsv").write_text("g\th\n")
    assert stamp(kept(corpus, tmp_path / "other"), "test") != first
