"""Beam search against exhaustive search in worlds small enough to enumerate."""

import itertools

import numpy as np
import pytest

from nmt.combine import Contract
from nmt.config import BOS, EOS
from nmt.search import beam_search


class World(Contract):
    """A fake model: the next word depends on the sentence and on all words so far, through a seeded table.

    `state` is the history of a row as a number, so wrong reordering shows.
    """

    def __init__(self, seed, words=3):
        self.seed, self.vocab = seed, [EOS, *range(4, 4 + words)]

    def table(self, sentence, history):
        rng = np.random.default_rng([self.seed, int(sentence), int(history)])
        logits = rng.normal(size=len(self.vocab)) * 2
        return logits - np.log(np.exp(logits).sum())

    def encode(self, source):
        return {"sentence": source[:, 0]}, {"history": np.ones(len(source), np.int64)}

    def take(self, memory, sentences):
        return {"sentence": memory["sentence"][sentences]}

    def distribution(self, memory, state, origin, tokens):
        history = state["history"][origin] * 11 + tokens
        per = len(origin) // len(memory["sentence"])
        log_probs = np.full((len(origin), self.vocab[-1] + 1), -np.inf)
        for row, h in enumerate(history):
            log_probs[row, self.vocab] = self.table(memory["sentence"][row // per], h)
        return log_probs, np.ones((len(origin), 2)) / 2, {"history": history}

    def exhaustive(self, sentence, limit, penalty):
        found = []
        for length in range(limit):
            for words in itertools.product(self.vocab[1:], repeat=length):
                history, total, token = 1, 0.0, BOS
                for word in [*words, EOS]:
                    history = history * 11 + token
                    total += self.table(sentence, history)[self.vocab.index(word)]
                    token = word
                found.append((total / (length + 1) ** penalty, total, list(words)))
        return sorted(found, reverse=True)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_wide_beam_equals_exhaustive_search(seed, penalty):
    world, limit = World(seed, words=2), 4
    source = np.arange(5)[:, None]
    found = beam_search(world, source, beam=60, penalty=penalty, limits=[limit] * 5, nbest=3)
    for sentence, hypotheses in enumerate(found):
        expected = world.exhaustive(sentence, limit, penalty)[:3]
        assert [h.ids for h in hypotheses] == [words for _, _, words in expected]
        np.testing.assert_allclose([h.score for h in hypotheses], [score for score, _, _ in expected])
        np.testing.assert_allclose([h.log_prob for h in hypotheses], [p for _, p, _ in expected])


def test_greedy_is_beam_one():
    world = World(7)
    found = beam_search(world, np.arange(6)[:, None], beam=1, limits=[8] * 6)
    for sentence, (hypothesis,) in enumerate(found):
        history, token, words = 1, BOS, []
        while token != EOS and len(words) < 8:
            history = history * 11 + token
            token = world.vocab[int(np.argmax(world.table(sentence, history)))]
            words.append(token)
        assert hypothesis.ids == [w for w in words if w != EOS]
        assert hypothesis.finished == (token == EOS)


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_a_sentence_is_translated_alike_alone_and_in_company(beam):
    world = World(3)
    together = beam_search(world, np.arange(9)[:, None], beam=beam, nbest=beam, limits=range(1, 10))
    for sentence in range(9):
        alone, = beam_search(world, np.array([[sentence]]), beam=beam, nbest=beam, limits=[sentence + 1])
        assert [(h.ids, h.log_prob) for h in alone] == [(h.ids, h.log_prob) for h in together[sentence]]


def test_early_exit_loses_nothing():
    """With n-best of the whole beam nothing leaves early for want of competition; the best must be the same."""
    for seed in range(10):
        world = World(seed, words=4)
        source = np.arange(5)[:, None]
        best = beam_search(world, source, beam=4, limits=[9] * 5)
        everything = beam_search(world, source, beam=4, limits=[9] * 5, nbest=4)
        assert [h[0].ids for h in best] == [h[0].ids for h in everything]


def test_attention_has_a_row_for_each_word_and_eos():
    (hypothesis,), = beam_search(World(1), np.array([[0, 0]]), beam=3, want_attention=True)
    assert hypothesis.attention.shape == (len(hypothesis.ids) + 1, 2)
