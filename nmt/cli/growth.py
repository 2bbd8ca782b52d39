"""`nmt bench --growth`: how time and memory grow."""

import argparse
import logging
from pathlib import Path

from nmt.errors import UserError
from nmt.packages import TRAINING, is_installed

log = logging.getLogger(__name__)

HELP = "time and memory against pairs, length, vocabulary and beam, with models of its own"
EXAMPLE = "nmt bench --growth -o growth.json"
NEEDS = TRAINING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--growth", action="store_true", required=True, help="without it, speed is measured"
    )
    parser.add_argument(
        "--pairs",
        nargs="+",
        type=int,
        default=[],
        metavar="N",
        help="only prepare corpora of so many pairs, with all cores",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="growth.json",
        metavar="FILE",
        help="figures as JSON; the picture goes beside it (default: growth.json)",
    )


def run(args: argparse.Namespace) -> None:
    """Measures the points that the file lacks, and draws them if matplotlib is there."""
    from nmt import plots
    from nmt.experiments.growth import UNITS, growth, row_line

    if not args.output.endswith(".json"):
        raise UserError(
            f"{args.output}: a name that ends in .json is needed; the picture goes beside it"
        )
    path = Path(args.output)
    if any(number < 1 for number in args.pairs):
        raise UserError("--pairs: numbers above 0 are needed")
    rows = growth(path, args.pairs)
    print("\n".join(map(row_line, rows)))
    if is_installed("matplotlib"):
        plots.save(plots.growth(rows, UNITS), path.with_suffix(".png"))
    else:
        log.info("note: no picture, the package matplotlib is not installed")
