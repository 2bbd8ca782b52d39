"""`nmt sweep`: the values of options that validate best."""

import argparse
import signal
import sys
from pathlib import Path

from nmt.cli.arguments import bounded, positive
from nmt.packages import TRAINING

HELP = "train a recipe with several values of options, and tell which validate best"
EXAMPLE = "nmt sweep default model.dropout=0.2,0.3 train.label_smoothing=0,0.1 --seeds 1,2,3"
NEEDS = TRAINING


def _seeds(text: str) -> list[int]:
    return [bounded("seed")(seed) for seed in text.split(",")]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a .toml file, or the name of one in data/: toy")
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="section.key=value,value",
        help="options with their values; all combinations are trained",
    )
    parser.add_argument(
        "--seeds",
        type=_seeds,
        default=[1],
        metavar="N,N",
        help="train each with these (default: 1)",
    )
    parser.add_argument(
        "--random", type=positive, metavar="N", help="N combinations, drawn at random"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FOLDER",
        help="of the runs and the table (default: runs/sweep-RECIPE)",
    )


def run(args: argparse.Namespace) -> None:
    """Trains what is missing, one after the other, and prints the table."""
    from nmt.experiments.sweep import lines, points, recipe_of, sweep

    # With nohup SIGHUP is ignored, and stays so.
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    former = {n: signal.signal(n, lambda number, _: sys.exit(128 + number)) for n in numbers}
    folder = Path(args.output or f"runs/sweep-{Path(args.recipe).stem}")
    trainings = points(args.overrides, args.seeds, args.random)
    rows = []
    try:
        for row in sweep(args.recipe, folder, trainings):
            rows.append(row)
    finally:  # a training may have failed
        for number, handler in former.items():
            signal.signal(number, handler)
        if rows:
            language_model = recipe_of(args.recipe, trainings[0]).language_model
            print("\n".join(lines(rows, language_model)))
