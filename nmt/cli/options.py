"""`nmt options`: every option of a recipe."""

import argparse

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
    """Prints the options of a section, or those that contain all words."""
    from nmt.recipe import describe_options

    words = [word.casefold() for word in args.words]
    options = list(describe_options())
    if len(words) == 1 and words[0] in {option.section for option in options}:
        options = [option for option in options if option.section == words[0]]
        words = []
    texts = [text for text in map(_text, options) if all(word in text.casefold() for word in words)]
    if not texts:
        raise UserError(f"no option has {' and '.join(args.words)}; `nmt options` lists all")
    print("\n".join(texts))


def _text(option):
    """Two lines: default and values, meaning and what it needs."""
    needs = f" (needs {option.needs})" if option.needs else ""
    return (
        f"{option.section}.{option.name} = {option.default}  # {option.values}\n"
        f"    {option.meaning}{needs}"
    )
