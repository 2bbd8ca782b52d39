"""Sentences in batches of similar length, several batches at the same time, results in order."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nmt.batches.padding import pad
from nmt.decoding.contract import Sources
from nmt.text.vocabulary import EOS

# Hypotheses in a batch of search. An engine's arrays stay in the processor's cache, and its
# shortlists short; Keras takes long to start an operation.
ENGINE_HYPOTHESES = 40
KERAS_HYPOTHESES = 320
# Sentences * length of a batch to score: Keras holds logits of the whole vocabulary for each.
POSITIONS = 8192

Ids = Sequence[int]


def source_matrices(sentences: Iterable[Sequence[Ids]]) -> np.ndarray | Sources:
    """What `encode` takes of sentences: a matrix [sentences, source_len], or `Sources` of several.

    sentences: of each its ids, a list for each preparation.
    """
    matrices = [pad(column, [], [EOS]) for column in zip(*sentences, strict=True)]
    return matrices[0] if len(matrices) == 1 else Sources(matrices)


def in_batches(
    function: Callable[[list[int]], list],
    lengths: Ids,
    size: int,
    threads: int,
    positions: int | None = None,
) -> list[Any]:
    """What `function` returns for each sentence, in order.

    function: takes the numbers of a batch of sentences. Other arguments: see `length_batches`.
    """
    batches = length_batches(lengths, size, positions)
    threads = min(threads, len(batches))
    if threads < 2:
        batch_results = list(map(function, batches))
    else:
        # Imported here, as every start of a program would pay for it.
        from concurrent.futures import ThreadPoolExecutor

        # Threads help, as models compute outside of Python's lock.
        with ThreadPoolExecutor(threads) as pool:
            batch_results = list(pool.map(function, batches))

    # From the order of the batches back to that of the sentences.
    results: dict[int, Any] = {}
    for batch, values in zip(batches, batch_results, strict=True):
        results.update(zip(batch, values, strict=True))
    return [results[number] for number in range(len(lengths))]


def length_batches(lengths: Ids, size: int, positions: int | None = None) -> list[list[int]]:
    """Numbers of the sentences of each batch: `size` of similar length, the longest first.

    positions: limit of sentences * longest length; a sentence beyond it is alone.
    """
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    batches = []
    while order:
        # The first sentence is the longest of its batch.
        count = min(size, max(1, positions // lengths[order[0]])) if positions else size
        batches.append(order[:count])
        order = order[count:]
    return batches
