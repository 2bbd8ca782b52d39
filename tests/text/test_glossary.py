"""Terms in lines: the longest, on borders of words, in the case of the source."""

import pytest

from nmt.errors import UserError
from nmt.text.glossary import Glossary, Term

TERMS = [
    Term("light", "Leuchte"),
    Term("light switch", "Lichtschalter"),
    Term("Hub", "Zentrale", exact=True),
    Term("hub", "Nabe"),
    Term("C++", "C++"),
    Term("smart plug", "intelligente Steckdose"),
]


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("The light switch and the light", ["Lichtschalter", "Leuchte"]),
        ("lightning, lights, moonlight, light_on, light2", []),
        ("(light) light-blue \U000f0000light", ["Leuchte"] * 3),
        ("Light Switch. Light. Smart plugs", ["Lichtschalter", "Leuchte"]),
        ("LIGHT SWITCH", ["LICHTSCHALTER"]),
        ("Smart plug", ["Intelligente Steckdose"]),
        ("Hub hub HUB", ["Zentrale", "Nabe", "NABE"]),
        ("C++ and C+++", ["C++", "C++"]),
        ("İlight light", ["Leuchte"]),
        ("smart  plug, smart\u00a0plug \u2003 light", ["intelligente Steckdose"] * 2 + ["Leuchte"]),
        ("ligh\u0301t light\u0301 hubक", []),
        ("", []),
    ],
)
def test_terms_are_found(text, targets):
    found = Glossary(TERMS).find(text)
    assert [each.target for each in found] == targets
    for each in found:
        assert " ".join(text[each.start : each.end].split()).lower() == each.term.source.lower()


@pytest.mark.parametrize(
    ("source", "text", "places"),
    [
        ("का", "का काम की का।", [0, 10]),  # vowel signs
        ("टेबल", "टेबल टेबलें", [0]),
        ("thiết bị", "Thiết bị, thiết bịt", [0]),
        ("bi", "bi\u0323 bi", [4]),
        ("장치", "장치를 장치관리자 새장치 장치", [0, 14]),  # particles
    ],
)
def test_in_other_scripts(source, text, places):
    assert [found.start for found in Glossary([Term(source, "x")]).find(text)] == places


def test_without_spaces_words_have_no_borders():
    terms = [Term("電気", "light"), Term("API", "interface")]
    assert [f.start for f in Glossary(terms, unspaced=True).find("この電気とAPIをAPIsに")] == [2, 5]
    assert Glossary(terms).find("この電気と") == []


@pytest.mark.parametrize(
    ("term", "translation", "times"),
    [
        (Term("a", "Leuchte"), "Leuchten, die LEUCHTE, Leuchtenart, Deckenleuchte", 2),
        (Term("a", "Leuchte", exact=True), "Leuchten, LEUCHTE, Leuchte", 1),
        (Term("a", "neue Leuchte"), "der neuen  Leuchten, neuere Leuchte", 2),
        (Term("a", "Hub"), "Hubs, Hub", 1),
        (Term("a", "C++"), "C++-Datei", 1),
        (Term("a", "電気"), "この電気と", 1),
        (Term("a", "Straße"), "STRASSE, Straße, STRAẞE, Strassen", 4),
        (Term("a", "thiết bị"), "thiết bị, thiết bịt, xthiết bị", 1),
        (Term("a", "bế"), "bến, bế", 1),
        (Term("a", "कम"), "कमी कम", 1),
        (Term("a", "장치"), "장치를, 새장치, 장치관리자", 1),
    ],
)
def test_a_term_is_used_with_short_endings(term, translation, times):
    (found,) = Glossary([term]).find("a")
    assert found.used(translation) == times


def test_a_term_has_two_sides():
    with pytest.raises(UserError, match="source and a target"):
        Glossary([Term("a", "")])
