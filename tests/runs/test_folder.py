"""The run folder: what run.json says, and damage told in one line."""

import dataclasses
import errno
import itertools
import json
from pathlib import Path

import pytest

from nmt.errors import Failure, UserError
from nmt.inference.load import load
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.runs.info import ExportInfo, RunInfo
from nmt.runs.weights import read_weights
from tests.damage import cut_short, empty, flip, nonsense
from tests.short_run import LINES


def test_run_json_comes_back_as_it_was_written():
    for info in (
        RunInfo(format=1, source="en", complete=False, steps=3, tokenizers=["a", "b"]),
        RunInfo(format=1, engine=ExportInfo()),
        RunInfo(
            format=1, confidence={"slope": 9.5, "intercept": 2.0, "sentences": 300, "good": 80}
        ),
        RunInfo(format=1, engine=ExportInfo(2, "int8", "abc", {"step.onnx": "def"})),
    ):
        entries = json.loads(json.dumps(info.to_dict()))
        assert RunInfo.from_dict(entries) == info
        assert None not in entries.values()


def test_entries_of_other_versions_stay(tmp_path):
    """What is missing is None, what is unknown stays in the file."""
    entries = {"format": 1, "source": "en", "later": {"a": [1]}, "step": 3}
    (tmp_path / "run.json").write_text(json.dumps(entries))
    run = Run(tmp_path)
    assert run.begun and (run.info.source, run.info.step, run.info.target) == ("en", 3, None)
    run.update(step=4, target="de", source=None)
    written = json.loads((tmp_path / "run.json").read_text())
    assert written == {"format": 1, "target": "de", "later": {"a": [1]}, "step": 4}


def test_a_misspelt_entry_is_no_entry(tmp_path):
    with pytest.raises(TypeError):
        Run(tmp_path).update(wieghts="best")
    assert not (tmp_path / "run.json").exists()


def test_every_entry_is_declared(tiny_run):
    for folder in (tiny_run, tiny_run / "export"):
        entries = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        assert entries.keys() <= {field.name for field in dataclasses.fields(RunInfo)}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        # Others of weights: below.
        *itertools.product(["weights"], [flip, Path.unlink]),
        *itertools.product(
            [
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
def test_damage_is_told_in_one_line(short_copy, name, damage):
    path = short_copy / (Run(short_copy).info.weights if name == "weights" else name)
    damage(path)
    with pytest.raises((Failure, UserError)) as failure:
        load(short_copy, engine="keras" if name == "weights" else "auto").translate(LINES)
    text = str(failure.value)
    assert str(path) in text or (name, damage) == ("run.json", Path.unlink)
    assert "\n" not in text or name == "recipe.toml"
    if not name.endswith(("json", "toml")):
        assert isinstance(failure.value, Failure)


def test_another_format_is_refused(short_copy):
    entries = json.loads((short_copy / "run.json").read_text(encoding="utf-8"))
    (short_copy / "run.json").write_text(json.dumps({**entries, "format": 99}), encoding="utf-8")
    with pytest.raises(Failure, match="format 99"):
        load(short_copy)


def test_damaged_weights_to_start_from_are_told_in_one_line(short_copy):
    run = Run(short_copy)
    model, path = run.load_model(), run.weights_path()
    content = path.read_bytes()
    for damage in (cut_short, empty, nonsense, Path.unlink):
        path.write_bytes(content)
        read_weights(model, path)
        damage(path)
        with pytest.raises(Failure) as failure:
            read_weights(model, path)
        assert str(path) in str(failure.value) and "\n" not in str(failure.value)


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with Run(tmp_path / "run").lock():
        assert (tmp_path / "run").is_dir()


def test_a_run_from_before_an_option_goes_on_as_it_was_trained(tmp_path):
    run = Run(tmp_path)
    run.save_recipe(load_recipe("toy"))
    assert run.load_recipe().tokenizer.normalization == "source"
    path = tmp_path / "recipe.toml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("normalization")))
    assert run.load_recipe().tokenizer.normalization == "nfkc"
