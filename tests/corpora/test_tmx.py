"""TMX: codes are no text, words stay apart, a broken unit costs no other, scripts do not mix."""

import collections
import tracemalloc

import pytest

from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from tests.corpora.texts import own, read

TMX = """<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en"/><body>{}</body></tmx>"""
RTF = r"{\cs6\f1\cf6\lang1024 "


def unit(**texts):
    variants = (f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>' for code, text in texts.items())
    return "<tu>" + "".join(variants).replace("_", "-") + "</tu>"


def test_units(tmp_path):
    units = [
        unit(en_US="Open the door", DE="Mach die Tür auf", fr="Ouvre"),
        unit(en="alone"),
        unit(en_GB="grey", en="gray", de_AT="grau"),
        '<tu><tuv lang="eng"><seg>four</seg></tuv><tuv lang="ger"><seg>vier</seg></tuv></tu>',
        unit(en="five", de_Latn_DE="fünf"),
        "<!-- " + unit(en="no", de="nein") + " -->",
        unit(en="<![CDATA[<tu> & </tu>]]>", de="Save &amp;amp; close"),
    ]
    dropped = collections.Counter()
    assert read(own(tmp_path, "tmx", TMX.format("\n".join(units))), dropped=dropped) == [
        ("Open the door", "Mach die Tür auf"),
        ("gray", "grau"),
        ("four", "vier"),
        ("five", "fünf"),
        ("<tu> & </tu>", "Save &amp; close"),
    ]
    assert dropped == {"language missing": 1}


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ('Press<ph x="1"/>the button', "Press the button"),
        ('First line.<ph x="1" type="lb"/>Second', "First line. Second"),
        ("one<it pos='begin'/>two<ut/>three", "one two three"),
        ("Press<bpt i='1'/>Save<ept i='1'/>now", "Press Save now"),
        ("Press <bpt i='1'>&lt;b&gt;</bpt>Save<ept i='1'>&lt;/b&gt;</ept>.", "Press Save."),
        (r"Press <bpt i='1'>{\b </bpt>S<ept i='1'>}</ept>ave", "Press Save"),
        ("un<bpt i='1' type='bold'/>believ<ept i='1'/>able", "unbelievable"),
        ("<bpt i='1'>&lt;p&gt;</bpt>Name<ept i='1'/>: x (<ph/>y<ph/>)", "Name: x (y)"),
        ("Open <hi type='ui'>Fi<hi>le</hi>s</hi> here", "Open Files here"),
        (f"See note<ut>{RTF}</ut> three", "See note three"),
        ("Word <ph x='1'>[<sub>tooltip <ph/>text</sub>]</ph> here", "Word here"),
        ("A <!-- remark -->comment", "A comment"),
        ("\n      Turn off the\n\t lights \n    ", "Turn off the lights"),
        ("no\u00a0break &lt;br&gt;", "no\u00a0break <br>"),
    ],
)
def test_a_segment_is_its_text(tmp_path, segment, text):
    pairs = read(own(tmp_path, "tmx", TMX.format(unit(en=segment, de="Ziel des Satzes"))))
    assert pairs == [(text, "Ziel des Satzes")]


def test_codes_leave_no_spaces_where_none_are_written(tmp_path):
    data = own(tmp_path, "tmx", TMX.format(unit(en="Press the button", ja="ボタンを<ph/>押す")))
    data.target = "ja"
    assert read(data) == [("Press the button", "ボタンを押す")]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (unit(en="a\nb", de="c\nd"), [("a b", "c d")]),
        (unit(en="a\nb", de="c\nd").replace("<tu>", '<tu xml:space="preserve">'), "split"),
        ('<tu xml:space="preserve">' + unit(en="a\nb", de="c\nd")[4:], "split"),
    ],
)
def test_wrapped_lines_are_one_segment_unless_preserved(tmp_path, text, pairs):
    expected = [("a", "c"), ("b", "d")] if pairs == "split" else pairs
    assert read(own(tmp_path, "tmx", TMX.format(text))) == expected
    whole = TMX.replace("<tmx ", '<tmx xml:space="preserve" ')
    assert read(own(tmp_path, "tmx", whole.format(text))) == [("a", "c"), ("b", "d")]


@pytest.mark.parametrize(
    "broken",
    [
        unit(en="Bad &#x1F; one", de="Schlecht"),
        unit(en="Bad \x0b one", de="Schlecht"),
        unit(en="A&nbsp;B", de="C"),
        unit(en="A & B", de="C"),
        unit(en="A <b>bold", de="C"),
        "<tu><tuv xml:lang='en'>",
        b"<tu><tuv xml:lang='en'><seg>T\xfcr</seg></tuv></tu>",
    ],
)
def test_a_broken_unit_is_counted_and_the_others_are_read(tmp_path, broken):
    good = [unit(en="One", de="Eins"), unit(en="Two", de="Zwei")]
    text = TMX.format(f"\n{good[0]}\nBROKEN\n{good[1]}").encode()
    broken = broken if isinstance(broken, bytes) else broken.encode()
    dropped = collections.Counter()
    data = own(tmp_path, "tmx", text.replace(b"BROKEN", broken))
    assert read(data, dropped=dropped) == [("One", "Eins"), ("Two", "Zwei")]
    (reason,) = dropped
    assert "not well-formed" in reason and "line 4" in reason and dropped[reason] == 1


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("windows-1252", "windows-1252"),
        ("utf-8", "UTF-16"),
    ],
)
def test_encodings(tmp_path, encoding, declared):
    text = TMX.replace('"1.0"?', f'"1.0" encoding="{declared}"?')
    text = text.format(unit(en="Good evening", de="Schöner Abend"))
    text = text.replace("\n<tmx ", '\n<tmx xmlns="http://www.lisa.org/tmx14" ')
    assert read(own(tmp_path, "tmx", text.encode(encoding))) == [("Good evening", "Schöner Abend")]


def test_entities_that_the_file_declares_are_read(tmp_path):
    text = TMX.replace('SYSTEM "tmx14.dtd"', '[<!ENTITY product "Lamp">]')
    data = own(tmp_path, "tmx", text.format(unit(en="&product; on", de="&product; an")))
    assert read(data) == [("Lamp on", "Lamp an")]


CHINESE = [{"zh-CN": "一"}, {"zh-TW": "二"}, {"zh-Hant": "三"}, {"zh": "四"}]


@pytest.mark.parametrize(
    ("target", "units", "expected"),
    [
        ("zh-Hant", CHINESE, ["二", "三"]),
        ("zh-TW", CHINESE, ["二", "三"]),
        ("zh-Hans", CHINESE, ["一", "四"]),
        ("zh", CHINESE, "zh-CN and zh-TW, which .* set data.target=zh-Hans or zh-Hant"),
        ("zh", CHINESE[1:3], ["二", "三"]),
        ("zh", [{"zh-TW": "二", "zh": "四"}], ["四"]),
        ("zh-HK", CHINESE[:2], "no unit has both en and zh-HK; languages found: en, zh-CN, zh-TW"),
        ("pt-BR", [{"pt-PT": "a", "pt-BR": "b"}, {"pt": "c"}], ["b", "c"]),
        ("sr", [{"sr@latin": "a"}, {"sr": "б"}], "set data.target=sr-Latn or sr-Cyrl"),
        ("fra", [{"fr-CA": "a"}], ["a"]),
    ],
)
def test_varieties_of_a_language(tmp_path, target, units, expected):
    text = "".join(unit(en=f"source {n}", **texts) for n, texts in enumerate(units))
    data = own(tmp_path, "tmx", TMX.format(text))
    data.target = target
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected):
            read(data)
    else:
        assert [target for _, target in read(data)] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "own.tmx: is no TMX file: it has no element <tmx>"),
        ("<html><body/></html>", "own.tmx: is no TMX file: its first element is <html>"),
        (TMX.format(unit(en="a", fr="b")), "no unit has both en and de; languages found: en, fr"),
        (TMX.format(unit(en="a&b;", de="c")), "found: none; .* line 2: undefined entity"),
        (TMX.format(unit(en="a", de="b"))[:-8], "own.tmx, line 2: .* is cut off"),
        (TMX.format(unit(en="a", de="b") + "\n\n<tu><tuv "), "own.tmx, line 4: .* is cut off"),
        (TMX.replace("?>", " encoding='klingon'?>"), "encoding 'klingon' is not known"),
    ],
)
def test_what_cannot_be_trusted_is_refused_in_a_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read(own(tmp_path, "tmx", text))
    assert "\n" not in str(caught.value)


def test_memory_is_flat(tmp_path):
    """A unit that was read is forgotten: half of this file would not fit."""
    units = (unit(en=f"{n} " + "x" * 4000, de=f"{n} " + "y" * 4000) for n in range(1500))
    data = own(tmp_path, "tmx", TMX.format("\n".join(units)))
    data.max_chars = 5000
    tracemalloc.start()
    try:
        assert sum(1 for _ in Corpus(data).read("train")) == 1500
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
