"""`nmt bench --against`: the cases of `nmt bench`, this version and another one in turn.

The host of a machine has quicker and slower minutes, so that figures of two days say little. Each
round measures a case with both versions, one after the other; the versions take turns in being
first. A row has the medians of all rounds, and the smallest and largest ratio of a round.
"""

import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import nmt
from nmt.errors import UserError
from nmt.experiments import isolated

ROOT = Path(nmt.__file__).parents[1]
LESS_IS_BETTER = "ms"  # of the units of `nmt bench`


def checkout(version: str, folder: Path) -> Path:
    """The folder that holds the package of another version.

    version: a folder with `nmt/` in it, or a commit of the repository that this package is in,
    whose files are written into `folder`. UserError for neither.
    """
    if (Path(version) / "nmt" / "__init__.py").is_file():
        return Path(version).resolve()
    if Path(version).exists():
        raise UserError(f"{version}: has no nmt/__init__.py")
    try:
        # The package alone: data that it was trained on stays where it is.
        command = ["git", "-C", str(ROOT), "archive", "--format=tar", version, "nmt"]
        archive = subprocess.run(command, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"{version}: neither a folder nor a commit of {ROOT}") from None
    return folder


def in_turn(cases: list[dict], other: Path, rounds: int) -> Iterator[dict]:
    """Measures each case with this package and with that in `other`; yields rows.

    A row: "what", "unit", "this" and "other" (medians), "ratio" (how many times as fast this
    version is), "ratios" (of each round).
    """
    for case in cases:
        # Version 0.1 calls the kind of a case its part.
        case = {**case, "part": case["kind"]}
        figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for number in range(rounds):
            folders = (None, other) if number % 2 else (other, None)
            measured = {folder: _medians(case, folder) for folder in folders}
            for what in measured[None].keys() & measured[other].keys():
                pair = (measured[None][what], measured[other][what])
                figures.setdefault(what, []).append(pair)
        for (what, unit), pairs in sorted(figures.items()):
            yield _row(what, unit, pairs)


def _medians(case, other):
    """The medians that a version measures, by what they are of and their unit."""
    rows = isolated.run("bench", case, other=other)
    return {(row["what"], row["unit"]): row["median"] for row in rows if "median" in row}


def _row(what, unit, pairs):
    ratios = [b / a if unit == LESS_IS_BETTER else a / b for a, b in pairs]
    this, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "what": what,
        "unit": unit,
        "this": this,
        "other": other,
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def row_line(row: dict) -> str:
    """A row as people read it."""
    digits = 1 if row["this"] < 100 else 0
    this, other = (f"{row[name]:,.{digits}f}" for name in ("this", "other"))
    spread = f"({min(row['ratios']):.2f} to {max(row['ratios']):.2f})"
    return (
        f"{row['what']:<54} {this:>9} against {other:>9} {row['unit']:<16} "
        f"{row['ratio']:.2f} times as fast {spread}"
    )
