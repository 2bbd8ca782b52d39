"""Placeholders survive letter for letter, whatever the text."""

import random

import pytest

from nmt.text.placeholders import (
    SYMBOLS,
    placeholders,
    protect,
    protect_more,
    restore,
    unfinished,
    with_symbols,
)
from tests.fakes import random_line

# a line, its placeholders
KINDS = [
    ("Hello {name}", ["{name}"]),
    ("Hello {{ x }}, {{y}}.", ["{{ x }}", "{{y}}"]),
    ("{0} of {1}: {}", ["{0}", "{1}", "{}"]),
    ("{user.name}:{a-b}", ["{user.name}", "{a-b}"]),
    ("${x} and ${HOME}", ["${x}", "${HOME}"]),
    ("%s has %d files", ["%s", "%d"]),
    ("%(n)d of %(total)s", ["%(n)d", "%(total)s"]),
    ("%1$s sent %2$d", ["%1$s", "%2$d"]),
    ("%.2f kg, %02d:%02d, %5d", ["%.2f", "%02d", "%02d", "%5d"]),
    ("%u of %lu, %@ and %1$@", ["%u", "%lu", "%@", "%1$@"]),
    ("%s, %s.", ["%s", "%s"]),
    ("a <b>bold</b> word<br/>", ["<b>", "</b>", "<br/>"]),
    (
        '<a href="https://example.com/?a=1&b=2">here</a>',
        ['<a href="https://example.com/?a=1&b=2">', "</a>"],
    ),
    ("see https://example.com/a_b?c=d#e.", ["https://example.com/a_b?c=d#e"]),
    ("(http://example.com/x), really?", ["http://example.com/x"]),
    (
        "https://example.com/a, https://example.com/b; https://example.com!",
        ["https://example.com/a", "https://example.com/b", "https://example.com"],
    ),
    ('"https://example.com": here', ["https://example.com"]),
    ("open http://{host}:8123/{path}.", ["http://{host}:8123/{path}"]),
    ("mail some.one+tag@example.co.uk.", ["some.one+tag@example.co.uk"]),
    ("Me <me@example.com>, you", ["<me@example.com>"]),
    ("{n}個の項目と%d件", ["{n}", "%d"]),
    ("%s個", ["%s"]),
    ("https://example.com/aを見る", ["https://example.com/a"]),
    ("（https://example.com/a）。", ["https://example.com/a"]),
    ("連絡はinfo@example.comまで", ["info@example.com"]),
    ("own \ue000 and \ue00b", ["\ue000", "\ue00b"]),
    # no placeholders
    ("50 % of them", []),
    ("50% of 100%", []),
    ("100%ig, 5%iger", []),
    ("a < b", []),
    ("a < b and c > d, 3<4, x <= y", []),
    ("I <3 you", []),
    ("it costs $5 @ home", []),
    ("a { brace, and } a brace", []),
    ("https:// alone", []),
    ("\ue00c is not ours", []),
    ("", []),
]


@pytest.mark.parametrize(("line", "expected"), KINDS)
def test_kinds_of_placeholders(line, expected):
    assert placeholders(line) == expected
    protected, names = protect(line)
    assert names == list(dict.fromkeys(expected))
    assert restore(protected, names) == line
    if not any(symbol in line for symbol in SYMBOLS):
        assert [c for c in protected if c in SYMBOLS] == [
            SYMBOLS[names.index(name)] for name in expected
        ]


def test_any_text_survives_protection():
    rng = random.Random(1)
    many = 0
    for _ in range(5000):
        line = random_line(rng)
        protected, names = protect(line)
        assert restore(protected, names) == line
        assert len(names) == len(set(names)) <= len(SYMBOLS)
        many += len(set(placeholders(line))) > len(SYMBOLS)
    assert many > 100  # lines with more placeholders than symbols were among them


def test_more_placeholders_than_symbols():
    line = " ".join(f"{{{n}}}" for n in range(len(SYMBOLS) + 3)) + " " + SYMBOLS[0]
    protected, names = protect(line)
    assert restore(protected, names) == line
    assert len(names) == len(SYMBOLS)


def test_the_target_shares_the_symbols_of_the_source():
    source, names = protect("{a} is %s, {a}")
    target = with_symbols("%s ist {a}, nicht {b}", names)
    assert names == ["{a}", "%s"]
    assert source == f"{SYMBOLS[0]} is {SYMBOLS[1]}, {SYMBOLS[0]}"
    assert target == f"{SYMBOLS[1]} ist {SYMBOLS[0]}, nicht {{b}}"
    assert protect("no placeholder") == ("no placeholder", [])
    assert with_symbols("{b}", []) == "{b}"
    assert restore(target, names) == "%s ist {a}, nicht {b}"


def test_a_symbol_that_stands_for_nothing_is_dropped():
    assert restore(f"a{SYMBOLS[0]}b{SYMBOLS[5]}c", ["{x}"]) == "a{x}bc"
    assert restore("plain \ue00c text", []) == "plain \ue00c text"


def test_symbols_are_single_private_characters():
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert all(len(symbol) == 1 and 0xE000 <= ord(symbol) <= 0xF8FF for symbol in SYMBOLS)
    assert all(placeholders(symbol) == [symbol] for symbol in SYMBOLS)


def test_placeholders_of_an_arriving_line_get_the_symbols_of_the_whole_line():
    rng = random.Random(5)
    for _ in range(2000):
        words = rng.choices(["{a}", "%s", "<b c>", "https://e.x/", "dog", "犬{b}"], k=6)
        names = []
        arrived = [protect_more(word, names) for word in words]
        assert (" ".join(arrived), names) == protect(" ".join(words))


def test_placeholders_beyond_the_symbols_stay_as_they_are():
    names = []
    line = " ".join(f"{{n{n}}}" for n in range(14)) + " \ue00b"
    protected = protect_more(line, names).split(" ")
    assert protected[:12] == SYMBOLS and protected[12:14] == ["{n12}", "{n13}"]
    assert restore(" ".join(protected), names).split(" ")[:14] == line.split(" ")[:14]
    assert protected[14] == "", "our own symbol would stand for another placeholder"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <b", True),
        ("a <b c='d e", True),
        ("the {count", True),
        ("${a b", True),
        ("</", False),
        ("a < b", False),
        ("<b>", False),
        ("{a}", False),
        ("", False),
    ],
)
def test_text_that_ends_inside_of_a_placeholder(text, expected):
    assert unfinished(text) == expected
