"""`nmt bench`: how fast this machine is."""

import argparse
import json

from nmt.cli import against, growth, profile
from nmt.cli.io import check_output_file
from nmt.packages import TRAINING

HELP = "measure this machine: training the reference model, translating with a run"
EXAMPLE = "nmt bench runs/default -o figures.json"
NEEDS = TRAINING
VARIANTS = {"--against": against, "--growth": growth, "--profile": profile}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="?", help="run folder to translate with; without it only training is measured"
    )
    parser.add_argument("-o", "--output", help="also write the figures as JSON")


def run(args: argparse.Namespace) -> None:
    """Prints each figure as soon as it is measured."""
    from nmt import files
    from nmt.experiments.bench import bench, row_line
    from nmt.inference.load import open_runs
    from nmt.machine import about

    if args.run:
        open_runs(args.run)
    if args.output:
        check_output_file(args.output)
    machine = about()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    rows = []
    for row in bench(args.run):
        rows.append(row)
        print(row_line(row), flush=True)
    if args.output:
        with files.atomic(args.output) as file:
            json.dump({"machine": machine, "rows": rows}, file, indent=2)
