"""Average lagging, by hand and of a run."""

import types

import numpy as np
import pytest

import nmt.simultaneous.model
from nmt.__main__ import main
from nmt.corpora import toy as grammar
from nmt.simultaneous import lagging
from nmt.simultaneous.lagging import average_lagging
from nmt.simultaneous.policy import source_words_read


@pytest.mark.parametrize(
    ("read", "source", "expected"),
    [
        ([1, 2, 3, 4], 4, 1),
        ([2, 3, 4, 4], 4, 2),
        ([3, 4, 5, 6, 6, 6], 6, 3),  # wait-k, equal lengths: k
        ([4, 4, 4], 4, 4),
        ([7], 7, 7),
        ([], 5, 5),  # all of it first
        ([2, 4, 4, 4], 4, ((2 - 0) + (4 - 1)) / 2),
        ([1, 2, 3], 6, ((1 - 0) + (2 - 2) + (3 - 4)) / 3),  # r = 1/2; never all
        (
            [1, 2, 3, 3, 3, 3],
            3,
            ((1 - 0) + (2 - 0.5) + (3 - 1)) / 3,
        ),  # r = 2: a translation twice as long
    ],
)
def test_average_lagging_by_hand(read, source, expected):
    assert average_lagging(read, source) == pytest.approx(expected)


@pytest.mark.parametrize("wait", range(1, 6))
def test_the_policy_lags_by_its_wait(wait):
    """Ten words for ten words of one or two pieces, the words read when each was written."""
    rng = np.random.default_rng(wait)

    def pieces():
        return [piece for _ in range(10) for piece in ["▁a", "b"][: rng.integers(1, 3)]]

    source, target = pieces(), pieces()
    number = np.cumsum([piece == "▁a" for piece in [*source, "▁a"]])
    read = [
        int(source_words_read(t, wait))
        for t in np.cumsum([0, *(piece == "▁a" for piece in target)])
    ]
    found = types.SimpleNamespace(
        source_pieces=[*source, "</s>"],
        target_pieces=[*target, "</s>"],
        attention=(number <= np.array(read)[:, None]).astype(np.float32),
    )
    counted, total = lagging.words_read(found, (False, False))
    assert counted == [min(t + wait - 1, 10) for t in range(1, 11)] and total == 10
    assert average_lagging(counted, total) == wait


def test_evaluate_measures_quality_and_lagging(wait_k_run, model, monkeypatch, capsys, tmp_path):
    pairs = list(grammar.generate("de-en", "test", 25))
    monkeypatch.setattr("nmt.runs.held_out.held_out", lambda *_: pairs)
    monkeypatch.setattr(nmt.simultaneous.model, "load_model", lambda run: model)
    path = tmp_path / "curve.png"
    assert main(["evaluate", str(wait_k_run.path), "--wait", "1,3,full", "--plot", str(path)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:5]]
    assert [row[0] for row in rows] == ["1", "3", "full"]
    lags = [float(row[3]) for row in rows]
    assert lags == sorted(lags)
    assert lags[2] == pytest.approx(
        np.mean([len(source.split()) for source, _ in pairs]), abs=0.005
    )
    assert path.read_bytes().startswith(b"\x89PNG")
