"""Probabilities of next words against all sequences of tokens of a small world."""

import itertools

import numpy as np
import pytest

from nmt.decoding import next_words as module
from nmt.decoding.next_words import Words, next_words
from nmt.decoding.prefix import Prefix, Spelling
from nmt.text.vocabulary import BOS, EOS
from tests.fakes import World

# Tokens 4 to 7; a word ends before " a", before "," and at the end.
WRITINGS = ["", "", "", "", " a", "a", "ab", ","]
LONGEST = 5


def chance_of(world, sentence, ids):
    history, total, token = 1, 0.0, BOS
    for id in ids:
        history = history * 11 + token
        total += world.table(sentence, history)[world.vocab.index(id)]
        token = id
    return np.exp(total)


def written(ids):
    return "".join(WRITINGS[id] for id in ids).removeprefix(" " if ids[:1] == (4,) else "")


@pytest.mark.parametrize("prefix", ["", "a", "aa", "a a", "a,"])
def test_words_have_the_probability_of_all_ways_to_write_them(prefix, monkeypatch):
    """A word followed by an end, among all that begins with the prefix."""
    for name in ("WIDTH", "PREFIX_WIDTH"):
        monkeypatch.setattr(module, name, 10**6)
    monkeypatch.setattr(module, "STEPS", LONGEST)
    world = World(2, words=4)
    writings = [text.encode() for text in WRITINGS]
    spelling = Spelling(writings, [4], False)
    words = Words(spelling.writings, True)
    found = next_words(world, np.array([[3]]), Prefix(prefix, spelling), words, limit=10**6)
    chances = {}
    for ids, chance in found:
        word = written(ids)[len(prefix) :]
        chances[word] = chances.get(word, 0.0) + chance

    # Each sequence is counted where its text first holds the prefix, and where a word ends.
    begun = 0.0
    expected = {}
    for ids in itertools.chain.from_iterable(
        itertools.product(range(4, 8), repeat=length) for length in range(LONGEST)
    ):
        text = written(ids)
        if not text.startswith(prefix):
            continue
        own = chance_of(world, 3, ids)
        if not ids or not written(ids[:-1]).startswith(prefix) or (len(ids) == 1 and prefix):
            begun += own
        word = text[len(prefix) :]
        for end in (EOS, *range(4, 8)):
            is_end = end in (EOS, 4, 7) or word[-1:] == ","
            if (is_end and word.strip()) or (not word and end == EOS):
                share = own * np.exp(world.table(3, _history(ids))[world.vocab.index(end)])
                expected[word] = expected.get(word, 0.0) + share
    short = [word for word in expected if len(word) <= 1]
    assert short
    for word in short:
        assert chances[word] == pytest.approx(expected[word] / begun)


def test_marks_of_letters_go_on_with_a_word():
    texts = ["", "", "", "", "न", "ी", "e", "\u0301", " न", ","]
    words = Words([text.encode() for text in texts], True)
    assert words.ending == (8, 9)


def _history(ids):
    history = 1
    for token in (BOS, *ids):
        history = history * 11 + token
    return history
