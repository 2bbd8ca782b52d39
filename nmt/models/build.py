"""The model of a recipe: the only place that maps names to classes."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np

from nmt.models.language import LanguageModel
from nmt.models.translation import TranslationModel
from nmt.recipe import Recipe


def build(recipe: Recipe, source_vocab: int, target_vocab: int) -> TranslationModel | LanguageModel:
    """A model with initial weights that are a function of `train.seed`."""
    seed = recipe.train.seed
    with _generators_kept():
        if recipe.language_model:
            return LanguageModel(recipe.model, target_vocab, seed, recipe.train.streams)
        return TranslationModel(recipe.model, source_vocab, target_vocab, seed)


@contextlib.contextmanager
def _generators_kept() -> Iterator[None]:
    """A block after which Python's and NumPy's random numbers go on as if it had drawn none.

    Initial weights are drawn from seeds that Keras sets for the whole process. A program that loads
    a run has random numbers of its own.
    """
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
