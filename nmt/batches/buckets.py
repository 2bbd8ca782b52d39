"""Training batches: sorted by length, cut at a token budget, shuffled as batches.

A batch holds sentences of nearly one length, so almost nothing of it is padding. Which sentences
of equal length share a batch, and in which order batches come, is a function of (seed, epoch).
Example, budget 12 target tokens, lengths with EOS:

    lengths 3 3 4 4 6 6 6  ->  [3 3 4] [4 6] [6 6]  ->  shuffled [6 6] [3 3 4] [4 6]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nmt.batches.padding import Arrays, cut, pad
from nmt.batches.store import Store
from nmt.recipe import SIDES
from nmt.text.vocabulary import BOS, EOS

if TYPE_CHECKING:
    from nmt.text.tokenizer import Tokenizer

# Between the seeds of two trainings: more than a training has steps.
SEED_STRIDE = 1_000_003


class Batches:
    """The batches of every epoch: `epoch(n)` gives their pairs, `arrays` their padded ids.

    batch_tokens: target tokens of a batch, padding and EOS included, at most; twice as many of the
    source. sampling: 0, or the strength of the sampling with which `tokenizers` segment anew.
    """

    def __init__(
        self,
        store: Store,
        batch_tokens: int,
        seed: int,
        tokenizers: Sequence[Tokenizer] = (),
        sampling: float = 0.0,
    ):
        self.store = store
        self.seed = seed
        self.sampling = sampling
        self.tokenizers = tokenizers
        # Epochs differ in the order of equal lengths only: batches always end at the same places.
        source, target = store.lengths
        order = np.lexsort((source, target))
        self.ends = cut(target[order] + 1, source[order] + 1, batch_tokens)

    def __len__(self) -> int:
        """Batches an epoch, the same for every epoch."""
        return len(self.ends)

    def epoch(self, number: int) -> list[np.ndarray]:
        """The pair ids of each batch of an epoch, in training order."""
        rng = np.random.default_rng([self.seed, number])
        source, target = self.store.lengths
        order = np.lexsort((rng.random(len(source)), source, target))
        batches = np.split(order, self.ends[:-1])
        return [batches[n] for n in rng.permutation(len(batches))]

    def arrays(self, pair_ids: np.ndarray, seed: int) -> Arrays:
        """A batch, int32, padded right.

        Returns source [pairs, source_len], which ends with EOS, and target [pairs, target_len + 1]
        from BOS to EOS. seed: of the sampling.
        """
        source, target = (self._token_ids(side, pair_ids, seed + side) for side in (0, 1))
        return pad(source, [], [EOS]), pad(target, [BOS], [EOS])

    def _token_ids(self, side, pair_ids, seed):
        if not self.sampling:
            return self.store.ids(side, pair_ids)
        text = self.store.text(side, pair_ids)
        return self.tokenizers[side].sample(text, self.sampling, seed)

    def batches_from(self, step: int) -> Iterator[Arrays]:
        """Endless batches from a step of the training on."""
        while True:
            number, skipped = divmod(step, len(self))
            for pair_ids in self.epoch(number)[skipped:]:
                seed = (self.seed * SEED_STRIDE + step * len(SIDES)) % 2**32
                yield self.arrays(pair_ids, seed)
                step += 1
