"""One way to write what looks the same; what carries meaning stays."""

import random
import unicodedata

import pytest

from nmt.text.normalise import normalise
from tests.fakes import random_line

CASES = {
    # Composition.
    "e\u0301 a\u030a": "é å",
    "\u1112\u1161\u11ab": "한",
    "カ\u3099": "ガ",
    # Invisible characters.
    "co\u00adope\u200bra\u2060te\ufeff": "cooperate",
    "\u200fשלום\u200e \u2067x\u2069": "שלום x",
    "a\0b\x1b[0m\x7f": "ab[0m",
    "x\ufe0f\u034fy": "xy",
    # Joiners stay where the writing has them.
    "می\u200cخواهم": "می\u200cخواهم",
    "వెబ్\u200cసైట్": "వెబ్\u200cసైట్",
    "क्\u200dष": "क्\u200dष",
    "Web\u200cگاه": "Web\u200cگاه",
    "Auf\u200clage \u200d": "Auflage ",
    "👩\u200d🚒": "👩\u200d🚒",
    "❤\ufe0f\u200d🔥": "❤\u200d🔥",
    # Spaces.
    "a\u00a0b\u202fc\u3000d\u2003e\tf\u2028g\r\nh": "a b c d e f g h",
    "  two  ": " two ",
    # Other forms of a character.
    "ＡＢＣ１２３！？（％）～￥": "ABC123!?(%)~¥",
    "ｶﾞｷﾞｸﾞ･ﾃｽﾄ｡｢ﾊﾟ｣､": "ガギグ・テスト。「パ」、",
    "ﬁne oﬃce ﬂow ĳs ǆ": "fine office flow ijs dž",
    "ﺳﻼم": "سلام",
    "𝐁𝐨𝐥𝐝 𝟏": "Bold 1",
    "﹖︰⼀": "?..一",
    # Typographic marks.
    "it’s ‘x’ ‚y‛ ‹z›": "it's 'x' 'y' 'z'",
    "“x” „y‟ «z»": '"x" "y" "z"',
    "5′ 3″ 2´": "5' 3\" 2'",
    "wait…": "wait...",
    "a‐b‑c‒d 1–2 −3": "a-b-c-d 1-2 -3",
    "now—or never —": "now - or never - ",
    # What stays.
    "² ₂ ½ µ № ™ ℃ Ω ① Ⅳ × ° · €": "² ₂ ½ µ № ™ ℃ Ω ① Ⅳ × ° · €",
    "「はい」、『いいえ』。〜ー・〈〉": "「はい」、『いいえ』。〜ー・〈〉",
    "ㅋㅋ 한글 繁體 ελληνικά": "ㅋㅋ 한글 繁體 ελληνικά",
    "plain text, {name} <b>1</b> ~ ^ ` | \\": "plain text, {name} <b>1</b> ~ ^ ` | \\",
    "\ue000 \ue00b": "\ue000 \ue00b",
}


@pytest.mark.parametrize("text", CASES)
def test_what_looks_the_same_is_written_the_same(text):
    assert normalise(text) == CASES[text]


def test_any_text_is_composed_visible_and_stays_when_it_is_normalised_again():
    rng = random.Random(1)
    lines = [random_line(rng) for _ in range(500)]
    codes = [*range(0x3400), *range(0x3400, 0xD800, 11), *range(0xE000, 0x11000)]
    codes += [*range(0x11000, 0x1E000, 3), *range(0x1E000, 0x110000, 97)]
    for line in [*lines, *map(chr, codes)]:
        text = normalise(line)
        assert normalise(text) == text
        assert unicodedata.is_normalized("NFC", text)
        assert not any(unicodedata.category(char) == "Cc" for char in text)
    assert all(normalise(char) == char for char in map(chr, range(0x20, 0x7F)))
