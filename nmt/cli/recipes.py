"""`nmt recipes`: the recipes of the package."""

import argparse

HELP = "list the recipes that come with nmt, or print one, to change it"
EXAMPLE = "nmt recipes my-own > my-own.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="a recipe to print (default: all are listed)")


def run(args: argparse.Namespace) -> None:
    """Prints name, languages, meaning and command of each recipe, or the text of one."""
    from nmt.recipe.library import builtin, builtin_recipes

    if args.name:
        print(builtin(args.name).read_text(encoding="utf-8"), end="")
        return
    for name, path in builtin_recipes().items():
        print(_entry(name, path))


def _entry(name, path):
    """Three lines: name and languages, what it trains, the command."""
    from nmt.recipe import load_recipe
    from nmt.recipe.library import summary
    from nmt.recipe.sections import OWN_PAIRS

    recipe = load_recipe(path)
    data = recipe.data
    languages = ",".join(data.targets())
    if not recipe.language_model:
        languages = f"{data.source}-{languages}"
    # One that reads files of one's own is there to be changed.
    own_files = data.format in (*OWN_PAIRS, "text") and not data.url
    command = f"nmt recipes {name} > {name}.toml" if own_files else f"nmt train {name}"
    return f"{name} ({languages})\n    {summary(path.read_text(encoding='utf-8'))}\n    {command}"
