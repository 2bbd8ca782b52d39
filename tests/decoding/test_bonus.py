"""Search with what is wanted against exhaustive search in small worlds."""

import numpy as np
import pytest

from nmt.decoding.beam import beam_search
from nmt.decoding.bonus import Bonus, Phrase, Wanted
from tests.fakes import World

LIMIT = 5
SOURCE = np.arange(5)[:, None]
# Of words 4 and 5. One phrase begins another one, one is wanted twice, one has two forms.
PHRASES = {
    "a phrase": [Phrase([(4, 5)], 1.0)],
    "twice": [Phrase([(5,)], 1.0, 2)],
    "one begins as another one ends": [Phrase([(4, 4)], 1.0), Phrase([(4, 5, 5)], 0.5)],
    "two forms": [Phrase([(5, 5), (4, 4, 4)], 1.0)],
    "one within another one": [Phrase([(5, 4, 5)], 1.0), Phrase([(4,)], 2.0)],
    "nothing": [],
}


def times(form, words):
    return sum(tuple(words[n : n + len(form)]) == form for n in range(len(words)))


def gained(phrases, weight, words):
    """What a complete hypothesis has got; forms of one phrase do not overlap in these tests."""
    return sum(
        weight
        * phrase.weight
        * len(phrase.forms[0])
        * min(phrase.times, sum(times(form, words) for form in phrase.forms))
        for phrase in phrases
    )


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("weight", [0.3, 2.0, 9.0])
@pytest.mark.parametrize("phrases", PHRASES.values(), ids=PHRASES.keys())
def test_wide_beam_equals_exhaustive_search(phrases, weight, penalty):
    world = World(3, words=2)
    scaled = [phrase._replace(weight=weight * phrase.weight) for phrase in phrases]
    bonus = Bonus([Wanted(scaled) for _ in SOURCE])
    found = beam_search(world, SOURCE, 80, penalty, [LIMIT] * 5, nbest=2, bonus=bonus)
    for sentence, hypotheses in enumerate(found):
        scored = [
            ((log_prob + gained(phrases, weight, words)) / (len(words) + 1) ** penalty, words)
            for _, log_prob, words in world.exhaustive(sentence, LIMIT, 0.0)
        ]
        expected = sorted(scored, reverse=True)[:2]
        assert [h.ids for h in hypotheses] == [words for _, words in expected]
        # What it has got is no part of its scores.
        by_words = {tuple(words): p for _, p, words in world.exhaustive(sentence, LIMIT, 0.0)}
        for hypothesis in hypotheses:
            log_prob = by_words[tuple(hypothesis.ids)]
            assert hypothesis.log_prob == pytest.approx(log_prob)
            length = len(hypothesis.ids) + 1
            assert hypothesis.score == pytest.approx(log_prob / length**penalty)
            # Nor of those of its tokens.
            own = hypothesis.token_log_probs
            assert sum(own) == pytest.approx(log_prob) and max(own) <= 1e-9


def test_a_sentence_is_searched_alone_as_in_a_batch():
    """Each has its own phrases, and ends at another time."""
    world = World(5, words=4)
    sentences = [Wanted([Phrase([(4 + n % 4, 5)], 1.5)] if n % 3 else []) for n in range(9)]
    together = beam_search(
        world, np.arange(9)[:, None], 3, limits=range(1, 10), nbest=3, bonus=Bonus(sentences)
    )
    for n, wanted in enumerate(sentences):
        (alone,) = beam_search(
            world, np.array([[n]]), 3, limits=[n + 1], nbest=3, bonus=Bonus([wanted])
        )
        assert [(h.ids, h.log_prob) for h in alone] == [(h.ids, h.log_prob) for h in together[n]]


def test_nothing_wanted_changes_nothing():
    world = World(2, words=4)
    plain = beam_search(world, SOURCE, 3, nbest=3)
    same = beam_search(world, SOURCE, 3, nbest=3, bonus=Bonus([Wanted([])] * 5))
    for before, after in zip(plain, same, strict=True):
        assert [h.ids for h in before] == [h.ids for h in after]
        np.testing.assert_allclose([h.score for h in before], [h.score for h in after])
