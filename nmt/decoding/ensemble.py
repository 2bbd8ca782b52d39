"""Several models as one: ensembles, and shallow fusion with a language model.

`memory` and `state` of a combination are lists with an entry a model.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nmt.decoding.contract import LOG_ZERO, Contract, FromDistribution, Sources


class Ensemble(FromDistribution):
    """Models with one target vocabulary, whose probabilities are averaged at every step.

    source_of_member: for each member the index of its matrix in `Sources`; by default all take the
    first. Attention is the mean over the members that share the first member's matrix, as others
    attend to other pieces; it is None where one of them has none.
    """

    def __init__(self, members: Sequence[Contract], source_of_member: Sequence[int] | None = None):
        self.members = members
        self.source_of_member = source_of_member or [0] * len(members)

    def encode(self, source: np.ndarray | Sources) -> tuple[list, list]:
        """Each member encodes its own matrix."""
        matrices = _matrices(source)
        encoded = [
            member.encode(matrices[n])
            for member, n in zip(self.members, self.source_of_member, strict=True)
        ]
        return [memory for memory, _ in encoded], [state for _, state in encoded]

    def take(self, memory: list, sentences: np.ndarray) -> list:
        return [
            member.take(leaves, sentences)
            for member, leaves in zip(self.members, memory, strict=True)
        ]

    def distribution(
        self, memory: list, state: list, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, list]:
        """The mean of the members' probabilities, and of their attention."""
        steps = [
            member.distribution(member_memory, member_state, origin, tokens)
            for member, member_memory, member_state in zip(self.members, memory, state, strict=True)
        ]
        log_probs, attentions, states = zip(*steps, strict=True)
        return log_mean(log_probs), self._mean_attention(attentions), list(states)

    def _mean_attention(self, attentions: Sequence[Any]) -> np.ndarray | None:
        first = self.source_of_member[0]
        comparable = [
            attention
            for attention, n in zip(attentions, self.source_of_member, strict=True)
            if n == first
        ]
        if any(attention is None for attention in comparable):
            return None
        return np.mean([np.asarray(attention) for attention in comparable], 0)

    def log_probs(self, source: np.ndarray | Sources, tokens: np.ndarray) -> np.ndarray:
        """One call a member instead of one a token."""
        matrices = _matrices(source)
        return log_mean(
            [
                member.log_probs(matrices[n], tokens)
                for member, n in zip(self.members, self.source_of_member, strict=True)
            ]
        )


class Fusion(FromDistribution):
    """Shallow fusion (Gulcehre et al. 2015, section 4.1): log p(token) + weight * log p_lm(token).

    EOS is included. lm: a model with an empty memory. weight: at least 0, as search relies on sums
    that only fall. The sums are ranked, and reported as log-probabilities; they are not normalised.
    """

    def __init__(self, model: Contract, lm: Contract, weight: float):
        self.model = model
        self.lm = lm
        self.weight = weight

    def encode(self, source: np.ndarray | Sources) -> tuple[list, list]:
        """The language model gets the first matrix, and uses its number of rows only."""
        memory, state = self.model.encode(source)
        lm_memory, lm_state = self.lm.encode(_matrices(source)[0])
        return [memory, lm_memory], [state, lm_state]

    def take(self, memory: list, sentences: np.ndarray) -> list:
        return [self.model.take(memory[0], sentences), self.lm.take(memory[1], sentences)]

    def distribution(
        self, memory: list, state: list, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, Any, list]:
        """The weighted sum, and the attention of the model."""
        log_probs, attention, after = self.model.distribution(memory[0], state[0], origin, tokens)
        lm_log_probs, _, lm_after = self.lm.distribution(memory[1], state[1], origin, tokens)
        fused = np.asarray(log_probs) + self.weight * np.asarray(lm_log_probs)
        return fused, attention, [after, lm_after]

    def log_probs(self, source: np.ndarray | Sources, tokens: np.ndarray) -> np.ndarray:
        """One call a model instead of one a token."""
        lm_log_probs = self.lm.log_probs(_matrices(source)[0], tokens)
        log_probs = self.model.log_probs(source, tokens)
        return np.asarray(log_probs) + self.weight * np.asarray(lm_log_probs)


def _matrices(source: np.ndarray | Sources) -> Sequence[np.ndarray]:
    return source.matrices if isinstance(source, Sources) else [source]


def log_mean(log_probs: Sequence[Any]) -> np.ndarray:
    """log(mean(exp(x))) over a sequence of arrays of one shape."""
    stacked = np.stack([np.asarray(array) for array in log_probs])
    top = np.maximum(stacked.max(0), LOG_ZERO)
    with np.errstate(divide="ignore"):  # a token that is impossible to all stays so
        return top + np.log(np.exp(stacked - top).mean(0))
