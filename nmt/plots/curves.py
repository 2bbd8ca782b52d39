"""Figures of matplotlib (the extra `plots`), which is imported when one is drawn.

A function returns a matplotlib `Figure`: a notebook shows it, `save` writes it.
"""

import csv
import importlib.util
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmt import files
from nmt.errors import Failure, UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
MARKERS = "osd^v<>"
TICKS = (1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20_000)  # of perplexity
NO_LIMIT = 10**9  # upper end of the last span of `metrics.by_length`


def check_ready(path: str | PathLike | None = None) -> None:
    """Called before what is drawn is measured.

    Raises UserError if `path` names no picture, Failure without matplotlib.
    """
    if path and Path(path).suffix not in FORMATS:
        raise UserError(f"{path}: a picture's name ends in one of {', '.join(FORMATS)}")
    if not importlib.util.find_spec("matplotlib"):
        raise Failure("the package matplotlib is needed for the picture: pip install matplotlib")


def save(figure: "Figure", path: str | PathLike) -> None:
    """Writes a Figure in the format that its name ends in, whole or not at all."""
    with files.atomic(path, "wb") as file:
        figure.savefig(file, format=Path(path).suffix[1:], dpi=100)


def subplots(*grid: int, **options: Any) -> tuple["Figure", Any]:
    """A figure and its axes; arguments as for `pyplot.subplots`.

    Importing pyplot teaches notebooks to show figures; a figure that is closed is not kept by it.
    """
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(*grid, layout="constrained", **options)
    pyplot.close(figure)
    return figure, axes


def history(*runs: str | PathLike) -> "Figure":
    """Training curves of run folders: perplexity, and validation BLEU and chrF, over target tokens.

    Language models have perplexity only.
    """
    figure, (left, right) = subplots(1, 2, figsize=(9, 3.4))
    for number, path in enumerate(map(Path, runs)):
        rows = _read_history(path)
        seen = [row["target_tokens"] / 1000 for row in rows]
        # Of several runs each has a colour, of one run each curve.
        several = len(runs) > 1
        name = f"{path.name}, " if several else ""
        for axes, column, style, colour, label in (
            (left, "perplexity", "o:", "C7", "training"),
            (left, "valid_perplexity", "o-", "C0", "validation"),
            (right, "bleu", "o-", "C0", "BLEU, greedy"),
            (right, "chrf", "s--", "C1", "chrF"),
        ):
            if all(column in row for row in rows):
                axes.plot(
                    seen,
                    [row[column] for row in rows],
                    style,
                    color=f"C{number}" if several else colour,
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


def _read_history(run):
    """Rows of history.csv without the values that are blank."""
    with open(run / "history.csv", encoding="utf-8", newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if value}
            for row in csv.DictReader(file)
        ]


def scores(entries: Mapping[str, dict], label: str = "BLEU") -> "Figure":
    """Scores with 95 % intervals; entries: name -> `metrics.bleu` or `chrf` with interval=True."""
    figure, axes = subplots(figsize=(7, 0.9 + 0.45 * len(entries)))
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


def precision_recall(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], chance: float
) -> "Figure":
    """Curves of finding wrong pairs: label -> (precision, recall).

    chance: the share of wrong pairs, which guessing reaches as precision.
    """
    figure, axes = subplots(figsize=(6, 5))
    for label, (precision, recall) in curves.items():
        end = recall.argmax() + 1  # all are found; from there on precision only falls
        axes.step([0, *recall[:end]], [precision[0], *precision[:end]], where="pre", label=label)
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


def gradients(norms: dict) -> "Figure":
    """Norms of gradients by steps back, and by updates of a training.

    norms: what `nmt.experiments.measurement.gradients` returns.
    """
    figure, (left, middle, right) = subplots(1, 3, figsize=(12.5, 3.8))
    large = f"simple RNN, recurrent weights × {norms['factor']:g}"
    for axes, when, title in (
        (left, "start", "before training"),
        (middle, "trained", "after training"),
    ):
        for cell, by_distance in norms[when].items():
            axes.plot(by_distance, label=cell.upper())
        axes.set(yscale="log", title=title, xlabel="steps back")
    left.plot(norms["large"], "--", color="C0", label=large)
    left.set_ylabel(
        "norm of the gradient of the last loss term,\nrelative to that of the last step"
    )
    middle.sharey(left)
    for name, colour in (("unclipped", "C3"), ("clipped", "C2")):
        right.plot([norm for _, norm in norms[name]], color=colour, linewidth=1, label=name)
    right.set(
        yscale="log", title=large, xlabel="update", ylabel="norm of the gradient before clipping"
    )
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def by_length(tables: Mapping[str, Sequence]) -> "Figure":
    """BLEU by source length, as in figure 2 of Bahdanau et al. 2015.

    tables: label -> `metrics.by_length`.
    """
    figure, axes = subplots(figsize=(7, 4.2))
    for (label, table), marker in zip(tables.items(), MARKERS, strict=False):
        axes.plot([score for *_, score in table], f"{marker}-", label=label)
    spans = [
        (f"{low}-{high}" if high < NO_LIMIT else f"{low} and more", count)
        for low, high, count, _ in table
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


def by_pairs(curves: Mapping[str, Mapping[int, dict]]) -> "Figure":
    """BLEU by training pairs; curves: label -> {pairs: `metrics.bleu` with interval=True}."""
    figure, axes = subplots(figsize=(7, 4.2))
    for (label, points), marker in zip(curves.items(), MARKERS, strict=False):
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


def speed(points: Mapping[str, tuple[float, dict]]) -> "Figure":
    """BLEU against speed; points: label -> (sentences/s, `metrics.bleu` with interval=True).

    Labels stand in a column beside the points, which lines lead to, so that none covers another.
    """
    figure, axes = subplots(figsize=(8, max(4, 0.28 * len(points))))
    for place, label in enumerate(sorted(points, key=lambda label: points[label][1]["score"])):
        x, entry = points[label]
        colour = f"C{place % 10}"
        axes.plot([x, x], entry["interval"], color=colour, alpha=0.4)
        axes.plot(x, entry["score"], "o", color=colour)
        axes.annotate(
            label,
            (x, entry["score"]),
            (1.06, (place + 0.5) / len(points)),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=colour,
            arrowprops={"arrowstyle": "-", "color": colour, "alpha": 0.4},
        )
    axes.set(xlabel="sentences translated a second", ylabel="BLEU, with its 95 % interval")
    axes.grid(alpha=0.3)
    return figure


def growth(rows: Sequence[dict], units: Mapping[str, str]) -> "Figure":
    """Time (logarithmic) and memory of `nmt bench --growth` over each quantity.

    units: kind -> unit of time.
    """
    quantities = list(dict.fromkeys(row["what"] for row in rows))
    figure, grid = subplots(2, len(quantities), figsize=(13, 6), sharex="col", squeeze=False)
    for (above, below), quantity in zip(grid.T, quantities, strict=True):
        chosen = [row for row in rows if row["what"] == quantity]
        for kind, unit in units.items():
            points = [row for row in chosen if row["kind"] == kind]
            if points:
                _plot_growth(above, below, points, kind, unit)
        _scale_growth(above, below, chosen)
        below.set_xlabel({"length": "source length, pieces"}.get(quantity, quantity))
    grid[0, 0].set_ylabel("time (dotted: proportional growth)")
    grid[1, 0].set_ylabel("peak memory, MB")
    return figure


def _plot_growth(above, below, points, kind, unit):
    """The curves of one kind of work: its time and proportional growth above, its memory below."""
    x = [point["value"] for point in points]
    time = [point["time"] for point in points]
    above.plot(x, time, "o-", label=f"{kind}, {unit}")
    above.plot(x, [time[0] * value / x[0] for value in x], ":", color="grey", linewidth=1)
    below.plot(x, [point["memory"] for point in points], "o-", label=kind)


def _scale_growth(above, below, rows):
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    above.set(xscale="log", yscale="log")
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    above.yaxis.set_major_formatter(EngFormatter(sep=""))
    above.yaxis.set_minor_formatter(NullFormatter())
    below.set_ylim(0, 1.2 * max(row["memory"] for row in rows))
    for axes in (above, below):
        axes.legend(fontsize=8, loc="upper left")
        axes.grid(alpha=0.3)
    below.set_xticks(sorted({row["value"] for row in rows}))
    below.set_xticks([], minor=True)
    below.xaxis.set_major_formatter(EngFormatter(sep=""))
