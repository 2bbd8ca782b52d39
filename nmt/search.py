"""Beam search over `take` and `advance`, in plain Python and NumPy; it knows no models.

A sentence has `beam` slots. Each step extends its live hypotheses, and the best candidates take the slots that
finished hypotheses have left over; one that ends in EOS is finished and keeps its slot (Bahdanau et al. 2015).
The ranking score is log-probability / length ** penalty, EOS counted (Wu et al. 2016, section 7, simplified).

Probability only falls, so a live hypothesis with log-probability p can reach at most p / limit ** penalty:
once a sentence has n finished hypotheses at least as good, nothing better can come and it leaves the batch.
"""

import dataclasses

import numpy as np

from nmt.config import BOS, EOS

DEAD = -1e30  # log-probability of an empty slot


@dataclasses.dataclass
class Hypothesis:
    """One translation: ids without BOS and EOS."""

    ids: list
    log_prob: float  # summed natural log-probability, EOS included
    score: float  # what hypotheses are ranked by
    finished: bool = True  # False: cut at the length limit, no EOS; ranks behind the finished ones
    attention: np.ndarray | None = None  # [len(ids) + 1, source_len]


def beam_search(model, source, beam=5, penalty=1.0, limits=None, nbest=1, want_attention=False):
    """Translates sentences; returns for each a list of up to `nbest` hypotheses, best first.

    model: `encode`, `take`, `advance` of the contract; source: ids [sentences, source_len];
    limits: the largest number of words of each sentence's output, EOS counted; at the limit a hypothesis is cut.
    """
    memory, state = model.encode(source)
    total = len(source)
    limits = np.full(total, 2 * source.shape[1] + 10) if limits is None else np.asarray(limits)
    finished = [[] for _ in range(total)]
    sentence = np.arange(total)  # those still in the batch
    scores = np.zeros((total, 1))  # log-probability of each live hypothesis, DEAD in empty slots
    origin, tokens = np.arange(total), np.full(total, BOS)
    words = np.zeros((total, 1, 0), np.int32)
    looks = np.zeros((total, 1, 0, source.shape[1]), np.float32) if want_attention else None
    step = 0
    while len(sentence):
        log_probs, ids, attention, state = model.advance(
            memory, state, origin.astype(np.int32), tokens.astype(np.int32), beam
        )
        step += 1
        here, width = scores.shape
        log_probs, ids = np.asarray(log_probs), np.asarray(ids)
        candidates = (scores[:, :, None] + log_probs.reshape(here, width, -1)).reshape(here, -1)
        ids = ids.reshape(here, -1)
        best = np.argsort(-candidates, 1, "stable")[:, :beam]
        parent = best // (candidates.shape[1] // width)
        scores = np.take_along_axis(candidates, best, 1)
        new = np.take_along_axis(ids, best, 1)
        words = np.concatenate([np.take_along_axis(words, parent[:, :, None], 1), new[:, :, None]], 2)
        if want_attention:
            now = np.asarray(attention).reshape(here, width, 1, -1)
            looks = np.concatenate([looks, now], 2)
            looks = np.take_along_axis(looks, parent[:, :, None, None], 1)

        free = beam - np.array([len(finished[s]) for s in sentence])
        scores[np.arange(scores.shape[1]) >= free[:, None]] = DEAD
        at_limit = step >= limits[sentence]
        ended = (scores > DEAD / 2) & ((new == EOS) | at_limit[:, None])
        for row, slot in zip(*np.nonzero(ended), strict=True):
            s, done = sentence[row], bool(new[row, slot] == EOS)
            output = words[row, slot, :-1] if done else words[row, slot]
            finished[s].append(Hypothesis(
                output.tolist(), float(scores[row, slot]), float(scores[row, slot] / step**penalty), done,
                looks[row, slot].copy() if want_attention else None,
            ))  # fmt: skip
        scores[ended] = DEAD

        stay = np.array([
            row.max() > DEAD / 2 and not _settled(finished[s], row.max(), limits[s], penalty, min(nbest, beam))
            for s, row in zip(sentence, scores, strict=True)
        ], bool)  # fmt: skip
        rows = np.arange(here * width).reshape(here, width)
        origin = np.take_along_axis(rows, parent, 1)
        tokens = np.where(new == EOS, BOS, new)  # empty slots carry on with any word
        if not stay.all():
            kept = np.flatnonzero(stay)
            memory = model.take(memory, kept.astype(np.int32))
            sentence, scores, words = sentence[kept], scores[kept], words[kept]
            origin, tokens = origin[kept], tokens[kept]
            looks = looks[kept] if want_attention else None
        origin, tokens = origin.reshape(-1), tokens.reshape(-1)
    return [sorted(found, key=lambda h: (not h.finished, -h.score))[:nbest] for found in finished]


def _settled(found, best_live, limit, penalty, nbest):
    """Whether no live hypothesis can still displace one of the `nbest` best finished ones."""
    scores = sorted((h.score for h in found if h.finished), reverse=True)
    return len(scores) >= nbest and scores[nbest - 1] >= best_live / limit**penalty
