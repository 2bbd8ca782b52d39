"""Recipes: every option once, its checks, TOML."""

from nmt.recipe.sections import (
    PATHS,
    SIDES,
    DataOptions,
    ModelOptions,
    Recipe,
    SearchOptions,
    TokenizerOptions,
    TrainOptions,
    all_options,
    differences,
    dump_recipe,
    load_recipe,
    reason_against_waiting,
)

__all__ = [
    "PATHS",
    "SIDES",
    "DataOptions",
    "ModelOptions",
    "Recipe",
    "SearchOptions",
    "TokenizerOptions",
    "TrainOptions",
    "all_options",
    "differences",
    "dump_recipe",
    "load_recipe",
    "reason_against_waiting",
]
