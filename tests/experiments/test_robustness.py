"""What the table of robustness counts; the figures of a run are no matter of tests."""

import re

import pytest

from nmt.experiments.aligned_words import AlignedWords
from nmt.experiments.robustness import DECORATIONS, HEADS, line, rows
from nmt.recipe import Recipe

SOURCES = [
    "Turn off the light in the kitchen.",
    "The window of {room} stays open.",
    "Restart {name} now, or wait a moment!",
    "Every sensor has a battery of its own.",
]
PAIRS = [(source, source) for source in SOURCES]


class Fake:
    """A translator that changes its lines."""

    recipe = Recipe()

    def __init__(self, change):
        self.change = change

    def translate(self, lines):
        return [self.change(text) for text in lines]


def measured(change):
    """Rows of a fake translator by their names."""
    table = list(rows(Fake(change), PAIRS, PAIRS, AlignedWords(PAIRS)))
    return {row.what: row for row in table}


def test_what_comes_back_as_it_is_counts_as_kept():
    table = measured(str)
    for name, _, pattern in DECORATIONS:
        assert table[name].kept == (100 if pattern else None)
        # Without what was added the rest is the reference again.
        assert not pattern or table[name].of_ordinary == pytest.approx(100)
    for row in table.values():
        assert row.broken == 0
        assert row.kept in (100, None)
    assert table["UPPER CASE"].of_ordinary == pytest.approx(100)
    assert table["all of these"].lines == 360


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        # All that is no letter.
        (lambda text: re.sub(r"[^A-Za-z ]", "", text), "` 😀` behind"),
        (lambda text: re.sub(r"[^A-Za-z ]", "", text), "all of these"),
        (lambda text: re.sub(r"[^A-Za-z ]", "", text), "placeholders (2)"),
        # A digit more.
        (lambda text: re.sub(r"(\d)", r"\1\1", text), "long numbers: 1234567890123"),
        # The closing tag; a placeholder twice; one for another.
        (lambda text: text.replace("</b>", ""), "`<b>…</b>` around words"),
        (lambda text: re.sub(r"(\{\w+\})", r"\1 \1", text), "placeholders (2)"),
        (lambda text: text.replace("[X0X]", "[X1X]"), "as [X5X] (2)"),
        # Tags around other words.
        (lambda text: re.sub(r"<b>(.*)</b>(.*)", r"\1<b>\2</b>", text), "around the right ones"),
        # Capitals.
        (str.capitalize, "UPPER CASE"),
    ],
)
def test_what_is_lost_or_changed_counts_as_lost(change, lost):
    (row,) = [row for name, row in measured(change).items() if name.startswith(lost)]
    assert row.lines and row.kept < 1


@pytest.mark.parametrize(
    ("change", "share"),
    [
        (str, 100),
        # A sign more or less, which is not what is measured.
        (lambda text: text.rstrip(".!"), 100),
        (lambda text: text if text[-1] in ".!" else text + ".", 100),
        # Other words.
        (lambda text: text if text[-1] in ".!" else "Something else", 0),
    ],
)
def test_without_end_punctuation_both_sides_are_scored_without_it(change, share):
    row = measured(change)["no end punctuation"]
    assert row.lines == len(PAIRS)
    assert row.of_ordinary == pytest.approx(share, abs=1)


def test_broken_characters_are_counted():
    table = measured(lambda text: text.replace("€", "\ufffd"))
    assert table["` (5 €)` behind"].broken == 100
    assert table["nothing"].broken == 0


def test_a_line_of_the_table_has_a_cell_for_each_head():
    assert line(HEADS).count("|") == line(next(rows(Fake(str), PAIRS, PAIRS, None))).count("|")


def test_words_that_often_stand_together_are_aligned():
    pairs = [
        ("the light", "das Licht"),
        ("the window", "das Fenster"),
        ("the light is off", "das Licht ist aus"),
        ("the window is open", "das Fenster ist offen"),
        ("the light is open", "das Licht ist offen"),
    ]
    source = "the window is off"
    phrases = AlignedWords(pairs * 5).phrases(source, "aus ist das Fenster")
    # "the" stands beside too much to be sure.
    assert [(source[start:end], *translation) for start, end, translation in phrases] == [
        ("window", "fenster"),
        ("is", "ist"),
        ("is off", "aus", "ist"),
        ("off", "aus"),
    ]
