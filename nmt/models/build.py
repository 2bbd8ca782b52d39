"""The model of a recipe: the only place that maps names to classes."""

from nmt.models.language import LanguageModel
from nmt.models.translation import TranslationModel
from nmt.recipe import Recipe


def build(recipe: Recipe, source_vocab: int, target_vocab: int) -> TranslationModel | LanguageModel:
    """A model with initial weights that are a function of `train.seed`."""
    if recipe.language_model:
        return LanguageModel(recipe.model, target_vocab, recipe.train.seed, recipe.train.streams)
    return TranslationModel(recipe.model, source_vocab, target_vocab, recipe.train.seed)
