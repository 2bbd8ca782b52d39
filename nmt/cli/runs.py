"""`nmt runs`: all runs in a table."""

import argparse
import json

HELP = "show all runs: how far they are, their scores, the options in which they differ"
EXAMPLE = "nmt runs runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="*", default=[], help="run folders, or folders with runs (default: runs)"
    )
    parser.add_argument("--format", choices=("text", "tsv", "json"), default="text")


def run(args: argparse.Namespace) -> None:
    """Prints a line for each run."""
    from nmt.evaluation.columns import aligned
    from nmt.evaluation.overview import COLUMNS, overview, runs_in

    rows = overview(runs_in(args.run or ["runs"]))
    if args.format == "json":
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    table = [COLUMNS, *([_cell(row[name]) for name in COLUMNS] for row in rows)]
    if args.format == "tsv":
        print("\n".join("\t".join(cells) for cells in table))
        return
    print("\n".join(aligned(table)))


def _cell(value):
    if isinstance(value, dict):
        return " ".join(f"{name}={str(item).lower()}" for name, item in value.items())
    return "" if value is None else str(value)
