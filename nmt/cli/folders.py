"""What the tasks of `nmt bulk` have in common: folders in and out, columns, workers."""

import argparse
from collections.abc import Sequence
from typing import Any

from nmt.cli.arguments import a_path, positive
from nmt.errors import UserError

NEEDS = ("pyarrow",)
WINDOW = 1000  # as of `nmt translate`: what is translated together makes the last digits


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Input, output, columns, windows and workers."""
    parser.add_argument(
        "input",
        type=a_path,
        help="file or folder, here or in object storage (s3://, gs://, abfs://): .parquet, .jsonl, "
        "all else is text; .gz and .zst as well",
    )
    parser.add_argument(
        "output", type=a_path, help="a folder of its own, for files of the same formats"
    )
    parser.add_argument(
        "--text", default="text", metavar="COLUMN", help="column to read (default: text)"
    )
    parser.add_argument(
        "--id",
        metavar="COLUMN",
        help="the one column of the input that is written beside what is new (default: all)",
    )
    parser.add_argument(
        "--window",
        type=positive,
        default=WINDOW,
        metavar="N",
        help=f"rows that are worked on together, and rows of a file of the output "
        f"(default: {WINDOW})",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="translators at the same time, each on a core (default: all cores)",
    )


def add_translation(parser: argparse.ArgumentParser) -> None:
    """The other side of a pair."""
    parser.add_argument(
        "--translation",
        default="translation",
        metavar="COLUMN",
        help="column of the translations (default: translation); a line of text has a tab instead",
    )


def run_on_folders(args: argparse.Namespace, work: Any, columns: Sequence[str]) -> None:
    """Does a `nmt.bulk.work` on the files that were named."""
    from nmt.bulk.job import Job
    from nmt.bulk.running import run
    from nmt.bulk.storage import Folder

    source, only = Folder.of(args.input)
    target = Folder(args.output)
    if only is None and f"{target.root}/".startswith(f"{source.root}/"):
        raise UserError(f"{args.output}: lies in the input {args.input}; choose another folder")
    run(Job(work, source, only, target, columns, args.id, args.window), args.workers)
