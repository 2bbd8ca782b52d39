"""`nmt bench --profile`: where the time goes."""

import argparse

from nmt.packages import TRAINING

HELP = "time by kind of operation: a training step, and a search with a run"
EXAMPLE = "nmt bench --profile runs/default"
NEEDS = TRAINING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", help="run folder to search with; without it only training is watched"
    )
    parser.add_argument(
        "--profile", action="store_true", required=True, help="without it, speed is measured"
    )


def run(args: argparse.Namespace) -> None:
    """Prints a table for training, and one for search."""
    from nmt.experiments.profile import profile, row_line
    from nmt.inference.load import open_runs
    from nmt.machine import about

    if args.run:
        open_runs(args.run)
    print(", ".join(f"{name} {value}" for name, value in about().items()))
    for what, rows in profile(args.run):
        print(f"\n{what}: self time")
        print("\n".join(map(row_line, rows)), flush=True)
