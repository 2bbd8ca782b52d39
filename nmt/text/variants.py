"""Text as people write it: without its full stop, in lower case, with a typing error.

Training on some of it makes a translator used to it, and costs a little on other text
(`data.variation`); a test set changed in the same way tells what it brings.
"""

import re
from collections.abc import Callable

import numpy as np

Change = Callable[[str, str, np.random.Generator], tuple[str, str]]

END = re.compile(r"\s*[.!?。！？…]+$")
# Words whose inner letters may be confused.
WORD = re.compile(r"[^\W\d_]{4,}")


def without_end(source: str, target: str, rng: np.random.Generator) -> tuple[str, str]:
    """Both sides without the punctuation at their ends, where both have some."""
    shorter = END.sub("", source), END.sub("", target)
    changed = all(shorter) and shorter[0] != source and shorter[1] != target
    return shorter if changed else (source, target)


def lower_beginning(source: str, target: str, rng: np.random.Generator) -> tuple[str, str]:
    """The source with a small letter at its beginning."""
    return source[:1].lower() + source[1:], target


def misspelt(source: str, target: str, rng: np.random.Generator) -> tuple[str, str]:
    """The source with one letter of a word twice, missing, another, or exchanged with the next."""
    words = list(WORD.finditer(source))
    if not words:
        return source, target
    word = words[rng.integers(len(words))]
    place = int(rng.integers(word.start() + 1, word.end() - 1))
    before, letter, following, after = (
        source[:place],
        source[place],
        source[place + 1],
        source[place + 2 :],
    )
    other = source[int(rng.integers(word.start(), word.end()))]
    written = (letter + letter + following, following, other + following, following + letter)
    return before + written[rng.integers(len(written))] + after, target


CHANGES: dict[str, Change] = {
    "no end punctuation": without_end,
    "lower-case beginning": lower_beginning,
    "a typing error": misspelt,
}


def varied(source: str, target: str, rng: np.random.Generator) -> tuple[str, str]:
    """A pair with one of the changes, drawn."""
    change = list(CHANGES.values())[rng.integers(len(CHANGES))]
    return change(source, target, rng)
