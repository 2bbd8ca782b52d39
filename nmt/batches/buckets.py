"""Training batches: sorted by length, cut at a token budget, shuffled as batches.

A batch holds sentences of nearly one length, so almost nothing of it is padding. Which sentences
of equal length share a batch, and in which order batches come, is a function of (seed, epoch).
Example, budget 12 target tokens, lengths with EOS:

    lengths 3 3 4 4 6 6 6  ->  [3 3 4] [4 6] [6 6]  ->  shuffled [6 6] [3 3 4] [4 6]

An epoch of more than GROUP pairs is sorted and cut shard by shard. Its shards are shuffled, and so
are the batches of a group of them at a time: memory does not grow with the pairs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nmt.batches.padding import Arrays, Ids, cut, pad
from nmt.batches.store import Store
from nmt.text.variants import varied
from nmt.text.vocabulary import BOS, EOS

if TYPE_CHECKING:
    from nmt.text.tokenizer import Tokenizer

# Pairs whose batches are shuffled together, at most; about 50 bytes each while they are sorted.
GROUP = 8_000_000


class Share(NamedTuple):
    """Adjacent pairs of a corpus, and how often an epoch has each; of 0.25 it draws a quarter."""

    start: int
    end: int
    weight: float

    @property
    def pairs(self) -> float:
        """How many an epoch has."""
        return (self.end - self.start) * self.weight


class Batches:
    """The batches of every epoch: `epoch(n)` gives their pairs, `arrays` their padded ids.

    batch_tokens: target tokens of a batch, padding and EOS included, at most, before variation
    makes some longer; twice as many of the source. weights: how often an epoch has each pair of
    each corpus of the store; of 0.25 each epoch draws another quarter. prefixes: the ids before the
    sources of each corpus. variation: share of the pairs that is changed anew each time
    (nmt/text/variants.py), for which `tokenizers` are needed.
    """

    def __init__(
        self,
        store: Store,
        batch_tokens: int,
        seed: int,
        tokenizers: Sequence[Tokenizer] = (),
        weights: Sequence[float] = (1.0,),
        prefixes: Sequence[Ids] = ((),),
        variation: float = 0.0,
    ):
        self.store = store
        self.seed = seed
        self.tokenizers = tokenizers
        self.batch_tokens = batch_tokens
        self.weights = weights
        self.prefixes = prefixes
        self.variation = variation
        self.starts = np.cumsum([0, *store.corpora])  # of the corpora, in pairs
        self.parts = self._parts()
        # Batches of each part, and of an epoch.
        rngs = (np.random.default_rng([seed, 0]) for _ in self.parts)
        self.sizes = [len(batches) for batches in map(self._batches, self.parts, rngs)]
        self.size = sum(self.sizes)

    def __len__(self) -> int:
        """Batches an epoch, the same for every epoch."""
        return self.size

    def epoch(self, number: int, first: int = 0) -> Iterator[np.ndarray]:
        """Yields the pair ids of each batch of an epoch in training order, from its n-th on.

        Pairs that are drawn anew make some batches more or less: the epoch leaves some out, or has
        some twice.
        """
        for place, parts in enumerate(self._groups(number)):
            size = sum(self.sizes[part] for part in parts)
            if first < size:
                yield from self._group(number, place, parts, size)[first:]
            first = max(0, first - size)
            self.store.close()

    def _groups(self, number):
        """The numbers of the parts of each group, in the order of an epoch."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.parts))
        groups: list[list[int]] = [[]]
        pairs = 0
        for part in order.tolist():
            size = sum(share.pairs for share in self.parts[part])
            if groups[-1] and pairs + size > GROUP:
                groups.append([])
                pairs = 0
            groups[-1].append(part)
            pairs += size
        return groups

    def _group(self, number, place, parts, size):
        """So many batches of the parts of a group, shuffled."""
        # For the first group, and so for all of a small corpus, it is that of [seed, number].
        rng = np.random.default_rng([self.seed, number, place])
        batches = [batch for part in parts for batch in self._batches(self.parts[part], rng)]
        order = rng.permutation(max(len(batches), size))
        return [batches[n % len(batches)] for n in order[:size]]

    def _parts(self):
        """The shares of an epoch in parts that are sorted and cut each by itself.

        What fits into a group is one part. Else each shard is one, and a further one each time that
        an epoch has some of it again.
        """
        corpora = itertools.pairwise(self.starts.tolist())
        whole = [Share(*ends, weight) for ends, weight in zip(corpora, self.weights, strict=False)]
        if sum(share.pairs for share in whole) <= GROUP:
            return [whole]
        parts = []
        for shard in itertools.pairwise(self.store.starts.tolist()):
            for time in range(math.ceil(max(self.weights))):
                part = [_inside(share, *shard, time) for share in whole]
                parts.append([share for share in part if round(share.pairs)])
        return [part for part in parts if part]

    def _batches(self, part, rng):
        """The batches of a part in an epoch, by length."""
        pairs = self._drawn(part, rng)
        source, target = (self.store.lengths_of(side, pairs) for side in (0, 1))
        order = np.lexsort((rng.random(len(pairs)), source, target))
        longest = max(map(len, self.prefixes))
        source_lengths = source[order] + longest + 1
        ends = cut(target[order] + 1, source_lengths, self.batch_tokens)
        return np.split(pairs[order], ends[:-1])

    def _drawn(self, part, rng):
        """The pairs of a part in an epoch, as often as it has them."""
        parts = []
        for start, end, weight in part:
            whole = np.arange(start, end)
            parts += [whole] * int(weight)
            if weight % 1:
                drawn = rng.permutation(end - start)[: round(weight % 1 * (end - start))]
                parts.append(whole[np.sort(drawn)])
        return np.concatenate(parts)

    def arrays(self, pair_ids: np.ndarray, step: int) -> Arrays:
        """A batch, int32, padded right.

        Returns source [pairs, source_len], which ends with EOS, and target [pairs, target_len + 1]
        from BOS to EOS. step: of the training, for which pairs are changed.
        """
        source: list[Ids] = list(self.store.ids(0, pair_ids))
        target: list[Ids] = list(self.store.ids(1, pair_ids))
        if self.variation:
            self._vary(pair_ids, source, target, step)
        if any(self.prefixes):
            corpora = np.searchsorted(self.starts, pair_ids, "right") - 1
            source = [
                [*self.prefixes[corpus], *ids] for corpus, ids in zip(corpora, source, strict=True)
            ]
        return pad(source, [], [EOS]), pad(target, [BOS], [EOS])

    def _vary(self, pair_ids, source, target, step):
        """Puts the ids of changed pairs in the place of theirs."""
        rng = np.random.default_rng([self.seed, step])
        rows = np.flatnonzero(rng.random(len(pair_ids)) < self.variation)
        texts = (self.store.text(side, pair_ids[rows]) for side in (0, 1))
        for row, old_source, old_target in zip(rows, *texts, strict=True):
            new_source, new_target = varied(old_source, old_target, rng)
            if new_source != old_source:
                source[row] = self.tokenizers[0].encode([new_source])[0]
            if new_target != old_target:
                target[row] = self.tokenizers[1].encode([new_target])[0]

    def batches_from(self, step: int) -> Iterator[Arrays]:
        """Endless batches from a step of the training on."""
        while True:
            number, skipped = divmod(step, len(self))
            for pair_ids in self.epoch(number, skipped):
                yield self.arrays(pair_ids, step)
                step += 1


def _inside(share, start, end, time):
    """The pairs of a share within a shard, as the epoch has them the n-th time."""
    first = max(share.start, start)
    weight = min(1.0, max(0.0, share.weight - time))
    return Share(first, max(first, min(share.end, end)), weight)
