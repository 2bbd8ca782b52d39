"""`nmt evaluate --wait`: what waiting costs and gains (simultaneous translation)."""

import argparse

from nmt.cli.arguments import add_threads
from nmt.cli.stream import wait
from nmt.errors import UserError
from nmt.packages import TRAINING

HELP = "BLEU, chrF and average lagging of runs that stay K words behind (wait-k), greedily"
EXAMPLE = "nmt evaluate runs/toy-online --wait 1,3,5,full --plot lagging.png"
NEEDS = TRAINING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="+", help="run folders")
    parser.add_argument(
        "--wait",
        type=_waits,
        required=True,
        metavar="K,K,…",
        help="words the translation stays behind; full: whole lines",
    )
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    parser.add_argument(
        "--plot", metavar="FILE", help="also draw BLEU over average lagging (.png, .svg, .pdf)"
    )
    add_threads(parser)


def _waits(text):
    return [wait(part) for part in text.split(",")]


def run(args: argparse.Namespace) -> None:
    """Prints a table for each run; with --plot draws all of them."""
    from nmt import plots
    from nmt.machine import start_keras
    from nmt.recipe import reason_against_waiting
    from nmt.runs.folder import Run
    from nmt.runs.held_out import held_out

    if args.plot:
        plots.check_ready(args.plot)
    # Whatever is refused is refused before Keras starts.
    runs = [Run.open(name) for name in args.run]
    for run in runs:
        if reason := reason_against_waiting(run.recipe.model):
            raise UserError(f"{run.path}: {reason}")
    texts = [held_out(run, args.split) for run in runs]
    for run, pairs in zip(runs, texts, strict=True):
        if not pairs:
            raise UserError(f"{run.path}: its first corpus has no {args.split} text")
    start_keras(args.threads)
    from nmt.simultaneous.lagging import by_wait, figure, lines
    from nmt.simultaneous.model import load_model

    curves = {}
    for run, pairs in zip(runs, texts, strict=True):
        rows = by_wait(run, load_model(run), args.wait, pairs)
        curves[str(run.path)] = rows
        print("\n".join(lines(run.path, args.split, rows)), flush=True)
    if args.plot:
        plots.save(figure(curves), args.plot)
