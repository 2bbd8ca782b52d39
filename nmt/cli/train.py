"""`nmt train`: from a recipe to a run folder."""

import argparse
import logging
from pathlib import Path

from nmt.cli.arguments import add_overrides
from nmt.errors import Failure

log = logging.getLogger(__name__)

HELP = "train a recipe, or go on where training stopped"
EXAMPLE = "nmt train data/toy.toml --run runs/my-toy train.epochs=4"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a .toml file, see data/")
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
    from nmt.recipe import load_recipe

    recipe = load_recipe(args.recipe, args.overrides, notes=True)
    if args.fallback and (failure := _fetch_failure(recipe)):
        instead = f"{args.fallback} in {_default_folder(args.fallback)}"
        log.info(f"nmt: {failure}")
        log.info(f"The corpus of {args.recipe} cannot be fetched: training {instead} instead")
        _train(
            load_recipe(args.fallback, notes=True), _default_folder(args.fallback), args.evaluate
        )
        log.info(f"This was {instead}: the corpus of {args.recipe} cannot be fetched")
    else:
        _train(recipe, args.run or _default_folder(args.recipe), args.evaluate)


def _default_folder(recipe):
    return Path("runs") / Path(recipe).stem


def _fetch_failure(recipe):
    """Why the corpus cannot be fetched, or None where it is there now."""
    from nmt.corpora.corpus import Corpus

    try:
        Corpus(recipe.data).fetch()
    except Failure as failure:
        return failure
    return None


def _train(recipe, folder, evaluate):
    from nmt.training.train import train

    train(recipe, folder)
    if evaluate:
        from nmt.cli.parser import parse

        args = parse(["evaluate", str(folder), "--once"])
        args.run_command(args)
        if recipe.language_model:
            log.info(f"have it write with: .venv/bin/nmt generate {folder}")
        else:
            log.info(f"translate with: make translate RUN={folder}")
