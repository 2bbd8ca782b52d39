"""Runs of the reverse direction."""

from nmt.errors import UserError
from nmt.inference.translator import Translator
from nmt.recipe import DataOptions


def reverse_of(data: DataOptions, translator: Translator, name: str) -> Translator:
    """A translator that goes from the target of `data` to its source, by any of its corpora.

    name: of the translator, in messages. UserError if none of its corpora has that direction.
    """
    corpora = translator.recipe.data.corpora()
    directions = [f"{corpus.source}-{corpus.target}" for corpus in corpora]
    wanted = f"{data.target}-{data.source}"
    if wanted not in directions:
        known = ", ".join(dict.fromkeys(directions))
        raise UserError(f"{name}: translates {known}, but {wanted} is needed")
    number = translator.recipe.number_into(data.source, data.target)
    return translator.first(number) if number else translator
