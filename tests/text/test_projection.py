"""Where ranges of a source lie in its translation."""

import itertools
import random
import re

import numpy as np
import pytest

from nmt.text.projection import project
from nmt.text.symbols import SYMBOLS

TURN = "Turn off the lights in the kitchen."
SCHALTEN = "Schalten Sie in der Küche das Licht aus."
# The word of TURN that each word of SCHALTEN translates, the stop with the last one.
WORDS = [0, 0, 4, 5, 6, 2, 3, 1]


def pieces(text):
    """Words as pieces: a space belongs to the word behind it."""
    return [match.span() for match in re.finditer(r"\s*\S+", text)]


def by_words(source, target, alignment):
    """Attention [target words + EOS, source words + EOS] of words that translate one each."""
    attention = np.zeros((len(pieces(target)) + 1, len(pieces(source)) + 1))
    attention[range(len(alignment)), alignment] = 1
    attention[-1, -1] = 1
    return attention


def projected(marked, target, attention=None):
    """The target with brackets as the source has them: pairs of [], points as |."""
    ranges = []
    opened = []
    text = ""
    for char in marked:
        if char == "[":
            opened.append(len(ranges))
            ranges.append((len(text), len(text)))
        elif char == "]":
            number = opened.pop()
            ranges[number] = (ranges[number][0], len(text))
        elif char == "|":
            ranges.append((len(text), len(text)))
        else:
            text += char
    result = project(ranges, attention, text, pieces(text), target, pieces(target))
    marks = []
    for (start, end), (low, high) in zip(ranges, result, strict=True):
        if start == end:
            marks.append((low, 1, "|"))
        else:
            marks += [(low, 2, "["), (high, 0, "]")]
    for place, _, mark in sorted(marks, reverse=True):
        target = target[:place] + mark + target[place:]
    return target


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Runs of whole words.
        ("Turn off [the lights] in the kitchen.", "Schalten Sie in der Küche [das Licht] aus."),
        ("Turn off the lights in the [kitchen].", "Schalten Sie in der [Küche] das Licht aus."),
        # One run of two that translate it.
        ("[Turn off] the lights in the kitchen.", "[Schalten Sie] in der Küche das Licht aus."),
        # The whole, with its last punctuation and without.
        ("[Turn off the lights in the kitchen.]", "[Schalten Sie in der Küche das Licht aus.]"),
        ("[Turn off the lights in the kitchen].", "[Schalten Sie in der Küche das Licht aus]."),
        # Nested and disjoint.
        (
            "Turn off [the lights] [in the [kitchen]].",
            "Schalten Sie [in der [Küche]] [das Licht] aus.",
        ),
        # Points: at the ends, before the last punctuation, behind a word, in front of one.
        ("|Turn off the lights in the kitchen.", "|Schalten Sie in der Küche das Licht aus."),
        ("Turn off the lights in the kitchen.|", "Schalten Sie in der Küche das Licht aus.|"),
        ("Turn off the lights in the kitchen|.", "Schalten Sie in der Küche das Licht aus|."),
        ("Turn off the lights| in the kitchen.", "Schalten Sie in der Küche das Licht| aus."),
        ("Turn off the lights in the |kitchen.", "Schalten Sie in der |Küche das Licht aus."),
        # A point at the end of a range stays there; one inside stays inside.
        ("Turn off [the lights]| in the kitchen.", "Schalten Sie in der Küche [das Licht]| aus."),
        ("Turn off [the| lights] in the kitchen.", "Schalten Sie in der Küche [das| Licht] aus."),
    ],
)
def test_a_range_lies_on_the_words_that_translate_it(source, expected):
    assert projected(source, SCHALTEN, by_words(TURN, SCHALTEN, WORDS)) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Open the [large] window", "Öffne das [große] Fenster"),
        ("Open the large |window", "Öffne das große |Fenster"),
        ("[Open] [the] [large] [window]", "[Öffne] [das] [große] [Fenster]"),
        ("[Open the large window]!", "[Öffne das große Fenster]"),
    ],
)
def test_without_attention_it_lies_at_the_same_relative_position(source, expected):
    assert projected(source, expected.translate({ord(mark): None for mark in "[]|"})) == expected


def test_a_word_that_is_the_same_on_both_sides_outweighs_attention():
    source = f"Wait {SYMBOLS[0]} for Alexa 25 times"
    target = f"Alexa 25 Mal {SYMBOLS[0]} erwarten"
    # Everything attends to the first word.
    attention = by_words(source, target, [0, 0, 0, 0, 0])
    marked = f"Wait [{SYMBOLS[0]}] for [Alexa] [25] times"
    assert projected(marked, target, attention) == f"[Alexa] [25] Mal [{SYMBOLS[0]}] erwarten"


def test_punctuation_goes_with_the_words_that_it_is_marked_with():
    source = "Note: Restart it now."
    target = "Hinweis: Starte es jetzt neu."
    attention = by_words(source, target, [0, 1, 2, 3, 1])
    for marked, expected in (
        ("[Note:] Restart it now.", "[Hinweis:] Starte es jetzt neu."),
        ("[Note]: Restart it now.", "[Hinweis]: Starte es jetzt neu."),
        ("Note[:] Restart it [now.]", "Hinweis[:] Starte es [jetzt] neu."),
    ):
        assert projected(marked, target, attention) == expected


def test_a_word_is_made_of_letters_and_their_marks():
    # Devanagari vowel signs, a combining accent, a soft hyphen, a tab.
    for word in ("हिन्दी", "cafe\u0301", "Licht\u00adschalter", "a\tb"):
        target = f"{word} x"
        ((start, end),) = project([(0, 1)], None, "a b", pieces("a b"), target, pieces(target))
        assert target[start:end] == word.split("\t")[0]


def test_in_a_script_without_spaces_pieces_are_words():
    source = "Turn on the Wi-Fi light"
    target = "Wi-Fi照明を点灯します"
    edges = [0, 2, 3, 5, 7, 8, 10, 13]
    attention = np.zeros((8, 6))
    attention[range(8), [3, 3, 3, 4, 2, 0, 1, 5]] = 1
    bounds = list(itertools.pairwise(edges))
    ranges = [(0, 4), (5, 7), (12, 17), (18, 23), (12, 23), (12, 14)]
    result = project(ranges, attention, source, pieces(source), target, bounds)
    assert [target[start:end] for start, end in result] == [
        "点灯",
        "します",
        "Wi-Fi",
        "照明",
        "Wi-Fi照明",
        "Wi",
    ]


def test_ranges_nest_as_in_the_source_whatever_the_attention():
    rng = random.Random(0)
    for seed in range(300):
        source = " ".join(rng.choice(["a", "bb", "c,", "d."]) for _ in range(rng.randint(1, 9)))
        target = " ".join(rng.choice(["x", "yy", "z.", "d."]) for _ in range(rng.randint(9, 12)))
        ranges = random_tree(rng, 0, len(source))
        shape = (len(pieces(target)) + 1, len(pieces(source)) + 1)
        attention = np.random.default_rng(seed).dirichlet(np.full(shape[1], 0.3), shape[0])
        result = project(ranges, attention, source, pieces(source), target, pieces(target))
        check_relations(source, ranges, target, result)


def random_tree(rng, start, end):
    """Ranges that nest or are disjoint, and points, in no order."""
    ranges = []
    place = start
    while place < end and rng.random() < 0.7:
        low = rng.randint(place, end)
        high = rng.randint(low, end)
        ranges.append((low, high))
        if (low, high) != (start, end):
            ranges += random_tree(rng, low, high)
        place = high + 1
    rng.shuffle(ranges)
    return ranges


def check_relations(source, ranges, target, result):
    """What holds for every pair of ranges, and each alone."""
    for (start, end), (low, high) in zip(ranges, result, strict=True):
        assert 0 <= low <= high <= len(target)
        assert (low == high) == (not source[start:end].strip())
        # Whole words.
        for place in (low, high):
            assert not re.fullmatch(r"\w\w", target[max(0, place - 1) : place + 1])
    for (outer, a), (inner, b) in itertools.permutations(zip(ranges, result, strict=True), 2):
        if outer[0] < outer[1]:
            strictly = outer[0] < inner[0] and inner[1] < outer[1]
            if (inner[0] < inner[1] and outer[0] <= inner[0] and inner[1] <= outer[1]) or strictly:
                assert a[0] <= b[0] and b[1] <= a[1]
            elif inner[1] <= outer[0] or outer[1] <= inner[0]:
                assert b[1] <= a[0] or a[1] <= b[0]


def test_nothing_is_lost_where_there_are_too_few_words():
    found = project([(0, 1), (2, 3), (4, 5)], None, "a b c", pieces("a b c"), "x", [(0, 1)])
    assert sorted(found)[-1] == (0, 1)
    assert len({*found}) == 2
    assert project([(0, 1), (1, 1)], None, "a", [(0, 1)], "", []) == [(0, 0), (0, 0)]
    assert project([(0, 2), (1, 1)], None, "  ", [], "x", [(0, 1)]) == [(0, 0), (0, 0)]
