"""Which target tokens a source token is translated by: IBM model 1 (Brown et al. 1993).

It is trained on the training pairs. The engine restricts a batch to the tokens that its source
tokens suggest and the most frequent ones: a shortlist (Jean et al. 2015, section 3.2).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nmt import files
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import EOS

SUGGESTED = 50  # target tokens a source token
FREQUENT = 200  # target tokens that are always allowed
OCCURRENCES = 10_000_000  # pairs of tokens that are looked at, at most; about 16 bytes each
SAMPLED = 4_000_000  # sentence pairs these are drawn from
ITERATIONS = 5  # of expectation maximisation

Ids = Sequence[np.ndarray]


def write(
    path: Path,
    store: Any,
    source: Tokenizer,
    target: Tokenizer,
    languages: Mapping[int, Sequence[range]] | None = None,
) -> None:
    """Writes the lexicon of a `batches.Store` and its tokenizers as .npz.

    suggested: uint16 [source_vocab, SUGGESTED]; frequent: uint16 [FREQUENT or more]. A symbol
    suggests itself, seen or not; all bytes of the training targets are frequent, since those of a
    character are no use without each other.
    languages: control piece of a target language -> its pairs; with several, arrays have a leading
    axis, and `controls` [languages] tells which is which.
    """
    groups = languages or {EOS: [range(store.pairs)]}
    lexicons = [_lexicon(store, pairs, source, target) for pairs in groups.values()]
    # Padded with what is frequent anyway.
    longest = max(len(frequent) for _, frequent in lexicons)
    arrays = {
        "suggested": np.stack([suggested for suggested, _ in lexicons]),
        "frequent": np.stack(
            [np.pad(frequent, (0, longest - len(frequent)), "edge") for _, frequent in lexicons]
        ),
    }
    if len(groups) == 1:
        arrays = {name: array[0] for name, array in arrays.items()}
    else:
        arrays["controls"] = np.array(list(groups))
    with files.atomic(path, "wb") as file:
        small: dict[str, Any] = {name: array.astype(np.uint16) for name, array in arrays.items()}
        np.savez(file, **small)


def _lexicon(store, pairs, source, target):
    """(suggested, frequent) of some pairs of the store."""
    # 1. What each token suggests.
    suggested = ibm1(store, pairs, source.size, target.size)
    for token, same in zip(source.symbol_ids, target.symbol_ids, strict=False):
        if same not in suggested[token]:
            suggested[token, -1] = same
    # 2. What is always allowed.
    frequencies = store.frequencies(target.size, pairs)
    frequent = np.argsort(-frequencies, kind="stable")[:FREQUENT]
    seen_bytes = [token for token in target.bytes_of_ids if frequencies[token]]
    return suggested, np.unique(np.concatenate([frequent, np.array(seen_bytes, frequent.dtype)]))


def ibm1(store: Any, pairs: Sequence[range], source_vocab: int, target_vocab: int) -> np.ndarray:
    """The most probable target tokens given each source token: [source_vocab, SUGGESTED].

    Best first, padded with EOS. pairs: those of the store that count.
    """
    sources, targets = _sample(store, pairs)
    table, probability = translation_table(sources, targets, source_vocab, target_vocab)
    source_of_pair = table // target_vocab

    # The best SUGGESTED of each source token.
    order = np.lexsort((-probability, source_of_pair))
    first = np.searchsorted(source_of_pair[order], np.arange(source_vocab))
    rank = np.arange(len(order)) - first[source_of_pair[order]]
    best = order[rank < SUGGESTED]
    suggested = np.full((source_vocab, SUGGESTED), EOS)
    suggested[source_of_pair[best], rank[rank < SUGGESTED]] = table[best] % target_vocab
    return suggested


def translation_table(
    sources: Ids, targets: Ids, source_vocab: int, target_vocab: int
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct pairs of tokens, and the probability of the target token given the source token.

    A pair is numbered source * target_vocab + target. sources, targets: ids of each sentence pair.
    """
    # An occurrence is a source token beside a target token of the same sentence pair. Those of one
    # target token are adjacent: a group.
    sentence_pairs = list(zip(sources, targets, strict=True))
    occurrences = [
        (source.astype(np.int64)[None, :] * target_vocab + target[:, None]).ravel()
        for source, target in sentence_pairs
    ]
    group_sizes = np.concatenate(
        [np.full(len(target), len(source)) for source, target in sentence_pairs]
    )
    group_starts = np.concatenate([[0], np.cumsum(group_sizes)[:-1]])
    # The parameters of the model are one a distinct pair of tokens.
    pairs, pair_of_occurrence = np.unique(np.concatenate(occurrences), return_inverse=True)
    source_of_pair = pairs // target_vocab

    probability = np.ones(len(pairs))
    for _ in range(ITERATIONS):
        # E: each target token is shared among the source tokens of its group.
        shares = probability[pair_of_occurrence]
        shares /= np.repeat(np.add.reduceat(shares, group_starts), group_sizes)
        # M: relative frequencies.
        counts = np.bincount(pair_of_occurrence, shares)
        probability = counts / np.bincount(source_of_pair, counts, source_vocab)[source_of_pair]
    return pairs, probability


def _sample(store, pairs):
    """Ids of both sides of random pairs with at most OCCURRENCES together."""
    pair_ids = _drawn(pairs, np.random.default_rng(0))
    lengths = [store.lengths_of(side, pair_ids) for side in (0, 1)]
    occurrences = np.prod(lengths, 0, dtype=np.int64)
    count = max(1, int(np.searchsorted(np.cumsum(occurrences), OCCURRENCES)))
    return store.ids(0, pair_ids[:count]), store.ids(1, pair_ids[:count])


def _drawn(pairs, rng):
    """All pairs of some ranges in random order, or SAMPLED of them, nearly."""
    total = sum(map(len, pairs))
    if total <= SAMPLED:
        return rng.permutation(np.concatenate([np.arange(part.start, part.stop) for part in pairs]))
    # Numbers among all of them, few of which are drawn twice.
    drawn = rng.permutation(np.unique(rng.integers(total, size=SAMPLED)))
    starts = np.cumsum([0, *map(len, pairs)])
    numbers = np.searchsorted(starts, drawn, "right") - 1
    return np.array([part.start for part in pairs])[numbers] + drawn - starts[numbers]
