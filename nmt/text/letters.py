"""What characters words are made of."""

import unicodedata

JOINERS = "\u200c\u200d"


def is_mark(character: str) -> bool:
    """Whether it belongs to the letter before it, as a vowel sign does."""
    return unicodedata.category(character)[0] == "M" or character in JOINERS


def is_of_word(character: str) -> bool:
    """Whether it is a letter, a digit, a mark of one, or an underscore."""
    return character.isalnum() or character == "_" or is_mark(character)
