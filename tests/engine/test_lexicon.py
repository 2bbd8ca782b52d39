"""The lexicon that shortlists are made from."""

import numpy as np

from nmt.engine import lexicon
from nmt.text.vocabulary import EOS


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
        return np.bincount(np.concatenate(self.sides[1]), minlength=vocab)


def test_the_lexicon_finds_translations(tmp_path):
    lexicon.write(tmp_path / "lexicon.npz", Store(), 17, 30)
    with np.load(tmp_path / "lexicon.npz") as arrays:
        assert arrays["suggested"][10:16, 0].tolist() == list(range(20, 26))
        assert set(arrays["suggested"][3]) == {EOS}, "a piece never seen suggests nothing"
        assert set(arrays["frequent"][:6]) == set(range(20, 26))
