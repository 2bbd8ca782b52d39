"""Ensembles and shallow fusion against sums done by hand and exhaustive search."""

import math

import numpy as np
import pytest

from nmt.batches.padding import pad
from nmt.decoding.beam import beam_search
from nmt.decoding.contract import FromDistribution, Sources
from nmt.decoding.ensemble import Ensemble, Fusion, log_mean
from nmt.text.vocabulary import BOS, EOS, PAD
from tests.fakes import World


class Speech(World):
    """A fake language model: no memory, and the same whatever the source."""

    def encode(self, source):
        return {}, super().encode(source)[1]

    def take(self, memory, sentences):
        return {}

    def distribution(self, memory, state, origin, tokens):
        every, _, state = super().distribution(
            {"sentence": np.zeros(len(origin))}, state, origin, tokens
        )
        return np.maximum(every, -1e9), None, state


class ByHand(World):
    """A world whose table is a function of those of other worlds."""

    def __init__(self, rule, *worlds):
        super().__init__(0, len(worlds[0].vocab) - 1)
        self.rule, self.worlds = rule, worlds

    def table(self, sentence, history):
        return self.rule(
            *(world.table(sentence * (type(world) is World), history) for world in self.worlds)
        )


def mean(*tables):
    return np.log(sum(np.exp(table) for table in tables) / len(tables))


def combinations(seed):
    """(combined model, the same by hand): two members, three, a fusion, a fusion of an ensemble."""
    a, b, c, lm = World(seed, 2), World(seed + 50, 2), World(seed + 99, 2), Speech(seed + 7, 2)
    yield Ensemble([a, b]), ByHand(mean, a, b)
    yield Ensemble([a, b, c]), ByHand(mean, a, b, c)
    yield Fusion(a, lm, 0.7), ByHand(lambda x, y: x + 0.7 * y, a, lm)
    yield Fusion(Ensemble([a, b]), lm, 0.2), ByHand(lambda x, y, z: mean(x, y) + 0.2 * z, a, b, lm)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_search_equals_exhaustive_search_of_the_combined_scores(seed, penalty):
    source, limit = np.arange(4)[:, None], 4
    for model, by_hand in combinations(seed):
        wide = beam_search(model, source, beam=24, penalty=penalty, limits=[limit] * 4, nbest=3)
        narrow = beam_search(model, source, beam=2, penalty=penalty, limits=[limit] * 4, nbest=2)
        for sentence, hypotheses in enumerate(wide):
            expected = by_hand.exhaustive(sentence, limit, penalty)[:3]
            assert [h.ids for h in hypotheses] == [words for _, _, words in expected]
            np.testing.assert_allclose(
                [h.score for h in hypotheses], [score for score, _, _ in expected]
            )
            np.testing.assert_allclose(
                [h.log_prob for h in hypotheses], [p for _, p, _ in expected]
            )
        for found, expected in zip(
            narrow, beam_search(by_hand, source, 2, penalty, [limit] * 4, 2), strict=True
        ):
            assert [h.ids for h in found] == [h.ids for h in expected]


@pytest.mark.parametrize("number", range(4))
def test_scoring_repeats_the_search(number):
    """What is added up a call a member is what `distribution` gives word by word."""
    model, by_hand = list(combinations(3))[number]
    source = np.arange(5)[:, None]
    found = [h[0] for h in beam_search(model, source, beam=3)]
    tokens = pad([h.ids for h in found], [BOS], [EOS])
    real = tokens[:, 1:] != PAD
    for scored in (
        model.log_probs(source, tokens),
        FromDistribution.log_probs(model, source, tokens),
        by_hand.log_probs(source, tokens),
    ):
        np.testing.assert_allclose(
            np.where(real, scored, 0).sum(1), [h.log_prob for h in found], atol=1e-5
        )


def test_weight_zero_is_no_fusion():
    world, source = World(1), np.arange(6)[:, None]
    for beam in (1, 3):
        alone = beam_search(world, source, beam, nbest=beam)
        fused = beam_search(Fusion(world, Speech(2), 0.0), source, beam, nbest=beam)
        assert [[(h.ids, h.log_prob) for h in found] for found in fused] == [
            [(h.ids, h.log_prob) for h in found] for found in alone
        ]


@pytest.mark.parametrize("k", [1, 3, 8, 20])
def test_the_k_best_words_come_in_order(k):
    class Model(FromDistribution):
        def distribution(self, memory, state, origin, tokens):
            return every, None, state

    every = np.random.default_rng(k).permutation(40).reshape(5, 8).astype(np.float32)
    log_probs, ids, _, _ = Model().advance({}, {}, None, None, k)
    np.testing.assert_array_equal(ids, np.argsort(-every, 1)[:, :k])
    np.testing.assert_array_equal(log_probs, -np.sort(-every, 1)[:, :k])


def test_the_mean_of_probabilities():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(7), (3, 5)).astype(np.float32)
    np.testing.assert_allclose(
        np.exp(log_mean(np.log(probabilities))), probabilities.mean(0), rtol=1e-5
    )
    small = np.array([[-1000.0, -np.inf, -np.inf]], np.float32)
    found = log_mean([small, np.array([[-1000.0, -2.0, -np.inf]], np.float32)])
    np.testing.assert_allclose(found, [[-1000, -2 - math.log(2), -np.inf]])


def test_attention_is_averaged_over_the_members_that_share_a_source():
    class Looking(World):
        def __init__(self, seed, weights):
            super().__init__(seed)
            self.weights = weights

        def distribution(self, memory, state, origin, tokens):
            every, _, state = super().distribution(memory, state, origin, tokens)
            return (
                every,
                None if self.weights is None else np.tile(self.weights, (len(origin), 1)),
                state,
            )

    a, b, other = Looking(1, [1.0, 0.0]), Looking(2, [0.5, 0.5]), Looking(3, [0.2, 0.3, 0.5])
    short, long = np.array([[4, EOS]]), np.array([[5, 6, EOS]])

    def looks(model, source):
        return beam_search(model, source, want_attention=True)[0][0].attention[0].tolist()

    assert looks(Ensemble([a, b]), short) == [0.75, 0.25]
    assert looks(Ensemble([a, other, b], [0, 1, 0]), Sources([short, long])) == [0.75, 0.25]
    wider = Looking(2, [0.5, 0.5, 0.0, 0.0])
    assert looks(Ensemble([a, wider]), short) == looks(Ensemble([wider, a]), short) == [0.75, 0.25]
    assert looks(Fusion(a, Speech(1), 0.5), short) == [1.0, 0.0]
    rows = np.zeros(1, np.int32)
    ensemble = Ensemble([a, Looking(4, None)])
    assert ensemble.distribution(*ensemble.encode(short), rows, rows)[1] is None
