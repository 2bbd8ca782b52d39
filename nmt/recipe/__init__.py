"""Recipes: every option once, its checks, TOML.

`Recipe` has a dataclass a section (`[data]`, `[tokenizer]`, `[model]`, `[train]`, `[search]`).
`load_recipe("data/toy.toml", ["train.epochs=3"])` reads one and reports *all* mistakes at once.
"""

from nmt.recipe.checks import differences, idle_in_tuning, reason_against_waiting
from nmt.recipe.options import all_options
from nmt.recipe.sections import (
    SIDES,
    TWO_FILES,
    DataOptions,
    ModelOptions,
    Recipe,
    SearchOptions,
    TokenizerOptions,
    TrainOptions,
)
from nmt.recipe.toml import PATHS, OptionDescription, describe_options, dump_recipe, load_recipe

__all__ = [
    "PATHS",
    "SIDES",
    "TWO_FILES",
    "DataOptions",
    "ModelOptions",
    "OptionDescription",
    "Recipe",
    "SearchOptions",
    "TokenizerOptions",
    "TrainOptions",
    "all_options",
    "describe_options",
    "differences",
    "dump_recipe",
    "idle_in_tuning",
    "load_recipe",
    "reason_against_waiting",
]
