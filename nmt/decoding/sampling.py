"""Drawing sentences from a model in proportion to their probability; NumPy alone."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nmt.decoding.contract import Contract, Hypothesis, Sources, best_tokens
from nmt.text.vocabulary import BOS, EOS, PAD, UNK

FORBIDDEN_IDS = (PAD, UNK, BOS)  # never drawn


class Sampling(NamedTuple):
    """How tokens are drawn.

    temperature: in proportion to p ** (1 / temperature); 0: always the most probable one. top_k:
    only among the k most probable tokens (Fan et al. 2018); 0: among all.
    """

    temperature: float = 1.0
    top_k: int = 0
    seed: int = 1


def sample(
    model: Contract,
    source: np.ndarray | Sources,
    limits: Sequence[int],
    sampling: Sampling,
    keys: Sequence[int],
    prompt: Sequence[int] = (),
) -> list[Hypothesis]:
    """Draws a sentence for each source; it begins with the tokens `prompt`.

    Returns a `Hypothesis` each: up to `limits` tokens after the prompt, and their log-probability
    under the model itself. keys: what is drawn for a source is a function of the seed and its key,
    whatever the other sources are. A model without a source takes ids of any value.
    """
    # 1. Read the prompt.
    memory, state = model.encode(source)
    rows = np.arange(len(source), dtype=np.int32)
    tokens = np.full(len(rows), BOS, np.int32)
    for token in prompt:
        _, _, _, state = model.advance(memory, state, rows, tokens, 1)
        tokens = np.full(len(rows), token, np.int32)

    # 2. Draw a token a sentence, until all have ended.
    longest = max(limits, default=0)
    chances = np.stack(
        [np.random.default_rng([sampling.seed, key]).random(longest) for key in keys]
    )
    samples = [Hypothesis([], 0.0, 0.0, finished=False) for _ in rows]
    for step in range(longest):
        every, _, state = model.distribution(memory, state, rows, tokens)
        log_probs, ids = _likely(np.asarray(every), sampling)
        allowed = np.where(np.isin(ids, FORBIDDEN_IDS), -np.inf, log_probs)
        columns = draw(allowed, chances[:, step], sampling.temperature, sampling.top_k)
        tokens = ids[rows, columns].astype(np.int32)
        drawn = zip(
            samples, limits, tokens.tolist(), log_probs[rows, columns].tolist(), strict=True
        )
        going_on = False
        for hypothesis, limit, token, log_prob in drawn:
            if hypothesis.finished or step >= limit:
                continue
            hypothesis.log_prob += log_prob
            hypothesis.token_log_probs.append(log_prob)
            hypothesis.score = hypothesis.log_prob
            hypothesis.finished = token == EOS
            if token != EOS:
                hypothesis.ids.append(token)
                going_on = True
        if not going_on:
            break
    return samples


def _likely(log_probs, sampling):
    """log-probabilities and ids [rows, k] of the tokens that may be drawn, few of them best first.

    All tokens are in any order: sorting them would take most of the time.
    """
    most = 1 if sampling.temperature == 0 else sampling.top_k
    if most == 0:
        return log_probs, np.broadcast_to(np.arange(log_probs.shape[1]), log_probs.shape)
    # Forbidden tokens may be among the best.
    return best_tokens(log_probs, most + len(FORBIDDEN_IDS))


def draw(log_probs: np.ndarray, chances: np.ndarray, temperature: float, top_k: int) -> np.ndarray:
    """The column that each row's chance (0 to 1) falls on: [rows].

    log_probs: [rows, k], -inf where a token is forbidden; best first with top_k or temperature 0.
    """
    possible = np.isfinite(log_probs)
    if temperature == 0:
        return possible.argmax(1)
    # The columns are in order: the first top_k possible ones stay.
    if top_k:
        log_probs = np.where(np.cumsum(possible, 1) <= top_k, log_probs, -np.inf)
    weights = np.exp((log_probs - log_probs.max(1, keepdims=True)) / temperature, dtype=np.float64)
    # The first column whose cumulative weight passes the chance's share of the whole.
    sums = np.cumsum(weights, 1)
    return (sums > chances[:, None] * sums[:, -1:]).argmax(1)
