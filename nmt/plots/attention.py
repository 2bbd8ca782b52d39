"""Attention of one translation as SVG.

Its labels are text in any language, for which a browser has fonts and matplotlib may have none.
"""

import math
import unicodedata
from html import escape
from os import PathLike
from typing import Any

from nmt import files
from nmt.errors import UserError

# All lengths are pixels.
CELL = 22  # side of a square
FONT = 13
NARROW = 0.62  # mean width of a character, as a share of FONT; wide characters take all of it
SLANT = 55  # of the column labels: degrees
FAINT = 0.01  # weights below are left white
DARK = (8, 48, 107)  # the colour of weight 1: red, green, blue
LABEL_GAP = 14  # between labels and cells
MARGIN = 10  # at the right
LEGEND_WIDTH = 240
LEGEND_HEIGHT = 34
LEGEND_CELL = 12
LEGEND_STEPS = 5  # from weight 0 to weight 1


class Drawing:
    """An SVG picture, `svg`: notebooks show it."""

    def __init__(self, svg: str):
        self.svg = svg

    def _repr_svg_(self):
        return self.svg

    def save(self, path: str | PathLike) -> None:
        """Writes the picture as a file that browsers open."""
        with files.atomic(path) as file:
            file.write(self.svg)


def attention(translation: Any) -> Drawing:
    """The attention of a `Translation`, arranged as in figure 3 of Bahdanau et al. 2015.

    A row for each target piece, from top to bottom; a column for each source piece. The larger its
    weight, the darker a cell; the largest of a row is framed. Raises UserError where there are no
    weights: only `candidates(lines, attention=True)` keeps them, and split lines have none.
    """
    weights = translation.attention
    source = translation.source_pieces
    target = translation.target_pieces
    if weights is None:
        raise UserError(
            "this translation has no attention weights; ask for attention=True, for a shorter line"
        )

    # Room for the labels: (left, top) is the corner where the cells begin.
    sine = math.sin(math.radians(SLANT))
    cosine = math.cos(math.radians(SLANT))
    left = max(60, *map(_width, target)) + LABEL_GAP
    top = max(40, sine * max(map(_width, source))) + LABEL_GAP
    label_ends = [
        left + CELL * (n + 0.6) + cosine * _width(piece) for n, piece in enumerate(source)
    ]
    # The widest of all that lies at the right: slanted labels, cells, legend.
    width = max(*label_ends, left + max(LEGEND_WIDTH, CELL * len(source))) + MARGIN
    bottom = top + CELL * len(target)

    # What is drawn later lies above: the frames cover the grid.
    elements = [
        *_column_labels(left, top, source),
        *_rows(left, top, source, target, weights),
        _grid(left, top, len(source), len(target)),
        *(_frame(left + CELL * int(row.argmax()), top + CELL * m) for m, row in enumerate(weights)),
        *_legend(left, bottom),
    ]
    return Drawing(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" '
        f'height="{bottom + LEGEND_HEIGHT:.0f}" font-family="sans-serif" font-size="{FONT}">'
        '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(elements) + "</svg>"
    )


def _column_labels(left, top, source):
    """What rows and columns are, then a slanted label for each source piece."""
    elements = [
        _text(left - 8, top - 26, "source →", "end"),
        _text(left - 8, top - 8, "target ↓", "end"),
    ]
    # Slanted, as pieces are wider than cells.
    for n, piece in enumerate(source):
        place = f"translate({left + CELL * (n + 0.6):.0f} {top - 6:.0f}) rotate(-{SLANT})"
        elements.append(f'<text transform="{place}">{escape(piece)}</text>')
    return elements


def _rows(left, top, source, target, weights):
    """A label and the cells of each target piece."""
    elements = []
    for m, (piece, row) in enumerate(zip(target, weights, strict=True)):
        y = top + CELL * m
        elements.append(_text(left - 6, y + 0.7 * CELL, piece, "end"))
        # The background is white already.
        elements += [
            _cell(left + CELL * n, y, weight, title=f"{piece}: {source[n]} {weight:.2f}")
            for n, weight in enumerate(row)
            if weight >= FAINT
        ]
    return elements


def _grid(left, top, columns, rows):
    # One path of all lines, as a file is smaller so.
    across = [f"M{left:.0f} {top + CELL * m:.0f}h{CELL * columns}" for m in range(rows + 1)]
    down = [f"M{left + CELL * n:.0f} {top:.0f}v{CELL * rows}" for n in range(columns + 1)]
    return f'<path d="{"".join(across + down)}" stroke="#dddddd" fill="none"/>'


def _legend(left, bottom):
    """The scale of colours, and the frame of the largest weight."""
    scale = left + 60
    steps = range(LEGEND_STEPS + 1)
    length = LEGEND_CELL * len(steps)
    return [
        _text(left, bottom + 21, "weight 0"),
        *(
            _cell(scale + LEGEND_CELL * n, bottom + 10, n / LEGEND_STEPS, LEGEND_CELL)
            for n in steps
        ),
        f'<path d="M{scale:.0f} {bottom + 10:.0f}h{length}v{LEGEND_CELL}h-{length}z" '
        'stroke="#888888" fill="none"/>',
        _text(left + 138, bottom + 21, "1"),
        _frame(left + 158, bottom + 5),
        _text(left + 184, bottom + 21, "largest"),
    ]


def _width(text):
    """About how wide a label is: wide characters (East Asian ones) are as wide as high."""
    # Fonts differ, so this is an estimate.
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return FONT * (wide + NARROW * (len(text) - wide))


def _text(x, y, text, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _cell(x, y, weight, size=CELL, title=""):
    """A square from white to dark blue."""
    shades = [round(255 + (dark - 255) * float(weight)) for dark in DARK]
    colour = "#" + bytes(shades).hex()
    tooltip = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{size}" height="{size}" fill="{colour}">'
        f"{tooltip}</rect>"
    )


def _frame(x, y):
    return (
        f'<rect x="{x + 2:.0f}" y="{y + 2:.0f}" width="{CELL - 4}" height="{CELL - 4}" fill="none" '
        'stroke="#ff7f0e" stroke-width="2"/>'
    )
