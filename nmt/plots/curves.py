"""Figures of matplotlib (the extra `plots`), which is imported when one is drawn.

A function returns a matplotlib `Figure`: a notebook shows it, `save` writes it.
"""

import csv
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt import files
from nmt.errors import UserError
from nmt.packages import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")
MARKERS = "osd^v<>"
TICKS = (1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, 20_000)  # of perplexity
NO_LIMIT = 10**9  # upper end of the last span of `metrics.by_length`


def check_ready(path: str | PathLike | None = None) -> None:
    """Called before what is drawn is measured.

    UserError if `path` names no picture, or without matplotlib.
    """
    # matplotlib would say so only after hours of measuring.
    if path and Path(path).suffix not in FORMATS:
        raise UserError(f"{path}: a picture's name ends in one of {', '.join(FORMATS)}")
    require("matplotlib", what="the picture")


def save(figure: "Figure", path: str | PathLike) -> None:
    """Writes a Figure in the format that its name ends in, whole or not at all."""
    with files.atomic(path, "wb") as file:
        figure.savefig(file, format=Path(path).suffix[1:], dpi=100)


def subplots(*grid: int, **options: Any) -> tuple["Figure", Any]:
    """A figure and its axes; arguments as for `pyplot.subplots`.

    Importing pyplot teaches notebooks to show figures; a figure that is closed is not kept by it.
    """
    # Imported here: it takes a second.
    from matplotlib import pyplot

    # Every axes has a faint grid.
    with pyplot.rc_context({"axes.grid": True, "grid.alpha": 0.3}):
        figure, axes = pyplot.subplots(*grid, layout="constrained", **options)
    pyplot.close(figure)
    return figure, axes


def history(*runs: str | PathLike) -> "Figure":
    """Training curves of run folders: perplexity, and validation BLEU and chrF, over target tokens.

    Of several runs the legends name each run once. Language models have perplexity only.
    """
    figure, (left, right) = subplots(1, 2, figsize=(9, 3.4))
    several = len(runs) > 1
    for number, path in enumerate(map(Path, runs)):
        rows = _read_history(path)
        seen = [row["target_tokens"] / 1000 for row in rows]
        for axes, column, style, colour, label in (
            (left, "perplexity", "o:", "C7", "training"),
            (left, "valid_perplexity", "o-", "C0", "validation"),
            (right, "bleu", "o-", "C0", "BLEU, greedy"),
            (right, "chrf", "s--", "C1", "chrF"),
        ):
            # Of several runs each has a colour and a name, of one run each curve.
            if several:
                colour = f"C{number}"
                label = path.name if style == "o-" else "_nolegend_"
            if all(column in row for row in rows):
                values = [row[column] for row in rows]
                axes.plot(seen, values, style, color=colour, markersize=4, label=label)
    # Perplexity is read on a logarithmic scale, with ticks that are round numbers.
    left.set(
        yscale="log",
        ylabel="perplexity (dotted: training)" if several else "perplexity of a target piece",
    )
    left.set_yticks([tick for tick in TICKS if tick <= left.get_ylim()[1]])
    left.set_yticks([], minor=True)
    left.yaxis.set_major_formatter("{x:g}")
    ylabel = "BLEU, greedy (dashed: chrF)" if several else "score on validation, 0 to 100"
    right.set(ylim=(0, None), ylabel=ylabel)
    for axes in (left, right):
        axes.set_xlabel("target pieces seen in training, thousands")
        if axes.lines:
            axes.legend(fontsize=9)
    return figure


def _read_history(run):
    """Rows of history.csv without the values that are blank."""
    with open(run / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def scores(entries: dict[str, dict], label: str = "BLEU") -> "Figure":
    """Scores with 95 % intervals; entries: name -> `metrics.bleu` or `chrf` with interval=True."""
    figure, axes = subplots(figsize=(7, 0.9 + 0.45 * len(entries)))
    for row, entry in enumerate(entries.values()):
        score = entry["score"]
        axes.plot(entry["interval"], [row, row], color="C0", linewidth=2, solid_capstyle="butt")
        axes.plot(score, row, "o", color="C0")
        axes.annotate(f"{score:.1f}", (score, row), (0, 6), textcoords="offset points", ha="center")
    # The first entry is on top.
    axes.set_yticks(range(len(entries)), list(entries))
    axes.set(ylim=(len(entries) - 0.5, -0.7), xlabel=f"{label}, with its 95 % interval")
    axes.grid(visible=False, axis="y")
    return figure


def precision_recall(curves: dict[str, tuple], chance: float) -> "Figure":
    """Curves of finding wrong pairs: label -> (precision, recall).

    chance: the share of wrong pairs, which guessing reaches as precision.
    """
    figure, axes = subplots(figsize=(6, 5))
    for label, (precision, recall) in curves.items():
        # From here on, all are found and precision only falls.
        end = recall.argmax() + 1
        axes.step([0, *recall[:end]], [precision[0], *precision[:end]], where="pre", label=label)
    axes.axhline(chance, linestyle=":", color="grey", label="chance")
    axes.set(
        xlim=(0, 1.01),
        ylim=(0, 1.02),
        xlabel="recall: share of the wrong pairs that are flagged",
        ylabel="precision: share of the flagged pairs that are wrong",
    )
    axes.legend(loc="lower left", fontsize=8)
    return figure


def gradients(norms: dict) -> "Figure":
    """Norms of gradients by steps back, and by updates of a training.

    norms: what `nmt.experiments.measurement.gradients` returns.
    """
    figure, (left, middle, right) = subplots(1, 3, figsize=(12.5, 3.8))
    large = f"simple RNN, recurrent weights × {norms['factor']:g}"
    # Left and middle: how norms change on the way back.
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
    # Right: how large they become in training.
    for name, colour in (("unclipped", "C3"), ("clipped", "C2")):
        right.plot([norm for _, norm in norms[name]], color=colour, linewidth=1, label=name)
    right.set(
        yscale="log", title=large, xlabel="update", ylabel="norm of the gradient before clipping"
    )
    for axes in (left, middle, right):
        axes.legend(fontsize=8)
    return figure


def by_length(tables: dict[str, list]) -> "Figure":
    """BLEU by source length, as in figure 2 of Bahdanau et al. 2015.

    tables: label -> `metrics.by_length`.
    """
    figure, axes = subplots(figsize=(7, 4.2))
    for (label, table), marker in zip(tables.items(), MARKERS, strict=False):
        axes.plot([score for *_, score in table], f"{marker}-", label=label)
    # The spans are the same for all systems.
    spans = [
        f"{low}-{high}\n{count}" if high < NO_LIMIT else f"{low} and more\n{count}"
        for low, high, count, _ in table
    ]
    axes.set_xticks(range(len(spans)), spans)
    axes.set(
        xlabel="source length, words; below it the number of sentences",
        ylabel="BLEU",
        ylim=(0, None),
    )
    axes.legend()
    return figure


def by_pairs(curves: dict[str, dict]) -> "Figure":
    """BLEU by training pairs; curves: label -> {pairs: `metrics.bleu` with interval=True}."""
    figure, axes = subplots(figsize=(7, 4.2))
    for (label, points), marker in zip(curves.items(), MARKERS, strict=False):
        entries = points.values()
        scores = [entry["score"] for entry in entries]
        (curve,) = axes.plot(list(points), scores, f"{marker}-", label=label)
        # The intervals as a band in the curve's colour.
        low, high = zip(*(entry["interval"] for entry in entries), strict=True)
        axes.fill_between(list(points), low, high, color=curve.get_color(), alpha=0.15, linewidth=0)
    # A tick for each number of pairs.
    axes.set(
        xscale="log", xlabel="training pairs", ylabel="BLEU, with its 95 % interval", ylim=(0, None)
    )
    pairs = sorted(set().union(*curves.values()))
    axes.set_xticks(pairs, [f"{number:,}" for number in pairs])
    axes.set_xticks([], minor=True)
    axes.legend()
    return figure


def speed(points: dict[str, tuple]) -> "Figure":
    """BLEU against speed; points: label -> (sentences/s, `metrics.bleu` with interval=True).

    Labels stand in a column beside the points, which lines lead to, so that none covers another.
    """
    figure, axes = subplots(figsize=(8, max(4, 0.28 * len(points))))
    by_score = sorted(points.items(), key=lambda point: point[1][1]["score"])
    for place, (label, (x, entry)) in enumerate(by_score):
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
    return figure


def growth(rows: list[dict], units: dict[str, str]) -> "Figure":
    """Time (logarithmic) and memory of `nmt bench --growth` over each quantity.

    units: kind -> unit of time.
    """
    quantities = list(dict.fromkeys(row["what"] for row in rows))
    figure, grid = subplots(2, len(quantities), figsize=(13, 6), sharex="col", squeeze=False)
    for (above, below), quantity in zip(grid.T, quantities, strict=True):
        chosen = [row for row in rows if row["what"] == quantity]
        # A curve for each kind of work that this quantity changes.
        for kind, unit in units.items():
            if points := [row for row in chosen if row["kind"] == kind]:
                _plot_growth(above, below, points, kind, unit)
        _scale_growth(above, below, chosen)
        below.set_xlabel({"length": "source length, pieces"}.get(quantity, quantity))
    grid[0, 0].set_ylabel("time (dotted: proportional growth)")
    grid[1, 0].set_ylabel("peak memory, MB")
    return figure


def _plot_growth(above, below, points, kind, unit):
    """The curves of one kind of work: its time and proportional growth above, its memory below."""
    x, time, memory = ([point[name] for point in points] for name in ("value", "time", "memory"))
    above.plot(x, time, "o-", label=f"{kind}, {unit}")
    above.plot(x, [time[0] * value / x[0] for value in x], ":", color="grey", linewidth=1)
    below.plot(x, memory, "o-", label=kind)


def _scale_growth(above, below, rows):
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    # Time: few ticks, as round numbers with a unit prefix.
    above.set(xscale="log", yscale="log")
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    above.yaxis.set_major_formatter(EngFormatter(sep=""))
    above.yaxis.set_minor_formatter(NullFormatter())
    below.set_ylim(0, 1.2 * max(row["memory"] for row in rows))
    for axes in (above, below):
        axes.legend(fontsize=8, loc="upper left")
    # Both share the x axis: a tick for each value.
    below.set_xticks(sorted({row["value"] for row in rows}))
    below.set_xticks([], minor=True)
    below.xaxis.set_major_formatter(EngFormatter(sep=""))
