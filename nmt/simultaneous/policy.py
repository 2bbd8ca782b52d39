"""The wait-k policy (Ma et al. 2019): source words read before a target word is complete.

g(t) = t + k - 1 source words are read by the time that target word t is complete; k is the `wait`.
A word is complete when the next one begins, so the piece that begins word t + 1 is still chosen
with g(t) source words. Before the first word, t = 0, the decoder has read as much as for t = 1:

    piece that is chosen                          t   source words read, k = 3
    the first piece of word 1                     0   3
    other pieces of word 1, the first of word 2   1   3
    other pieces of word 2, the first of word 3   2   4
    other pieces of word 3, the first of word 4   3   5

The mask of training, the evaluation of whole test sets and streams all take the policy from here.
"""

import dataclasses
from typing import Any

import numpy as np

from nmt.recipe import DataOptions
from nmt.text.languages import unspaced
from nmt.text.vocabulary import BOS, EOS, PAD


def source_words_read(t: Any, wait: Any) -> Any:
    """g(t): source words that are read when target word t becomes complete.

    The end of the source counts as one word more. t, wait: int32 tensors, arrays or numbers.
    """
    from keras import ops  # imported here: this module must not start Keras

    return ops.maximum(t, 1) + wait - 1


@dataclasses.dataclass(frozen=True)
class WordStarts:
    """Which pieces begin a word: a cumulative sum over a sentence numbers its words.

    In languages with spaces the first piece of a word begins with "▁". In languages without them
    every piece is a word and complete at once: t is one more, so BOS begins a word there.
    """

    source: np.ndarray  # [source_vocab], 0 or 1
    target: np.ndarray  # [target_vocab], 0 or 1
    unspaced: tuple[bool, bool]  # whether source and target are written without spaces

    @classmethod
    def of(cls, tokenizers: Any, data: DataOptions) -> "WordStarts":
        """tokenizers: (source, target)."""
        without_spaces = unspaced(data.source), unspaced(data.target) and not data.tokenised
        source, target = (
            np.array([begins_word(t.piece(n), every) for n in range(t.size)], np.int32)
            for t, every in zip(tokenizers, without_spaces, strict=True)
        )
        # Special symbols begin no word, but the end of a source is read as a word.
        for table in (source, target):
            table[[PAD, BOS, EOS]] = 0
        source[EOS] = 1
        target[BOS] = without_spaces[1]
        return cls(source, target, without_spaces)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WordStarts":
        """The inverse of `get_config`."""
        source, target = (np.array(config[side], np.int32) for side in ("source", "target"))
        return cls(source, target, tuple(config["unspaced"]))

    def get_config(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "source": self.source.tolist(),
            "target": self.target.tolist(),
            "unspaced": list(self.unspaced),
        }


def begins_word(piece: str, every_piece: bool) -> bool:
    """Whether a piece, as SentencePiece writes it, begins a word.

    every_piece: languages without spaces: each piece is a word, but for the bytes of a letter.
    """
    if every_piece:
        return piece != "▁" and not piece.startswith("<0x")
    return piece.startswith("▁")
