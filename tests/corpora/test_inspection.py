"""What is said about a corpus before it is trained on: true figures, and nothing without cause."""

import collections
import dataclasses
import itertools
import random
from pathlib import Path

import pytest

from nmt.corpora import inspection as inspection_module
from nmt.corpora.inspection import BLOCK, Inspection, dropped_notes, little_text_notes
from nmt.recipe import DataOptions

FILES = DataOptions(format="files", source="en", target="de")
PLACES = ("kitchen Küche", "garage Garage", "office Büro", "attic Dachboden", "hall Diele")
CLAUSES = (
    "the lamp is on; die Lampe ist an",
    "you have to wait for the pump; Sie müssen auf die Pumpe warten",
    "this door was not closed; diese Tür wurde nicht geschlossen",
    "all of it is too warm and the fan is off; es ist alles zu warm und der Lüfter ist aus",
)


def pairs(count=300, seed=1):
    """English and German of one to three clauses, some with a number."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        clauses = [chance.choice(CLAUSES).split("; ") for _ in range(chance.randint(1, 3))]
        places = [chance.choice(PLACES).split() for _ in clauses]
        number = chance.choice(["", f" {chance.randrange(100)}"])
        zipped = list(zip(clauses, places, strict=True))
        source = ", ".join(f"in the {place[0]} {clause[0]}" for clause, place in zipped)
        target = ", ".join(f"{place[1]}: {clause[1]}" for clause, place in zipped)
        made.append((source + number + ".", target + number + "."))
    return made


def notes(text, data=FILES, sides=("source", "target")):
    inspection = Inspection(data)
    assert list(inspection.watch(text)) == text  # all pairs come through
    return inspection.notes(sides)


def sides(text):
    return [[pair[side] for pair in text] for side in (0, 1)]


def without(text, side, line):
    """The pairs after one side has lost a line (1 is the first)."""
    columns = sides(text)
    del columns[side][line - 1]
    return list(zip(*columns, strict=False))


def swapped(text):
    return [pair[::-1] for pair in text]


def shuffled(text):
    sources, targets = sides(text)
    random.Random(2).shuffle(targets)
    return list(zip(sources, targets, strict=True))


def varied(text):
    return [(source, target + end) for source, target in text for end in (" Ja.", " Nun.", "")]


def quoted(text):
    return [(f'"{source}"', f"„{target}“") for source, target in text]


GOOD = pairs()
SYMBOLS = [("{a} 1", "{a} 1"), ("OK", "OK"), ("…", "…"), ("", "")] * 100
HEBREW = [(f"Light {n}", f"אור {n} (Wi-Fi)") for n in range(50)]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (GOOD, FILES),
        (GOOD, dataclasses.replace(FILES, source="en_GB", target="de-CH")),
        (GOOD[:1], FILES),
        ([], FILES),
        (SYMBOLS, FILES),
        (HEBREW, dataclasses.replace(FILES, target="he")),
        # Languages that are not in the table, and scripts that are named, are not judged.
        (GOOD, dataclasses.replace(FILES, target="gsw")),
        (GOOD, dataclasses.replace(FILES, target="zh-Latn")),
        # A translated word that names a column elsewhere.
        ([("English", "Englisch"), *GOOD], FILES),
        ([(target, target) for _, target in GOOD], dataclasses.replace(FILES, format="text")),
    ],
)
def test_a_good_corpus_gets_no_note(text, data):
    assert notes(text, data) == []


@pytest.mark.parametrize(
    ("text", "data", "parts"),
    [
        (swapped(GOOD), FILES, ["swapped", "300 of 300 sources look German and 0 English"]),
        ([(s, s[:-1]) for s, _ in GOOD], FILES, ["both sides", "300 of 300 targets look English"]),
        (GOOD, dataclasses.replace(FILES, target="fr"), ["another language", "look German and"]),
        (HEBREW, dataclasses.replace(FILES, target="ru"), ["50 of 50 targets look Hebrew and 0"]),
        (swapped(HEBREW), dataclasses.replace(FILES, target="he"), ["sides are swapped"]),
        ([("source", "target"), *GOOD], FILES, ["header (source / target)"]),
        ([("en", "de"), *GOOD], FILES, ["header (en / de)"]),
        ([("English", "German text"), *GOOD], FILES, ["header"]),
        ([("Englisch", "Deutsch"), *GOOD], FILES, ["header"]),
        (varied(GOOD), FILES, ["different pairs translate a source"]),
        (shuffled(GOOD), FILES, ["do not seem to belong together"]),
    ],
)
def test_each_damage_is_named_with_figures(text, data, parts):
    (note,) = notes(text, data)
    for part in parts:
        assert part in note


def test_quotation_marks_are_counted_on_each_side():
    first, second = notes(quoted(GOOD[:200]) + GOOD[200:])
    assert "200 of 300 sources" in first
    assert "200 of 300 targets" in second
    assert notes(quoted(GOOD[:20]) + GOOD[20:]) == []


@pytest.mark.parametrize(("side", "direction"), [(0, "down"), (1, "up")])
@pytest.mark.parametrize("line", [1, 150])
def test_a_lost_line_is_located(side, direction, line):
    (note,) = notes(without(GOOD, side, line))
    assert f"the target 1 line further {direction} fits better" in note
    if line == 1:
        assert "shifted from the start" in note
    else:
        start = int(note.partition("from about line ")[2].split()[0])
        assert abs(start - line) <= 5


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "pair", [("The lamp is on.", "Die Lampe ist an."), ("The lamp is on.", "")]
)
def test_text_that_is_all_alike_is_not_random(pair):
    alignment = inspection_module.align({0: [pair] * 300})
    assert not alignment.is_random and not alignment.shifted


def test_a_shift_that_is_made_up_for_ends():
    (note,) = notes(without(without(GOOD, 0, 100), 1, 200))
    start, _, end = note.partition("about line ")[2].split(":")[0].partition(" on to about line ")
    assert abs(int(start) - 100) <= 5
    assert abs(int(end) - 200) <= 5


def test_a_place_in_several_files_is_named_by_file_and_line():
    inspection = Inspection(FILES)
    list(inspection.watch(without(GOOD, 0, 200)))
    (note,) = inspection.notes(counts={Path("a.de"): 120, Path("b.de"): 179})
    start = int(note.partition("from about line ")[2].partition(" of b.de on")[0])
    assert abs(start - 80) <= 5


def test_the_sample_is_spread_and_limited_and_keeps_line_numbers(monkeypatch):
    monkeypatch.setattr(inspection_module, "BLOCKS", 8)
    long = pairs(4 * BLOCK * 8 + 100)
    inspection = Inspection(FILES)
    count = sum(1 for _ in inspection.watch(without(long, 0, len(long) // 2)))
    starts = list(inspection.blocks)
    assert 4 <= len(starts) <= 8
    assert starts[-1] > 0.8 * count
    assert len({later - start for start, later in itertools.pairwise(starts)}) == 1
    (note,) = inspection.notes()
    start = int(note.partition("from about line ")[2].split()[0].replace(",", ""))
    assert abs(start - len(long) // 2) <= 8 * BLOCK


def test_a_language_model_is_told_of_its_side_alone():
    assert notes(swapped(GOOD), sides=("target",)) != []
    assert notes(without(GOOD, 0, 1), sides=("target",)) == []


def test_large_losses_name_reason_and_option():
    dropped = collections.Counter({"too long": 40, "empty side": 11, "duplicate": 500})
    (note,) = dropped_notes(dropped, 50, FILES)
    assert "51 of 101 pairs are dropped, 40 as “too long”: data.max_chars=1000" in note
    assert dropped_notes(collections.Counter(duplicate=900), 100, FILES) == []
    assert dropped_notes(collections.Counter({"too long": 30}), 100, FILES) == []


def test_little_text_is_told_with_its_size():
    (note,) = little_text_notes(10, 72, "pairs")
    assert "only 10 pairs with 72 target pieces" in note
    assert little_text_notes(10_000, 50_000, "pairs") == []
