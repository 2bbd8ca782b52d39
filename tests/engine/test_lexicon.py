"""The lexicon that shortlists are made from."""

import types

import numpy as np

from nmt.engine import lexicon
from nmt.text.vocabulary import EOS

BYTES = {id: id - 200 for id in range(262, 268)}


class Store:
    """Three source pieces; each target piece translates one, whatever the order."""

    pairs = 200

    def __init__(self):
        rng = np.random.default_rng(0)
        chosen = [rng.permutation(6)[:3] for _ in range(self.pairs)]
        self.sides = [10 + c for c in chosen], [rng.permutation(20 + c) for c in chosen]
        self.lengths = [[3] * self.pairs] * 2

    def ids(self, side, pair_ids):
        return [self.sides[side][pair] for pair in pair_ids]

    def frequencies(self, vocab):
        counts = np.bincount(np.concatenate(self.sides[1]), minlength=vocab)
        # Others have been seen in other pairs, bytes least often, one of them never.
        counts[30:262] += 2
        counts[[262, 263, 264, 265, 267]] = 1
        return counts


def test_the_lexicon_finds_translations(tmp_path):
    source = types.SimpleNamespace(size=17, symbol_ids=[9, 10])
    target = types.SimpleNamespace(size=270, symbol_ids=[269, 268], bytes_of_ids=BYTES)
    lexicon.write(tmp_path / "lexicon.npz", Store(), source, target)
    with np.load(tmp_path / "lexicon.npz") as arrays:
        assert arrays["suggested"][10:16, 0].tolist() == list(range(20, 26))
        assert set(arrays["suggested"][3]) == {EOS}, "a piece never seen suggests nothing"
        assert set(range(20, 26)) < set(arrays["frequent"])
        assert 267 in arrays["frequent"], "a byte of the training text, however rare"
        assert 266 not in arrays["frequent"], "a byte that it lacks"
        assert 269 in arrays["suggested"][9], "a symbol never seen suggests itself"
        assert 268 in arrays["suggested"][10], "as does another one"
