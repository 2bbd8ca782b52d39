"""Figures show their numbers, and are not kept."""

import csv

import pytest

from nmt import plots

HISTORY = """\
step,epoch,seconds,target_tokens,tokens_per_second,loss,perplexity,valid_loss,valid_perplexity,bleu,chrf,learning_rate
10,0.5,1.0,1000,1000,5.0,90.5,4.0,40.25,1.5,12.0,0.001
20,1.0,2.0,2000,1000,3.0,9.5,2.0,4.5,20.0,45.5,0.0
"""


@pytest.fixture
def pyplot():
    return pytest.importorskip("matplotlib.pyplot")


def test_figures_show_their_numbers_and_are_not_kept(tmp_path, pyplot):
    before = pyplot.get_fignums()
    (tmp_path / "history.csv").write_text(HISTORY, encoding="utf-8")
    left, right = plots.history(tmp_path).axes
    assert [line.get_ydata().tolist() for line in left.lines] == [[90.5, 9.5], [40.25, 4.5]]
    assert [line.get_ydata().tolist() for line in right.lines] == [[1.5, 20.0], [12.0, 45.5]]
    assert all(line.get_xdata().tolist() == [1, 2] for axes in (left, right) for line in axes.lines)
    (two,) = plots.scores(
        {
            "a": {"score": 30.25, "interval": [28.0, 32.0]},
            "b": {"score": 31.0, "interval": [29.0, 33.5]},
        }
    ).axes
    assert [text.get_text() for text in two.get_yticklabels()] == ["a", "b"]
    assert [line.get_xdata().tolist() for line in two.lines[::2]] == [[28.0, 32.0], [29.0, 33.5]]
    assert [text.get_text() for text in two.texts] == ["30.2", "31.0"]
    assert pyplot.get_fignums() == before


def test_a_language_model_has_no_bleu(tmp_path, pyplot):
    head, *rows = csv.reader(HISTORY.splitlines())
    scores = {head.index("bleu"), head.index("chrf")}
    blank = [
        ["" if column in scores else value for column, value in enumerate(row)] for row in rows
    ]
    (tmp_path / "history.csv").write_text(
        "\n".join(map(",".join, [head, *blank])), encoding="utf-8"
    )
    left, right = plots.history(tmp_path).axes
    assert len(left.lines) == 2 and not right.lines


def test_runs_in_one_picture_have_names(tmp_path, pyplot):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "history.csv").write_text(HISTORY, encoding="utf-8")
    for axes in plots.history(tmp_path / "first", tmp_path / "second").axes:
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["first", "second"]
        colours = {line.get_color() for line in axes.lines}
        assert len(axes.lines) == 4 and len(colours) == 2
