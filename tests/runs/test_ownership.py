"""Whose a folder is: a refused command changes no byte, an accepted one only our own files."""

import json
import os
import random
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from nmt import files
from nmt.__main__ import main
from nmt.recipe import dump_recipe, load_recipe
from nmt.runs.folder import Run
from tests import nordic_run

ROOT = Path(__file__).parents[2]
TOY = str(ROOT / "data" / "toy.toml")
# Names of ours, names that look like ours, and names of other people.
NAMES = (
    "run.json",
    "recipe.toml",
    "run.lock",
    "cache/source.txt",
    "cache/meta.json",
    "state/state.npz",
    "state/step-0000001.weights.h5",
    "best-0000001.weights.h5",
    "best-of-2020.weights.h5",
    "tokenizer.model",
    "export/run.json",
    "export/step.onnx",
    "encoder.onnx",
    "compare.json",
    "report.md",
    "growth.json",
    "README.md",
    "partial-results/table.csv",
    "chapter/partial-differential-equations/a.tex",
    ".state.npz.12.partial",
    "deep/.0123456789abcdef.nmt-partial",
    ".0123456789abcdef.nmt-partial",
    "app.py",
    ".git/config",
    "executed/1.ipynb",
    "tokenizer/run.json",
    "lstm/recipe.toml",
    "lexicon.npz",
    "test.output.txt",
)
CONTENTS = (
    b"",
    b"years of work",
    b"{}",
    b"[]",
    b'{"format": 1}',
    b'[data]\nformat = "grammar"\n',
    bytes(range(256)),
)


def tree(folder):
    """Everything below a folder: files with their content, folders with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def fill(folder, draw):
    """Writes files of randomly drawn names and contents; one of them is always somebody else's."""
    for name in {"thesis.tex", *draw.sample(NAMES, draw.randint(0, 12))}:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draw.choice(CONTENTS))


def notebooks(*arguments):
    """The exit status of notebooks/execute.py."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["execute.py", *map(str, arguments)])
        runpy.run_path(str(ROOT / "notebooks" / "execute.py"), run_name="__main__")
    return end.value.code


@pytest.mark.parametrize("seed", range(4))
def test_a_refused_command_changes_nothing(tiny_run, tmp_path, monkeypatch, capsys, seed):
    world, draw = tmp_path / "world", random.Random(seed)
    world.mkdir()
    folder = world / "project"
    fill(folder, draw)
    fill(world / "partial-project", draw)  # a neighbour whose name once was taken for ours
    monkeypatch.chdir(folder)
    for name in ("export", "weights"):
        path = world / name
        there = tiny_run / "export" if name == "export" else tiny_run
        shutil.copytree(there, path, ignore=shutil.ignore_patterns("state", "tensorboard"))
        (path / "app.py").write_text("kept")
    growth = folder / "mine.json"
    growth.write_bytes(draw.choice(CONTENTS))
    before = tree(world)
    refused = [
        ["train", TOY, "--run", "."],
        ["train", TOY, "train.seed=2", "--run", str(folder)],
        ["train", TOY, "--run", str(growth)],
        ["train", TOY, "--run", str(world)],
        ["train", TOY, "--run", str(world / "export")],
        ["train", TOY, "--run", str(world / "weights")],
        ["train", TOY, "data.train=no", "--run", str(world / "new")],
        ["train", TOY, "data.size=60", "tokenizer.vocab_size=30", "--run", str(world / "new")],
        ["export", str(tiny_run), "-o", "."],
        ["export", str(tiny_run), "-o", str(world)],
        ["export", str(tiny_run), "-o", str(growth)],
        ["export", ".", "-o", str(world / "new")],
        ["export", str(tiny_run), "-o", str(world / "weights")],
        ["compare", "-o", "."],
        ["compare", "-o", str(growth)],
        ["compare", "--only", "lstn", "-o", str(world / "new")],
        ["compare", "-o", str(world / "weights")],
        ["evaluate", "."],
        ["evaluate", str(world / "weights"), "."],
        ["evaluate", str(folder), "--memory"],
        ["bench", "."],
        ["bench", "--growth", "-o", str(growth)],
        ["bench", "-o", str(world)],
    ]
    for arguments in refused:
        assert main(arguments) in (1, 2), arguments
        assert tree(world) == before, arguments
        error = capsys.readouterr().err
        assert "Traceback" not in error and "(--debug" not in error, (arguments, error)
    if shutil.which("jupyter") or "nbclient" in sys.modules:
        assert notebooks("no.ipynb") == 2 and tree(world) == before


def test_what_users_put_into_a_run_stays(once, tmp_path_factory, tmp_path):
    """Prepared anew, trained, complete."""
    texts = tmp_path_factory.mktemp("nordic")
    folder = once("nordic", lambda folder: nordic_run.trained(folder, texts))
    assert Run(folder).info.complete and nordic_run.mine_stay(folder)
    # Of three states two were left.
    ours = [path for path in folder.glob("state/*.h5") if path.name not in str(nordic_run.MINE)]
    assert len(ours) == 2 and not (folder / "cache" / "source.txt").exists()
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert main(["train", str(copy / "recipe.toml"), "--run", str(copy)]) == 0
    assert nordic_run.mine_stay(copy)


def test_what_was_prepared_is_there_again_when_another_recipe_fails(tiny_recipe, tmp_path):
    """Nothing was trained: another recipe may take the folder, once it can be prepared."""
    folder = tmp_path / "run"
    run = Run(folder)
    run.update(source="en", target="de")
    (folder / "recipe.toml").write_text(dump_recipe(load_recipe(tiny_recipe)), encoding="utf-8")
    (folder / "cache").mkdir()
    (folder / "cache" / "source.txt").write_text("prepared")
    before = tree(folder)
    assert (
        main(
            [
                "train",
                str(tiny_recipe),
                "data.size=60",
                "tokenizer.vocab_size=30",
                "--run",
                str(folder),
            ]
        )
        == 2
    )
    assert {name: content for name, content in tree(folder).items() if name != "run.lock"} == before


@pytest.mark.usefixtures("load_once")
def test_an_export_replaces_its_own_files_only(tiny_run, tmp_path, capsys):
    out, neighbour = tmp_path / "served", tmp_path / "partial-served"
    neighbour.mkdir()
    (neighbour / "letter.txt").write_text("kept")
    assert main(["export", str(tiny_run), "-o", str(out)]) == 0
    (out / "app.py").write_text("kept")
    (out / "export").mkdir()
    assert main(["export", str(tiny_run), "-o", str(out), "--precision", "float32"]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"app.py", "export"} <= names and not names & {
        "shortlist.onnx",
        "projection.npz",
        "table_scale.npy",
    }
    assert (out / "app.py").read_text() == (neighbour / "letter.txt").read_text() == "kept"
    assert json.loads((out / "run.json").read_text())["engine"]["precision"] == "float32"
    (out / "table_scale.npy").write_text("mine")
    before = tree(out)
    assert main(["export", str(tiny_run), "-o", str(out)]) == 2
    assert "table_scale.npy" in capsys.readouterr().err and tree(out) == before


@pytest.mark.usefixtures("load_once")
def test_an_export_killed_half_way_is_not_taken_for_a_whole_one(
    tiny_run, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "served"
    assert main(["export", str(tiny_run), "-o", str(out)]) == 0
    replace = os.replace

    def killed(source, target):
        if Path(target) == out / "step.onnx":
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        assert main(["export", str(tiny_run), "-o", str(out), "--precision", "float32"]) == 130
    assert main(["translate", str(out), "Hello."]) == 1
    assert "export the run anew" in capsys.readouterr().err
    assert main(["export", str(tiny_run), "-o", str(out)]) == 0
    assert main(["translate", str(out), "Hello."]) == 0


def test_a_card_that_is_not_ours_stays(tiny_run, tmp_path, monkeypatch):
    """README.md is a name that people use too."""
    monkeypatch.chdir(tmp_path)
    pairs = [("The boy reads a book.", "Der Junge liest ein Buch.")] * 4
    monkeypatch.setattr("nmt.evaluation.scored_text.held_out", lambda *_, **__: pairs)
    folder = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    for content, ours in (
        ("my own notes", False),
        ("# A\n\nTrained by nmt 0.0.1 from: x", True),
    ):
        (folder / "README.md").write_text(content)
        assert main(["evaluate", str(folder)]) == 0
        assert ((folder / "README.md").read_text() != content) is ours
    (folder / "README.md").unlink()
    assert main(["evaluate", str(folder)]) == 0
    card = (folder / "README.md").read_text()
    assert main(["evaluate", str(folder), "--beam", "2"]) == 0
    other = (folder / "README.md").read_text()
    assert card != other
    # What is added to it stays, wherever it stands.
    for content in (
        f"{other}\nLicence: mine\n",
        f"Licence: mine\n{other}",
        other.replace("#", "##"),
    ):
        (folder / "README.md").write_text(content)
        assert main(["evaluate", str(folder)]) == 0
        assert (folder / "README.md").read_text() == content


def test_names_of_unfinished_files_are_nobody_elses():
    assert files.is_partial(files.partial_name()) and files.is_partial(
        files.partial_name(".weights.h5")
    )
    for name in ("partial-x", ".x.partial", ".nmt-partial", "0123456789abcdef.nmt-partial"):
        assert not files.is_partial(name)
