"""Samples against the probabilities of a small world, and against greedy search."""

import numpy as np
import pytest

from nmt.decoding.beam import beam_search
from nmt.decoding.sampling import Sampling, sample
from nmt.text.vocabulary import BOS, EOS, PAD, UNK
from tests.fakes import World


def drawn(world, count, prompt=(), length=100, temperature=1.0, top_k=0, seed=1):
    """Samples of the sentences that the world has for one source."""
    source = np.full((count, 1), EOS)
    sampling = Sampling(temperature, top_k, seed)
    return sample(world, source, [length] * count, sampling, range(count), prompt)


def test_temperature_zero_is_greedy_search():
    world = World(7)
    ((best,),) = beam_search(world, np.array([[EOS]]), beam=1, limits=[12])
    for found in (
        drawn(world, 3, length=12, temperature=0),
        drawn(world, 3, length=12, temperature=1e-4),
        drawn(world, 3, length=12, top_k=1),
    ):
        for one in found:
            assert (one.ids, one.finished) == (best.ids, best.finished)
            assert one.log_prob == pytest.approx(best.log_prob)
            assert one.token_log_probs == pytest.approx(best.token_log_probs)


def test_a_sample_is_a_function_of_the_seed_and_its_number():
    world = World(3)
    few, many = drawn(world, 2, length=9, seed=5), drawn(world, 6, length=9, seed=5)
    assert few == many[:2] and many == drawn(world, 6, length=9, seed=5)
    assert many != drawn(world, 6, length=9, seed=6)
    assert len({tuple(one.ids) for one in drawn(world, 60, length=9, seed=5)}) > 3


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, 0), (2.0, 0), (0.5, 2), (1.0, 4)])
def test_words_are_drawn_as_often_as_their_probabilities_say(temperature, top_k):
    """First words and, after a prompt, the words that follow it."""
    world, count = World(2), 2000
    for prompt in ((), (5, 4)):
        history = 1
        for token in (BOS, *prompt):
            history = history * 11 + token
        log_probs = world.table(EOS, history)
        weights = np.exp(log_probs / temperature)
        weights[np.argsort(-log_probs)[top_k or len(weights) :]] = 0
        found = drawn(world, count, prompt, 1, temperature, top_k, seed=8)
        first = [one.ids[0] if one.ids else EOS for one in found]
        for word, share in zip(world.vocab, weights / weights.sum(), strict=True):
            assert first.count(word) / count == pytest.approx(share, abs=0.03)
        for one, word in zip(found[:20], first, strict=False):
            assert one.log_prob == pytest.approx(
                log_probs[world.vocab.index(word)]
            )  # whatever it was drawn by
            assert one.finished == (word == EOS) and one.score == one.log_prob


def test_a_sample_ends_with_the_sentence_or_at_the_limit():
    found = drawn(World(3), 200, length=4)
    assert all(len(one.ids) == 4 if not one.finished else len(one.ids) < 4 for one in found)
    assert EOS not in {word for one in found for word in one.ids}
    assert {one.finished for one in found} == {True, False}


def test_forbidden_tokens_are_not_drawn():
    """Padding, the unknown piece and BOS: however probable, and not among the k best either."""
    world = World(2)
    world.vocab = [EOS, 4, PAD, UNK, BOS, 5, 6]
    world.table = lambda *_: np.log(np.array([1, 2, 9, 9, 9, 3, 4]) / 37)
    for top_k, words in ((0, {4, 5, 6, EOS}), (1, {6}), (2, {5, 6}), (3, {4, 5, 6})):
        found = drawn(world, 300, length=1, top_k=top_k)
        assert {one.ids[0] if one.ids else EOS for one in found} == words
    assert {one.ids[0] for one in drawn(world, 5, length=1, temperature=0)} == {6}


def test_each_source_has_its_limit_and_its_key():
    source, keys = np.full((3, 1), EOS), [7, 8, 7]
    found = sample(World(3), source, [2, 9, 9], Sampling(), keys)
    assert len(found[0].ids) <= 2
    assert found[0].ids == found[2].ids[:2] and found[1] != found[2]
    alone = sample(World(3), source[:1], [9], Sampling(), keys[2:])
    assert alone == [found[2]]
