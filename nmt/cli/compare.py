"""`nmt compare`: systems that differ in one thing each."""

import argparse
import logging
from pathlib import Path

from nmt.cli.arguments import add_overrides
from nmt.packages import TRAINING

log = logging.getLogger(__name__)

HELP = "train and measure systems that differ in one thing each, with equal budgets"
EXAMPLE = "nmt compare --only lstm,gru,rnn -o runs/cells"
NEEDS = (*TRAINING, "matplotlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_overrides(parser, "options for all systems")
    parser.add_argument(
        "--budget",
        choices=("small", "full"),
        default="small",
        help="small: the generated corpus, minutes; full: Multi30k, hours",
    )
    parser.add_argument(
        "--only",
        type=lambda names: names.split(","),
        default=(),
        metavar="NAME,...",
        help="systems to measure now (default: all without a result)",
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="default: runs/compare-BUDGET")


def run(args: argparse.Namespace) -> None:
    """Measures what the folder lacks; prints the tables and writes the report."""
    from nmt import plots
    from nmt.experiments import results
    from nmt.experiments.comparison import compare

    plots.check_ready()
    folder = Path(args.output or f"runs/compare-{args.budget}")
    comparison = compare(args.budget, folder, args.only, args.overrides)
    print("\n".join(results.write(comparison, folder)))
    log.info(f"tables and pictures: {folder / 'report.md'}")
