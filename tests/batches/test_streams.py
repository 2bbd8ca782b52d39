"""Streams: every token once an epoch, labels that follow inputs, windows that follow each other."""

import itertools

import numpy as np
import pytest

from nmt.batches.store import Store, write_ids, write_text
from nmt.batches.streams import Streams, equal_parts, inputs_and_labels, whole_texts
from nmt.errors import UserError
from nmt.text.vocabulary import BOS, EOS, PAD


class Spelled:
    """A fake tokenizer: a line of numbers is their ids."""

    def encode(self, lines):
        return [list(map(int, line.split())) for line in lines]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Sixty sentences of 1 to 9 words, each word once in all of them; the target side alone."""
    folder, rng, word = tmp_path_factory.mktemp("store"), np.random.default_rng(4), 4
    lines = []
    for length in rng.integers(1, 10, 60):
        lines.append(" ".join(map(str, range(word, word + length))))
        word += length
    assert write_text((("not read", line) for line in lines), folder, ("target",)) == 60
    return write_ids(folder, [Spelled()], max_pieces=9)


def epoch_of(streams, number):
    """(inputs, labels) of a whole epoch, windows side by side."""
    epoch = streams.epoch(number)
    windows = [streams.arrays(epoch, n) for n in range(len(streams))]
    return tuple(np.concatenate(side, 1) for side in zip(*windows, strict=True))


def test_a_store_may_have_one_side(store):
    (shard,) = store.shards
    folder = shard.sides[-1].path.parent
    assert not (folder / "source.txt").exists() and len(shard.sides) == 1
    again = Store(folder)
    assert again.pairs == 60 and again.target_tokens == sum(store.lengths[-1]) + 60
    assert again.text(-1, [1])[0].split() == list(map(str, again.ids(-1, [1])[0]))
    counts = again.frequencies(500)
    assert counts[EOS] == 60 and counts[4] == 1 and counts.sum() == again.target_tokens


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("streams", "window"), [(1, 1), (1, 1000), (4, 7), (7, 64), (60, 3)])
def test_every_token_once_an_epoch(store, streams, window, shuffle):
    """And each label is what follows its input, in the sentence it belongs to."""
    made = Streams(store, streams, window, seed=3, shuffle=shuffle)
    sentences = {ids[0]: ids.tolist() for ids in store.ids(-1, range(60))}
    for number in range(3):
        inputs, labels = epoch_of(made, number)
        assert (
            inputs.shape == labels.shape == (streams, len(made) * window)
            and inputs.dtype == np.int32
        )
        np.testing.assert_array_equal(inputs == PAD, labels == PAD)
        assert np.any(inputs[:, -window:] != PAD), "a window of nothing"
        found = []
        for ins, outs in zip(inputs, labels, strict=True):
            text = ins[ins != PAD].tolist()
            assert text[0] == BOS and (ins[len(text) :] == PAD).all(), "padding inside of a stream"
            starts = [n for n, token in enumerate(text) if token == BOS]
            for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
                found.append(text[start + 1 : end])
                assert outs[start:end].tolist() == [*found[-1], EOS]
        assert sorted(found) == sorted(sentences.values())
        assert found == sorted(found) or shuffle, "the text has lost its order"
        sizes = (inputs != PAD).sum(1)
        assert np.ptp(sizes) <= 2 * 10 or streams > 20  # of about one size


def test_the_order_is_a_function_of_seed_and_epoch(store):
    made, again, other = (Streams(store, 4, 7, seed) for seed in (3, 3, 5))
    first = epoch_of(made, 1)
    np.testing.assert_array_equal(first, epoch_of(again, 1))
    for different in (epoch_of(made, 2), epoch_of(other, 1)):
        assert np.any(first[0] != different[0])
    ordered = Streams(store, 4, 7, 3, shuffle=False)
    np.testing.assert_array_equal(epoch_of(ordered, 0), epoch_of(ordered, 5))


@pytest.mark.parametrize(("epochs", "windows"), [(0, 1), (0, 3), (1, -1), (1, 0), (2, 5)])
def test_a_stream_goes_on_at_any_step(store, epochs, windows):
    made = Streams(store, 4, 7, seed=3)
    step = epochs * len(made) + windows
    unbroken, later = made.batches_from(0), made.batches_from(step)
    for _ in range(step):
        next(unbroken)
    for _ in range(len(made)):
        np.testing.assert_array_equal(next(unbroken), next(later))


def test_more_streams_than_sentences_are_a_mistake(store):
    with pytest.raises(
        UserError, match="train.streams=61: the training text has only 60 sentences"
    ):
        Streams(store, 61, 8, seed=1)


def test_parts_are_complete_and_none_is_empty():
    rng = np.random.default_rng(1)
    for _ in range(300):
        count = rng.integers(1, 40)
        sizes, into = rng.integers(1, rng.integers(2, 100), count), rng.integers(1, count + 1)
        found = equal_parts(sizes, into)
        assert len(found) == into and all(map(len, found))
        np.testing.assert_array_equal(np.concatenate(found), np.arange(count))
    sizes = rng.integers(1, 20, 2000)
    assert max(sizes[part].sum() for part in equal_parts(sizes, 8)) < sizes.sum() / 8 + 2 * 20


@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_whole_texts_hold_every_sentence_once(store, count):
    """Each by itself, or in so many parts that follow the order of the text."""
    sentences = [ids.tolist() for ids in store.ids(-1, range(60))]
    rows = []
    for inputs, labels in whole_texts(sentences, 50, count):
        assert inputs.size <= 50 or len(inputs) == 1
        rows += [
            (a[a != PAD].tolist(), b[b != PAD].tolist())
            for a, b in zip(inputs, labels, strict=True)
        ]
    texts = [text for text, _ in sorted(rows, key=lambda row: row[0][1])]
    labels = [labels for _, labels in sorted(rows, key=lambda row: row[1][0])]
    assert len(texts) == min(count or 60, 60)
    for found, expected in zip((texts, labels), inputs_and_labels(sentences), strict=True):
        assert list(itertools.chain.from_iterable(found)) == expected
