"""`nmt bench --against`: the cases of `nmt bench`, this version and another one in turn.

The host of a machine has quicker and slower minutes, so that figures of two days say little. Each
round measures a case with both versions, one after the other; the versions take turns in being
first. A row has the medians of all rounds, and the smallest and largest ratio of a round.
"""

import logging
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nmt
from nmt.errors import UserError
from nmt.experiments import isolated

log = logging.getLogger(__name__)

ROOT = Path(nmt.__file__).parents[1]
LESS_IS_BETTER = "ms"  # of the units of `nmt bench`
NOT_COPIED = ("state", "tensorboard", "cache", "export")  # of a run: what no export is made of


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


def exported(run: str, other: Path | None, folder: Path) -> str:
    """A copy of a run in `folder`, exported by this package, or by that in `other`.

    A run that cannot be exported is copied alone.
    """
    copy = folder / f"run-{'other' if other else 'this'}"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns(*NOT_COPIED))
    command = [sys.executable, "-m", "nmt", "export", str(copy)]
    env = isolated.environment(other)
    done = subprocess.run(command, cwd=other, env=env, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        log.warning(f"{run}: not exported by the version in {other or ROOT}: {''.join(reason)}")
    return str(copy)


def in_turn(
    cases: list[dict], other: Path, rounds: int, runs: tuple[str, str] | None = None
) -> Iterator[dict]:
    """Measures each case with this package and with that in `other`; yields rows.

    runs: the run of the cases, as this version and as the other one have exported it.

    A row: "what", "unit", "this" and "other" (medians), "ratio" (how many times as fast this
    version is), "ratios" (of each round).
    """
    for case in cases:
        # Version 0.1 calls the kind of a case its part.
        case = {**case, "part": case["kind"]}
        figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for number in range(rounds):
            folders = (None, other) if number % 2 else (other, None)
            measured = {folder: _medians(case, folder, runs) for folder in folders}
            for what in measured[None].keys() & measured[other].keys():
                pair = (measured[None][what], measured[other][what])
                figures.setdefault(what, []).append(pair)
        for (what, unit), pairs in sorted(figures.items()):
            yield _row(what, unit, pairs)


def _medians(case, other, runs):
    """The medians that a version measures, by what they are of and their unit."""
    if "run" in case and runs:
        case = {**case, "run": runs[bool(other)]}
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
