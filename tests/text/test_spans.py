"""What must not be translated is found, whatever the text."""

import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nmt.text.kinds import KINDS, MARK, SYMBOL, Kind
from nmt.text.spans import find_spans, paired, unfinished
from tests.fakes import random_line

EXAMPLES = [(example, kind) for kind in KINDS for example in kind.examples]
# Sentences without any span.
ORDINARY = """\
Turn off the lights.
The device's battery is at 5 %, isn't it? About 50% of them are.
Wi-Fi and E-Mail: the 2nd one takes 10s, the 5th 2x as long, at 50 % discount.
See e.g. the U.S. and/or z.B. Berlin (approx. 5), at 3 a.m. or 4 p.m., Ph.D.
Turn it off.Now turn it on...and off! Really?! "Yes", he said - no.
Device(s) on/off, L/R, km/h, charge/discharge: choose one (or two).
R&D, AT&T, Q&A; drag&drop
The IDs, APIs and PCs of GitHub
What—really – no … “yes”, ‘no’
1. First 2) Second (3) third
It is 5°C, not -- I think -- 40 °C.
a { brace, and } a brace; I have < 3 dogs
Bitte die Geräte ein- und ausschalten; Größe: über 5 km.
Du hast 5%iger Lösung vertraut, d. h. 20 % des Akkus, usw.
Battery % is low, the % as a number, a % i of it. Le % d'humidité, la % e la temperatura.
Die Lehrer:innen sagten: „Ja“ – oder ‚nein‘?
L'appareil n'est pas connecté : voulez-vous « continuer » ?
Est-ce qu'il y a 3 appareils ? A-t-il dit « non » aujourd'hui ?
デバイスの電源を切ってください。設定（必須）を「オン」にします。
5分後に2つのライトをオフ・オン、ですか？""".splitlines()


def texts(line, own=()):
    return [line[span.start : span.end] for span in find_spans(line, own)]


@pytest.mark.parametrize(
    "sentence", ["{}", "Turn off {} now, please.", "Turn off {}", "電気を{}消す"]
)
def test_every_example_is_one_span_of_its_kind(sentence):
    start = sentence.index("{}")
    for example, kind in EXAMPLES:
        spans = find_spans(sentence.replace("{}", example))
        assert spans == [(start, start + len(example), kind)], example


@pytest.mark.parametrize("line", [line for line in ORDINARY if "<" not in line])
def test_ordinary_sentences_have_no_spans(line):
    assert texts(line) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%d%% of %s's %ds %dpx", ["%d", "%%", "%s", "%d", "%d"]),
        ("%L1 %n file(s) at 100%", ["%L1", "%n", "100"]),
        ("{n}個の項目と%d件、192.168.1.1に接続", ["{n}", "%d", "192.168.1.1"]),
        (
            "https://example.com/aを見る（www.example.org）。",
            ["https://example.com/a", "www.example.org"],
        ),
        ("連絡はinfo@example.comまで", ["info@example.com"]),
        ("See (http://a.b/x), example.org.", ["http://a.b/x", "example.org"]),
        ("Call foo(), or set a_b.c in /etc/x.", ["foo()", "a_b.c", "/etc/x"]),
        ("100GB at 2.4GHz in 2026, 0-100", ["100GB", "2.4GHz", "2026", "100"]),
        ("Save &As, E&xit, _Open", ["&", "&", "_"]),
        ("Enter <name> in <Trans>this</Trans>", ["<name>", "<Trans>", "</Trans>"]),
        ("`turn_off`, `sudo reboot`, `Two words`", ["`turn_off`", "`sudo reboot`", "`", "`"]),
        ("`Turn off` and `reboot` or `Keep it`.", ["`", "`", "`reboot`", "`", "`"]),
        ("5*3*2 and 5**3, *5*, 5* a*b", ["*", "*", "*", "*"]),
        # Quotation marks around a line, not those within.
        ("“Turn it off.”", ["“", "”"]),
        ('"Use {x} now"', ['"', "{x}", '"']),
        ("「電気を消す」", ["「", "」"]),
        ('"Yes", he said - "no"', []),
        ('"Off"', []),
        ("a < b > c, 5<6", ["<", ">"]),
        # What is glued to a number or a code belongs to it; a word does not.
        ("1.0.0+build.77 in INV/2026/00317", ["1.0.0+build.77", "INV/2026/00317"]),
        (
            "6ba7b810-9dad, sha256:ab12 (0800-33-44-555)",
            ["6ba7b810-9dad", "sha256:ab12", "0800-33-44-555"],
        ),
        ("At 230V, 21.5°C or ≥ 21,5 ℃", ["230V", "21.5°C", "≥ 21,5 ℃"]),
        ("An IPv4-address and CO2-sensors, the 100th", ["IPv4", "CO2", "100"]),
        ("IMG_0042.JPG key=value a=b", ["IMG_0042.JPG", "key=value"]),
        ("1.5-2.5 km, 10:30am, 12V/5A", ["1.5", "2.5", "10:30am", "12V/5A"]),
        ("👍🏽👩‍👩‍👧 🇩🇪", ["👍🏽👩‍👩‍👧", "🇩🇪"]),
    ],
)
def test_spans_of_a_line(line, expected):
    assert texts(line) == expected


def fragments(rng):
    """A line of examples, pieces of them, words and any Unicode."""
    pieces = [example for example, _ in EXAMPLES]
    pieces += [piece[: rng.randrange(1, 9)] for piece in pieces] + ["dog", " ", " ", "犬", "É", "5"]
    return "".join(rng.choices(pieces, k=rng.randrange(12))) + random_line(rng)


def test_spans_of_any_line_are_sorted_and_disjoint():
    rng = random.Random(1)
    own = [Kind("own", "code", SYMBOL, r"d\w|\{|"), Kind("other", "tag", MARK, "do+g?")]
    for n in range(400):
        line = fragments(rng)
        spans = find_spans(line, own if n % 2 else ())
        borders = [border for span in spans for border in span[:2]]
        assert borders == sorted(borders)
        assert all(span.start < span.end <= len(line) for span in spans)
        # Nested: no two ranges cross, and no mark is in two of them.
        pairs = paired(line, spans)
        assert len({n for pair in pairs for n in pair}) == 2 * len(pairs)
        assert not any(a < c < b < d for a, b in pairs for c, d in pairs)
        assert all(spans[n].kind.role == MARK for pair in pairs for n in pair)


def test_the_kinds_of_the_recipe_go_first_and_the_longer_of_two_wins():
    short = Kind("short", "code", SYMBOL, "Agent")
    long = Kind("long", "code", SYMBOL, "Agent DVR|DVR")
    line = "Set up Agent DVR at https://example.org/DVR/x."
    assert texts(line, [short, long]) == ["Agent DVR", "https://example.org/DVR/x"]
    assert find_spans(line, [short, long])[0].kind == long
    # Beside and across spans of the table, and at the same place.
    assert texts("{a}DVR {b}", [Kind("own", "code", SYMBOL, r"\}DVR")]) == ["}DVR", "{b}"]
    assert find_spans("{a}", [short, Kind("own", "tag", MARK, r"\{a\}")])[0].kind.name == "own"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("<b>a <i>b</i></b> <br> c", [("<b>", "</b>"), ("<i>", "</i>")]),
        ("<b>a <i>b</b> c</i>", [("<b>", "</b>")]),
        ('<a href="x>y">a</a> <0>b <1/></0>', [('<a href="x>y">', "</a>"), ("<0>", "</0>")]),
        ("**a *b* c** *d", [("**", "**"), ("*", "*")]),
        ("[a **b**]({url}) ]({x})", [("[", "]({url})"), ("**", "**")]),
        (r"{\i1}a{\i0} {\an8}b\N", [(r"{\i1}", r"{\i0}")]),
        ("♪ a ♪ 😀 b 😀", [("♪", "♪")]),
        (
            "{1>a<1} [2}b{2] &lt;b&gt;c&lt;/b&gt;",
            [("{1>", "<1}"), ("[2}", "{2]")] + [("&lt;b&gt;", "&lt;/b&gt;")],
        ),
        ("[b]a[/b] `B c`", [("[b]", "[/b]"), ("`", "`")]),
        ("</b> a <b>", []),
        ("„a {b} c“", [("„", "“")]),
        ("{a} %s", []),
    ],
)
def test_marks_that_open_and_close_a_range(line, expected):
    spans = find_spans(line)
    span_texts = texts(line)
    assert [(span_texts[a], span_texts[b]) for a, b in paired(line, spans)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <b", True),
        ("a <b c='d e", True),
        ("the {count", True),
        ("${a b", True),
        ("{{ states('x", True),
        ("{% if a", True),
        ("<!-- a", True),
        ("see [the page", True),
        ("see [the page]", True),
        ("`a b", True),
        ("costs 5", True),
        ("</", True),
        ("a < b", False),
        ("<b>", False),
        ("{a}", False),
        ("Turn off the", False),
        ("Turn off, please.", False),
        ("", False),
    ],
)
def test_text_that_may_become_a_span(text, expected):
    assert unfinished(text) == expected


def test_no_span_with_spaces_is_missed_when_its_beginning_arrives():
    for example, kind in EXAMPLES:
        for space in re.finditer(r"(?<=\S)[ \xa0\u202f]", example):
            assert unfinished("Turn off " + example[: space.start()]), (example, kind.name)


REPEATED = "{ < a. 1. & [ a_ {% <!-- --a- `a <a\xa0' C:\\"


@pytest.mark.parametrize("repeated", [" ", *REPEATED.split(" "), REPEATED])
def test_the_time_is_linear(repeated):
    line = repeated * (60_000 // len(repeated))
    start = time.process_time()
    paired(line, find_spans(line))
    unfinished(line)
    # A quadratic pattern takes longer, a linear one less than half as long.
    assert time.process_time() - start < 2


def documented(kind):
    """The first cells of a kind's row in docs/text.md."""
    shown = [example.replace("|", "\\|").replace("\ue000", "U+E000") for example in kind.examples]
    codes = [f"`` {text} ``" if "`" in text else f"`{text}`" for text in shown]
    place = {SYMBOL: "symbol", MARK: "mark"}[kind.role]
    return f"| {kind.group} | {kind.name} | {' '.join(codes[:6])} | {place} | "


def test_the_documentation_has_every_kind_in_the_order_of_the_table():
    text = Path(__file__).parents[2].joinpath("docs", "text.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.count(" | ") == 4 and line.startswith("| ")]
    groups = ["placeholder", "tag", "number", "code", "symbol"]
    kinds = sorted(KINDS, key=lambda kind: groups.index(kind.group))
    starts = [documented(kind) for kind in kinds]
    assert [row[: len(start)] for row, start in zip(rows[1:], starts, strict=True)] == starts


def test_the_import_compiles_no_pattern():
    code = "import re; n = len(re._cache); import nmt.text.spans; print(len(re._cache) - n)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "0"
