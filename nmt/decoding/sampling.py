"""Drawing sentences from a model that has no source; NumPy alone."""

from collections.abc import Sequence

import numpy as np

from nmt.decoding.contract import Contract, Hypothesis
from nmt.text.vocabulary import BOS, EOS, PAD, UNK

FORBIDDEN_IDS = (PAD, UNK, BOS)  # never drawn


def sample(
    model: Contract,
    count: int,
    prompt: Sequence[int] = (),
    length: int = 100,
    temperature: float = 1.0,
    top_k: int = 0,
    seed: int = 1,
) -> list[Hypothesis]:
    """Draws `count` sentences that begin with the tokens `prompt`.

    Returns a `Hypothesis` each: up to `length` tokens after the prompt, and their log-probability
    under the model itself. temperature: tokens are drawn in proportion to p ** (1 / temperature);
    0: always the most probable one. top_k: only among the k most probable tokens (Fan et al. 2018);
    0: among all. The n-th sentence is a function of (seed, n), whatever the count.
    """
    # 1. Read the prompt.
    memory, state = model.encode(np.full((count, 1), EOS, np.int32))
    rows = np.arange(count, dtype=np.int32)
    tokens = np.full(count, BOS, np.int32)
    for token in prompt:
        _, _, _, state = model.advance(memory, state, rows, tokens, 1)
        tokens = np.full(count, token, np.int32)

    # 2. Draw a token a sentence, until all have ended.
    chances = np.stack([np.random.default_rng([seed, n]).random(length) for n in range(count)])
    samples = [Hypothesis([], 0.0, 0.0, finished=False) for _ in rows]
    # Forbidden tokens may be among the best.
    k = top_k + len(FORBIDDEN_IDS) if top_k else np.iinfo(np.int32).max
    for step in range(length):
        log_probs, ids, _, state = model.advance(memory, state, rows, tokens, k)
        log_probs = np.asarray(log_probs)
        ids = np.asarray(ids)
        allowed = np.where(np.isin(ids, FORBIDDEN_IDS), -np.inf, log_probs)
        columns = draw(allowed, chances[:, step], temperature, top_k)
        tokens = ids[rows, columns]
        drawn = zip(samples, tokens.tolist(), log_probs[rows, columns].tolist(), strict=True)
        for hypothesis, token, log_prob in drawn:
            if hypothesis.finished:
                continue
            hypothesis.log_prob += log_prob
            hypothesis.score = hypothesis.log_prob
            hypothesis.finished = token == EOS
            if token != EOS:
                hypothesis.ids.append(token)
        if all(hypothesis.finished for hypothesis in samples):
            break
    return samples


def draw(log_probs: np.ndarray, chances: np.ndarray, temperature: float, top_k: int) -> np.ndarray:
    """The column that each row's chance (0 to 1) falls on: [rows].

    log_probs: [rows, k], best first, -inf where a token is forbidden.
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
