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

    def scores(numbers: list[int]) -> list:
        source = source_matrices(source_ids[number] for number in numbers)
        targets = [target_ids[number] for number in numbers]
        log_probs = np.asarray(model.log_probs(source, pad(targets, [BOS], [EOS])), np.float64)
        results = []
        for target, row in zip(targets, log_probs, strict=True):
            # What follows a target's EOS is padding.
            length = len(target) + 1
            log_prob = float(row[:length].sum())
            results.append((log_prob, log_prob / length**length_penalty))
        return results

    # A batch is as long as the longest of its sequences, EOS included.
    lengths = [
        max(map(len, (target, *source))) + 1
        for source, target in zip(source_ids, target_ids, strict=True)
    ]
    return in_batches(scores, lengths, hypotheses_per_batch, threads, POSITIONS)
