"""Long lines: nothing is lost, no segment is too long, borders are as high as can be."""

import random

import pytest

from nmt.inference.long_lines import split_line


class Characters:
    """A tokenizer whose pieces are the characters that are no white space."""

    def encode(self, lines):
        return [[ord(c) for c in line if not c.isspace()] for line in lines]


def segments(line, limit):
    return ["".join(map(chr, ids)) for ids in split_line(line, Characters(), limit)]


@pytest.mark.parametrize(
    ("line", "limit", "expected"),
    [
        ("Ab. Cd? Ef!", 6, ["Ab.Cd?", "Ef!"]),
        ("Ab. Cd? Ef!", 4, ["Ab.", "Cd?", "Ef!"]),
        ("ab cd ef. gh", 5, ["abcd", "ef.gh"]),
        ("abcdefgh ij", 3, ["abc", "def", "gh", "ij"]),
        ("犬がいる。猫もいる。", 5, ["犬がいる。", "猫もいる。"]),
        ("", 3, []),
        (" \u3000 ", 3, []),
    ],
)
def test_sentences_are_kept_whole_then_words(line, limit, expected):
    assert segments(line, limit) == expected


def test_nothing_is_lost_and_no_segment_is_too_long():
    rng = random.Random(1)
    for _ in range(200):
        line = "".join(rng.choice("ab .!?。 ") for _ in range(rng.randrange(60)))
        limit = rng.randrange(1, 12)
        parts = segments(line, limit)
        assert "".join(parts) == "".join(line.split())
        assert all(0 < len(part) <= limit for part in parts)
