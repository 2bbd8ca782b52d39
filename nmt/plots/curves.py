"""Pictures of what was measured. matplotlib (the extra `plots`) is imported when one is drawn.

A function returns a matplotlib `Figure`: a notebook shows it, `save` writes it. Attention is an
SVG instead: its labels are text in any language, for which a browser has fonts and matplotlib may have none.
"""

import csv
import importlib.util
import math
import unicodedata
from html import escape
from pathlib import Path

from nmt import files
from nmt.errors import Failure, UserError

FORMATS = (".png", ".svg", ".pdf")
CELL = 22
FONT = 13  # of attention: pixels
SLANT = 55  # of its column labels: degrees
FAINT = 0.01  # weights below are left white
CELLS = {"rnn": "simple RNN", "gru": "GRU", "lstm": "LSTM"}
TICKS = (1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20_000)  # of perplexity


def ready(path=None):
    """Called before what is drawn is measured: UserError if `path` names no picture, Failure without matplotlib."""
    if path and Path(path).suffix not in FORMATS:
        raise UserError(f"{path}: a picture's name ends in one of {', '.join(FORMATS)}")
    if not importlib.util.find_spec("matplotlib"):
        raise Failure("the package matplotlib is needed for the picture: pip install matplotlib")


def save(figure, path):
    """Writes a Figure in the format that its name ends in, whole or not at all."""
    with files.atomic(path, "wb") as file:
        figure.savefig(file, format=Path(path).suffix[1:], dpi=100)


def history(*runs):
    """Training curves of run folders: perplexity, and validation BLEU and chrF, over target pieces seen.

    Language models have perplexity only.
    """
    figure, (left, right) = _subplots(1, 2, figsize=(9, 3.4))
    for color, path in enumerate(map(Path, runs)):
        with open(path / "history.csv", encoding="utf-8", newline="") as file:
            rows = [
                {name: float(value) for name, value in row.items() if value}
                for row in csv.DictReader(file)
            ]
        seen = [row["target_tokens"] / 1000 for row in rows]
        name = f"{path.name}, " if len(runs) > 1 else ""
        for axes, column, style, label in (
            (left, "perplexity", "o:", "training"),
            (left, "valid_perplexity", "o-", "validation"),
            (right, "bleu", "o-", "BLEU, greedy"),
            (right, "chrf", "s--", "chrF"),
        ):
            shade = (
                f"C{color}"
                if len(runs) > 1
                else {"perplexity": "C7", "chrf": "C1"}.get(column, "C0")
            )
            if all(column in row for row in rows):
                axes.plot(
                    seen,
                    [row[column] for row in rows],
                    style,
                    color=shade,
                    markersize=4,
                    label=name + label,
                )
    left.set(yscale="log", ylabel="perplexity of a target piece")
    left.set_yticks([tick for tick in TICKS if tick <= left.get_ylim()[1]])
    left.set_yticks([], minor=True)
    left.yaxis.set_major_formatter("{x:g}")
    right.set(ylim=(0, 102), ylabel="score on validation, 0 to 100")
    for axes in (left, right):
        axes.set_xlabel("target pieces seen in training, thousands")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(fontsize=9)
    return figure


def scores(entries, label="BLEU"):
    """Scores with 95 % intervals: entries is name -> what `metrics.bleu` or `chrf` gave with interval=True."""
    figure, axes = _subplots(figsize=(7, 0.9 + 0.45 * len(entries)))
    for row, entry in enumerate(entries.values()):
        low, high = entry["interval"]
        axes.plot([low, high], [row, row], color="C0", linewidth=2, solid_capstyle="butt")
        axes.plot(entry["score"], row, "o", color="C0")
        text = f"{entry['score']:.1f}"
        axes.annotate(text, (entry["score"], row), (0, 6), textcoords="offset points", ha="center")
    axes.set_yticks(range(len(entries)), list(entries))
    axes.set(ylim=(len(entries) - 0.5, -0.7), xlabel=f"{label}, with its 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return figure


def precision_recall(curves, chance):
    """Curves {label: (precision, recall)} of finding wrong pairs; `chance`: their share, what guessing reaches."""
    figure, axes = _subplots(figsize=(6, 5))
    for label, (precision, recall) in curves.items():
        all_found = recall.argmax() + 1  # from there on precision only falls
        precision = precision[:all_found]
        recall = recall[:all_found]
        axes.step([0, *recall], [precision[0], *precision], where="pre", label=label)
    axes.axhline(chance, linestyle=":", color="grey", label="chance")
    axes.set(
        xlim=(0, 1.01),
        ylim=(0, 1.02),
        xlabel="recall: share of the wrong pairs that are flagged",
        ylabel="precision: share of the flagged pairs that are wrong",
    )
    axes.legend(loc="lower left", fontsize=8)
    axes.grid(alpha=0.3)
    return figure


def lagging(curves):
    """BLEU over average lagging, a curve for each run. curves: name -> rows of `nmt.simultaneous.lagging.by_wait`."""
    figure, axes = _subplots(figsize=(6, 4))
    for name, rows in curves.items():
        x = [row["average_lagging"] for row in rows]
        y = [row["bleu"]["score"] for row in rows]
        axes.plot(x, y, "o-", label=name)
        for row, *place in zip(rows, x, y, strict=True):
            axes.annotate(row["wait"], place, xytext=(4, -12), textcoords="offset points")
    axes.margins(0.09)  # room for what stands beside the outer points
    axes.set(xlabel="average lagging, words", ylabel="BLEU")
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def gradients(found):
    """Norms of gradients by steps back, and by updates of a training; found: what `measure.gradients` gave."""
    figure, (left, middle, right) = _subplots(1, 3, figsize=(12.5, 3.8))
    large = f"simple RNN, recurrent weights × {found['factor']:g}"
    for axes, when, title in (
        (left, "start", "before training"),
        (middle, "trained", "after training"),
    ):
        for cell, norms in found[when].items():
            axes.plot(norms, label=CELLS[cell])
        axes.set(yscale="log", title=title, xlabel="steps back")
    left.plot(found["large"], "--", color="C0", label=large)
    left.set_ylabel(
        "norm of the gradient of the last loss term,\nrelative to that of the last step"
    )
    middle.sharey(left)
    for name, color in (("unclipped", "C3"), ("clipped", "C2")):
        right.plot([norm for _, norm in found[name]], color=color, linewidth=1, label=name)
    right.set(
        yscale="log", title=large, xlabel="update", ylabel="norm of the gradient before clipping"
    )
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def by_length(rows):
    """BLEU by source length (figure 2 of Bahdanau et al. 2015); rows: label -> `metrics.by_length`."""
    figure, axes = _subplots(figsize=(7, 4.2))
    for (label, row), marker in zip(rows.items(), "osd^v<>", strict=False):
        axes.plot([score for *_, score in row], f"{marker}-", label=label)
    spans = [
        (f"{low}-{high}" if high < 10**9 else f"{low} and more", count)
        for low, high, count, _ in row
    ]
    axes.set_xticks(range(len(spans)), [f"{span}\n{count}" for span, count in spans])
    axes.set(
        xlabel="source length, words; below it the number of sentences",
        ylabel="BLEU",
        ylim=(0, None),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def by_pairs(curves):
    """BLEU by training pairs; curves: label -> {pairs: what `metrics.bleu` gave with interval=True}."""
    figure, axes = _subplots(figsize=(7, 4.2))
    for (label, points), marker in zip(curves.items(), "osd^v<>", strict=False):
        pairs = list(points)
        (curve,) = axes.plot(
            pairs, [entry["score"] for entry in points.values()], f"{marker}-", label=label
        )
        low, high = zip(*(entry["interval"] for entry in points.values()), strict=True)
        axes.fill_between(pairs, low, high, color=curve.get_color(), alpha=0.15, linewidth=0)
    axes.set(
        xscale="log", xlabel="training pairs", ylabel="BLEU, with its 95 % interval", ylim=(0, None)
    )
    pairs = sorted(set().union(*curves.values()))
    axes.set_xticks(pairs, [f"{number:,}" for number in pairs])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def speed(points):
    """BLEU against speed; points: label -> (sentences/s, what `metrics.bleu` gave with interval=True).

    Labels stand in a column beside the points, which lines lead to, so that none covers another.
    """
    figure, axes = _subplots(figsize=(8, max(4, 0.28 * len(points))))
    for place, label in enumerate(sorted(points, key=lambda label: points[label][1]["score"])):
        (x, entry), color = points[label], f"C{place % 10}"
        axes.plot([x, x], entry["interval"], color=color, alpha=0.4)
        axes.plot(x, entry["score"], "o", color=color)
        axes.annotate(
            label,
            (x, entry["score"]),
            (1.06, (place + 0.5) / len(points)),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=color,
            arrowprops={"arrowstyle": "-", "color": color, "alpha": 0.4},
        )
    axes.set(xlabel="sentences translated a second", ylabel="BLEU, with its 95 % interval")
    axes.grid(alpha=0.3)
    return figure


def growth(rows, units):
    """Time (logarithmic) and memory of `nmt bench --growth` over each quantity; units: kind -> unit of time."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    quantities = list(dict.fromkeys(row["what"] for row in rows))
    figure, grid = _subplots(2, len(quantities), figsize=(13, 6), sharex="col", squeeze=False)
    for (above, below), what in zip(grid.T, quantities, strict=True):
        for kind, unit in units.items():
            points = [row for row in rows if (row["what"], row["kind"]) == (what, kind)]
            if points:
                x = [row["value"] for row in points]
                time = [row["time"] for row in points]
                above.plot(x, time, "o-", label=f"{kind}, {unit}")
                above.plot(
                    x, [time[0] * value / x[0] for value in x], ":", color="grey", linewidth=1
                )
                below.plot(x, [row["memory"] for row in points], "o-", label=kind)
        below.set_xlabel({"length": "source length, pieces"}.get(what, what))
        above.set(xscale="log", yscale="log")
        above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        above.yaxis.set_major_formatter(EngFormatter(sep=""))
        above.yaxis.set_minor_formatter(NullFormatter())
        below.set_ylim(0, 1.2 * max(row["memory"] for row in rows if row["what"] == what))
        for axes in (above, below):
            axes.legend(fontsize=8, loc="upper left")
            axes.grid(alpha=0.3)
        below.set_xticks(sorted({row["value"] for row in rows if row["what"] == what}))
        below.set_xticks([], minor=True)
        below.xaxis.set_major_formatter(EngFormatter(sep=""))
    grid[0, 0].set_ylabel("time (dotted: proportional growth)")
    grid[1, 0].set_ylabel("peak memory, MB")
    return figure


def _subplots(*grid, **options):
    """A figure and its axes. pyplot, which teaches notebooks to show figures, keeps none that is closed."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(*grid, layout="constrained", **options)
    pyplot.close(figure)
    return figure, axes


class Drawing:
    """An SVG picture, `svg`: notebooks show it."""

    def __init__(self, svg):
        self.svg = svg

    def _repr_svg_(self):
        return self.svg

    def save(self, path):
        """Writes the picture as a file that browsers open."""
        with files.atomic(path) as file:
            file.write(self.svg)


def attention(translation):
    """The attention of a `Translation` as a `Drawing`, arranged as in figure 3 of Bahdanau et al. 2015.

    A row for each target piece, written from top to bottom; a column for each source piece; the darker a cell the
    larger its weight, the frame is the largest of the row. Raises UserError where there are no weights: only
    `candidates(lines, attention=True)` keeps them, and lines translated in parts have none.
    """
    weights = translation.attention
    source = translation.source_pieces
    target = translation.target_pieces
    if weights is None:
        raise UserError(
            "this translation has no attention weights; ask for attention=True, for a shorter line"
        )
    sine = math.sin(math.radians(SLANT))
    cosine = math.cos(math.radians(SLANT))
    left = max(60, *map(_width, target)) + 14
    top = max(40, sine * max(map(_width, source))) + 14
    right = max(left + CELL * (n + 0.6) + cosine * _width(piece) for n, piece in enumerate(source))
    width = max(right, left + max(240, CELL * len(source))) + 10
    bottom = top + CELL * len(target)
    parts = [
        _text(left - 8, top - 26, "source →", "end"),
        _text(left - 8, top - 8, "target ↓", "end"),
    ]
    for n, piece in enumerate(source):
        x = left + CELL * (n + 0.6)
        y = top - 6
        parts.append(
            f'<text transform="translate({x:.0f} {y:.0f}) rotate(-{SLANT})">{escape(piece)}</text>'
        )
    for m, (piece, row) in enumerate(zip(target, weights, strict=True)):
        y = top + CELL * m
        parts.append(_text(left - 6, y + 0.7 * CELL, piece, "end"))
        parts += [
            _cell(left + CELL * n, y, weight, title=f"{piece}: {source[n]} {weight:.2f}")
            for n, weight in enumerate(row)
            if weight >= FAINT
        ]
    lines = [
        f"M{left:.0f} {top + CELL * m:.0f}h{CELL * len(source)}" for m in range(len(target) + 1)
    ]
    lines += [
        f"M{left + CELL * n:.0f} {top:.0f}v{CELL * len(target)}" for n in range(len(source) + 1)
    ]
    parts.append(f'<path d="{"".join(lines)}" stroke="#dddddd" fill="none"/>')
    parts += [
        _frame(left + CELL * int(row.argmax()), top + CELL * m) for m, row in enumerate(weights)
    ]
    parts.append(_text(left, bottom + 21, "weight 0"))
    parts += [_cell(left + 60 + 12 * n, bottom + 10, n / 5, size=12) for n in range(6)]
    parts.append(
        f'<path d="M{left + 60:.0f} {bottom + 10:.0f}h72v12h-72z" stroke="#888888" fill="none"/>'
    )
    parts += [_text(left + 138, bottom + 21, "1"), _frame(left + 158, bottom + 5)]
    parts.append(_text(left + 184, bottom + 21, "largest"))
    return Drawing(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{bottom + 34:.0f}" '
        f'font-family="sans-serif" font-size="{FONT}"><rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "</svg>"
    )


def _width(text):
    """About how many pixels a label takes: wide characters (East Asian ones) are as wide as high."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return FONT * (wide + 0.62 * (len(text) - wide))


def _text(x, y, text, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _cell(x, y, weight, size=CELL, title=""):
    """A square from white to dark blue."""
    color = "#" + "".join(
        f"{round(255 + (dark - 255) * float(weight)):02x}" for dark in (8, 48, 107)
    )
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{size}" height="{size}" fill="{color}">'
        + (f"<title>{escape(title)}</title>" if title else "")
        + "</rect>"
    )


def _frame(x, y):
    return (
        f'<rect x="{x + 2:.0f}" y="{y + 2:.0f}" width="{CELL - 4}" height="{CELL - 4}" fill="none" '
        'stroke="#ff7f0e" stroke-width="2"/>'
    )
