"""Long lines: nothing is lost, no segment is too long, borders are as high as can be."""

import random

import pytest

from nmt.inference.long_lines import split_text


def segments(line, limit):
    """Of at most `limit` characters that are no white space."""
    return split_text(line, lambda text: len("".join(text.split())) <= limit)


@pytest.mark.parametrize(
    ("line", "limit", "expected"),
    [
        ("Ab. Cd? Ef!", 6, ["Ab. Cd?", "Ef!"]),
        ("Ab. Cd? Ef!", 4, ["Ab.", "Cd?", "Ef!"]),
        ("ab cd ef. gh", 5, ["ab cd", "ef.", "gh"]),
        ("abcdefgh ij", 3, ["ab", "cd", "ef", "gh", "ij"]),
        ("犬がいる。猫もいる。", 5, ["犬がいる。", "猫もいる。"]),
        ("", 3, [""]),
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
        assert "".join("".join(parts).split()) == "".join(line.split())
        assert all(len("".join(part.split())) <= limit for part in parts)
