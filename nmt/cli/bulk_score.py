"""`nmt bulk score`: files of pairs, each with its log-probability."""

import argparse

from nmt.cli.arguments import add_engine, add_lm, add_to, search_overrides
from nmt.cli.folders import NEEDS as NEEDS
from nmt.cli.folders import add_folders, add_translation, run_on_folders

HELP = "score the translations in a file or folder"
EXAMPLE = "nmt bulk score runs/default translations/ scores/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    add_folders(parser)
    add_translation(parser)
    add_to(parser)
    add_lm(parser)
    add_engine(parser, threads=False)


def run(args: argparse.Namespace) -> None:
    """Scores all pairs."""
    from nmt.bulk.work import Scoring

    work = Scoring(args.run, args.to, args.engine, search_overrides(args))
    run_on_folders(args, work, [args.text, args.translation])
