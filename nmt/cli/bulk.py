"""`nmt bulk`: whole folders of text, on all cores of this machine or of a cluster."""

import argparse

from nmt.cli import bulk_filter, bulk_score, bulk_translate

HELP = "translate, score or filter whole folders, on this machine or a cluster"
EXAMPLE = "nmt bulk translate runs/default texts/ translations/"
TASKS = {"translate": bulk_translate, "score": bulk_score, "filter": bulk_filter}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tasks = parser.add_subparsers(title="what to do", required=True, metavar="TASK")
    for name, module in TASKS.items():
        tasks.add_parser(name, help=module.HELP, module=module)


def run(args: argparse.Namespace) -> None:
    """A task always has a run of its own."""
