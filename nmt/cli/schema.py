"""`nmt schema`: what an editor needs to complete and check recipes."""

import argparse
import json

HELP = "print the JSON schema of recipes, for editors that complete and check TOML"
EXAMPLE = "nmt schema > recipe.schema.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(args: argparse.Namespace) -> None:
    """Prints the schema."""
    from nmt.recipe.schema import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
