"""Batches: every sentence once, similar lengths together, results in order."""

import random
import time

import pytest

from nmt.inference.batching import in_batches, length_batches
from nmt.windows import windows


@pytest.mark.parametrize("positions", [None, 20])
def test_every_sentence_is_in_one_batch_with_its_like(positions):
    rng = random.Random(1)
    for _ in range(50):
        lengths = [rng.randrange(1, 30) for _ in range(rng.randrange(40))]
        size = rng.randrange(1, 9)
        batches = length_batches(lengths, size, positions)
        assert sorted(n for batch in batches for n in batch) == list(range(len(lengths)))
        in_turn = [lengths[n] for batch in batches for n in batch]
        assert in_turn == sorted(lengths, reverse=True)
        for batch in batches:
            positions_taken = len(batch) * max(lengths[n] for n in batch)
            assert len(batch) <= size
            assert not positions or len(batch) == 1 or positions_taken <= positions


@pytest.mark.parametrize("threads", [1, 4])
def test_results_come_back_in_order(threads):
    """Though later batches may be ready first."""
    lengths = [3, 9, 1, 7, 7, 2, 8]

    def slow(numbers):
        time.sleep(0.002 * lengths[numbers[0]])
        return [10 * n for n in numbers]

    assert in_batches(slow, lengths, 2, threads) == [10 * n for n in range(7)]
    assert in_batches(slow, [], 2, threads) == []


def test_windows_are_read_as_they_are_needed():
    lines = iter(range(7))
    read = windows(lines, 3)
    assert next(read) == [0, 1, 2] and next(lines) == 3
    assert list(read) == [[4, 5, 6]] and list(windows([], 3)) == []
