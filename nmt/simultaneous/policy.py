"""Wait-k (Ma et al. 2019): how much of the source is read before a word is written; one policy for all.

Training masks, evaluation of whole test sets and streams take it from here, counted in words on both sides. With
`wait` = k, t + k - 1 words of the source are read by the time that word t is written. It is written when the next
one begins, since only then it is known to be complete. So the pieces up to the first of word 2 are chosen from k
words, those up to the first of word 3 from k + 1: `reads(t, wait)`, t the word that the last piece belongs to.
"""

import numpy as np

from nmt.text.languages import unspaced
from nmt.text.vocabulary import BOS, EOS, PAD


def reads(t, wait):
    """The policy g(t) of wait-k: words of the source that are read before target word t, from 1, is complete.

    t = 0, nothing written yet, is as good as 1. The end of the source is one word more. t, wait: int32 tensors,
    arrays or numbers.
    """
    from keras import ops  # not before `nmt.simultaneous.stream` has started Keras

    return ops.maximum(t, 1) + wait - 1


class Words:
    """Which pieces begin a word: `source`, `target`, 0 or 1 a piece, summed up to number the words of a sentence.

    Words stand between spaces: their first piece begins with "▁". In text without spaces, which `unspaced` tells of
    (source, target), each piece is a word, complete as soon as it is there: t is one more, BOS begins a word.
    """

    def __init__(self, tokenizers, data):
        """tokenizers: (source, target); data: config.Data."""
        self.unspaced = unspaced(data.source), unspaced(data.target) and not data.tokenised
        self.source, self.target = (
            np.array([begins(tokenizer.piece(n), each) for n in range(tokenizer.size)], np.int32)
            for tokenizer, each in zip(tokenizers, self.unspaced, strict=True)
        )
        for table in (self.source, self.target):
            table[[PAD, BOS, EOS]] = 0
        self.source[EOS], self.target[BOS] = 1, self.unspaced[1]


def begins(piece, each):
    """Whether a piece, as SentencePiece writes it, begins a word. each: all do but bytes, which spell a letter."""
    return piece != "▁" and not piece.startswith("<0x") if each else piece.startswith("▁")
