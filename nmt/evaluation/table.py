"""Several runs on the same sentences in one table: seeds of a recipe together, paired tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nmt.evaluation import metrics
from nmt.evaluation.columns import aligned
from nmt.evaluation.scored_text import ScoredText
from nmt.recipe import Recipe, all_options
from nmt.recipe.options import value_of

# In what the seeds of a recipe may differ.
UNSAID = {"train.seed", "train.threads", "train.save_minutes", "train.log_every"}
COLUMNS = {"bleu": "BLEU", "chrf": "chrF", "chrf++": "chrF++", "ter": "TER"}


@dataclass
class System:
    """One row: a run, or the runs of a recipe that differ in their seeds."""

    name: str
    recipe: Recipe | None  # None: an ensemble or the like, which is a row of its own
    outputs: list[list[str]]  # of each seed
    seeds: list[int]


def systems(
    names: Sequence[str], recipes: Sequence[Recipe | None], outputs: Sequence[list[str]]
) -> list[System]:
    """The rows of a table. recipes: of each run; those of None stay alone."""
    rows: list[System] = []
    for name, recipe, lines in zip(names, recipes, outputs, strict=True):
        seed = recipe.train.seed if recipe else 0
        row = next((row for row in rows if recipe and _is_seed_of(recipe, row)), None)
        if row:
            row.outputs.append(lines)
            row.seeds.append(seed)
        else:
            rows.append(System(name, recipe, [lines], [seed]))
    return rows


def _is_seed_of(recipe, row):
    """Whether a recipe is that of a row with another seed."""
    if row.recipe is None or recipe.train.seed in row.seeds:
        return False
    own, other = (
        {name: value_of(each, name) for name, _, _ in all_options(each) if name not in UNSAID}
        for each in (recipe, row.recipe)
    )
    return own == other and recipe.data.more == row.recipe.data.more


def lines(text: ScoredText, rows: Sequence[System]) -> Iterator[str]:
    """The table, with mean and range over seeds and p against the first row; signatures below."""
    scored = [
        [metrics.all_scores(text.data, output, text.references) for output in row.outputs]
        for row in rows
    ]
    tests = [
        metrics.paired(
            text.references, rows[0].outputs, row.outputs, metrics.tokenize_of(text.data)
        )
        for row in rows[1:]
    ]
    # 1. The cells.
    title = text.corpus or text.name
    table = [[title, *COLUMNS.values(), "p BLEU", "p chrF"]]
    for number, (row, entries) in enumerate(zip(rows, scored, strict=True)):
        seeds = f" ({len(row.seeds)} seeds)" if len(row.seeds) > 1 else ""
        cells = [_mean_and_range([each[metric]["score"] for each in entries]) for metric in COLUMNS]
        p_values = (
            [f"{test['p']:.4f}" for test in tests[number - 1].values()] if number else ["", ""]
        )
        table.append([row.name + seeds, *cells, *p_values])
    # 2. The lines.
    yield from aligned(table)
    yield f"p: paired bootstrap against {rows[0].name}, {metrics.RESAMPLES} resamples"
    for metric, name in COLUMNS.items():
        yield f"{name}: {scored[0][0][metric]['signature']}"


def _mean_and_range(scores):
    mean = sum(scores) / len(scores)
    if len(scores) == 1:
        return f"{mean:.2f}"
    return f"{mean:.2f} ({min(scores):.2f} to {max(scores):.2f})"
