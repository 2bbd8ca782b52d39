"""The store: ids and text come back as they went in, whatever the characters."""

import numpy as np
import pytest

from nmt.batches import store as store_module
from nmt.batches.store import Store, write_ids, write_text
from nmt.errors import UserError
from nmt.recipe import Recipe, all_options
from nmt.text.vocabulary import EOS
from tests.batches.stores import Letters, Words, pairs_of, stored


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_ids_and_text_come_back(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(store_module, "CHUNK", chunk)
    pairs = [*pairs_of(20), ("犬 ß 😀", "a\u2028b \x85 c"), ("x", "y")]
    made = stored(tmp_path, pairs)
    words = Words()
    for again in (made, Store(tmp_path)):
        assert again.pairs == len(pairs)
        pair_ids = list(range(len(pairs)))[::-1]
        for side in (0, 1):
            texts = [pairs[pair_id][side] for pair_id in pair_ids]
            assert again.text(side, pair_ids) == texts
            assert [ids.tolist() for ids in again.ids(side, pair_ids)] == words.encode(texts)
        assert again.target_tokens == sum(len(t.split()) + 1 for _, t in pairs)
    ids = {int(i) for i in made.shards[0].sides[1].ids}
    assert max(ids) > 2**15  # beyond a signed 16-bit number


def test_the_largest_ids_fit(tmp_path):
    class Edge(Words):
        def id(self, word):
            return {"low": 4, "high": 63_999}[word]

    made = stored(tmp_path, [("low high", "high")], tokenizers=(Edge(), Edge()))
    assert made.ids(0, [0])[0].tolist() == [4, 63_999]
    assert made.ids(1, [0])[0].tolist() == [63_999]
    options = {name: field for name, field, _ in all_options(Recipe())}
    assert options["tokenizer.vocab_size"].metadata["high"] <= 2**16
    counts = made.frequencies(64_000)
    assert counts[63_999] == 1 and counts[EOS] == 1 and counts.sum() == 2


@pytest.mark.parametrize("first", ["\ufeffbom", "end\r", "\ufeff", "in\rside", "\x0b"])
def test_odd_characters_do_not_shift_the_text(tmp_path, first):
    pairs = [(first + " a", "b"), ("c", first + " d"), (first, "y"), ("last", "line")]
    write_text(pairs, tmp_path)
    made = write_ids(tmp_path, (Letters(), Letters()), 120)
    assert made.text(0, range(made.pairs)) == [source for source, _ in pairs]
    assert made.text(1, range(made.pairs)) == [target for _, target in pairs]


def test_pairs_too_long_or_empty_are_dropped_and_counted(tmp_path):
    pairs = [
        ("a b c", "x"),
        ("a", "x y z w"),
        ("", "x"),
        ("a", " "),
        ("a b", "x y z"),
        ("a b c d", "x"),
    ]
    made = stored(tmp_path, pairs, max_pieces=3)
    assert made.pairs == 2
    assert made.text(0, [0, 1]) == ["a b c", "a b"]
    assert made.text(1, [0, 1]) == ["x", "x y z"]
    assert [lengths.tolist() for lengths in made.lengths] == [[3, 2], [1, 3]]
    assert '"dropped": 4' in (tmp_path / "meta.json").read_text()


def test_nothing_left_is_a_mistake_of_the_user(tmp_path):
    with pytest.raises(UserError, match=r"data\.max_pieces"):
        stored(tmp_path, [("a b c", "x")], max_pieces=2)
    assert not (tmp_path / "meta.json").exists()  # no store that looks complete


def test_the_text_of_both_sides_is_counted(tmp_path):
    assert write_text(iter([("a", "b"), ("c", "d")]), tmp_path / "new") == 2
    assert (tmp_path / "new/target.txt").read_bytes() == b"b\nd\n"


@pytest.mark.parametrize(("shard", "chunk"), [(7, 1), (23, 100), (100, 100)])
def test_shards_hold_what_one_folder_would(tmp_path, monkeypatch, shard, chunk):
    """Also where other processes tokenise, as they do with small chunks."""
    pairs = [*pairs_of(23), ("", "dropped"), *pairs_of(9, seed=2)]
    corpora = [10, 0, len(pairs) - 10]
    write_text(pairs, tmp_path / "whole")
    whole = write_ids(tmp_path / "whole", (Words(), Words()), 120, corpora)
    monkeypatch.setattr(store_module, "SHARD", shard)
    monkeypatch.setattr(store_module, "CHUNK", chunk)
    assert write_text(pairs, tmp_path / "parts") == len(pairs)
    parts = write_ids(tmp_path / "parts", (Words(), Words()), 120, corpora)
    assert len(parts.shards) == -(-len(pairs) // shard)
    for made in (parts, Store(tmp_path / "parts")):
        assert (made.pairs, made.corpora) == (whole.pairs, whole.corpora) == (32, [10, 0, 22])
        assert made.target_tokens == whole.target_tokens
        order = np.random.default_rng(1).permutation(32)
        for side in (0, 1):
            assert made.text(side, order) == whole.text(side, order)
            assert same(made.ids(side, order), whole.ids(side, order))
            assert made.lengths_of(side, order).tolist() == whole.lengths[side][order].tolist()
        assert same(made.lengths, whole.lengths)
        for ranges in (None, [range(5, 6)], [range(2, 9), range(20, 32)]):
            counts = [each.frequencies(64_000, ranges) for each in (made, whole)]
            assert same(*counts)
            assert counts[0][EOS] == (sum(map(len, ranges)) if ranges else 32)


def test_a_smaller_store_replaces_a_larger_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "SHARD", 4)
    stored(tmp_path, pairs_of(11))
    (tmp_path / "0001" / "mine").write_text("stays")
    assert len(stored(tmp_path, pairs_of(3)).shards) == 1
    assert len(stored(tmp_path, pairs_of(5)).text(0, range(5))) == 5
    store_module.remove(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["0001", "mine"]


def test_places_are_written_as_numpy_would(tmp_path):
    made = stored(tmp_path, pairs_of(20))
    for side, name in zip(made.shards[0].sides, ("source", "target"), strict=True):
        for numbers in ("starts", "lines"):
            np.save(tmp_path / "again.npy", np.array(getattr(side, numbers)))
            written = tmp_path / f"{name}.{numbers}.npy"
            assert written.read_bytes() == (tmp_path / "again.npy").read_bytes()
