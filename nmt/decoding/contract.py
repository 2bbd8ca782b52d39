"""The contract between models and what is done with them: searching, sampling, scoring, combining.

    encode(source)                              -> memory, state
    take(memory, sentences)                     -> memory
    advance(memory, state, origin, tokens, k)   -> log_probs, ids, attention, state
    distribution(memory, state, origin, tokens) -> log_probs, attention, state
    log_probs(source, tokens)                   -> log_probs

`memory` is what a model knows of the source, with a row a sentence; `state` is what it knows of the
target so far, with a row a hypothesis. The hypotheses of a sentence are adjacent rows, as many for
each sentence. Only the model looks inside of either. Nothing is kept between calls, so threads may
share a model.

A Keras model compiles these functions (nmt/models), an exported one has them in its graphs
(nmt/engine).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

LOG_ZERO = -1e30  # for the logarithm of zero, where arithmetic with infinity would give NaN


class Sources:
    """The same sentences as several matrices of ids, for models that tokenise the source
    differently.

    Its shape is that of the first matrix, which limits on lengths and attention refer to.
    """

    def __init__(self, matrices: Sequence[np.ndarray]):
        self.matrices = matrices
        self.shape = matrices[0].shape

    def __len__(self) -> int:
        return len(self.matrices[0])


@dataclasses.dataclass
class Hypothesis:
    """One translation of a sentence, or one sample: ids without BOS and EOS."""

    ids: list[int]
    log_prob: float  # summed natural log-probability, EOS included
    score: float  # what hypotheses are ranked by
    finished: bool = True  # False: cut at the length limit, no EOS; ranks behind the finished ones
    attention: np.ndarray | None = None  # [len(ids) + 1, source_len]
    # Natural log-probability of each token, EOS included; their sum is `log_prob`.
    token_log_probs: list[float] = dataclasses.field(default_factory=list)


class Contract(Protocol):
    """A model of sequences, as search and scoring call it."""

    def encode(self, source: Any) -> tuple[Any, Any]:
        """source: ids [sentences, source_len], EOS last, padded right; `Sources` for an ensemble.

        Returns the memory, and the state before the first token: one row a sentence.
        """

    def take(self, memory: Any, sentences: np.ndarray) -> Any:
        """The memory of the sentences with these indices [n]."""

    def advance(
        self, memory: Any, state: Any, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[Any, Any, Any, Any]:
        """One step: row i goes on from row origin[i] of `state` with the input token tokens[i].

        Returns the natural log-probabilities of the k best next tokens, best first, and their ids
        [rows, k] (fewer columns in a smaller vocabulary); attention [rows, source_len] or None,
        where columns of zeros may follow; state.
        """

    def distribution(
        self, memory: Any, state: Any, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[Any, Any, Any]:
        """As `advance`, with the log-probabilities of all tokens [rows, vocab]."""

    def log_probs(self, source: Any, tokens: np.ndarray) -> Any:
        """Log-probabilities [sentences, n - 1] of tokens[:, 1:], BOS first, padded right."""


class FromDistribution(Contract):
    """`advance` and `log_probs` for models that define `encode`, `take` and `distribution`."""

    def advance(
        self, memory: Any, state: Any, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, Any, Any]:
        """Picks the k best of all tokens."""
        all_log_probs, attention, state = self.distribution(memory, state, origin, tokens)
        best, ids = best_tokens(np.asarray(all_log_probs), k)
        return best, ids, attention, state

    def log_probs(self, source: Any, tokens: np.ndarray) -> np.ndarray:
        """Feeds the tokens one by one, as search would."""
        memory, state = self.encode(source)
        rows = np.arange(len(tokens), dtype=np.int32)
        chosen = np.empty(tokens[:, 1:].shape, np.float32)
        for n, outputs in enumerate(tokens.T[1:]):
            inputs = tokens[:, n].astype(np.int32)
            all_log_probs, _, state = self.distribution(memory, state, rows, inputs)
            chosen[:, n] = np.asarray(all_log_probs)[rows, outputs]
        return chosen


def best_tokens(log_probs: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(log-probabilities, ids) [rows, k] of the k best tokens, best first.

    log_probs: [rows, vocab]; k may be more than there are.
    """
    k = min(k, log_probs.shape[1])
    # Partition first: sorting whole vocabularies would take longer than the model.
    ids = np.argpartition(log_probs, -k, 1)[:, -k:]
    best = np.take_along_axis(log_probs, ids, 1)
    order = np.argsort(-best, 1, "stable")
    return np.take_along_axis(best, order, 1), np.take_along_axis(ids, order, 1)
