"""The table of quality against speed; the figures of a run are no matter of tests."""

import shutil

import pytest

from nmt.experiments import tradeoff
from nmt.experiments.tradeoff import System, rows
from nmt.recipe import DataOptions

PAIRS = [(f"Line {n} of a text.", f"Zeile {n} eines Textes.") for n in range(12)]


def test_speed_is_the_median_of_rounds_in_turn():
    now, order = [0.0], []

    def system(name, times, change):
        times = iter(times)

        def translate(lines):
            order.append(name)
            now[0] += next(times)
            return [change(target) for line, target in PAIRS if line in lines]

        return System(translate, 1.5)

    systems = {
        # The first round does not count.
        "right": system("right", [50, 4, 2, 3], str),
        "wrong": system("wrong", [1, 1, 99, 1], str.upper),
    }
    right, wrong = rows(systems, PAIRS, DataOptions(), rounds=3, clock=lambda: now[0])
    assert (right.speed, wrong.speed) == (4, 12)
    assert wrong.bleu["score"] < right.bleu["score"] == pytest.approx(100)
    assert right.bleu["interval"] and right.megabytes == 1.5
    assert order == ["right", "wrong"] * 4


def test_the_command_measures_a_run(tiny_run, tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    arguments = ["--beams", "1", "2", "--rounds", "1", "-o", str(picture)]
    monkeypatch.setattr("sys.argv", ["tradeoff", str(tiny_run), *arguments])
    tradeoff.main()
    table = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [cells[0] for cells in table[2:]] == [f"| {tiny_run}, greedy", f"| {tiny_run}, beam 2"]
    size = sum(file.stat().st_size for file in (tiny_run / "export").iterdir()) / 1e6
    assert all(
        float(cells[-1].rstrip(" |")) == pytest.approx(size, abs=0.06) for cells in table[2:]
    )
    assert picture.stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "picture.nosuch"], "picture.nosuch"),
        (["--rounds", "0"], "1 or more"),
        (["--beams", "5", "0"], "1 or more"),
        (["nosuch"], "nosuch"),
    ],
)
def test_what_cannot_be_measured_is_refused_first(options, message, tiny_run, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tradeoff", str(tiny_run), *options])
    with pytest.raises(SystemExit) as exit:
        tradeoff.main()
    captured = capsys.readouterr()
    assert exit.value.code == 2 and message in captured.err and not captured.out


def test_runs_of_other_languages_are_refused(tiny_run, tmp_path, capsys, monkeypatch):
    other = shutil.copytree(tiny_run, tmp_path / "other")
    recipe = other / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace('target = "de"', 'target = "fr"'), "utf-8")
    monkeypatch.setattr("sys.argv", ["tradeoff", str(tiny_run), str(other)])
    with pytest.raises(SystemExit):
        tradeoff.main()
    assert f"{other}: not en-de, as {tiny_run} is" in capsys.readouterr().err
