"""Exports of run folders: made, used, refused."""

import json
import shutil

import pytest

from nmt.__main__ import main
from nmt.engine.runtime import Engine
from nmt.inference.load import load
from nmt.runs.folder import Run
from nmt.runs.held_out import held_out

pytestmark = pytest.mark.usefixtures("load_once")


def test_an_exported_folder_is_evaluated_like_a_run(tiny_run, tmp_path, monkeypatch):
    """It lacks what only training knows, and its model card says nothing of that."""
    folder = tmp_path / "alone"
    shutil.copytree(Run(tiny_run).export_path, folder)
    text = held_out(Run(folder), "test")
    assert len(text) > 100
    monkeypatch.setattr("nmt.evaluation.scored_text.held_out", lambda *_, **__: text[:20])
    assert main(["evaluate", str(folder), "--beam", "1"]) == 0
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "BLEU" in card and " steps" not in card


def test_an_export_of_another_version_is_not_used(tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    about = run / "export" / "run.json"
    meta = json.loads(about.read_text(encoding="utf-8"))
    meta["engine"]["graphs"] -= 1
    about.write_text(json.dumps(meta), encoding="utf-8")
    assert Run(run).exported() is None
    assert main(["translate", str(run / "export"), "Hello."]) == 1
    assert "export the run anew" in capsys.readouterr().err


def test_an_export_of_other_weights_is_not_used(tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    assert isinstance(load(run).model, Engine)
    Run(run).update(weights_sha256="0" * 64)
    assert Run(run).exported() is None
    assert main(["translate", str(run), "--engine", "onnx", "Hello."]) == 2
    assert "nmt export" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--small"]])
def test_export_on_request(options, tiny_run, tmp_path, capsys):
    out = tmp_path / "float32"
    assert main(["export", str(tiny_run), "-o", str(out), "--precision", "float32", *options]) == 0
    assert Run(out).info.engine.small is (True if options else None)
    lines = ["The boy reads a book.", "", "He is not calling my mother.  "]
    keras, onnx = load(tiny_run, engine="keras").candidates(lines), load(out).candidates(lines)
    assert [c[0].text for c in keras] == [c[0].text for c in onnx]
    capsys.readouterr()
    assert main(["translate", str(out), "--engine", "keras", "Hello."]) == 2
    assert "exported folder" in capsys.readouterr().err
    damaged = out / "step.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert main(["translate", str(out), "Hello."]) == 1
    assert "step.onnx" in capsys.readouterr().err


@pytest.mark.parametrize(
    "before, after",
    [
        ("layer_norm = false", "layer_norm = true"),
        ('architecture = "recurrent"', 'architecture = "transformer"'),
    ],
)
def test_a_model_that_cannot_be_exported_is_refused(before, after, tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    recipe = (run / "recipe.toml").read_text(encoding="utf-8")
    assert before in recipe
    (run / "recipe.toml").write_text(recipe.replace(before, after), encoding="utf-8")
    assert main(["export", str(run)]) == 2
    assert f"model.{after.split()[0]}" in capsys.readouterr().err


def test_an_export_replaces_nothing_but_an_export(tiny_run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("kept")
    (tmp_path / "file").write_text("kept")
    for name in ("mine", "file"):
        assert main(["export", str(tiny_run), "-o", str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err
    assert (
        (tmp_path / "mine" / "letter.txt").read_text() == (tmp_path / "file").read_text() == "kept"
    )
    for _ in range(2):
        assert main(["export", str(tiny_run), "-o", str(tmp_path / "new")]) == 0
