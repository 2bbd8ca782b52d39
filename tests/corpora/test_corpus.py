"""Splits never move, and every drop is counted."""

import collections
import hashlib
import random
from pathlib import Path

import pytest

import nmt
from nmt.corpora.corpus import SPLITS, Corpus, split_of
from nmt.corpora.hashing import TextSet, hash_fraction
from nmt.recipe import DataOptions
from tests.corpora.texts import own, read, write


@pytest.mark.slow
@pytest.mark.parametrize("target", ["de", "ja", "fr"])
def test_default_test_set_is_frozen(target):
    folder = Path(nmt.__file__).parents[1] / "data"
    data = DataOptions(
        format="catalogues", target=target, name="homeassistant==2026.11.0", folder="homeassistant"
    )
    if not Corpus(data, folder / "downloads").wheel():
        pytest.skip("the default corpus is not there")
    readme = (folder / "README.md").read_text("utf-8")
    for split, name in (("valid", "validation"), ("test", "test")):
        pairs = read(data, split, downloads=folder / "downloads")
        text = "".join(f"{source}\t{target}\n" for source, target in pairs)
        checksum = hashlib.sha256(text.encode()).hexdigest()
        assert f"| en-{data.target} | {name} | {len(pairs):,} | `{checksum}` |" in readme


def test_held_out_splits_are_disjoint_complete_and_stable(tmp_path):
    random.seed(1)
    pairs = [(f"sentence {random.randrange(2000)}", f"Satz {n}") for n in range(2000)]
    text = "".join(f"{source}\t{target}\n" for source, target in pairs)
    data = own(tmp_path, "tsv", text, held_out=0.1)
    dropped = {split: collections.Counter() for split in SPLITS}
    pairs_of = {split: read(data, split, dropped[split]) for split in SPLITS}
    for side in (0, 1):
        sides = [{pair[side] for pair in pairs_of[split]} for split in SPLITS]
        assert sum(map(len, sides)) == len(set().union(*sides)), "a side in two splits"
    lost = sum(
        dropped[split][reason]
        for split in ("valid", "test")
        for reason in ("one side in other splits", "duplicate")
    )
    assert sum(map(len, pairs_of.values())) + lost == 2000
    assert 1500 < len(pairs_of["train"]) < 1700
    assert 50 < len(pairs_of["valid"]) < 250 and 50 < len(pairs_of["test"]) < 250
    # The other direction holds out the same pairs.
    swapped = "".join(f"{target}\t{source}\n" for source, target in pairs)
    other = own(tmp_path, "csv", swapped.replace("\t", ","), held_out=0.1)
    other.source, other.target = data.target, data.source
    assert set(read(other)) == {pair[::-1] for pair in pairs_of["train"]}
    assert {pair[::-1] for pair in read(other, "test")} <= set(pairs_of["test"]) | {
        pair for pair in pairs if pair[0] in {source for source, _ in pairs_of["test"]}
    }
    assert split_of("The  END", 0.3, ["train"]) == split_of("the end", 0.3, ["train"])
    assert round(hash_fraction("abc"), 9) == 0.846604636  # if this changes, every split moves
    data.valid = data.train  # text of its own: only test is held out now
    assert len(read(data, "valid")) == 2000
    assert set(pairs_of["train"]) < set(read(data))
    assert set(read(data)).isdisjoint(pairs_of["test"])


def test_a_limit_spreads_over_the_held_out_text(tmp_path):
    data = own(tmp_path, "tsv", "a\tb\n")
    data.test = str(write(tmp_path / "test.tsv", "".join(f"a{n}\tb{n}\n" for n in range(10))))
    corpus = Corpus(data)
    assert corpus.held_out("test", 4) == [(f"a{n}", f"b{n}") for n in (0, 2, 5, 7)]
    assert len(corpus.held_out("test")) == len(corpus.held_out("test", 99)) == 10


def test_cleaning_counts_every_reason(tmp_path):
    good = [("a house", "ein Haus"), ("a house", "ein Häuschen"), ("東京", "Tokyo")]
    bad = {
        "empty side": [("", "x"), ("x", "  ")],
        "same on both sides": [("Radio", "Radio ")],
        "too long": [("x " * 60, "y " * 60)],
        "length ratio": [("no", "n" * 60)],
        "control characters": [("bell\x07", "Glocke"), ("bad \ufffd", "kaputt")],
        "duplicate": [("a house", "ein Haus")],
    }
    pairs = good + [pair for group in bad.values() for pair in group]
    data = own(tmp_path, "tsv", "".join(f"{a}\t{b}\n" for a, b in pairs))
    data.max_chars = 100
    dropped = collections.Counter()
    assert read(data, dropped=dropped) == good
    assert dropped == {reason: len(group) for reason, group in bad.items()}


def test_fewer_pairs_are_a_part_of_more_whatever_their_order(tmp_path):
    pairs = [(f"a{n}", f"b{n}") for n in range(40)]
    samples = []
    for order in (pairs, pairs[::-1]):
        data = own(tmp_path, "tsv", "".join(f"{a}\t{b}\n" for a, b in order))
        for data.pairs in (5, 20, 100):
            samples.append(read(data))
    small, middle, large = samples[:3]
    assert samples[3:] == [small, middle, large]
    assert [len(small), len(middle), len(large)] == [5, 20, 40]
    assert set(small) < set(middle) < set(large)
    assert large[:20] != pairs[:20]
    other = own(tmp_path, "csv", "".join(f"{b},{a}\n" for a, b in pairs))
    other.source, other.target, other.pairs = data.target, data.source, 5
    assert read(other) == [pair[::-1] for pair in small]


def test_hashes_are_a_set():
    random.seed(2)
    hashes = TextSet(newest=5)
    texts = set()
    for _ in range(500):
        text = str(random.randrange(300))
        assert (text in hashes) == (text in texts)
        assert hashes.add(text) == (text not in texts)
        texts.add(text)
