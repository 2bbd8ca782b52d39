"""`nmt options`: every option of a recipe."""

import argparse
import dataclasses
import json
from typing import Any

from nmt.errors import UserError

HELP = "list the options of recipes, each with its default, bounds and meaning"
EXAMPLE = "nmt options train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="word",
        help="a section, or what name or meaning must contain (default: all options)",
    )


def run(args: argparse.Namespace) -> None:
    from nmt.recipe import Recipe, all_options

    words = [word.casefold() for word in args.words]
    found = False
    for name, field, _ in all_options(Recipe()):
        text = _description(name, field)
        if words in ([], [name.partition(".")[0]]) or all(
            word in text.casefold() for word in words
        ):
            print(text)
            found = True
    if not found:
        raise UserError(f"no option has {' and '.join(args.words)}; `nmt options` lists all")


def _description(name: str, field: dataclasses.Field) -> str:
    """Two lines: default and bounds, meaning and what it needs."""
    default: Any = {} if field.default is dataclasses.MISSING else field.default
    choices, low, high, needs = (field.metadata[key] for key in ("choices", "low", "high", "needs"))
    bounds = [
        f"one of {', '.join(choices)}" if choices else "",
        f"from {low}" if low is not None else "",
        f"to {high}" if high is not None else "",
    ]
    bounds = " ".join(filter(None, bounds))
    needs = f" (needs {needs.replace('|', ' or ').replace(' & ', ' and ')})" if needs else ""
    return (
        f"{name} = {json.dumps(default)}{'  # ' + bounds if bounds else ''}\n"
        f"    {field.metadata['doc']}{needs}"
    )
