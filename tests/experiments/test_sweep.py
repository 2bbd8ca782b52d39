"""Sweeps: all points once, rows that are kept, a table by means; and the table of all runs."""

import csv
import json
import os
import shutil
import signal
import sys
import threading
import time

import pytest

from nmt.cli.parser import parse
from nmt.errors import Failure, UserError
from nmt.evaluation.overview import overview, runs_in
from nmt.experiments import sweep
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.runs.held_out import stamp

SHORT = ["train.steps=2", "train.average=0", "train.valid_sentences=2"]


def command(*arguments):
    args = parse([*map(str, arguments)])
    args.run_command(args)


@pytest.fixture(autouse=True)
def trainings(monkeypatch):
    """What is trained; trainings leave what a sweep reads of them, and take no time."""
    commands = []

    def status_of(command, log_file):
        assert command[1:3] == ["-m", "nmt"]
        args = parse(command[3:])
        commands.append(args.overrides)
        recipe = load_recipe(args.recipe, args.overrides)
        try:
            run = Run(args.run)
        except Failure as failure:
            log_file.write(str(failure).encode())
            return 1
        run.path.mkdir()
        run.save_recipe(recipe)
        score = 10 * recipe.model.dropout + recipe.train.seed
        run.update(complete=True, step=2, valid_score=score, train_seconds=90.0)
        return 0

    monkeypatch.setattr(sweep, "status_of", status_of)
    return commands


def test_points_are_all_combinations_and_fewer_are_a_part_of_more():
    options = ["model.dropout=0.1,0.2,0.3", "train.epochs=1,2"]
    every = sweep.points(options, [1, 2])
    assert len(every) == 12 and len({str(point) for point in every}) == 12
    few, more = sweep.points(options, [1], 2), sweep.points(options, [1], 4)
    assert len(few) == 2 and few == more[:2] and all(point in every for point in more)
    with pytest.raises(UserError, match="is written section.key=value"):
        sweep.points(["model.dropout"], [1])
    with pytest.raises(UserError, match="model.dropout is there twice"):
        sweep.points(["model.dropout=0.1", "model.dropout=0.2"], [1])
    assert len(sweep.points(["model.dropout=0.1,0.1"], [1, 2, 1])) == 2


def test_two_processes_do_not_sweep_in_one_folder(tiny_recipe, tmp_path, monkeypatch):
    arguments = "sweep", tiny_recipe, *SHORT, "-o", tmp_path / "sweep"
    status_of = sweep.status_of

    def meanwhile(*training):
        with pytest.raises(UserError, match="another process is sweeping there"):
            command(*arguments)
        return status_of(*training)

    monkeypatch.setattr(sweep, "status_of", meanwhile)
    command(*arguments)
    assert len((tmp_path / "sweep/sweep.tsv").read_text().splitlines()) == 2


def test_the_table_has_means_over_seeds_best_first():
    rows = [
        {"model.dropout": dropout, sweep.SEED: seed, "valid": valid, "minutes": "2.0"}
        for dropout, seed, valid in (
            ("0.1", "1", "30.00"),
            ("0.1", "2", "32.00"),
            ("0.2", "1", "31.50"),
        )
    ]
    header, first, second = sweep.lines(rows)
    assert header.split() == ["valid", "range", "minutes", "seeds", "options"]
    assert first.split() == ["31.50", "31.50", "to", "31.50", "2.0", "1", "model.dropout=0.2"]
    assert second.split() == ["31.00", "30.00", "to", "32.00", "2.0", "2", "model.dropout=0.1"]


def test_a_sweep_trains_what_is_missing_and_keeps_what_is_done(
    tiny_recipe, tmp_path, capsys, trainings
):
    folder = tmp_path / "sweep"
    options = [*SHORT, "model.dropout=0.1,0.2"]
    command("sweep", tiny_recipe, *options, "-o", folder)
    table = (folder / sweep.TABLE).read_text().splitlines()
    assert len(table) == 3 and table[0].split("\t")[-2:] == sweep.MEASURED
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 3 and {line.split()[-1] for line in printed[1:]} == {
        "model.dropout=0.1",
        "model.dropout=0.2",
    }
    runs = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert len(runs) == 2 and all(Run(folder / name).info.complete for name in runs)
    # A row that is there is not trained again, whatever has become of its run.
    shutil.rmtree(folder / runs[0])
    command("sweep", tiny_recipe, *options, "-o", folder)
    assert capsys.readouterr().out.splitlines() == printed
    assert [row[-2:] for row in trainings] == [
        ["model.dropout=0.1", "train.seed=1"],
        ["model.dropout=0.2", "train.seed=1"],
    ]
    assert not (folder / runs[0]).exists()
    # Another recipe is another sweep.
    other = tmp_path / "other.toml"
    text = tiny_recipe.read_text().replace("embedding = 24", "embedding = 25")
    other.write_text(text)
    with pytest.raises(UserError, match="a sweep of another recipe"):
        command("sweep", other, *options, "-o", folder)
    # The runs as `nmt runs` shows them.
    (row,) = overview(runs_in([folder]))
    assert row["state"] == "2 steps" and row["valid"] == Run(row["run"]).info.valid_score


def test_one_that_fails_costs_no_other(tiny_recipe, tmp_path, capsys):
    folder = tmp_path / "sweep"
    (folder / "steps=2+average=0+valid_sentences=2+seed=1").mkdir(parents=True)
    (folder / "steps=2+average=0+valid_sentences=2+seed=1" / "run.json").write_text("{}")
    trainings = sweep.points(SHORT, [1])
    with pytest.raises(Failure, match="failed, see the logs"):
        list(sweep.sweep(str(tiny_recipe), folder, trainings))
    assert "damaged" in next(folder.glob("*.log")).read_text()
    assert not (folder / sweep.TABLE).exists()
    # The table has what the others came to.
    capsys.readouterr()
    with pytest.raises(Failure, match="failed, see the logs"):
        command("sweep", tiny_recipe, *SHORT, "--seeds", "1,2", "-o", folder)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_empty_value_is_a_value(tiny_recipe, tmp_path, trainings):
    for _ in range(2):
        command("sweep", tiny_recipe, *SHORT, "data.copied=,x+", "-o", tmp_path / "sweep")
    assert len(trainings) == 2


@pytest.fixture
def interruptible():
    """Where pytest runs in the background, a shell may have had it ignore the signal."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("interruptible")
def test_a_training_is_stopped_as_the_sweep_is(tmp_path, monkeypatch):
    """By one signal, after which it saves its state."""
    monkeypatch.undo()
    program = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.5)
    pathlib.Path(sys.argv[1]).write_text("saved")
"""

    file = tmp_path / "state"
    ready = threading.Thread(target=_interrupt_when_there, args=(file,))
    ready.start()
    with open(tmp_path / "log", "wb") as log, pytest.raises(KeyboardInterrupt):
        sweep.status_of([sys.executable, "-c", program, str(file)], log)
    ready.join()
    assert file.read_text() == "saved"


def _interrupt_when_there(file):
    while not file.exists():
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)


def test_mistakes_are_told_before_anything_is_trained(tiny_recipe, tmp_path):
    for option, words in (
        ("model.dropuot=1,2", "dropuot"),
        ("model.dropout=0.1,7", "at most 0.9"),
        ("train.seed=1,2", "--seeds"),
    ):
        with pytest.raises(UserError, match=words):
            command("sweep", tiny_recipe, option, "-o", tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_runs_are_shown_by_what_differs(tiny_run, tmp_path, capsys):
    for name in ("a", "b", "c"):
        shutil.copytree(tiny_run, tmp_path / name)
    recipe = tmp_path / "b" / "recipe.toml"
    recipe.write_text(
        recipe.read_text("utf-8").replace("dropout = 0.1 ", "dropout = 0.4 "), "utf-8"
    )
    report = {
        "weights": Run(tmp_path / "c").weights_id,
        "text": stamp(Run(tmp_path / "c"), "test"),
        "bleu": {"score": 5.5},
        "chrf": {"score": 9},
        "copied_spans": {},
        "length_penalty": 1.0,
        "beam": Run(tmp_path / "c").recipe.search.beam,
    }
    (tmp_path / "c" / "report.json").write_text(json.dumps(report))
    # One of a trial of another search says nothing beside those of others.
    trial = report | {"weights": Run(tmp_path / "a").weights_id, "beam": 1}
    (tmp_path / "a" / "report.json").write_text(json.dumps(trial))
    (tmp_path / "other").mkdir()
    command("runs", tmp_path, "--format", "json")
    rows = json.loads(capsys.readouterr().out)
    assert [row["options"] for row in rows] == [{}, {"model.dropout": 0.4}, {}]
    assert [row["test BLEU"] for row in rows] == [None, None, 5.5]
    assert all(row["valid"] > 0 and row["minutes"] > 0 for row in rows)
    command("runs", tmp_path / "a", tmp_path / "b")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["run", "state"] and len(lines) == 3
    command("runs", tmp_path, "--format", "tsv")
    assert all(line.count("\t") == 6 for line in capsys.readouterr().out.splitlines())
    # One that goes on, with the best weights of long ago, and an export.
    Run(tmp_path / "a").update(complete=False, step=3, valid_score=99.0)
    with open(tmp_path / "a" / "history.csv", encoding="utf-8", newline="") as file:
        history = list(csv.DictReader(file))
    going_on, export = overview(runs_in([tmp_path / "a", tmp_path / "b" / "export"]))
    assert going_on["state"] == f"at step {int(history[-1]['step']):,}"
    assert going_on["valid"] == max(float(row["bleu"]) for row in history)
    assert export["state"] == "export"
    for folder, words in (
        (tmp_path / "none", "no such folder"),
        (tmp_path / "other", "no run in it"),
    ):
        with pytest.raises(UserError, match=words):
            runs_in([folder])
