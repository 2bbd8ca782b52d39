"""All runs at a glance: how far each is, its scores, and the options in which they differ."""

import csv
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nmt.errors import Failure, UserError
from nmt.recipe import PATHS, Recipe, all_options
from nmt.recipe.checks import RUN_MAY_DIFFER
from nmt.runs.folder import Run

log = logging.getLogger(__name__)

COLUMNS = ("run", "state", "minutes", "valid", "test BLEU", "test chrF", "options")
# Paths of the same text may differ; how long a training is says something.
SAME = (RUN_MAY_DIFFER | PATHS) - {
    "train.epochs",
    "train.steps",
    "train.patience",
    "train.from",
    "search.lm",
    "search.lm_weight",
    "search.reverse",
    "search.reverse_weight",
}
UNSAID = {"data.url", "data.folder"}


def runs_in(folders: Sequence[str | Path]) -> list[Run]:
    """The runs that the folders are, or that lie in them, by name; UserError if there is none."""
    runs = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder")
        candidates = [folder] if (folder / "run.json").exists() else sorted(folder.iterdir())
        for path in candidates:
            try:
                run = Run(path)
                if run.begun and run.recipe:
                    runs.append(run)
            except (Failure, UserError) as error:
                log.warning(str(error))
    if not runs:
        raise UserError(f"{', '.join(map(str, folders))}: no run in it")
    return runs


def overview(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A row for each run, by the names in COLUMNS; what a run has not is None.

    valid: the validation score of the final weights, before the end the best one so far
    (train.metric; of language models perplexity). options: those whose value is not that of most
    runs.
    """
    recipes = [_values(run.recipe) for run in runs]
    usual = {
        name: Counter(str(values[name]) for values in recipes).most_common(1)[0][0]
        for name in recipes[0]
    }
    return [
        {
            "run": str(run.path),
            "state": _state(run),
            "minutes": _minutes(run),
            "valid": _validation(run),
            **_test(run),
            "options": {name: value for name, value in values.items() if str(value) != usual[name]},
        }
        for run, values in zip(runs, recipes, strict=True)
    ]


def _values(recipe: Recipe) -> dict[str, Any]:
    """All options that tell runs apart."""
    values = {
        name: getattr(section, field.name)
        for name, field, section in all_options(recipe)
        if name not in SAME | UNSAID and not isinstance(getattr(section, field.name), dict)
    }
    return {**values, "data.more": len(recipe.data.more)}


def _state(run):
    """How far the training is; what goes on may have been complete before."""
    if run.info.engine is not None:
        return "export"
    if run.info.complete:
        return f"{run.info.step:,} steps"
    rows = _history(run)
    return f"at step {int(rows[-1]['step']):,}" if rows else "begun"


def _minutes(run):
    if run.info.complete:
        seconds = run.info.train_seconds
    else:
        rows = _history(run)
        seconds = float(rows[-1]["seconds"]) if rows else None
    return None if seconds is None else round(seconds / 60, 1)


def _validation(run):
    """The score of the final weights, or the best of the history: greedy, a little lower."""
    if run.info.complete and run.info.valid_score is not None:
        return round(run.info.valid_score, 2)
    metric = run.recipe.train.metric
    rows = _history(run)
    if run.recipe.language_model:
        return min((float(row["valid_perplexity"]) for row in rows), default=None)
    return max((float(row[metric]) for row in rows), default=None)


def _test(run):
    """The scores of the report, if it is of the weights and search that the run has."""
    from nmt.evaluation.report import last_report

    report = last_report(run) or {}
    if "bleu" not in report:
        return {"test BLEU": None, "test chrF": None}
    return {"test BLEU": report["bleu"]["score"], "test chrF": report["chrf"]["score"]}


def _history(run):
    path = run.path / "history.csv"
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
