"""Sentences in batches of similar length, several batches at the same time, results in order."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

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
Item = TypeVar("Item")
Result = TypeVar("Result")


def windows(lines: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of up to `size` lines, in order."""
    iterator = iter(lines)
    while window := list(itertools.islice(iterator, size)):
        yield window


def source_matrices(sentences: Sequence[Sequence[Ids]]) -> np.ndarray | Sources:
    """What `encode` takes of sentences: a matrix [sentences, source_len], or `Sources` of several.

    sentences: of each its ids, a list for each preparation.
    """
    matrices = [pad(column, [], [EOS]) for column in zip(*sentences, strict=True)]
    return matrices[0] if len(matrices) == 1 else Sources(matrices)


def in_batches(
    function: Callable[[list[int]], Iterable[Result]],
    lengths: Sequence[int],
    size: int,
    threads: int = 1,
    positions: int | None = None,
) -> list[Result]:
    """What `function` returns for each sentence, in order.

    function: takes the numbers of a batch of sentences. Other arguments: see `length_batches`.
    """
    results: dict[int, Result] = {}
    batches = length_batches(lengths, size, positions)
    with _parallel_map(min(threads, len(batches))) as mapped:
        for batch, found in zip(batches, mapped(function, batches), strict=True):
            results.update(zip(batch, found, strict=True))
    return [results[number] for number in range(len(lengths))]


def length_batches(
    lengths: Sequence[int], size: int, positions: int | None = None
) -> list[list[int]]:
    """Numbers of the sentences of each batch: `size` of similar length, the longest first.

    positions: limit of sentences * longest length; a sentence beyond it is alone.
    """
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    batches = []
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        count = min(size, max(1, positions // longest)) if positions else size
        batches.append(order[start : start + count])
        start += count
    return batches


@contextlib.contextmanager
def _parallel_map(threads: int) -> Iterator[Any]:
    """A `map` over threads: models compute outside of Python's lock."""
    if threads < 2:
        yield map
        return
    # Imported here, as every start of a program would pay for it.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        yield pool.map
