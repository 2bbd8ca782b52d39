"""`nmt fetch`: a corpus, before training needs it."""

import argparse

from nmt.cli.arguments import add_overrides

HELP = "fetch the corpus of a recipe, so that training needs no network"
EXAMPLE = "nmt fetch data/multi30k-en-de.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", help="a .toml file, or the name of one in data/: toy")
    add_overrides(parser, "options that replace the recipe's")


def run(args: argparse.Namespace) -> None:
    """Fetches what is not there yet."""
    from nmt.corpora.mixture import Mixture
    from nmt.recipe import load_recipe

    Mixture(load_recipe(args.recipe, args.overrides).data).fetch()
