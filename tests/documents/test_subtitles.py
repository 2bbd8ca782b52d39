"""Subtitles: what changes, and where a sentence over several cues is cut."""

import dataclasses
import re

import numpy as np
import pytest

from nmt.documents import cutting, subtitles
from nmt.documents.units import Options, spliced
from nmt.errors import UserError
from nmt.inference.translation import Translation
from tests.fakes import UpperCase

FILM = b"""\
1
00:00:01,000 --> 00:00:03,200
The man in the blue shirt
is standing

2
00:00:03,300 --> 00:00:05,900 X1:40 X2:600
on a ladder. Good. He

3
00:00:06,000 --> 00:00:08,800
waves.

4
00:00:09,000 --> 00:00:11,000
- Where are they?
- <i>Outside.</i>

5
00:00:11,500 --> 00:00:14,000
{\\an8}[door closes]

6
00:00:14,500 --> 00:00:17,000
<font color="#ffff00">I <b>never</b> said so.</font>
"""
SHOUTED = b"""\
1
00:00:01,000 --> 00:00:03,200
THE MAN IN THE BLUE SHIRT IS STANDING

2
00:00:03,300 --> 00:00:05,900 X1:40 X2:600
ON A LADDER. GOOD. HE

3
00:00:06,000 --> 00:00:08,800
WAVES.

4
00:00:09,000 --> 00:00:11,000
- WHERE ARE THEY?
- <i>OUTSIDE.</i>

5
00:00:11,500 --> 00:00:14,000
{\\an8}[DOOR CLOSES]

6
00:00:14,500 --> 00:00:17,000
<font color="#ffff00">I <b>NEVER</b> SAID SO.</font>
"""
WEB = b"""\
WEBVTT - A film

NOTE The first scene
is short.

STYLE
::cue(v) { color: red }

intro
00:01.000 --> 00:03.000 align:start position:10%
<v Ann>The door &amp; the window

00:03.100 --> 00:05.000
<v Ann>are open.

00:05.100 --> 00:07.000
<v.loud Bob>No <c.red>they</c> are not

00:07.100 --> 00:09.000
<v Ann>Yes<00:07.500><c> they</c><00:08.000><c> are</c>
"""


def filled(data, translator=None):
    document = subtitles.read(data, Options())
    edits = []
    for unit in document.units:
        translations = (translator or UpperCase()).candidates(
            unit.sources, attention=unit.attention
        )
        edits += unit.edits([best for best, *_ in translations])
    return spliced(data, edits)


def sources(data):
    return [source for unit in subtitles.read(data, Options()).units for source in unit.sources]


def srt(*texts):
    """A film with a cue a second."""
    times = "{}\n00:00:{:02},000 --> 00:00:{:02},900\n{}\n"
    return "\n".join(times.format(n, n, n, text) for n, text in enumerate(texts, 1)).encode()


def cue_texts(data):
    return re.findall(r"(?m)-->.*\n((?:.+\n?)+)", data.decode())


def test_only_what_is_said_changes():
    assert filled(FILM) == SHOUTED
    web = filled(WEB).decode()
    spoken = {
        "<v Ann>The door &amp; the window": "<v Ann>THE DOOR &amp; THE WINDOW",
        "<v Ann>are open.": "<v Ann>ARE OPEN.",
        "<v.loud Bob>No <c.red>they</c> are not": "<v.loud Bob>NO <c.red>THEY</c> ARE NOT",
        "<v Ann>Yes<00:07.500><c> they</c><00:08.000><c> are</c>": "<v Ann>YES THEY ARE",
    }
    expected = WEB.decode()
    for before, after in spoken.items():
        expected = expected.replace(before, after)
    assert web == expected


@pytest.mark.parametrize("film", [FILM, WEB])
@pytest.mark.parametrize("form", ["plain", "windows", "mark", "unended"])
def test_line_ends_marks_and_a_missing_last_newline_survive(film, form):
    def formed(data):
        match form:
            case "windows":
                return data.replace(b"\n", b"\r\n")
            case "mark":
                return b"\xef\xbb\xbf" + data
            case "unended":
                return data.removesuffix(b"\n")
        return data

    assert spliced(formed(film), []) == formed(film)
    assert filled(formed(film)) == formed(filled(film))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        # A sentence over cues is one; others in the same cues are others.
        (["I thought", "you were gone. Come in."], ["I thought you were gone.", "Come in."]),
        (["Mr. Fox is", "here with Dr. J. Hare."], ["Mr. Fox is here with Dr. J. Hare."]),
        (["I thought...", "you were gone."], ["I thought... you were gone."]),
        (["I thought...", "You were gone."], ["I thought...", "You were gone."]),
        # Speakers, sounds and songs are apart.
        (["- Who is", "- Me. Who"], ["Who is", "Me.", "Who"]),
        (["- Who?\n- I said", "you."], ["Who?", "I said you."]),
        (["Wait for", "[door closes]", "me."], ["Wait for", "[door closes]", "me."]),
        (["♪ One song\n♪ and two\nOh."], ["♪ One song", "♪ and two", "Oh."]),
        (["{\\an8}Up", "and down."], ["Up", "and down."]),
        (
            ["BOB: Who\nANN: Me. Who", "DR NO: You."],
            ["BOB: Who", "ANN: Me.", "Who", "DR NO: You."],
        ),
        (["-5 degrees."], ["-5 degrees."]),
        # Files without punctuation tell nothing about sentences.
        (["one two", "three four", "five", "six."], ["one two", "three four", "five", "six."]),
        # Tags around all of it stay outside, others are masked.
        (["<i>I went</i>", "<i>home.</i>"], ["I went home."]),
        (["I <i>went", "home</i> now."], ["I <1>went home</1> now."]),
        (["これは", "本です。"], ["これは本です。"]),
    ],
)
def test_sentences(texts, expected):
    assert sources(srt(*texts)) == expected


def test_a_pause_ends_a_sentence():
    film = srt("The man is", "standing.")
    assert len(sources(film)) == 1
    assert len(sources(film.replace(b"00:00:02,", b"00:00:08,"))) == 2


def attended(text, source, alignment):
    """A translation whose words attend to the source's words by number."""
    pieces = [f"▁{word}" for word in text.split()]
    weights = np.full((len(pieces) + 1, len(source.split()) + 1), 0.02)
    for row, column in enumerate(alignment):
        weights[row, column] = 1
    return Translation(
        text,
        source_pieces=[f"▁{word}" for word in source.split()] + ["</s>"],
        target_pieces=[*pieces, "</s>"],
        attention=weights,
    )


@pytest.mark.parametrize(
    ("parts", "text", "alignment", "expected", "by_length"),
    [
        (
            ["the little girl in the pink coat", "jumps into a puddle", "and laughs"],
            "das kleine Kind im rosafarbenen Mantel springt und lacht laut",
            [0, 1, 2, 4, 5, 6, 7, 11, 12, 12],
            ["das kleine Kind im rosafarbenen Mantel", "springt", "und lacht laut"],
            ["das kleine Kind im rosafarbenen", "Mantel springt", "und lacht laut"],
        ),
        (
            ["he has", "bought a very old house"],
            "er hat ein sehr altes Haus gekauft",
            [0, 1, 3, 4, 5, 6, 2],
            ["er hat", "ein sehr altes Haus gekauft"],
            ["er hat ein sehr", "altes Haus gekauft"],
        ),
        # Fewer words than cues.
        (["he", "said", "yes"], "ja doch", [0, 2], ["ja", "doch", "doch"], ["ja", "doch", "doch"]),
    ],
)
def test_a_translation_is_cut_where_attention_crosses(parts, text, alignment, expected, by_length):
    translation = attended(text, " ".join(parts), alignment)
    assert cutting.cut(translation, parts) == expected
    assert cutting.cut(dataclasses.replace(translation, attention=None), parts) == by_length


def test_cuts_see_through_tags_symbols_and_capitals():
    parts = ["<1>Open</1> {file} now", "and wait for me"]
    translation = Translation(
        "JETZT <1>ÖFFNE</1> {file} und warte auf mich",
        source_pieces=["▁op", "en", "▁", "\ue000", "▁now", "▁and", "▁wait", "▁for", "▁me", "</s>"],
        target_pieces=["▁jetzt", "▁öff", "ne", "▁", "\ue000", "▁und", "▁warte", "▁auf", "▁mich"],
        attention=np.eye(10)[[4, 0, 1, 2, 3, 5, 6, 7, 8]],
    )
    assert cutting.cut(translation, parts) == [
        "JETZT <1>ÖFFNE</1> {file}",
        "und warte auf mich",
    ]


def test_tags_that_a_cut_parts_are_closed_and_opened_again():
    film = srt("I <i>went to the", "house</i> now.")
    assert b"I <i>WENT TO THE</i>\n" in filled(film)
    assert b"<i>HOUSE</i> NOW.\n" in filled(film)


def test_cues_have_two_lines_of_42_columns_where_words_allow():
    rng = np.random.default_rng(0)
    words = ["a", "the", "window", "ladders,", "impossible", "on", "house."]
    texts = [" ".join(rng.choice(words, rng.integers(1, 24))) for _ in range(60)]
    longest = []
    for text in cue_texts(filled(srt(*texts))):
        lines = text.rstrip("\n").split("\n")
        assert len(lines) <= 2
        # As even as can be, but for a border behind punctuation.
        words = " ".join(lines).split()
        halves = [(words[:n], words[n:]) for n in range(len(words))]
        best = min(max(len(" ".join(half)) for half in each) for each in halves)
        assert max(map(len, lines)) <= (42 if best <= 42 else best + 11)
        longest.append(max(map(len, lines)))
    assert max(longest) > 42
    for texts, whole in (
        (["One", "two"], "One two"),
        (["止めて。", "テレビを消して。"], "止めて。テレビを消して。"),
        (["テレビ", "ドラマ"], "テレビドラマ"),
        (["やめて。", "<b>なぜ</b>?"], "やめて。<b>なぜ</b>?"),
        (["Wait…", "then <i>go</i>"], "Wait… then <i>go</i>"),
    ):
        assert cutting.joined(texts) == whole
    assert cutting.lines("word " * 8) == ["word word word word word word word word"]
    assert cutting.lines("one two three four five six, seven eight nine ten") == [
        "one two three four five six,",
        "seven eight nine ten",
    ]
    # East Asian letters are two columns wide; Japanese breaks between phrases.
    assert cutting.lines("これは日本語の字幕です、そして長い文は二行に分けられます。") == [
        "これは日本語の字幕です、",
        "そして長い文は二行に分けられます。",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Das Gerät".encode("utf-16"), "line 1: not valid UTF-8; it seems to be UTF-16LE"),
        (FILM.replace(b"Good", b"Gr\xfc\xdfe"), "line 8: not valid UTF-8; it seems to be WINDOWS"),
        (b"A text without times", "no cue with a text"),
        (b"", "no cue with a text"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "no cue with a text"),
    ],
)
def test_what_is_no_subtitle_file_is_refused(data, message):
    with pytest.raises(UserError, match=message) as error:
        subtitles.read(data, Options())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["I <1>went home", "I went</1> <1>home", "I <1>went</1></1> home"])
def test_what_is_said_is_worth_more_than_a_tag(text):
    (unit,) = subtitles.read(srt("I <i>went</i> home."), Options()).units
    (edit,) = unit.edits([Translation(text)])
    assert edit.content.split() == [b"I", b"went", b"home"]


@pytest.mark.parametrize("text", ["", "-->"])
def test_a_sentence_that_cannot_stand_there_costs_no_other(text):
    film = srt("One <i>two</i>. Three", "four. Five", "six.")
    (unit,) = subtitles.read(film, Options()).units
    translations = [Translation(each) for each in ("<1>Eins</1>.", text, "FIVE SIX.")]
    done = spliced(film, unit.edits(translations))
    assert cue_texts(done) == ["<i>Eins</i>. Three\n", "four. FIVE\n", "SIX.\n"]


def test_text_is_no_markup():
    film = WEB.replace(b"Yes<", b"Yes & no<").replace(b"they</c> are not", b"they</c> are")
    document = subtitles.read(film, Options())
    text = "<<1>b</1> & c &amp; d"
    (unit,) = (unit for unit in document.units if "<1>" in unit.sources[0])
    (edit,) = unit.edits([Translation(text)])
    assert edit.content == b"<v.loud Bob>&lt;<c.red>b</c> &amp; c &amp; d"
    assert b"YES &amp; NO" in filled(film)
    # SRT has no entities.
    (unit,) = subtitles.read(srt("One <i>two</i> three."), Options()).units
    assert unit.edits([Translation(text)])[0].content == b"<<i>b</i> & c &amp; d"


@pytest.mark.parametrize("text", ["", "  ", "went --> home"])
def test_what_cannot_stand_in_a_cue_is_refused(text):
    (unit,) = subtitles.read(srt("I <i>went</i> home."), Options()).units
    with pytest.raises(ValueError):
        unit.edits([Translation(text)])


def test_files_with_blank_lines_or_without_them_are_read():
    film = (
        b"1\n00:00:01,000 --> 00:00:02,000\nOne\n\ntwo.\n2\n00:00:03,000 --> 00:00:04,000\nThree.\n"
    )
    assert sources(film) == ["One two.", "Three."]


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        # A number is that of the next cue, with a blank line behind it or without.
        ("One.\n\n2\n", ["One.", "Three."]),
        ("One.\n\n2\n\n", ["One.", "Three."]),
        ("One.\n\n2\n\n\n", ["One.", "Three."]),
        ("One.\n2\n", ["One.", "Three."]),
        ("\n2\n\n", ["Three."]),
        # Or it is said.
        ("42\n\n2\n", ["42", "Three."]),
        ("42.\n\n", ["42.", "Three."]),
    ],
)
def test_numbers_are_no_text(between, expected):
    film = f"1\n00:00:01,000 --> 00:00:02,000\n{between}00:00:09,000 --> 00:00:09,900\nThree.\n"
    assert sources(film.encode()) == expected
    assert filled(film.encode()) == film.upper().encode()
