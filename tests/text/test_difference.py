"""What of a text stayed in another one."""

import time

import pytest

from nmt.text.difference import opcodes


@pytest.mark.parametrize("more", ["", "a" * 3000])
def test_texts_are_compared_whatever_their_capitals(more):
    text, other = f"the **dog** is{more} here", f"The dog is{more} HERE!"
    made = ""
    equal = 0
    for kind, start, end, first, last in opcodes(text, other):
        made += text[start:end] if kind == "equal" else other[first:last]
        equal += end - start if kind == "equal" else 0
    assert made.lower() == other.lower()
    assert equal == 4 if more else len(other) - 1


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("{}**", "{}"),
        ("{}", "{}**"),
        ("**{}", "{}"),
        ("{}**{}", "{}{}"),
        ("{}", "{}"),
        ("{}x", "{}y"),
    ],
)
def test_opcodes_are_those_of_difflib(text, other):
    much = "a b c d e f g h " * 200
    sides = text.replace("{}", much), other.replace("{}", much)
    for kind, start, end, first, last in opcodes(*sides):
        assert (start < end) == (kind != "insert") and (first < last) == (kind != "delete")


@pytest.mark.parametrize("part", ["a", "a ", "a b ", "one two three "])
def test_much_that_repeats_takes_no_time(part):
    started = time.process_time()
    opcodes("**x** " + part * 5_000 + "y", "x " + part * 5_000)
    opcodes(part * 20, f"*{part}" * 20)
    assert time.process_time() - started < 3
