"""`nmt correct`: the same file that a server keeps, from the command line."""

import shutil

import pytest

from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from tests.fakes import nmt_command, tree


@pytest.fixture
def run(tmp_path, tiny_recipe):
    """The folder of a run that seems to be trained."""
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.save_recipe(load_recipe(tiny_recipe))
    run.update(weights="none.weights.h5")
    return run.path


def test_corrections_are_added_listed_and_taken_back(run, tmp_path):
    def listed():
        return nmt_command("correct", run, "--list").out

    assert listed() == ""
    done = nmt_command("correct", run, "The door is open.", "Tür offen — ja.")
    path = run / "corrections.en-de.tsv"
    assert done.status == 0 and done.err == f"1 added; 1 in {path}\n"
    (tmp_path / "more.tsv").write_text("one\teins\n\n two \tzwei\none\tein\n", "utf-8")
    assert nmt_command("correct", run, "-i", tmp_path / "more.tsv").status == 0
    assert nmt_command("correct", f"{run},{run}", stdin="three\tdrei\n").status == 0
    every = "The door is open.\tTür offen — ja.\ntwo\tzwei\none\tein\nthree\tdrei\n"
    assert listed() == every
    # A list can be read again.
    assert nmt_command("correct", run, stdin=every).status == 0 and listed() == every
    assert nmt_command("correct", run, "--remove", "two", "The door is open.").status == 0
    assert nmt_command("correct", run, "--remove", stdin="three\n").status == 0
    assert listed() == "one\tein\n"


def test_a_run_takes_over_what_another_keeps_and_has_taken_back(run, tmp_path):
    new = tmp_path / "new"
    shutil.copytree(run, new)
    nmt_command("correct", run, stdin="one\teins\ntwo\tzwei\n")
    nmt_command("correct", new, stdin="one\tein\ntwo\tzwei\nthree\tdrei\n")
    nmt_command("correct", run, "--remove", "two")
    done = nmt_command("correct", new, "--from", run)
    path = new / "corrections.en-de.tsv"
    assert done.status == 0 and done.err == f"2 taken over; 2 in {path}\n"
    assert nmt_command("correct", new, "--list").out == "three\tdrei\none\teins\n"


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (["one"], "", "1 texts: a sentence and its correction are needed"),
        (["one", "eins", "zwei"], "", "3 texts"),
        ([], "", "no correction in the input"),
        ([], "one\teins\ntwo\n", "input, line 2: 0 tabs; a line is: source TAB target"),
        ([], "one\teins\ntwo\t \n", "'two' has no correction; nothing is kept"),
        (["--remove", "never"], "", "'never' has no correction in"),
        (["--remove"], " \n", "no sentence in the input"),
        (["--list", "one"], "", "--list takes no text"),
        (["--list", "--remove", "one"], "", "not allowed with"),
        (["--from", "none", "one", "eins"], "", "--from takes no text"),
        (["--from", "none"], "", "none: no such run folder"),
        (["one", "eins", "-i", "more.tsv"], "", "exclude each other"),
        (["one", "eins", "--to", "fr"], "", "into 'fr' it does not translate; languages: de"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(run, arguments, stdin, message):
    before = tree(run)
    done = nmt_command("correct", run, *arguments, stdin=stdin)
    assert done.status == 2 and message in done.err and done.err.count("\n") == 1
    assert tree(run) == before


def test_a_language_model_has_none(run):
    (run / "recipe.toml").write_text(
        '[data]\nformat = "text"\ntrain = "x"\n[model]\narchitecture = "language_model"\n'
    )
    assert "is a language model" in nmt_command("correct", run, "one", "eins").err
