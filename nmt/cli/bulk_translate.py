"""`nmt bulk translate`: files of text, each row with its translation."""

import argparse

from nmt.cli.arguments import (
    add_engine,
    add_glossary,
    add_lm,
    add_memory,
    add_min_confidence,
    add_reverse,
    add_search,
    add_to,
    search_overrides,
)
from nmt.cli.folders import NEEDS as NEEDS
from nmt.cli.folders import add_folders, run_on_folders

HELP = "translate a file or folder: Parquet, JSON Lines, text"
EXAMPLE = "nmt bulk translate runs/default texts/ translations/ --beam 2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    add_folders(parser)
    add_to(parser)
    add_search(parser)
    parser.add_argument(
        "--scores", action="store_true", help="also log-probability and ranking score"
    )
    parser.add_argument(
        "--confidence", action="store_true", help="also how probably it is a good translation"
    )
    add_min_confidence(parser, "a translation that has less is left empty")
    add_glossary(parser)
    add_memory(parser, "")
    add_lm(parser)
    add_reverse(parser)
    add_engine(parser, threads=False)


def run(args: argparse.Namespace) -> None:
    """Translates all rows."""
    from nmt.bulk.work import Translation

    work = Translation(
        args.run,
        args.to,
        args.beam,
        args.engine,
        search_overrides(args),
        args.glossary,
        args.memory,
        args.scores,
        args.confidence,
        args.min_confidence,
    )
    run_on_folders(args, work, [args.text])
