"""The tables and pictures of a comparison, made of compare.json alone."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nmt import files, plots
from nmt.experiments.comparison import BUDGETS, CURVES, SYSTEMS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADS = (
    *("", "system", "options", "weights", "units", "training, pieces/s"),
    *("perplexity", "BLEU", "chrF", "decoding, sentences/s"),
)
# Systems whose BLEU by source length is drawn: name -> label.
LENGTHS = {
    "lstm": "attention",
    "lstm-fixed": "fixed vector",
    "lstm-fixed-one-way": "fixed vector, one way",
    "lstm-fixed-reversed": "fixed vector, one way, source reversed",
}


def write(comparison: dict, folder: Path) -> list[str]:
    """Writes report.md and its pictures into the folder; returns the lines of the tables."""
    # The pictures follow the tables, each with its title.
    lines = list(markdown(comparison))
    drawn = []
    for name, title, figure in pictures(comparison):
        file_name = f"compare-{comparison['budget']}-{name}.png"
        plots.save(figure, folder / file_name)
        drawn += ["", f"![{title}]({file_name})", "", title]
    with files.atomic(folder / "report.md") as file:
        file.write("\n".join([*lines, *drawn]) + "\n")
    return lines


def markdown(comparison: dict) -> Iterator[str]:
    """Lines: the tables, and all that their figures depend on."""
    rows = _measured(comparison)
    curves = _learning_curves(rows, comparison["budget"])
    # Tables and paragraphs, with an empty line between them.
    blocks = [[_conditions(comparison)], _table(HEADS, _cells(comparison["rows"]))]
    # Each needs results that may not be there yet.
    if rows:
        blocks.append([_signatures(next(iter(rows.values())))])
    if curves:
        blocks.append(_learning_table(curves))
    if "gradients" in comparison:
        blocks.append(_gradient_table(comparison["gradients"]))
    for number, block in enumerate(blocks):
        if number:
            yield ""
        yield from block


def pictures(comparison: dict) -> Iterator[tuple[str, str, "Figure"]]:
    """(name, title, figure) of each picture that there are results for."""
    rows = _measured(comparison)
    if "gradients" in comparison:
        gradients = comparison["gradients"]
        title = (
            "Gradients in the decoders of the fixed-vector systems, geometric means over "
            f"{gradients['sentences']} sentences, and over the updates of a simple RNN that starts "
            "with large recurrent weights."
        )
        yield "gradients", title, plots.gradients(gradients)
    # A curve alone compares nothing.
    by_length = {label: rows[name]["by_length"] for name, label in LENGTHS.items() if name in rows}
    if len(by_length) > 1:
        yield "length", "BLEU by source length.", plots.by_length(by_length)
    if curves := _learning_curves(rows, comparison["budget"]):
        yield "pairs", "BLEU by training pairs, the same number of updates.", plots.by_pairs(curves)
    points = {
        name: (row["sentences_per_second"], row["bleu"])
        for name, row in rows.items()
        if name in SYSTEMS
    }
    if points:
        yield "speed", "Quality against speed.", plots.speed(points)


def _measured(comparison):
    """Rows of the systems that have scores, in the order of the table."""
    rows = comparison["rows"]
    return {name: rows[name] for name in {**SYSTEMS, **rows} if "bleu" in rows.get(name, ())}


def _learning_curves(rows, budget):
    """name -> {training pairs: BLEU} of systems that were trained on several numbers of pairs."""
    curves = {}
    for name in CURVES:
        variants = [*(f"{name}-{pairs}" for pairs in BUDGETS[budget].pairs), name]
        trained = [rows[variant] for variant in variants if variant in rows]
        points = {row["pairs"]: row["bleu"] for row in trained}
        # One point is no curve.
        if len(points) > 1:
            curves[name] = points
    return curves


def _table(heads, body):
    """Lines of a table in Markdown, its columns aligned as plain text too."""
    # All cells of a column are padded to its widest.
    rows = [[str(cell) for cell in row] for row in body]
    sizes = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = []
    for row in [heads, ["-" * size for size in sizes], *rows]:
        cells = (cell.ljust(size) for cell, size in zip(row, sizes, strict=True))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _conditions(comparison):
    """What all figures hold for."""
    # The recipe is that of the base; overrides of systems stand in the table.
    budget = BUDGETS[comparison["budget"]]
    recipe = tomllib.loads(comparison["recipe"])
    train = recipe["train"]
    weights = [row["weights"] for row in comparison["rows"].values()]
    command = " ".join(["nmt compare --budget", comparison["budget"], *comparison["overrides"]])
    machine = ", ".join(f"{name} {value}" for name, value in comparison["machine"].items())
    return (
        f"`{command}`: recipe `data/{budget.recipe}.toml` with `{budget.overrides}`. "
        f"Every system has {train['steps']:,} updates of at most "
        f"{train['batch_tokens']:,} target pieces, {min(weights):,} to {max(weights):,} "
        f"weights, seed {train['seed']}. Scores are those of validation text, "
        f"beam {recipe['search']['beam']}, with 95 % intervals. Speeds are those of one thread, "
        f"with Keras, {comparison['jobs']} at a time: {machine}."
    )


def _signatures(row):
    return (
        f"{row['sentences']:,} sentences, BLEU `{row['bleu']['signature']}`, "
        f"chrF `{row['chrf']['signature']}`."
    )


def _cells(rows):
    """The rows of the table; a question stands in the first of its rows only."""
    question = None
    for name in filter(rows.get, SYSTEMS):
        system = SYSTEMS[name]
        row = rows[name]
        start = [
            "" if system.question == question else system.question,
            name,
            system.overrides,
            f"{row['weights']:,}",
            "/".join(map(str, row["widths"])),
        ]
        question = system.question
        # A system that diverged has no scores.
        if "diverged" in row:
            yield [*start, "", "", row["diverged"], "", ""]
        else:
            yield [
                *start,
                f"{row['tokens_per_second']:,}",
                f"{row['perplexity']:.2f}",
                _score(row["bleu"]),
                _score(row["chrf"]),
                f"{row['sentences_per_second']:.0f}",
            ]


def _learning_table(curves):
    pairs = sorted({number for points in curves.values() for number in points})
    heads = ["BLEU by training pairs", *(f"{number:,}" for number in pairs)]
    body = [[name, *(_score(curves[name].get(number)) for number in pairs)] for name in curves]
    return _table(heads, body)


def _gradient_table(gradients):
    """Gradients some steps back, before and after training."""
    # A quarter of the way back, half of it, all of it.
    last = len(gradients["start"]["rnn"]) - 1
    steps = [last // 4, last // 2, last]
    body = [
        [f"{cell}, {label}", *(f"{norms[n]:.1e}" for n in steps)]
        for when, label in (("start", "before training"), ("trained", "after training"))
        for cell, norms in gradients[when].items()
    ]
    heads = ["gradient against that of the last step", *(f"{n} steps back" for n in steps)]
    return _table(heads, body)


def _score(entry):
    """A score with its interval."""
    return "{score:.1f} ({interval[0]:.1f} to {interval[1]:.1f})".format(**entry) if entry else ""
