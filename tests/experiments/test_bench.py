"""What the benchmarks count and tell; the figures themselves are no matter of tests."""

import json

import pytest

from nmt import plots
from nmt.experiments import bench, growth, isolated, profile
from nmt.models.build import build
from nmt.recipe import Recipe


def test_operations_of_the_reference_model(tmp_path):
    """Counted by hand: six a weight, and source weights by the source pieces a target token has."""
    model, store = build(Recipe(), bench.VOCAB, bench.VOCAB), bench.random_store(tmp_path)
    encoder = 2 * (256 + 256) * 4 * 256 + 512 * 512  # both directions, and the attention keys
    decoder = (256 + 512 + 512) * 4 * 512 + 512 * 512 + 1024 * 512 + 512 * bench.VOCAB
    ratio = (store.lengths[0] + 1).mean() / (store.lengths[1] + 1).mean()
    assert bench.operations(model, store) == pytest.approx(6 * (ratio * encoder + decoder))
    assert 13 < store.lengths[1].mean() < 17


@pytest.mark.parametrize("engine", ["onnx", "keras"])
def test_translating_is_measured(tiny_run, monkeypatch, engine):
    monkeypatch.setattr(bench, "SENTENCES", {engine: 8})
    monkeypatch.setattr(bench, "REPEATS", 2)
    rows = bench.translating({"run": str(tiny_run), "engine": engine, "threads": 1})
    assert {row["unit"] for row in rows} == {"sentences/s", "ms"}
    assert any("beam 5" in row["what"] for row in rows) and any(
        "greedy" in row["what"] for row in rows
    )
    for row in json.loads(json.dumps(rows)):
        assert 0 < row["low"] <= row["median"] <= row["high"]
        assert row["what"] in bench.row_line(row) and row["unit"] in bench.row_line(row)


def test_the_profile_of_a_search_has_the_operations_of_its_graphs(tiny_run):
    what, times, calls = profile.run_case({"kind": "search", "run": str(tiny_run)})
    assert "beam" in what
    assert times.keys() == calls.keys() >= {"TopK", "Tanh"}
    assert all(time >= 0 for time in times.values()) and calls["TopK"] > 1


def test_growth_goes_on_where_it_stopped(tmp_path, monkeypatch):
    """Points that the file has are not measured again; all have a place in the picture."""
    path, measured = tmp_path / "growth.json", []

    def run(module, settings):
        if settings["kind"] == "graphs":
            return {}
        measured.append((settings["kind"], settings["what"], settings["value"]))
        if len(measured) == 7:
            raise KeyboardInterrupt
        return {"time": 2.0 * settings["value"], "memory": 100}

    monkeypatch.setattr(isolated, "run", run)
    with pytest.raises(KeyboardInterrupt):
        growth.growth(path)
    assert len(json.loads(path.read_text())) == 6
    rows = growth.growth(path)
    assert len(measured) == len(rows) + 1 == len(set(measured)) + 1
    assert {row["what"] for row in rows} == set(growth.VALUES)
    assert all(f"{row['value']:,}" in growth.row_line(row) for row in rows)
    pytest.importorskip("matplotlib")
    figure = plots.growth(rows, growth.UNITS)
    assert [axes.get_xlabel() for axes in figure.axes[len(growth.VALUES) :]] == [
        "pairs",
        "source length, pieces",
        "vocabulary",
        "beam",
    ]
    points = sum(
        len(line.get_xdata()) for axes in figure.axes[: len(growth.VALUES)] for line in axes.lines
    )
    assert points == 2 * len(rows)  # each with its proportional growth
