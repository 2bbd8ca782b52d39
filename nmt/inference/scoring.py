"""Log-probabilities of texts that are given, by translators and language models."""

from collections.abc import Sequence

import numpy as np

from nmt.batches.padding import pad
from nmt.decoding.contract import Contract
from nmt.inference.batching import KERAS_HYPOTHESES, POSITIONS, Ids, in_batches, source_matrices
from nmt.text.vocabulary import BOS, EOS


def score_ids(
    model: Contract,
    source_ids: Sequence[Sequence[Ids]],
    target_ids: Sequence[Ids],
    length_penalty: float,
    threads: int = 1,
    hypotheses_per_batch: int = KERAS_HYPOTHESES,
) -> list[tuple[float, float]]:
    """(log_prob, score) of each pair of ids without BOS and EOS; log_prob is that of the target.

    source_ids: of each sentence a list for each preparation. score: what search ranks by.
    """

    def scored(numbers: list[int]) -> list[tuple[float, float]]:
        source = source_matrices([source_ids[number] for number in numbers])
        target = pad([target_ids[number] for number in numbers], [BOS], [EOS])
        log_probs = np.asarray(model.log_probs(source, target), np.float64)
        sizes = [len(target_ids[number]) + 1 for number in numbers]
        totals = [float(row[:size].sum()) for row, size in zip(log_probs, sizes, strict=True)]
        return [
            (total, total / size**length_penalty) for total, size in zip(totals, sizes, strict=True)
        ]

    lengths = [
        max(map(len, (target, *source))) + 1
        for source, target in zip(source_ids, target_ids, strict=True)
    ]
    return in_batches(scored, lengths, hypotheses_per_batch, threads, POSITIONS)
