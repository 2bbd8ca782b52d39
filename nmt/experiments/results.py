"""The tables and pictures of a comparison, made of compare.json alone."""

import tomllib

from nmt import files, plots
from nmt.experiments.comparison import BUDGETS, CURVES, SYSTEMS

HEADS = (
    "",
    "system",
    "options",
    "weights",
    "units",
    "training, pieces/s",
    "perplexity",
    "BLEU",
    "chrF",
    "decoding, sentences/s",
)
LENGTHS = {
    "lstm": "attention",
    "lstm-fixed": "fixed vector",
    "lstm-fixed-one-way": "fixed vector, one way",
    "lstm-fixed-reversed": "fixed vector, one way, source reversed",
}


def write(found, folder):
    """Writes report.md and its pictures into the folder; returns the lines of the tables."""
    lines = list(markdown(found))
    drawn = []
    for name, title, figure in pictures(found):
        name = f"compare-{found['budget']}-{name}.png"
        plots.save(figure, folder / name)
        drawn += ["", f"![{title}]({name})", "", title]
    with files.atomic(folder / "report.md") as file:
        file.write("\n".join([*lines, *drawn]) + "\n")
    return lines


def markdown(found):
    """The tables, and all that their figures depend on."""
    rows = complete(found)
    budget = BUDGETS[found["budget"]]
    recipe = tomllib.loads(found["recipe"])
    weights = [row["weights"] for row in found["rows"].values()]
    command = " ".join(["nmt compare --budget", found["budget"], *found["overrides"]])
    yield (
        f"`{command}`: recipe `data/{budget.recipe}.toml` with `{budget.overrides}`. Every system has "
        f"{recipe['train']['steps']:,} updates of at most {recipe['train']['batch_tokens']:,} target pieces, "
        f"{min(weights):,} to {max(weights):,} weights, seed {recipe['train']['seed']}. Scores are those of "
        f"validation text, beam {recipe['search']['beam']}, with 95 % intervals. Speeds are those of one "
        f"thread, with Keras, {found['jobs']} at a time: "
        + ", ".join(f"{name} {value}" for name, value in found["machine"].items())
        + "."
    )
    yield ""
    yield from table(HEADS, cells(found))
    for row in list(rows.values())[:1]:
        yield ""
        yield (
            f"{row['sentences']:,} sentences, BLEU `{row['bleu']['signature']}`, "
            f"chrF `{row['chrf']['signature']}`."
        )
    if curves := learning_curves(rows, budget):
        pairs = sorted({number for points in curves.values() for number in points})
        yield ""
        yield from table(
            ["BLEU by training pairs", *(f"{number:,}" for number in pairs)],
            [
                [name, *(_scored(points.get(number)) for number in pairs)]
                for name, points in curves.items()
            ],
        )
    if "gradients" in found:
        yield ""
        yield from table(*decay(found["gradients"]))


def pictures(found):
    """(name, title, figure) of each picture that there are results for."""
    rows = complete(found)
    budget = BUDGETS[found["budget"]]
    if "gradients" in found:
        gradients = found["gradients"]
        yield (
            "gradients",
            (
                f"Gradients in the decoders of the fixed-vector systems, geometric means over {gradients['sentences']} "
                "sentences, and over the updates of a simple RNN that starts with large recurrent weights."
            ),
            plots.gradients(gradients),
        )
    by_length = {label: rows[name]["by_length"] for name, label in LENGTHS.items() if name in rows}
    if len(by_length) > 1:
        yield "length", "BLEU by source length.", plots.by_length(by_length)
    if curves := learning_curves(rows, budget):
        yield "pairs", "BLEU by training pairs, the same number of updates.", plots.by_pairs(curves)
    points = {
        name: (row["sentences_per_second"], row["bleu"])
        for name, row in rows.items()
        if name in SYSTEMS
    }
    if points:
        yield "speed", "Quality against speed.", plots.speed(points)


def complete(found):
    """Rows of the systems that could be measured, in the order of the table."""
    return {
        name: found["rows"][name]
        for name in sorted(found["rows"], key=[*SYSTEMS, *found["rows"]].index)
        if "bleu" in found["rows"][name]
    }


def cells(found):
    """The rows of the table; a question stands in the first of its rows only."""
    before = None
    for name, system in SYSTEMS.items():
        if row := found["rows"].get(name):
            start = [
                "" if system.question == before else system.question,
                name,
                system.overrides,
                f"{row['weights']:,}",
                "/".join(map(str, row["widths"])),
            ]
            before = system.question
            yield (
                [*start, "", "", row["diverged"], "", ""]
                if "diverged" in row
                else [
                    *start,
                    f"{row['tokens_per_second']:,}",
                    f"{row['perplexity']:.2f}",
                    _scored(row["bleu"]),
                    _scored(row["chrf"]),
                    f"{row['sentences_per_second']:.0f}",
                ]
            )


def learning_curves(rows, budget):
    """label -> {training pairs: BLEU} of the systems that were trained on several numbers of pairs."""
    curves = {}
    for name in CURVES:
        points = {
            rows[one]["pairs"]: rows[one]["bleu"]
            for one in (*(f"{name}-{n}" for n in budget.pairs), name)
            if one in rows
        }
        if len(points) > 1:
            curves[name] = points
    return curves


def decay(gradients):
    """Head and rows of a table: gradients some steps back, before and after training."""
    last = len(gradients["start"]["rnn"]) - 1
    steps = [last // 4, last // 2, last]
    body = [
        [f"{cell}, {name}", *(f"{gradients[when][cell][n]:.1e}" for n in steps)]
        for when, name in (("start", "before training"), ("trained", "after training"))
        for cell in gradients[when]
    ]
    return ["gradient against that of the last step", *(f"{n} steps back" for n in steps)], body


def table(heads, body):
    """Lines of a table in Markdown, its columns aligned as plain text too."""
    body = [[str(cell) for cell in row] for row in body]
    sizes = [max(len(row[n]) for row in [heads, *body]) for n in range(len(heads))]
    for row in [heads, ["-" * size for size in sizes], *body]:
        yield (
            "| "
            + " | ".join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True))
            + " |"
        )


def _scored(entry):
    """A score with its interval."""
    return "{score:.1f} ({interval[0]:.1f} to {interval[1]:.1f})".format(**entry) if entry else ""
