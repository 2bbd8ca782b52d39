"""Beam search against exhaustive search in worlds small enough to enumerate."""

import numpy as np
import pytest

from nmt.decoding.beam import beam_search
from nmt.errors import Failure
from nmt.text.vocabulary import BOS, EOS
from tests.fakes import World


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


@pytest.mark.parametrize("limit", [3, 9])
def test_each_token_has_the_log_probability_that_the_model_gave_it(limit):
    world = World(5, words=4)
    found = beam_search(world, np.arange(6)[:, None], beam=4, limits=[limit] * 6, nbest=4)
    for sentence, hypotheses in enumerate(found):
        for hypothesis in hypotheses:
            tokens = hypothesis.ids + [EOS] * hypothesis.finished
            history, former, expected = 1, BOS, []
            for token in tokens:
                history = history * 11 + former
                expected.append(world.table(sentence, history)[world.vocab.index(token)])
                former = token
            np.testing.assert_allclose(hypothesis.token_log_probs, expected)


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
def test_a_sentence_is_translated_alone_as_in_a_batch(beam):
    world = World(3)
    together = beam_search(world, np.arange(9)[:, None], beam=beam, nbest=beam, limits=range(1, 10))
    for sentence in range(9):
        (alone,) = beam_search(
            world, np.array([[sentence]]), beam=beam, nbest=beam, limits=[sentence + 1]
        )
        assert [(h.ids, h.log_prob) for h in alone] == [
            (h.ids, h.log_prob) for h in together[sentence]
        ]


def test_several_rows_of_a_sentence_stay_several():
    """Models may compute one row in another way, so that a sentence would differ in a batch."""

    class Counting(World):
        def distribution(self, memory, state, origin, tokens):
            rows.append(len(origin) // len(memory["sentence"]))
            return super().distribution(memory, state, origin, tokens)

    for beam, fewest in ((1, 1), (2, 2), (4, 2)):
        rows = []
        for seed in range(6):
            beam_search(Counting(seed), np.array([[5, EOS]]), beam, limits=[7])
            assert rows[0] == 1
            assert min(rows[1:], default=fewest) >= fewest
            rows.clear()


def test_early_exit_loses_nothing():
    """A search for all hypotheses of the beam ends later; the best must be the same."""
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
