"""The table of quality against speed; the figures of a run are no matter of tests."""

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
    picture = tmp_path / "picture.png"
    arguments = ["--beams", "1", "2", "--rounds", "1", "-o", str(picture)]
    monkeypatch.setattr("sys.argv", ["tradeoff", str(tiny_run), *arguments])
    tradeoff.main()
    table = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [cells[0] for cells in table[2:]] == ["| tiny, greedy", "| tiny, beam 2"]
    size = sum(file.stat().st_size for file in (tiny_run / "export").iterdir()) / 1e6
    assert all(
        float(cells[-1].rstrip(" |")) == pytest.approx(size, abs=0.06) for cells in table[2:]
    )
    assert picture.stat().st_size > 1000


def test_a_picture_that_cannot_be_written_is_refused_first(tiny_run, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tradeoff", str(tiny_run), "-o", "picture.nosuch"])
    with pytest.raises(SystemExit) as exit:
        tradeoff.main()
    captured = capsys.readouterr()
    assert exit.value.code == 2 and "picture.nosuch" in captured.err and not captured.out
