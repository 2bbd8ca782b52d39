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

from nmt.batches.padding import Arrays, Ids, cut, pad
from nmt.batches.store import Store
from nmt.recipe import SIDES
from nmt.text.variants import varied
from nmt.text.vocabulary import BOS, EOS

if TYPE_CHECKING:
    from nmt.text.tokenizer import Tokenizer

# Between the seeds of two trainings: more than a training has steps.
SEED_STRIDE = 1_000_003


class Batches:
    """The batches of every epoch: `epoch(n)` gives their pairs, `arrays` their padded ids.

    batch_tokens: target tokens of a batch, padding and EOS included, at most; twice as many of the
    source. sampling: 0, or the strength of the sampling with which `tokenizers` segment anew.
    weights: how often an epoch has each pair of each corpus of the store; of 0.25 each epoch draws
    another quarter. prefixes: the ids before the sources of each corpus. variation: share of the
    pairs that is changed anew each time (nmt/text/variants.py).
    """

    def __init__(
        self,
        store: Store,
        batch_tokens: int,
        seed: int,
        tokenizers: Sequence[Tokenizer] = (),
        sampling: float = 0.0,
        weights: Sequence[float] = (1.0,),
        prefixes: Sequence[Ids] = ((),),
        variation: float = 0.0,
    ):
        self.store = store
        self.seed = seed
        self.sampling = sampling
        self.tokenizers = tokenizers
        self.batch_tokens = batch_tokens
        self.weights = weights
        self.prefixes = prefixes
        self.variation = variation
        self.starts = np.cumsum([0, *store.corpora])  # of the corpora, in pairs
        self.size = len(self._batches(np.random.default_rng([seed, 0])))

    def __len__(self) -> int:
        """Batches an epoch, the same for every epoch."""
        return self.size

    def epoch(self, number: int) -> list[np.ndarray]:
        """The pair ids of each batch of an epoch, in training order.

        Pairs that are drawn anew make some batches more or less: the epoch leaves some out, or has
        some twice.
        """
        rng = np.random.default_rng([self.seed, number])
        batches = self._batches(rng)
        order = rng.permutation(max(len(batches), self.size))
        return [batches[n % len(batches)] for n in order[: self.size]]

    def _batches(self, rng):
        """The batches of an epoch, by length."""
        pairs = self._drawn(rng)
        source, target = (lengths[pairs] for lengths in self.store.lengths)
        order = np.lexsort((rng.random(len(pairs)), source, target))
        longest = max(map(len, self.prefixes))
        source_lengths = source[order] + longest + 1
        ends = cut(target[order] + 1, source_lengths, self.batch_tokens)
        return np.split(pairs[order], ends[:-1])

    def _drawn(self, rng):
        """The pairs of an epoch, as often as it has them."""
        parts = []
        for start, size, weight in zip(self.starts, self.store.corpora, self.weights, strict=False):
            whole = np.arange(start, start + size)
            parts += [whole] * int(weight)
            if weight % 1:
                drawn = rng.permutation(size)[: round(weight % 1 * size)]
                parts.append(whole[np.sort(drawn)])
        return np.concatenate(parts)

    def arrays(self, pair_ids: np.ndarray, seed: int) -> Arrays:
        """A batch, int32, padded right.

        Returns source [pairs, source_len], which ends with EOS, and target [pairs, target_len + 1]
        from BOS to EOS. seed: of the sampling.
        """
        source, target = (self._token_ids(side, pair_ids, seed + side) for side in (0, 1))
        if self.variation:
            self._vary(pair_ids, source, target, seed)
        if any(self.prefixes):
            corpora = np.searchsorted(self.starts, pair_ids, "right") - 1
            source = [
                [*self.prefixes[corpus], *ids] for corpus, ids in zip(corpora, source, strict=True)
            ]
        return pad(source, [], [EOS]), pad(target, [BOS], [EOS])

    def _vary(self, pair_ids, source, target, seed):
        """Puts the ids of changed pairs in the place of theirs."""
        rng = np.random.default_rng([self.seed, seed])
        rows = np.flatnonzero(rng.random(len(pair_ids)) < self.variation)
        texts = (self.store.text(side, pair_ids[rows]) for side in (0, 1))
        for row, old_source, old_target in zip(rows, *texts, strict=True):
            new_source, new_target = varied(old_source, old_target, rng)
            if new_source != old_source:
                source[row] = self.tokenizers[0].encode([new_source])[0]
            if new_target != old_target:
                target[row] = self.tokenizers[1].encode([new_target])[0]

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
