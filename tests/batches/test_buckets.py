"""Batches: every pair once an epoch, within the budget, in an order that is a function of (seed, epoch)."""

import itertools
import random
import zlib

import numpy as np
import pytest

from nmt.batches import store as batches
from nmt.batches.buckets import Batches
from nmt.batches.padding import cut, pad
from nmt.batches.store import Store, write_ids, write_text
from nmt.corpora import toy as grammar
from nmt.errors import UserError
from nmt.recipe import Recipe, TokenizerOptions, all_options
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import BOS, EOS, PAD


class Words:
    """A fake tokenizer: a word is an id of the whole range; sampling draws other ids of the same words."""

    def encode(self, lines):
        return [[self.id(word) for word in line.split()] for line in lines]

    def sample(self, lines, alpha, seed):
        rng = np.random.default_rng(seed)
        return [[(i + int(rng.integers(1000))) % 64000 for i in ids] for ids in self.encode(lines)]

    def id(self, word):
        return zlib.crc32(word.encode()) % 64000


def pairs_of(count, longest=30, seed=1):
    """Pairs of many lengths, no two alike."""
    rng = random.Random(seed)
    for n in range(count):
        source, target = (min(longest, 1 + int(rng.expovariate(1 / 6))) for _ in range(2))
        yield " ".join([f"s{n}"] * source), " ".join([f"t{n}"] * target)


def stored(folder, pairs, max_pieces=120, tokenizers=None):
    write_text(pairs, folder)
    return write_ids(folder, tokenizers or (Words(), Words()), max_pieces)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("store"), pairs_of(2000))


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("budget", [1, 50, 400, 10**6])
def test_every_pair_once_an_epoch(store, budget):
    made = Batches(store, budget, seed=3)
    for number in range(3):
        epoch = made.epoch(number)
        assert len(epoch) == len(made)
        assert sorted(itertools.chain.from_iterable(rows.tolist() for rows in epoch)) == list(
            range(store.pairs)
        )


@pytest.mark.parametrize("budget", [1, 50, 400])
def test_the_budget_is_kept(store, budget):
    made = Batches(store, budget, seed=3)
    for number in range(2):
        for rows in made.epoch(number):
            source, target = made.arrays(rows, seed=0)
            assert len(rows) == len(source) == len(target) >= 1
            assert len(rows) == 1 or target[:, 1:].size <= budget
            assert len(rows) == 1 or source.size <= 2 * budget
    used = [
        max(target[:, 1:].size / budget, source.size / 2 / budget)
        for source, target in (made.arrays(rows, 0) for rows in made.epoch(0))
    ]
    assert budget < 400 or np.mean(used) > 0.7  # and it is used


def test_cut_against_the_definition():
    rng = np.random.default_rng(5)
    for _ in range(200):
        lengths = np.sort(rng.integers(1, 30, rng.integers(1, 60)))
        other, budget = rng.integers(1, 60, len(lengths)), int(rng.integers(1, 100))
        ends = cut(lengths, other, budget)
        assert ends[-1] == len(lengths) and (np.diff([0, *ends]) > 0).all()
        for start, end in itertools.pairwise([0, *ends]):
            rows = end - start
            assert rows == 1 or rows * lengths[start:end].max() <= budget
            assert rows == 1 or rows * other[start:end].max() <= 2 * budget


def test_little_is_padding(store):
    made = Batches(store, 400, seed=1)
    arrays = [made.arrays(rows, 0) for rows in made.epoch(0)]
    assert (
        sum((target == PAD).sum() for _, target in arrays)
        / sum(target.size for _, target in arrays)
        < 0.03
    )


def test_order_is_a_function_of_seed_and_epoch(store):
    made, again, other = Batches(store, 200, 7), Batches(store, 200, 7), Batches(store, 200, 8)
    assert same(made.epoch(4), again.epoch(4))
    assert same(made.epoch(4), made.epoch(4))
    epochs = [made.epoch(number) for number in range(5)] + [other.epoch(0)]
    for left, right in itertools.combinations(epochs, 2):
        assert [rows.tolist() for rows in left] != [
            rows.tolist() for rows in right
        ]  # another order
        assert {tuple(sorted(rows.tolist())) for rows in left} != {
            tuple(sorted(rows.tolist())) for rows in right
        }
    lengths = [int(store.lengths[1][rows].max()) for rows in made.epoch(0)]
    assert lengths != sorted(lengths) and lengths != sorted(lengths, reverse=True)


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_a_stream_goes_on_where_it_stopped(store, sampling):
    def stream(step, seed=2):
        return Batches(store, 3000, seed, (Words(), Words()), sampling).batches_from(step)

    epoch = len(Batches(store, 3000, 2))
    whole = list(itertools.islice(stream(0), 3 * epoch + 2))
    for step in (0, 1, epoch - 1, epoch, epoch + 1, 2 * epoch - 1, 3 * epoch):
        for expected, found in zip(whole[step:], stream(step), strict=False):
            assert same(expected, found)
    assert not all(same(a, b) for a, b in zip(whole, stream(0, seed=3), strict=False))
    for number in range(3):
        rows = Batches(store, 3000, 2).epoch(number)
        for (source, _), expected in zip(whole[number * epoch :], rows, strict=False):
            assert len(source) == len(expected)


def test_sampling_draws_anew_each_time(store):
    made = Batches(store, 10**6, 2, (Words(), Words()), sampling=0.3)
    seen = [source[source > EOS] for source, _ in itertools.islice(made.batches_from(0), 3)]
    assert len(made) == 1 and not any(
        np.array_equal(a, b) for a, b in itertools.combinations(seen, 2)
    )


def test_sampled_streams_are_repeatable_with_sentencepiece(tmp_path):
    pairs = list(grammar.generate("en-de", "train", 60))
    for kind in ("unigram", "bpe"):
        options = TokenizerOptions(
            kind=kind, vocab_size=200, byte_fallback=False, character_coverage=1.0
        )
        tokenizer = Tokenizer.train(itertools.chain.from_iterable(pairs), options)
        own = stored(tmp_path / kind, pairs, tokenizers=(tokenizer, tokenizer))

        def stream(step, own=own, tokenizer=tokenizer):
            return Batches(own, 200, 1, (tokenizer, tokenizer), 0.3).batches_from(step)

        whole = list(itertools.islice(stream(0), 12))
        for step in (3, 7):
            assert all(same(a, b) for a, b in zip(whole[step:], stream(step), strict=False))
        for source, target in whole:  # whatever was drawn, the text is that of the corpus
            for left, right in zip(source, target, strict=True):
                pair = tuple(
                    tokenizer.decode([int(i) for i in side if i > EOS]) for side in (left, right)
                )
                assert pair in pairs


def test_arrays_have_bos_eos_and_padding_on_the_right(store):
    rows = Batches(store, 300, 1).epoch(0)[5]
    source, target = Batches(store, 300, 1).arrays(rows, 0)
    assert source.dtype == target.dtype == np.int32
    for side, matrix in enumerate((source, target)):
        for ids, row in zip(store.ids(side, rows), matrix.tolist(), strict=True):
            expected = [BOS] * side + ids.tolist() + [EOS]
            assert row == expected + [PAD] * (len(row) - len(expected))
        assert (matrix != PAD).sum(1).max() == matrix.shape[1]


def test_pad_of_nothing():
    assert pad([], [BOS], [EOS]).shape == (0, 2)
    assert pad([[], [5]], [BOS], [EOS]).tolist() == [[BOS, EOS, PAD], [BOS, 5, EOS]]


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_ids_and_text_come_back(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(batches, "CHUNK", chunk)
    pairs = [*pairs_of(20), ("犬 ß 😀", "a\u2028b \x85 c"), ("x", "y")]
    made = stored(tmp_path, pairs)
    words = Words()
    for again in (made, Store(tmp_path)):
        assert again.pairs == len(pairs)
        rows = list(range(len(pairs)))[::-1]
        for side in (0, 1):
            texts = [pairs[row][side] for row in rows]
            assert again.text(side, rows) == texts
            assert [ids.tolist() for ids in again.ids(side, rows)] == words.encode(texts)
        assert again.target_tokens == sum(len(t.split()) + 1 for _, t in pairs)
    ids = {int(i) for i in made.sides[1].ids}
    assert max(ids) > 2**15  # beyond a signed 16-bit number


def test_the_largest_ids_fit(tmp_path):
    class Edge(Words):
        def id(self, word):
            return {"low": 4, "high": 63_999}[word]

    made = stored(tmp_path, [("low high", "high")], tokenizers=(Edge(), Edge()))
    assert [ids.tolist() for side in (0, 1) for ids in made.ids(side, [0])] == [
        [4, 63_999],
        [63_999],
    ]
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


class Letters:
    """A fake tokenizer that takes everything."""

    def encode(self, lines):
        return [[4 + ord(c) % 100 for c in line] for line in lines]


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
    assert made.text(0, [0, 1]) == ["a b c", "a b"] and made.text(1, [0, 1]) == ["x", "x y z"]
    assert [len(ids) for side in (0, 1) for ids in made.ids(side, [0, 1])] == [3, 2, 1, 3]
    assert '"dropped": 4' in (tmp_path / "meta.json").read_text()


def test_nothing_left_is_a_mistake_of_the_user(tmp_path):
    with pytest.raises(UserError, match=r"data\.max_pieces"):
        stored(tmp_path, [("a b c", "x")], max_pieces=2)
    assert not (tmp_path / "meta.json").exists()  # no store that looks complete


def test_the_text_of_both_sides_is_counted(tmp_path):
    assert write_text(iter([("a", "b"), ("c", "d")]), tmp_path / "new") == 2
    assert (tmp_path / "new/target.txt").read_bytes() == b"b\nd\n"
