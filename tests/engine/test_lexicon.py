"""The lexicon that shortlists are made from."""

import types

import numpy as np

from nmt.decoding.contract import LOG_ZERO
from nmt.engine import layout, lexicon
from nmt.engine.runtime import Shortlist
from nmt.text.vocabulary import EOS, PAD

BYTES = {id: id - 200 for id in range(262, 268)}


class Store:
    """Three source pieces; each target piece translates one, whatever the order."""

    pairs = 200

    def __init__(self):
        rng = np.random.default_rng(0)
        chosen = [rng.permutation(6)[:3] for _ in range(self.pairs)]
        self.sides = [10 + c for c in chosen], [rng.permutation(20 + c) for c in chosen]

    def ids(self, side, pair_ids):
        return [self.sides[side][pair] for pair in pair_ids]

    def lengths_of(self, side, pair_ids):
        return np.array([len(self.sides[side][pair]) for pair in pair_ids])

    def frequencies(self, vocab, pairs):
        ids = [id for part in pairs for pair in part for id in [*self.sides[1][pair], EOS]]
        return np.bincount(ids, minlength=vocab)

    def with_other_pairs(self):
        """Other pieces have been seen in other pairs, bytes least often, one of them never."""
        others = [*range(30, 262)] * 2 + [262, 263, 264, 265, 267]
        self.sides = [[*self.sides[0], np.array([3])], [*self.sides[1], np.array(others)]]
        self.pairs += 1
        return self


def test_the_lexicon_finds_translations(tmp_path):
    source = types.SimpleNamespace(size=17, symbol_ids=[9, 10])
    target = types.SimpleNamespace(size=270, symbol_ids=[269, 268], bytes_of_ids=BYTES)
    lexicon.write(tmp_path / "lexicon.npz", Store().with_other_pairs(), source, target)
    with np.load(tmp_path / "lexicon.npz") as arrays:
        assert arrays["suggested"][10:16, 0].tolist() == list(range(20, 26))
        assert set(arrays["suggested"][4]) == {EOS}, "a piece never seen suggests nothing"
        assert set(range(20, 26)) < set(arrays["frequent"])
        assert 267 in arrays["frequent"], "a byte of the training text, however rare"
        assert 266 not in arrays["frequent"], "a byte that it lacks"
        assert 269 in arrays["suggested"][9], "a symbol never seen suggests itself"
        assert 268 in arrays["suggested"][10], "as does another one"


def test_languages_have_shortlists_of_their_own(tmp_path):
    """Sources that begin with 5 are translated by some pieces, with 6 by others."""
    source = types.SimpleNamespace(size=17, symbol_ids=[])
    target = types.SimpleNamespace(size=2000, symbol_ids=[], bytes_of_ids={})
    store, other = Store(), Store()
    sources, targets = store.sides
    sources += other.sides[0]
    # Beyond those that are frequent where few occur.
    targets[:] = [ids + 500 for ids in targets] + [ids + 1000 for ids in other.sides[1]]
    store.pairs *= 2
    lexicon.write(
        tmp_path / layout.LEXICON, store, source, target, {5: [range(200)], 6: [range(200, 400)]}
    )
    bias = np.zeros(2000, np.float32)
    np.savez(tmp_path / layout.PROJECTION, bias=bias, **{layout.KERNEL: bias[:, None]})
    shortlist = Shortlist(lambda name: tmp_path / name)
    # Each by itself, and side by side, the second one with padding: the same tokens.
    sources = [[5, 10, 11, EOS], [6, 10, EOS, PAD]]
    alone = [shortlist.projection(np.array([source])) for source in sources]
    chosen = [set(cut[layout.IDS][:-1].tolist()) for cut, _ in alone]
    assert {520, 521} < chosen[0] and not chosen[0] & set(range(1020, 1026))
    assert {1020, 1021} < chosen[1] and not chosen[1] & set(range(520, 526))
    cut, places = shortlist.projection(np.array(sources))
    assert set(cut[layout.IDS][:-1].tolist()) == chosen[0] | chosen[1]
    for row, words in zip(places[:, 0], chosen, strict=True):
        own = cut[layout.IDS][row]
        assert own[: len(words)].tolist() == sorted(words), "in the order of the vocabulary"
        assert np.all(cut[layout.BIAS][row[len(words) :]] == LOG_ZERO), "and none behind them"
