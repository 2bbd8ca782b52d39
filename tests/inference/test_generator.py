"""What a language model does with text: its perplexity, scores of lines, generated lines."""

import functools
import itertools
import types

import numpy as np
import pytest
import tensorflow as tf

from nmt.errors import UserError
from nmt.inference.generator import TextGenerator
from nmt.recipe import DataOptions, Recipe, TrainOptions
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS, UNK
from tests.language_models import VOCAB, made, some_models


class Letters:
    """A fake tokenizer: a word is a piece, numbered by its first letter; others are UNK."""

    size = VOCAB

    def encode(self, lines):
        return [
            ["abcdefg".index(word[0]) + 4 if word[0] in "abcdefg" else UNK for word in line.split()]
            for line in lines
        ]

    def decode(self, ids):
        return " ".join("abcdefg"[i - 4] for i in ids)


# Made once for all tests, which change nothing of it.
shared = functools.cache(made)


@pytest.fixture(autouse=True)
def eagerly():
    """Without graphs: to trace one takes longer than all the tests. nmt evaluate has them."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def generator(name, **data):
    model, letters = shared(name), Letters()
    recipe = Recipe(
        data=DataOptions(**data), model=model.options, train=TrainOptions(streams=2, bptt=8)
    )
    return TextGenerator(model, (letters, letters), recipe)


@some_models
def test_perplexity_by_its_definition(name):
    """EOS once a sentence; of a text in parts where the state runs on."""
    made_up, lines = generator(name), ["a b c", "", "d d e f g", "a x", "c", "b b b", "f"]
    model, total, tokens = made_up.model, 0.0, 0
    ids = made_up.tokenizer.encode(lines)
    for n, words in enumerate(ids):
        if n in (0, 3) or not model.options.across_sentences:  # two parts of 11 tokens
            state = model.encode(np.zeros((1, 1)))[1]
        for token, following in itertools.pairwise([BOS, *words, EOS]):
            hidden, _, state = model.step({}, state, np.array([[token]], np.int32))
            total -= float(tf.nn.log_softmax(model.project(hidden)[0, 0])[following])
            tokens += 1
    found = made_up.perplexity(lines)
    assert tokens == found["tokens"] == 22 and found["unknown"] == 1
    assert found["log_likelihood"] == pytest.approx(-total, rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(total / 22), rel=1e-5)


def test_units_of_perplexity():
    """Of a language without spaces, characters, unless its corpus is tokenised."""
    lines = ["ab cd", "a"]
    for data, unit, count in (
        ({}, "word", 5),
        ({"target": "ja"}, "character", 7),
        ({"target": "ja", "preprocess": "tokens"}, "word", 5),
    ):
        found = generator("lstm", **data).perplexity(lines)
        assert (found["unit"], found["words"]) == (unit, count)
        assert found["words"] * np.log(found["word_perplexity"]) == pytest.approx(
            -found["log_likelihood"]
        )


def test_a_line_is_scored_by_itself():
    made_up, lines = generator("lstm"), ["a b c", "d", "", "e f a b"]
    together = made_up.score(lines)
    for line, (log_prob, score) in zip(lines, together, strict=True):
        assert score == pytest.approx(log_prob / (len(line.split()) + 1))
        assert made_up.score([line])[0] == pytest.approx((log_prob, score), abs=1e-4)
    total = made_up.perplexity(lines)["log_likelihood"]
    assert sum(log_prob for log_prob, _ in together) == pytest.approx(total, abs=1e-4)


# ---- generated text


def test_generated_lines_begin_with_the_prompt():
    made_up = generator("lstm")
    lines = made_up.generate("c a b", count=5, length=6)
    assert len(set(lines)) > 1 and all(line.startswith("c a b") for line in lines)
    assert max(len(line.split()) for line in lines) <= 3 + 6
    assert lines == made_up.generate("c a b", count=5, length=6)
    assert lines != made_up.generate("c a b", count=5, length=6, seed=2)
    assert len(set(made_up.generate(count=5, length=6, temperature=0))) == 1


def test_placeholders_of_the_prompt_come_through(monkeypatch):
    """And those that the model adds get names of their own."""
    made_up = generator("lstm")
    fake = types.SimpleNamespace(
        encode=lambda lines: [[4] * len(line) for line in lines],
        symbols=32,
        decode=lambda ids: "\ue000 geht \ue001 in \ue002",
    )
    made_up.preparation = Preparation(Recipe(), (fake, fake))
    assert made_up.generate("{name} und %s", length=1) == ["{name} geht %s in {2}"]


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0},
        {"count": 10**9},
        {"count": True},
        {"length": -1},
        {"length": 1.5},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": True},
        {"top_k": -1},
        {"seed": -1},
        {"seed": None, "count": "3"},
    ],
)
def test_numbers_out_of_bounds_are_told(options):
    with pytest.raises(UserError, match=r"^\w+=.* number from [0-9,]+ to [0-9,]+ is needed$"):
        generator("lstm").generate("a", **options)


@pytest.mark.parametrize("prompt", [None, 5, b"a", float("nan")])
def test_a_prompt_is_a_text(prompt):
    with pytest.raises(TypeError, match="a str is needed, not "):
        generator("lstm").generate(prompt)
