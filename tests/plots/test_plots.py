"""Pictures show what they were given, and keep nothing."""

import csv
from xml.etree import ElementTree

import numpy as np
import pytest

from nmt import plots
from nmt.errors import UserError
from nmt.inference.translator import Translation
from nmt.plots.attention import CELL, FAINT, FONT

SVG = "{http://www.w3.org/2000/svg}"
HISTORY = """\
step,epoch,seconds,target_tokens,tokens_per_second,loss,perplexity,valid_loss,valid_perplexity,bleu,chrf,learning_rate
10,0.5,1.0,1000,1000,5.0,90.5,4.0,40.25,1.5,12.0,0.001
20,1.0,2.0,2000,1000,3.0,9.5,2.0,4.5,20.0,45.5,0.0
"""


@pytest.fixture
def pyplot():
    return pytest.importorskip("matplotlib.pyplot")


def drawn(pieces, attention):
    return ElementTree.fromstring(plots.attention(Translation("", 0, 0, *pieces, attention)).svg)


def test_attention_shows_every_piece_and_each_largest_weight():
    pieces = (["▁<b>", "&", "犬が", "</s>"], ["▁", "いる", "</s>"])
    weights = np.array([[0.7, 0.1, 0.2, 0.0], [0.0, 0.05, 0.95, 0.0], [0.25, 0.25, 0.2, 0.3]])
    root = drawn(pieces, weights)
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert (
        all(texts.count(piece) >= 1 for side in pieces for piece in side)
        and texts.count("</s>") == 2
    )
    told = {title.text for title in root.iter(f"{SVG}title")}
    assert told == {
        f"{target}: {source} {weights[m, n]:.2f}"
        for n, source in enumerate(pieces[0])
        for m, target in enumerate(pieces[1])
        if weights[m, n] >= FAINT
    }
    frames = [
        (float(e.get("y")), float(e.get("x")))
        for e in root.iter(f"{SVG}rect")
        if e.get("stroke-width")
    ]
    columns = [x for _, x in sorted(frames[: len(weights)])]
    assert (np.diff(columns) / CELL).tolist() == np.diff(weights.argmax(1)).tolist()


def test_darkness_follows_weight():
    colors = [
        cell.get("fill")
        for cell in drawn((list("abcd"), ["x"]), np.array([[0.1, 0.2, 0.3, 0.4]])).iter()
        if cell.find(f"{SVG}title") is not None and cell.get("fill")
    ]
    assert colors == sorted(colors, reverse=True) and len(set(colors)) == 4


@pytest.mark.parametrize(
    "source, target", [("w" * 60, "i"), ("i", "w" * 60), ("語" * 30, "語" * 30), (".", ".")]
)
def test_labels_lie_inside(source, target):
    root = drawn(([source], [target]), np.ones((1, 1)))
    width, height = float(root.get("width")), float(root.get("height"))
    for element in root.iter(f"{SVG}text"):
        if element.get("text-anchor") == "end":
            assert float(element.get("x")) > len(element.text) * FONT / 2
        assert float(element.get("x") or 0) < width and float(element.get("y") or 0) < height


def test_attention_that_is_not_there():
    with pytest.raises(UserError, match="attention=True"):
        plots.attention(Translation("a line in parts"))


def test_a_drawing_is_a_file(tmp_path):
    drawing = plots.attention(Translation("", 0, 0, ["a"], ["b"], np.ones((1, 1))))
    drawing.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == drawing.svg == drawing._repr_svg_()


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
    axes = plots.history(tmp_path / "first", tmp_path / "second").axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [
        "first, training",
        "first, validation",
        "second, training",
        "second, validation",
    ]
