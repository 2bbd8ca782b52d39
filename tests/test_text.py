"""Text around the model: placeholders survive letter for letter, tokenised text reads as people write it."""

import random
import re
import time

import pytest

from nmt.text import placeholders as text
from nmt.text.placeholders import (
    SYMBOLS,
    join,
    placeholders,
    present,
    protect,
    restore,
    source_tokens,
    unspaced,
)

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
    protected, _, names = protect(line)
    assert names == list(dict.fromkeys(expected))
    assert restore(protected, names) == line
    if not any(symbol in line for symbol in SYMBOLS):
        assert [c for c in protected if c in SYMBOLS] == [
            SYMBOLS[names.index(name)] for name in expected
        ]


def random_line(rng):
    """Any Unicode but surrogates and line breaks, with many pieces of placeholders and our own symbols."""
    parts = [
        "{",
        "}",
        "{a}",
        "{{b}}",
        "${c}",
        "%",
        "%s",
        "%d",
        "<",
        ">",
        "<i>",
        "</i>",
        "http://",
        "https://e.x/",
        "@",
        "a@b.c",
        ".",
        " ",
        "$",
        *SYMBOLS,
        "\ue00c",
        "\uf8ff",
        "犬",
        "ß",
        "e\u0301",
        "😀",
        "\u200b",
        "\0",
        "\u2028",
        "\x85",
        "\r",
        "\t",
    ]
    parts += [f"{{{n}}}" for n in range(20)]

    def one():
        if rng.random() < 0.8:
            return rng.choice(parts)
        code = rng.choice([rng.randrange(0x20, 0x3000), rng.randrange(0x110000)])
        return chr(code) if code != 10 and not 0xD800 <= code < 0xE000 else "x"

    return "".join(one() for _ in range(rng.randrange(60)))


def test_any_text_survives_protection():
    rng, many = random.Random(1), 0
    for _ in range(5000):
        line = random_line(rng)
        protected, _, names = protect(line)
        assert restore(protected, names) == line
        assert len(names) == len(set(names)) <= len(SYMBOLS)
        many += len(set(placeholders(line))) > len(SYMBOLS)
    assert many > 100  # lines with more placeholders than symbols were among them


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
        protect(line)
        for lang in ("en", "ja"):
            present(source_tokens(line, lang), lang)
    assert time.process_time() - started < 5


def test_more_placeholders_than_symbols():
    line = " ".join(f"{{{n}}}" for n in range(len(SYMBOLS) + 3)) + " " + SYMBOLS[0]
    protected, _, names = protect(line)
    assert restore(protected, names) == line
    assert len(names) == len(SYMBOLS)


def test_the_target_shares_the_symbols_of_the_source():
    source, target, names = protect("{a} is %s, {a}", "%s ist {a}, nicht {b}")
    assert names == ["{a}", "%s"]
    assert source == f"{SYMBOLS[0]} is {SYMBOLS[1]}, {SYMBOLS[0]}"
    assert target == f"{SYMBOLS[1]} ist {SYMBOLS[0]}, nicht {{b}}"
    assert protect("no placeholder", "{b}") == ("no placeholder", "{b}", [])
    assert restore(target, names) == "%s ist {a}, nicht {b}"


def test_a_symbol_that_stands_for_nothing_is_dropped():
    assert restore(f"a{SYMBOLS[0]}b{SYMBOLS[5]}c", ["{x}"]) == "a{x}bc"
    assert restore("plain \ue00c text", []) == "plain \ue00c text"


ENGLISH = [
    ("A man, in a blue shirt.", "a man , in a blue shirt ."),
    ("Don't stop: it's Peter's dog!", "don 't stop : it 's peter 's dog !"),
    ("Mr. Smith of the U.S. has 3.50, or 1,000?", "mr. smith of the u.s. has 3.50 , or 1,000 ?"),
    ("A well-known man (25%)...", "a well-known man ( 25 % ) ..."),
    ("  spaces\tand   tabs  ", "spaces and tabs"),
    ("Open {userName}, or <B>Quit</B>!", "open {userName} , or <B> quit </B> !"),
    ("See https://Example.org/Path?q=1.", "see https://Example.org/Path?q=1 ."),
    ("", ""),
]


@pytest.mark.parametrize(("line", "expected"), ENGLISH)
def test_english_source_tokens(line, expected):
    assert source_tokens(line, "en") == expected
    assert source_tokens(expected, "en") == expected  # a tokenised corpus stays as it is


def test_source_tokens_lose_nothing_but_white_space():
    rng = random.Random(2)
    for _ in range(1000):
        line = random_line(rng)
        tokens = source_tokens(line, "en")
        assert re.sub(r"\s", "", tokens).lower() == re.sub(r"\s", "", line.lower())
        assert all(name in tokens for name in placeholders(line))
        assert placeholders(line) or not re.search(r"^ |  | $", tokens)


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
    assert join(line) == expected == join(expected)
    assert source_tokens(line, "ja") == present(line, "ja") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ja", True),
        ("ja_JP", True),
        ("zh-Hant", True),
        ("zh_cn", True),
        ("TH", True),
        ("en", False),
        ("pt-BR", False),
        ("jam", False),
    ],
)
def test_script_and_region_of_a_language_do_not_matter(code, expected):
    assert unspaced(code) == expected
    assert present("犬 が", code) == ("犬が" if expected else "犬 が")


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
    assert present(tokens, "en") == expected


def test_presented_english_is_tokenised_back():
    for line in ("the man, who didn't come, sees (a) dog.", "anna's book: 20% off!"):
        assert present(source_tokens(line, "en"), "en") == line


def test_symbols_are_single_private_characters():
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert all(len(symbol) == 1 and 0xE000 <= ord(symbol) <= 0xF8FF for symbol in SYMBOLS)
    assert all(
        symbol in text.PLACEHOLDER.pattern or text.PLACEHOLDER.fullmatch(symbol)
        for symbol in SYMBOLS
    )
