"""`nmt train`: from a recipe to a run folder."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.cli.arguments import add_overrides
from nmt.errors import Failure, UserError
from nmt.packages import TRAINING

if TYPE_CHECKING:
    from nmt.recipe import Recipe

log = logging.getLogger(__name__)

HELP = "train a recipe, or go on where training stopped"
EXAMPLE = "nmt train data/toy.toml --run runs/my-toy train.epochs=4"
NEEDS = TRAINING


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a .toml file, or the name of one in data/: toy")
    add_overrides(parser, "options that replace the recipe's")
    parser.add_argument("--run", help="run folder (default: runs/<name of the recipe>)")
    parser.add_argument(
        "--evaluate",
        action="store_true",
        help="score the run once it is complete, and say how to use it, as `make train` does",
    )
    parser.add_argument(
        "--fallback",
        metavar="RECIPE",
        help="what to train instead, into its own run folder, if the corpus cannot be fetched",
    )


def run(args: argparse.Namespace) -> None:
    """Trains the recipe or, if its corpus cannot be fetched, the one of --fallback."""
    from nmt.recipe import load_recipe
    from nmt.training.cluster import of_environment

    recipe = load_recipe(args.recipe, args.overrides, notes=True)
    folder = args.run or _default_folder(args.recipe)
    cluster = of_environment()
    if args.fallback and cluster.size > 1:
        raise UserError("--fallback is for a training in one process")
    failure = _fetch_failure(recipe) if args.fallback else None
    if failure:
        recipe = load_recipe(args.fallback, notes=True)
        folder = _default_folder(args.fallback)
        log.info(f"nmt: {failure}")
        log.info(f"{args.recipe} cannot be fetched: training {args.fallback} into {folder} instead")
    from nmt.training import tasks
    from nmt.training.train import train

    train(recipe, folder)
    if cluster.number:  # the first process says the rest
        return
    if args.evaluate:
        _evaluate(folder)
    if failure:
        log.info(f"This was {args.fallback} in {folder}: {args.recipe} cannot be fetched")
    elif args.evaluate:
        log.info(tasks.of(recipe).usage.format(folder))


def _default_folder(recipe: str) -> Path:
    return Path("runs") / Path(recipe).stem


def _fetch_failure(recipe: "Recipe") -> Failure | None:
    """Why the corpus cannot be fetched, or None: then it is there."""
    from nmt.corpora.mixture import Mixture

    try:
        Mixture(recipe.data).fetch()
    except Failure as failure:
        return failure
    return None


def _evaluate(folder: str | Path) -> None:
    """`nmt evaluate --once` in a process of its own: training has set the threads of this one."""
    import subprocess

    command = [sys.executable, "-m", "nmt", "evaluate", str(folder), "--once"]
    if status := subprocess.run(command).returncode:
        sys.exit(status)
