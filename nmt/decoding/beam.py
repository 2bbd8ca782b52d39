"""Beam search and sampling over `take` and `advance`, in plain Python and NumPy; it knows no models.

A sentence has `beam` slots. Each step extends its live hypotheses, and the best candidates take the slots that
finished hypotheses have left over; one that ends in EOS is finished and keeps its slot (Bahdanau et al. 2015).
The ranking score is log-probability / length ** penalty, EOS counted (Wu et al. 2016, section 7, simplified).

Probability only falls, so a live hypothesis with log-probability p can reach at most p / limit ** penalty:
once a sentence has n finished hypotheses at least as good, nothing better can come and its search is over.
"""

import dataclasses

import numpy as np

from nmt.errors import Failure
from nmt.text.vocabulary import BOS, EOS, PAD, UNK

DEAD = -1e30  # log-probability of an empty slot
NONE = -1e15  # a score that every hypothesis beats, and no empty slot
NEVER = (PAD, UNK, BOS)  # nothing that one could say
LEAVE = 0.75  # share of the sentences still searched at which the others leave the batch


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
    longest = int(limits.max(initial=0))
    finished = [[] for _ in range(total)]
    sentence = np.arange(total)  # those in the batch
    taken = np.zeros(total, int)  # slots that finished hypotheses keep
    room = beam
    closed = None  # slots that some sentence may still fill; where others may not
    reach = limits.astype(float) ** penalty  # what a log-probability is divided by at best
    bar = np.full(total, NONE)  # score of the finished hypothesis that a live one must beat
    scores = np.zeros((total, 1))  # log-probability of each live hypothesis, DEAD in empty slots
    origin = np.arange(total, dtype=np.int32)
    tokens = np.full(total, BOS, np.int32)
    history = []  # of each step: row in the step before, word, attention of the rows before
    while len(sentence):
        log_probs, ids, attention, state = model.advance(memory, state, origin, tokens, beam)
        log_probs = np.asarray(log_probs)
        ids = np.asarray(ids)
        attention = np.asarray(attention) if want_attention and attention is not None else None
        here = len(sentence)
        k = log_probs.shape[1]
        candidates = (scores.reshape(-1, 1) + log_probs).reshape(here, -1)
        best = np.argsort(-candidates, 1, "stable")[:, :room]
        best += np.arange(0, candidates.size, candidates.shape[1])[:, None]
        scores = candidates.take(best)
        tokens = ids.take(best)
        rows = best // k
        if closed is not None:
            scores[closed[:, : scores.shape[1]]] = DEAD
        history.append((rows.ravel(), tokens.ravel(), attention))
        step = len(history)

        ended = (tokens == EOS) | (step >= limits)[:, None]
        for row, slot in np.argwhere(ended & (scores > DEAD / 2)) if ended.any() else ():
            words, looks = _traced(history, row * scores.shape[1] + slot)
            found = finished[sentence[row]]
            log_prob = float(scores[row, slot])
            done = words[-1] == EOS
            found.append(
                Hypothesis(words[: step - done], log_prob, log_prob / step**penalty, done, looks)
            )
            taken[row] += 1
            complete = sorted((h.score for h in found if h.finished), reverse=True)
            if len(complete) >= min(nbest, beam):
                bar[row] = complete[min(nbest, beam) - 1]
        if taken.any() or step == longest:  # else nothing is over
            scores[ended] = DEAD
            stay = scores.max(1) / reach > bar
            scores[~stay] = DEAD
            if np.count_nonzero(stay) <= LEAVE * here:
                kept = np.flatnonzero(stay)
                memory = model.take(memory, kept.astype(np.int32))
                sentence, taken, limits, reach, bar = (
                    a[kept] for a in (sentence, taken, limits, reach, bar)
                )
                scores = scores[kept]
                tokens = tokens[kept]
                rows = rows[kept]
                history[-1] = rows.ravel(), tokens.ravel(), attention
            room = beam - taken.min(initial=beam)
            closed = np.arange(room) >= beam - taken[:, None]
        origin = rows.ravel().astype(np.int32)
        tokens = tokens.ravel().astype(np.int32)
    if not all(finished):
        raise Failure("the model's scores are no numbers (NaN): its weights are damaged")
    return [sorted(found, key=lambda h: (not h.finished, -h.score))[:nbest] for found in finished]


def _traced(history, row):
    """Words of the hypothesis in a row after the last step, and their attention [words, source_len] or None."""
    words = []
    looks = []
    for parents, tokens, attention in reversed(history):
        words.append(int(tokens[row]))
        row = parents[row]
        if attention is not None:
            looks.append(attention[row])
    return words[::-1], np.stack(looks[::-1]) if looks else None


def sample(model, count, prompt=(), length=100, temperature=1.0, top_k=0, seed=1):
    """Draws `count` sentences that begin with the words `prompt`, from a model without a source.

    Returns a `Hypothesis` each, without the prompt: up to `length` words, and their log-probability under the model
    itself. temperature: words are drawn in proportion to p ** (1 / temperature); 0: always the most probable one.
    top_k: only among the k most probable words (Fan et al. 2018); 0: among all. The n-th sentence is a function of
    (seed, n), whatever the count.
    """
    memory, state = model.encode(np.full((count, 1), EOS, np.int32))
    chances = np.stack([np.random.default_rng([seed, n]).random(length) for n in range(count)])
    rows = np.arange(count, dtype=np.int32)
    tokens = np.full(count, BOS, np.int32)
    for word in prompt:
        _, _, _, state = model.advance(memory, state, rows, tokens, 1)
        tokens = np.full(count, word, np.int32)
    found = [Hypothesis([], 0.0, 0.0, finished=False) for _ in rows]
    for step in range(length):
        k = top_k + len(NEVER) if top_k else np.iinfo(np.int32).max
        log_probs, ids, _, state = model.advance(memory, state, rows, tokens, k)
        log_probs = np.asarray(log_probs)
        ids = np.asarray(ids)
        chosen = drawn(
            np.where(np.isin(ids, NEVER), -np.inf, log_probs), chances[:, step], temperature, top_k
        )
        tokens = ids[rows, chosen]
        for one, word, log_prob in zip(
            found, tokens.tolist(), log_probs[rows, chosen].tolist(), strict=True
        ):
            if not one.finished:
                one.log_prob = one.score = one.log_prob + log_prob
                one.finished = word == EOS
                if word != EOS:
                    one.ids.append(word)
        if all(one.finished for one in found):
            break
    return found


def drawn(log_probs, chances, temperature, top_k):
    """The column that each row's chance (0 to 1) falls on; log_probs: best first, -inf where impossible."""
    possible = np.isfinite(log_probs)
    if temperature == 0:
        return possible.argmax(1)
    if top_k:
        log_probs = np.where(np.cumsum(possible, 1) <= top_k, log_probs, -np.inf)
    weights = np.exp((log_probs - log_probs.max(1, keepdims=True)) / temperature, dtype=np.float64)
    sums = np.cumsum(weights, 1)
    return (sums > chances[:, None] * sums[:, -1:]).argmax(1)
