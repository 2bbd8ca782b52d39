"""Beam search over `encode`, `take` and `advance` of the contract; NumPy alone.

A sentence has `beam` slots. Each step extends its live hypotheses, and the best candidates take the
slots that finished hypotheses have left; a candidate that ends in EOS is finished and keeps its
slot (Bahdanau et al. 2015). The ranking score is log-probability / length ** penalty, EOS counted
(Wu et al. 2016, section 7, simplified).

Log-probabilities only fall, so a live hypothesis with log-probability p scores at most p / limit **
penalty: once a sentence has `nbest` finished hypotheses at least that good, nothing better can come
and its search ends.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nmt.decoding.contract import LOG_ZERO, Contract, Hypothesis, Sources
from nmt.errors import Failure
from nmt.text.vocabulary import BOS, EOS

WORST = -1e15  # a score below that of any hypothesis, and above that of an empty slot
TAKE_SHARE = 0.75  # sentences leave the batch when at most this share of it is still searched


def beam_search(
    model: Contract,
    source: np.ndarray | Sources,
    beam: int = 5,
    penalty: float = 1.0,
    limits: Sequence[int] | np.ndarray | None = None,
    nbest: int = 1,
    want_attention: bool = False,
) -> list[list[Hypothesis]]:
    """Translates sentences; returns for each up to `nbest` hypotheses, best first.

    source: ids [sentences, source_len]; limits: for each sentence the most tokens of its output,
    EOS counted, where hypotheses are cut. Raises Failure where the model's scores are no numbers.
    """
    memory, state = model.encode(source)
    if limits is None:
        limits = np.full(len(source), 2 * source.shape[1] + 10)
    beams = _Beams(np.asarray(limits), beam, penalty, min(nbest, beam))
    while len(beams.active):
        # 1. Extend every live hypothesis by its best tokens.
        log_probs, ids, attention, state = model.advance(
            memory, state, beams.parents.ravel(), beams.tokens.ravel(), beam
        )
        # 2. Keep the best candidates of each sentence.
        beams.extend(np.asarray(log_probs), np.asarray(ids), attention if want_attention else None)
        # 3. Move what ended to the finished hypotheses.
        beams.finish_ended()
        # 4. Drop sentences in which nothing better can come.
        remaining = beams.close_sentences()
        if remaining is not None:
            memory = model.take(memory, remaining)
    if not all(beams.finished):
        raise Failure("the model's scores are no numbers (NaN): its weights are damaged")
    return [sorted(hypotheses, key=_rank)[:nbest] for hypotheses in beams.finished]


def _rank(hypothesis: Hypothesis) -> tuple[bool, float]:
    return not hypothesis.finished, -hypothesis.score


class _Step(NamedTuple):
    """What tracing a hypothesis back needs of a step."""

    parents: np.ndarray  # the row of each row in the step before
    tokens: np.ndarray
    attention: np.ndarray | None  # [rows of the step before, source_len]


class _Beams:
    """The hypotheses of a batch of sentences, live and finished.

    Arrays have a row for each sentence that is still searched: [active] or [active, slots].
    """

    def __init__(self, limits: np.ndarray, beam: int, penalty: float, nbest: int):
        sentences = len(limits)
        self.beam = beam
        self.penalty = penalty
        self.nbest = nbest
        self.longest = int(limits.max(initial=0))
        self.finished: list[list[Hypothesis]] = [[] for _ in range(sentences)]
        self.history: list[_Step] = []

        self.active = np.arange(sentences)  # index of each sentence in `finished`
        self.limits = limits
        self.length_divisor = limits.astype(float) ** penalty  # of the longest possible hypothesis
        self.slots_finished = np.zeros(sentences, int)
        self.score_to_beat = np.full(sentences, WORST)  # of the n-th best finished hypothesis

        self.slots = beam  # the most that any sentence has left
        self.blocked: np.ndarray | None = None  # slots that a sentence has left no more
        self.live = np.zeros((sentences, 1))  # log-probabilities; LOG_ZERO in empty slots
        self.parents = np.arange(sentences, dtype=np.int32)
        self.tokens = np.full(sentences, BOS, np.int32)

    def extend(self, log_probs: np.ndarray, ids: np.ndarray, attention: Any) -> None:
        """Fills the slots with the best candidates; log_probs, ids: [active * slots, k]."""
        k = log_probs.shape[1]
        # Candidates of a sentence are adjacent: [active, slots * k].
        candidates = (self.live.reshape(-1, 1) + log_probs).reshape(len(self.active), -1)
        best = np.argsort(-candidates, 1, "stable")[:, : self.slots]
        best += np.arange(0, candidates.size, candidates.shape[1])[:, None]
        self.live = candidates.take(best)
        if self.blocked is not None:
            self.live[self.blocked[:, : self.live.shape[1]]] = LOG_ZERO
        self.tokens = ids.take(best).astype(np.int32)
        self.parents = (best // k).astype(np.int32)
        attention = None if attention is None else np.asarray(attention)
        self.history.append(_Step(self.parents.ravel(), self.tokens.ravel(), attention))

    def finish_ended(self) -> None:
        """Empties the slots of hypotheses that end in EOS or reach their limit."""
        step = len(self.history)
        ended = (self.tokens == EOS) | (step >= self.limits)[:, None]
        if not ended.any():
            return
        # Empty slots may end, too: they hold no hypothesis.
        for row, slot in np.argwhere(ended & (self.live > LOG_ZERO / 2)):
            log_prob = float(self.live[row, slot])
            hypothesis = self._trace(row * self.live.shape[1] + slot, log_prob)
            hypotheses = self.finished[self.active[row]]
            hypotheses.append(hypothesis)
            self.slots_finished[row] += 1
            complete = sorted((h.score for h in hypotheses if h.finished), reverse=True)
            if len(complete) >= self.nbest:
                self.score_to_beat[row] = complete[self.nbest - 1]
        self.live[ended] = LOG_ZERO

    def close_sentences(self) -> np.ndarray | None:
        """Ends searches; returns the rows of the others if only these stay, else None."""
        if not self.slots_finished.any() and len(self.history) != self.longest:
            return None
        # A sentence stays open while a live hypothesis may still beat its n-th best.
        remaining = None
        still_open = self.live.max(1) / self.length_divisor > self.score_to_beat
        self.live[~still_open] = LOG_ZERO
        if np.count_nonzero(still_open) <= TAKE_SHARE * len(self.active):
            remaining = np.flatnonzero(still_open).astype(np.int32)
            self._take(remaining)
        # The batch is as wide as its widest sentence; the others leave their last slots empty.
        self.slots = self.beam - self.slots_finished.min(initial=self.beam)
        self.blocked = np.arange(self.slots) >= self.beam - self.slots_finished[:, None]
        return remaining

    def _take(self, rows: np.ndarray) -> None:
        self.active = self.active[rows]
        self.limits = self.limits[rows]
        self.length_divisor = self.length_divisor[rows]
        self.slots_finished = self.slots_finished[rows]
        self.score_to_beat = self.score_to_beat[rows]
        self.live = self.live[rows]
        self.parents = self.parents[rows]
        self.tokens = self.tokens[rows]
        self.history[-1] = self.history[-1]._replace(
            parents=self.parents.ravel(), tokens=self.tokens.ravel()
        )

    def _trace(self, row: int, log_prob: float) -> Hypothesis:
        """The hypothesis in a row after the last step."""
        ids: list[int] = []
        attentions = []
        for parents, tokens, attention in reversed(self.history):
            ids.append(int(tokens[row]))
            row = parents[row]
            if attention is not None:
                attentions.append(attention[row])
        length = len(ids)
        complete = ids[0] == EOS
        return Hypothesis(
            ids[::-1][: length - complete],
            log_prob,
            log_prob / length**self.penalty,
            complete,
            np.stack(attentions[::-1]) if attentions else None,
        )
