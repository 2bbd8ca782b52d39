"""`nmt bulk filter`: files of pairs, and which of them do not belong together."""

import argparse

from nmt.cli.arguments import add_engine, real
from nmt.cli.folders import NEEDS as NEEDS
from nmt.cli.folders import add_folders, add_translation, run_on_folders

HELP = "find the pairs in a file or folder that do not belong together"
EXAMPLE = "nmt bulk filter runs/default translations/ clean/ --clean"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    add_folders(parser)
    add_translation(parser)
    parser.add_argument("--reverse", metavar="RUN", help="a run of the reverse direction, too")
    parser.add_argument(
        "--threshold", type=real, metavar="X", help="flag pairs that score below (default: 0.15)"
    )
    parser.add_argument(
        "--clean", action="store_true", help="write only the pairs that are not flagged"
    )
    add_engine(parser, threads=False)


def run(args: argparse.Namespace) -> None:
    """Flags pairs, or with --clean leaves them out."""
    from nmt.bulk.work import Filtering
    from nmt.evaluation import mismatch

    threshold = mismatch.THRESHOLD if args.threshold is None else args.threshold
    work = Filtering(args.run, args.reverse, threshold, args.clean, args.engine)
    run_on_folders(args, work, [args.text, args.translation])
