"""Quality against speed and size of several systems: `python -m nmt.experiments.tradeoff`.

Each run or ensemble translates the validation text of the first one, greedily and with a beam, one
thread each. All are timed in turn, so that a slow moment meets each of them.
"""

import argparse
import functools
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from nmt import plots
from nmt.errors import Failure, UserError
from nmt.evaluation.metrics import scores
from nmt.inference.load import export_of, load, open_runs
from nmt.recipe import DataOptions
from nmt.runs.held_out import held_out

HEADS = ("system", "BLEU", "chrF", "sentences/s", "MB")


class System(NamedTuple):
    """Translations of a list of lines, and the size of what makes them."""

    translate: Callable[[list[str]], list[str]]
    megabytes: float


class Row(NamedTuple):
    """A row of the table; bleu, chrf: entries of `metrics.scores` with interval."""

    name: str
    bleu: dict
    chrf: dict
    speed: float
    megabytes: float


def rows(
    systems: dict[str, System],
    pairs: Sequence[tuple[str, str]],
    data: DataOptions,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Row]:
    """A row for each system; its speed is the median of the rounds, in sentences a second.

    pairs: (source, reference) of the text; data: what its scores depend on.
    """
    sources, references = ([*side] for side in zip(*pairs, strict=True))
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    outputs: dict[str, list[str]] = {}
    # The first round loads and reserves what later ones have.
    for number in range(rounds + 1):
        for name, system in systems.items():
            start = clock()
            outputs[name] = system.translate(sources)
            if number:
                seconds[name].append(clock() - start)
    for name, system in systems.items():
        entries = scores(data, outputs[name], references, interval=True)
        speed = len(sources) / statistics.median(seconds[name])
        yield Row(name, entries["bleu"], entries["chrf"], speed, system.megabytes)


def line(row: Row) -> str:
    """A line of the table in Markdown."""
    scored = " | ".join(f"{entry['score']:.2f}" for entry in (row.bleu, row.chrf))
    return f"| {row.name} | {scored} | {row.speed:.0f} | {row.megabytes:.1f} |"


def _systems(paths, beams):
    """The systems by name: each run or ensemble with each beam."""
    systems = {}
    for path in paths:
        translator = load(path, threads=1)
        megabytes = sum(map(_megabytes, open_runs(path)))
        for beam in beams:
            search = f"beam {beam}" if beam > 1 else "greedy"
            # As their references are.
            joined = not translator.recipe.data.tokenised
            translate = functools.partial(translator.translate, beam=beam, joined=joined)
            systems[f"{path}, {search}"] = System(translate, megabytes)
    return systems


def _megabytes(run):
    """The size of the export, or of weights and tokenizers."""
    exported = export_of(run, "auto")
    if exported and exported.info.engine:
        # Not the reports that may stand beside them.
        names = ["run.json", *(exported.info.engine.files or ())]
        paths = [exported.path / name for name in names]
    else:
        paths = [run.path / name for name in {run.info.weights, *run.info.tokenizers}]
    return sum(path.stat().st_size for path in paths) / 1e6


def _check(paths, beams, rounds):
    """UserError for what cannot be measured, before anything is."""
    if min(rounds, *beams) < 1:
        raise UserError("--rounds and --beams are 1 or more")
    first, *others = [run for path in paths for run in open_runs(path)]
    for run in others:
        if _languages(run) != _languages(first):
            raise UserError(f"{run.path}: not {_languages(first)}, as {first.path} is")


def _languages(run):
    return f"{run.recipe.data.source}-{run.recipe.data.target}"


def main() -> None:
    """Prints the table, and writes the picture."""
    parser = argparse.ArgumentParser(prog="python -m nmt.experiments.tradeoff")
    parser.add_argument("run", nargs="+", help="run folders, or ensembles RUN1,RUN2,…")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5], help="default: 1 5")
    parser.add_argument("--rounds", type=int, default=5, help="timings each; default: 5")
    parser.add_argument("-o", "--output", help="file of the picture (.png, .svg)")
    arguments = parser.parse_args()
    try:
        if arguments.output:
            plots.check_ready(arguments.output)
        _check(arguments.run, arguments.beams, arguments.rounds)
        first = open_runs(arguments.run[0])[0]
        pairs = held_out(first, "valid")
        systems = _systems(arguments.run, arguments.beams)
        print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
        points = {}
        for row in rows(systems, pairs, first.recipe.data, arguments.rounds):
            print(line(row), flush=True)
            points[row.name] = row.speed, row.bleu
        if arguments.output:
            plots.save(plots.speed(points), arguments.output)
    except (UserError, Failure) as error:
        print(f"nmt: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
