"""Tokenised text: what the model of a tokenised corpus reads, and what people read."""

import random
import re
import time

import pytest

from nmt.text.tokens import detokenise, join_unspaced, tokenise
from tests.fakes import random_line

ENGLISH = [
    ("A man, in a blue shirt.", "a man , in a blue shirt ."),
    ("Don't stop: it's Peter's dog!", "don 't stop : it 's peter 's dog !"),
    ("Mr. Smith of the U.S. has 3.50, or 1,000?", "mr. smith of the u.s. has 3.50 , or 1,000 ?"),
    ("A well-known man (25%)...", "a well-known man ( 25 % ) ..."),
    ("  spaces\tand   tabs  ", "spaces and tabs"),
    ("Open \ue000, or \ue001!", "open \ue000 , or \ue001 !"),
    ("", ""),
]


@pytest.mark.parametrize(("line", "expected"), ENGLISH)
def test_english_tokenise(line, expected):
    assert tokenise(line, "en") == expected
    assert tokenise(expected, "en") == expected  # a tokenised corpus stays as it is


def test_tokens_lose_nothing_but_white_space():
    rng = random.Random(2)
    for _ in range(1000):
        line = random_line(rng)
        tokens = tokenise(line, "en")
        assert re.sub(r"\s", "", tokens).lower() == re.sub(r"\s", "", line.lower())
        assert not re.search(r"^ |  | $", tokens)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("犬 が い ま す 。", "犬がいます。"),
        ("Python 3 を 使う", "Python 3を使う"),
        ("「 はい 」 と 言う", "「はい」と言う"),
        ("plain English stays", "plain English stays"),
        ("Füße und Äpfel", "Füße und Äpfel"),
        ("", ""),
    ],
)
def test_japanese_is_joined(line, expected):
    assert join_unspaced(line) == expected == join_unspaced(expected)
    assert tokenise(line, "ja") == detokenise(line, "ja") == expected


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("hello , world !", "hello, world!"),
        ("it 's peter 's dog ( really ? )", "it's peter's dog (really?)"),
        ("25 % of 3.50", "25% of 3.50"),
        ("犬 dog", "犬 dog"),
        ("", ""),
    ],
)
def test_tokens_are_presented_as_people_write(tokens, expected):
    assert detokenise(tokens, "en") == expected


def test_presented_english_is_tokenised_back():
    for line in ("the man, who didn't come, sees (a) dog.", "anna's book: 20% off!"):
        assert detokenise(tokenise(line, "en"), "en") == line


def test_long_lines_take_linear_time():
    """A quadratic pattern would take ten seconds for one of these."""
    started = time.process_time()
    for part in (
        "a",
        "1",
        "a.",
        ".",
        "{",
        "{a",
        "<a",
        "%",
        "%1",
        "a@",
        "@a",
        "http://",
        "https://a.",
        "{a}",
        "$",
        " ",
        "犬 ",
        "'",
        "a-",
        "!",
        "  a",
    ):
        line = (part * 50_000)[:50_000]
        for lang in ("en", "ja"):
            detokenise(tokenise(line, lang), lang)
    assert time.process_time() - started < 5
