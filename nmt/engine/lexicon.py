"""Which target pieces a source piece is translated by: IBM model 1 (Brown et al. 1993) on the training pairs.

The engine restricts a batch to the pieces that its source pieces suggest and the most frequent ones: a shortlist
(Jean et al. 2015, section 3.2).
"""

import numpy as np

from nmt import files
from nmt.text.vocabulary import EOS

SUGGESTED = 50
FREQUENT = 200  # target pieces a source piece; always allowed
OCCURRENCES = 10_000_000  # pairs of pieces that are looked at, at most; about 16 bytes each
ITERATIONS = 5


def write(path, store, source_vocab, target_vocab):
    """Writes `suggested` [source_vocab, SUGGESTED] and `frequent` [FREQUENT] of a `batches.Store` as .npz."""
    suggested = ibm1(store, source_vocab, target_vocab)
    frequent = np.argsort(-store.frequencies(target_vocab), kind="stable")[:FREQUENT]
    with files.atomic(path, "wb") as file:
        np.savez(file, suggested=suggested.astype(np.uint16), frequent=frequent.astype(np.uint16))


def ibm1(store, source_vocab, target_vocab):
    """The target pieces most probable given each source piece, padded with EOS: [source_vocab, SUGGESTED]."""
    rows = np.random.default_rng(0).permutation(store.pairs)
    sizes = np.cumsum([int(store.lengths[0][row]) * int(store.lengths[1][row]) for row in rows])
    rows = rows[: max(1, int(np.searchsorted(sizes, OCCURRENCES)))]
    sources = store.ids(0, rows)
    targets = store.ids(1, rows)
    codes = np.concatenate(
        [
            (s.astype(np.int64)[None, :] * target_vocab + t[:, None]).ravel()
            for s, t in zip(sources, targets, strict=True)
        ]
    )
    lengths = np.concatenate(
        [np.full(len(t), len(s)) for s, t in zip(sources, targets, strict=True)]
    )
    starts = np.concatenate(
        [[0], np.cumsum(lengths)[:-1]]
    )  # of each target piece: its row of source pieces
    pairs, where = np.unique(codes, return_inverse=True)
    source = pairs // target_vocab
    probability = np.ones(len(pairs))
    for _ in range(ITERATIONS):
        found = probability[where]
        found /= np.repeat(np.add.reduceat(found, starts), lengths)
        counts = np.bincount(where, found)
        probability = counts / np.bincount(source, counts, source_vocab)[source]
    order = np.lexsort((-probability, source))
    first = np.searchsorted(source[order], np.arange(source_vocab))
    rank = np.arange(len(order)) - first[source[order]]
    out = np.full((source_vocab, SUGGESTED), EOS)
    kept = rank < SUGGESTED
    out[source[order][kept], rank[kept]] = (pairs % target_vocab)[order][kept]
    return out
