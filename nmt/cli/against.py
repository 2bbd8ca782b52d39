"""`nmt bench --against`: this version and another one, measured in turn."""

import argparse
import os
from pathlib import Path

from nmt.cli.arguments import positive
from nmt.packages import TRAINING

HELP = "measure this version and another one in turn"
EXAMPLE = "nmt bench --against HEAD~10 runs/default"
NEEDS = TRAINING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        nargs="?",
        help="run folder to translate with, which both versions can read and export; without it "
        "only training is measured",
    )
    parser.add_argument(
        "--against",
        metavar="VERSION",
        required=True,
        help="a folder with another version of the package, or a commit of its repository",
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=3,
        metavar="N",
        help="how often each case is measured with both (default: 3)",
    )


def run(args: argparse.Namespace) -> None:
    """Prints each case as soon as both versions have been measured in all rounds."""
    import tempfile

    from nmt.experiments.against import checkout, exported, in_turn, row_line
    from nmt.experiments.bench import cases
    from nmt.inference.load import open_runs
    from nmt.machine import about

    if args.run:
        open_runs(args.run)
        args.run = os.path.abspath(args.run)
    with tempfile.TemporaryDirectory() as folder:
        other = checkout(args.against, Path(folder))
        print(", ".join(f"{name} {value}" for name, value in about().items()))
        runs = None
        if args.run:
            # Each version has its own export: what those hold may have changed.
            this = exported(args.run, None, Path(folder))
            runs = this, exported(args.run, other, Path(folder))
        for row in in_turn(cases(args.run), other, args.rounds, runs):
            print(row_line(row), flush=True)
