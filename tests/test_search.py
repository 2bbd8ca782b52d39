"""Beam search against exhaustive search in worlds small enough to enumerate; samples against probabilities."""

import itertools

import numpy as np
import pytest

from nmt.decoding.beam import beam_search, sample
from nmt.decoding.ensemble import Contract
from nmt.errors import Failure
from nmt.text.vocabulary import BOS, EOS, PAD, UNK


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
        np.testing.assert_allclose(
            [h.score for h in hypotheses], [score for score, _, _ in expected]
        )
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
        (alone,) = beam_search(
            world, np.array([[sentence]]), beam=beam, nbest=beam, limits=[sentence + 1]
        )
        assert [(h.ids, h.log_prob) for h in alone] == [
            (h.ids, h.log_prob) for h in together[sentence]
        ]


def test_early_exit_loses_nothing():
    """With n-best of the whole beam nothing leaves early for want of competition; the best must be the same."""
    for seed in range(10):
        world = World(seed, words=4)
        source = np.arange(5)[:, None]
        best = beam_search(world, source, beam=4, limits=[9] * 5)
        everything = beam_search(world, source, beam=4, limits=[9] * 5, nbest=4)
        assert [h[0].ids for h in best] == [h[0].ids for h in everything]


def test_attention_has_a_row_for_each_word_and_eos():
    ((hypothesis,),) = beam_search(World(1), np.array([[0, 0]]), beam=3, want_attention=True)
    assert hypothesis.attention.shape == (len(hypothesis.ids) + 1, 2)


@pytest.mark.parametrize("beam", [1, 3])
def test_scores_that_are_no_numbers_end_in_a_line(beam):
    world = World(1)
    world.table = lambda *_: np.full(len(world.vocab), np.nan)
    with pytest.raises(Failure, match="no numbers"):
        beam_search(world, np.array([[0], [1]]), beam=beam, limits=[5, 9])


# ---- samples


def test_temperature_zero_is_greedy_search():
    world = World(7)
    ((best,),) = beam_search(world, np.array([[EOS]]), beam=1, limits=[12])
    for found in (
        sample(world, 3, length=12, temperature=0),
        sample(world, 3, length=12, temperature=1e-4),
        sample(world, 3, length=12, top_k=1),
    ):
        for one in found:
            assert (one.ids, one.finished) == (best.ids, best.finished)
            assert one.log_prob == pytest.approx(best.log_prob)


def test_a_sample_is_a_function_of_the_seed_and_its_number():
    world = World(3)
    few, many = sample(world, 2, length=9, seed=5), sample(world, 6, length=9, seed=5)
    assert few == many[:2] and many == sample(world, 6, length=9, seed=5)
    assert many != sample(world, 6, length=9, seed=6)
    assert len({tuple(one.ids) for one in sample(world, 60, length=9, seed=5)}) > 3


@pytest.mark.parametrize(
    ("temperature", "top_k"), [(1.0, 0), (0.5, 0), (2.0, 0), (1.0, 2), (0.5, 2), (1.0, 4)]
)
def test_words_are_drawn_as_often_as_their_probabilities_say(temperature, top_k):
    """First words and, after a prompt, the words that follow it."""
    world, count = World(2), 4000
    for prompt in ((), (5, 4)):
        history = 1
        for token in (BOS, *prompt):
            history = history * 11 + token
        log_probs = world.table(EOS, history)
        weights = np.exp(log_probs / temperature)
        weights[np.argsort(-log_probs)[top_k or len(weights) :]] = 0
        found = sample(world, count, prompt, 1, temperature, top_k, seed=8)
        first = [one.ids[0] if one.ids else EOS for one in found]
        for word, share in zip(world.vocab, weights / weights.sum(), strict=True):
            assert first.count(word) / count == pytest.approx(share, abs=0.025)
        for one, word in zip(found[:20], first, strict=False):
            assert one.log_prob == pytest.approx(
                log_probs[world.vocab.index(word)]
            )  # whatever it was drawn by
            assert one.finished == (word == EOS) and one.score == one.log_prob


def test_a_sample_ends_with_the_sentence_or_at_the_limit():
    found = sample(World(3), 200, length=4)
    assert all(len(one.ids) == 4 if not one.finished else len(one.ids) < 4 for one in found)
    assert EOS not in {word for one in found for word in one.ids}
    assert {one.finished for one in found} == {True, False}


def test_what_cannot_be_said_is_not_drawn():
    """Padding, the unknown piece and BOS, however probable; they take no place among the k best either."""
    world = World(2)
    world.vocab = [EOS, 4, PAD, UNK, BOS, 5, 6]
    world.table = lambda *_: np.log(np.array([1, 2, 9, 9, 9, 3, 4]) / 37)
    for top_k, words in ((0, {4, 5, 6, EOS}), (1, {6}), (2, {5, 6}), (3, {4, 5, 6})):
        found = sample(world, 300, length=1, top_k=top_k)
        assert {one.ids[0] if one.ids else EOS for one in found} == words
    assert {one.ids[0] for one in sample(world, 5, length=1, temperature=0)} == {6}
