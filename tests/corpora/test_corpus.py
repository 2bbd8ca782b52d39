"""Splits never move, and every drop is counted."""

import collections
import errno
import hashlib
import io
import random
from pathlib import Path

import pytest

import nmt
from nmt.batches.store import write_text
from nmt.corpora import corpus as corpora
from nmt.corpora import held_out as held_outs
from nmt.corpora.corpus import SPLITS, Corpus, split_of
from nmt.corpora.hashing import TextSet, hash_fraction, split_key
from nmt.errors import Failure
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
    assert split_key("The  END") == split_key("the end")
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


def test_duplicates_are_found_once_in_any_order():
    rng = random.Random(2)
    texts = [str(rng.randrange(3000)) for _ in range(6000)]
    for _ in range(3):
        rng.shuffle(texts)
        hashes = TextSet(slots=1)
        known = set()
        for text in texts:
            assert (text in hashes) == (text in known)
            assert hashes.add(text) == (text not in known)
            known.add(text)
        assert sum(hashes.sizes) == len(known)
        assert all(text in hashes for text in texts)


def test_hashes_that_meet_in_a_table_stay_apart():
    """Of one table, with equal last bits; 0 is a hash, too."""
    hashes = TextSet(slots=4)
    keys = [n << 40 for n in range(500)]
    assert [hashes.add_hash(key) for key in [*keys, *keys[::-1]]] == [True] * 500 + [False] * 500


def test_held_out_text_is_what_its_definition_says(tmp_path, monkeypatch):
    """No side in an earlier split, each source once; and the text is read once for all of it."""
    rng = random.Random(4)
    words = [f"{rng.choice('aAbB')}{n}" for n in range(160)]
    pairs = [(rng.choice(words), rng.choice(words) + "x" * (n % 7 > 0)) for n in range(900)]
    data = own(tmp_path, "tsv", "".join(f"{a}\t{b}\n" for a, b in pairs), held_out=0.2)
    assert data.source > data.target, "the hash is of the source"
    split_of_pairs = [split_of(hash_fraction(split_key(s)), 0.2, ["train"]) for s, _ in pairs]
    sides = {split: set() for split in SPLITS}
    for split, pair in zip(split_of_pairs, pairs, strict=True):
        sides[split] |= {split_key(side) for side in pair}
    expected = {}
    for split, earlier in (("test", sides["train"]), ("valid", sides["train"] | sides["test"])):
        kept = [
            pair
            for each, pair in zip(split_of_pairs, pairs, strict=True)
            if each == split and not {split_key(side) for side in pair} & earlier
        ]
        expected[split] = list({source: (source, target) for source, target in kept[::-1]}.values())
        expected[split].sort(key=kept.index)
    passes = []
    read_tables = corpora.tables.read
    monkeypatch.setattr(
        corpora.tables, "read", lambda *args: passes.append(args) or read_tables(*args)
    )
    monkeypatch.setattr(held_outs, "IN_MEMORY", 100)
    monkeypatch.setattr(held_outs, "BLOCK", 16)
    for order in (["train", "test", "valid"], ["valid", "test"], ["test", "train", "valid"]):
        corpus = Corpus(data)
        passes.clear()
        found = {split: list(corpus.read(split)) for split in order}
        assert {split: found[split] for split in expected} == expected
        assert len(passes) == 1 + (order[0] == "test" and "train" in order)
    assert min(map(len, expected.values())) > 3
    # Text that was not read to its end is read again; two readers do not disturb each other.
    corpus = Corpus(data)
    assert next(corpus.read("train")) and list(corpus.read("test")) == expected["test"]
    both = zip(corpus.read("valid"), corpus.read("valid"), strict=True)
    assert all(one == other for one, other in both)


def test_a_full_temporary_folder_is_named_not_what_else_is_written(tmp_path, monkeypatch):
    """The store is written while the text is read."""

    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(held_outs.tempfile, "SpooledTemporaryFile", lambda size: Full())
    monkeypatch.setattr(held_outs.tempfile, "gettempdir", lambda: "/small")
    text = "".join(f"the house {n}\tdas Haus {n}\n" for n in range(100))
    for share in (0.0, 0.1):  # without held-out text, hashes alone are written
        monkeypatch.setattr(held_outs, "BLOCK", 10)
        pairs = Corpus(own(tmp_path, "tsv", text, held_out=share)).read("train")
        with pytest.raises(Failure) as failure:
            write_text(pairs, tmp_path / "cache")
        assert str(failure.value).startswith(
            "cannot write temporary files to /small (TMPDIR names another folder): No space left"
        )


def test_what_is_held_out_is_noted_once(tmp_path, monkeypatch):
    text = "".join(f"the house {n}\tdas Haus {n}\n" for n in range(100))
    corpus = Corpus(own(tmp_path, "tsv", text, held_out=0.1))
    dropped = [collections.Counter() for _ in range(2)]
    test = list(corpus.read("test"))
    first = list(corpus.read("train", dropped[0]))
    monkeypatch.setattr(held_outs.HeldOut, "add", None)
    assert list(corpus.read("train", dropped[1])) == first
    assert dropped[0] == dropped[1]
    assert list(corpus.read("test")) == test != []
