"""Trainings of one recipe with several values of some options, and several seeds, one by one.

Each is a run in the sweep's folder. A row of sweep.tsv is written when a training is complete; what
was stopped goes on where it was.
"""

import csv
import itertools
import logging
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from nmt import files
from nmt.errors import Failure, UserError
from nmt.recipe import Recipe, differences, dump_recipe, load_recipe
from nmt.runs.folder import Run

log = logging.getLogger(__name__)

TABLE = "sweep.tsv"
RECIPE = "recipe.toml"
LOCK = "sweep.lock"  # held while a process trains here
MEASURED = ["valid", "minutes"]  # columns after those of the options
SEED = "train.seed"

Point = dict[str, str]  # the value of each option


def points(options: Sequence[str], seeds: Sequence[int], count: int | None = None) -> list[Point]:
    """All combinations of values, "model.dropout=0.2,0.3" each, times the seeds.

    count: so many combinations, drawn at random; those of a smaller count are among those of a
    larger one. UserError for what is no option with values.
    """
    values: dict[str, Iterable[str]] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals:
            raise UserError(f"{option!r}: an option is written section.key=value,value")
        if name == SEED:
            raise UserError(f"{option}: seeds are given by --seeds")
        if name in values:
            raise UserError(f"{option}: {name} is there twice; give all its values at once")
        values[name] = dict.fromkeys(text.split(","))
    every = [
        dict(zip(values, combination, strict=True))
        for combination in itertools.product(*values.values())
    ]
    if count is not None:
        random.Random(1).shuffle(every)
    return [{**point, SEED: str(seed)} for seed in dict.fromkeys(seeds) for point in every[:count]]


def sweep(recipe: str, folder: Path, trainings: Sequence[Point]) -> Iterator[Point]:
    """Trains what the folder lacks, and yields the row of each training.

    All points are checked before the first training; Failure once all are done if one failed.
    """
    for point in trainings:
        recipe_of(recipe, point)
    base = load_recipe(recipe)
    _check(folder, base)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "a") as file:
        files.hold(file, f"{folder}: another process is sweeping there")
        _check(folder, base)
        with files.atomic(folder / RECIPE) as kept:
            kept.write(dump_recipe(base))
        yield from _rows_of_all(recipe, folder, trainings)


def recipe_of(recipe: str, point: Point) -> Recipe:
    """The recipe with the options of a point."""
    return load_recipe(recipe, _typed(point))


def _rows_of_all(recipe, folder, trainings):
    """Yields the row of each point; trains those without one."""
    rows = _rows(folder)
    left = [point for point in trainings if not _row_of(rows, point)]
    missing = len(left)
    failed = []
    seconds = 0.0
    for point in trainings:
        row = _row_of(rows, point)
        if row is None:
            started = time.monotonic()
            row = _trained(recipe, folder, point)
            seconds += time.monotonic() - started
            left.remove(point)
            if row is None:
                failed.append(_name(point))
                continue
            rows.append(row)
            _save(folder, rows)
            about = seconds / 60 / (missing - len(left)) * len(left)
            log.info(f"{_name(point)}: {row['valid']}; {len(left)} to go, {about:.0f} minutes")
        yield row
    if failed:
        raise Failure(f"failed, see the logs in {folder}: {', '.join(failed)}")


def lines(rows: Sequence[Point], lower_is_better: bool = False) -> Iterator[str]:
    """The points, best first: mean and range over seeds, minutes of a training."""
    groups: dict[str, list[Point]] = {}
    for row in rows:
        options = [f"{name}={row[name]}" for name in row if name not in (SEED, *MEASURED)]
        groups.setdefault(" ".join(options) or "as in the recipe", []).append(row)
    scored = []
    for name, group in groups.items():
        scores = [float(row["valid"]) for row in group]
        minutes = statistics.mean(float(row["minutes"]) for row in group)
        scored.append(
            (statistics.mean(scores), min(scores), max(scores), minutes, name, len(group))
        )
    yield "valid  range           minutes  seeds  options"
    for mean, low, high, minutes, name, seeds in sorted(scored, reverse=not lower_is_better):
        yield f"{mean:5.2f}  {low:5.2f} to {high:5.2f}  {minutes:7.1f}  {seeds:5}  {name}"


def _typed(point):
    return [f"{name}={value}" for name, value in point.items()]


def _name(point):
    """The name of a point's run: its values, by the last words of the options."""
    parts = (f"{name.partition('.')[2]}={value}" for name, value in point.items())
    # A comma would make an ensemble of it.
    return "+".join(parts).replace("/", "_")


def _trained(recipe, folder, point):
    """Trains a point in a process of its own; its row, or None if that failed."""
    path = folder / _name(point)
    command = [sys.executable, "-m", "nmt", "train", recipe, *_typed(point), "--run", str(path)]
    with open(folder / f"{path.name}.log", "ab") as log_file:
        status = status_of(command, log_file)
    if status:
        log.warning(f"{path.name}: ended with status {status}, see {path}.log")
        return None
    info = Run(path).info
    return {
        **point,
        "valid": f"{info.valid_score:.2f}",
        "minutes": f"{(info.train_seconds or 0) / 60:.1f}",
    }


def status_of(command: Sequence[str], log_file: IO[bytes]) -> int:
    """The exit status of a process, which may save its state when this one is stopped."""
    # In a session of its own ctrl-C does not come to it, and then once more from here.
    with subprocess.Popen(
        command, stdout=log_file, stderr=log_file, start_new_session=True
    ) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise


def _check(folder, recipe):
    """UserError if the folder has a sweep of another recipe."""
    path = folder / RECIPE
    if path.exists() and (different := differences(load_recipe(path), recipe, resumed=False)):
        raise UserError(
            f"{folder} holds a sweep of another recipe; choose another folder (-o). It differs "
            "in\n  " + "\n  ".join(different)
        )


def _row_of(rows, point):
    """The row of a point that is complete, or None."""
    point = {name: value for name, value in point.items() if value != ""}  # as in `_rows`
    options = ({name: row[name] for name in row if name not in MEASURED} for row in rows)
    return next((row for row, own in zip(rows, options, strict=True) if own == point), None)


def _rows(folder):
    path = folder / TABLE
    if not path.exists():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [{name: value for name, value in row.items() if value != ""} for row in rows]


def _save(folder, rows):
    """Writes all rows, whole or not at all."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in MEASURED))
    with files.atomic(folder / TABLE) as file:
        table = csv.DictWriter(file, [*names, *MEASURED], delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
