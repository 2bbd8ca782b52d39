"""Several models as one: ensembles, and shallow fusion with a language model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nmt.decoding.contract import LOG_ZERO, Contract, FromDistribution, Sources, best_tokens


class _Combination(FromDistribution):
    """Members whose scores are mixed; `memory` and `state` are lists with an entry a member."""

    members: Sequence[Contract]

    def _sources(self, source):
        """The source of each member."""
        raise NotImplementedError

    def _mixed(self, log_probs):
        """The log-probabilities of the members as one array."""
        raise NotImplementedError

    def _attention(self, attentions):
        return attentions[0]

    def encode(self, source: np.ndarray | Sources) -> tuple[list, list]:
        """Each member encodes its own source."""
        pairs = zip(self.members, self._sources(source), strict=True)
        encoded = [member.encode(own) for member, own in pairs]
        return [memory for memory, _ in encoded], [state for _, state in encoded]

    def take(self, memory: list, sentences: np.ndarray) -> list:
        pairs = zip(self.members, memory, strict=True)
        return [member.take(own, sentences) for member, own in pairs]

    def distribution(
        self, memory: list, state: list, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, Any, list]:
        """A step of every member."""
        functions = [member.distribution for member in self.members]
        return self._step(functions, memory, state, origin, tokens)

    def _step(self, functions, memory, state, origin, tokens):
        """What these functions of the members return for a step, as one."""
        steps = [
            function(own_memory, own_state, origin, tokens)
            for function, own_memory, own_state in zip(functions, memory, state, strict=True)
        ]
        log_probs, attentions, states = zip(*steps, strict=True)
        return self._mixed(log_probs), self._attention(attentions), list(states)

    def log_probs(self, source: np.ndarray | Sources, tokens: np.ndarray) -> np.ndarray:
        """One call a member instead of one a token."""
        pairs = zip(self.members, self._sources(source), strict=True)
        return self._mixed([member.log_probs(own, tokens) for member, own in pairs])


class Ensemble(_Combination):
    """Models with one target vocabulary, whose probabilities are averaged at every step.

    source_of_member: for each member the index of its matrix in `Sources`; by default all take the
    first. Attention is the mean over the members that share the first member's matrix, as others
    attend to other pieces; it is None where one of them has none. shortlist: the members are
    engines that share one (nmt/engine/runtime.py).
    """

    members: Sequence[Any]  # with a shortlist, engines: more than the contract

    def __init__(
        self,
        members: Sequence[Contract],
        source_of_member: Sequence[int] | None = None,
        shortlist: bool = False,
    ):
        self.members = members
        self.source_of_member = np.array(source_of_member or [0] * len(members))
        self.shortlist = shortlist

    def advance(
        self, memory: list, state: list, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray, Any, list]:
        """Among the tokens of the shortlist, if there is one."""
        if not self.shortlist:
            return super().advance(memory, state, origin, tokens, k)
        functions = [member.shortlist_distribution for member in self.members]
        log_probs, attention, state = self._step(functions, memory, state, origin, tokens)
        best, places = best_tokens(log_probs, k)
        # The places are the same for all.
        return best, self.members[0].shortlist_ids(memory[0], places), attention, state

    def _sources(self, source):
        matrices = _matrices(source)
        return [matrices[n] for n in self.source_of_member]

    def _mixed(self, log_probs):
        return log_mean(log_probs)

    def _attention(self, attentions):
        sharing = np.flatnonzero(self.source_of_member == self.source_of_member[0])
        comparable = [attentions[n] for n in sharing]
        if any(attention is None for attention in comparable):
            return None
        # Some have columns behind the source.
        width = min(attention.shape[1] for attention in comparable)
        return np.mean([np.asarray(attention)[:, :width] for attention in comparable], 0)


class Fusion(_Combination):
    """Shallow fusion (Gulcehre et al. 2015, section 4.1): log p(token) + weight * log p_lm(token).

    EOS is included. lm: a model with an empty memory. weight: at least 0, as search relies on sums
    that only fall. The sums are ranked, and reported as log-probabilities; they are not normalised.
    Attention is that of the model.
    """

    def __init__(self, model: Contract, lm: Contract, weight: float):
        self.members = [model, lm]
        self.weight = weight

    def _sources(self, source):
        # The language model uses the number of rows only.
        return [source, _matrices(source)[0]]

    def _mixed(self, log_probs):
        return np.asarray(log_probs[0]) + self.weight * np.asarray(log_probs[1])


def _matrices(source):
    return source.matrices if isinstance(source, Sources) else [source]


def log_mean(log_probs: Sequence[Any]) -> np.ndarray:
    """log(mean(exp(x))) over a sequence of arrays of one shape."""
    stacked = np.stack([np.asarray(array) for array in log_probs])
    # Relative to the largest, so that not all exponentials are zero.
    top = np.maximum(stacked.max(0), LOG_ZERO)
    with np.errstate(divide="ignore"):  # a token that is impossible to all stays so
        return top + np.log(np.exp(stacked - top).mean(0))
