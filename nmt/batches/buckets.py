"""Training batches: sorted by length, cut at a token budget, shuffled as batches.

Assumes a `Store`: ids of every pair in memory-mapped files, written once. A batch holds sentences of nearly
one length, so almost nothing of it is padding; which sentences of equal length share a batch, and in which
order batches come, is a function of (seed, epoch). Example, budget 12 target tokens, lengths with EOS:

    lengths 3 3 4 4 6 6 6  ->  [3 3 4] [4 6] [6 6]  ->  shuffled [6 6] [3 3 4] [4 6]
"""

import numpy as np

from nmt.batches.padding import cut, pad
from nmt.text.vocabulary import BOS, EOS


class Batches:
    """The batches of every epoch: `epoch(n)` gives their rows, `arrays` their padded ids."""

    def __init__(self, store, batch_tokens, seed, tokenizers=None, sampling=0.0):
        self.store = store
        self.seed = seed
        self.sampling = sampling
        self.tokenizers = tokenizers
        source, target = store.lengths
        order = np.lexsort((source, target))
        self.ends = cut(target[order] + 1, source[order] + 1, batch_tokens)

    def __len__(self):
        """Batches an epoch, the same for every epoch."""
        return len(self.ends)

    def epoch(self, number):
        """Row numbers of each batch of an epoch, in training order."""
        rng = np.random.default_rng([self.seed, number])
        source, target = self.store.lengths
        order = np.lexsort((rng.random(len(source)), source, target))
        rows = np.split(order, self.ends[:-1])
        return [rows[n] for n in rng.permutation(len(rows))]

    def arrays(self, rows, seed):
        """(source [rows, source_len] with EOS, target [rows, n + 1] from BOS to EOS), int32, padded right."""
        sides = []
        for side in (0, 1):
            if self.sampling:
                text = self.store.text(side, rows)
                sides.append(self.tokenizers[side].sample(text, self.sampling, seed + side))
            else:
                sides.append(self.store.side(side, rows))
        return pad(sides[0], [], [EOS]), pad(sides[1], [BOS], [EOS])

    def batches_from(self, step):
        """Endless batches from a global step on."""
        while True:
            number, skip = divmod(step, len(self))
            for rows in self.epoch(number)[skip:]:
                yield self.arrays(rows, seed=(self.seed * 1_000_003 + step * 2) % 2**32)
                step += 1
