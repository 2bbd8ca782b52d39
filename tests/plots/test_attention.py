"""The picture of attention shows what it was given."""

from xml.etree import ElementTree

import numpy as np
import pytest

from nmt import plots
from nmt.errors import UserError
from nmt.inference.translation import Translation
from nmt.plots.attention import CELL, FAINT, FONT

SVG = "{http://www.w3.org/2000/svg}"


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
