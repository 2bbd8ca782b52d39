"""TMX: what is written is what nmt's own reader reads."""

from collections import Counter
from xml.etree import ElementTree

import pytest

from nmt.corpora.formats import tmx as corpus
from nmt.documents import tmx, xliff
from nmt.documents.tmx import Entry
from nmt.documents.units import Options
from nmt.errors import Failure, UserError
from nmt.inference.translation import Translation
from nmt.version import __version__

CODES = {"<1>": '<g id="1">', "</1>": "</g>", "<2/>": "<x/>", "⟦3⟧": '<ph equiv="{a}"/>'}


def test_what_is_written_is_read_again(tmp_path):
    texts = [
        ("Save & exit <b>now</b>", "Speichern & <b>jetzt</b> beenden ]]>"),
        ("{name} has %s &amp;", "{name} hat %s &amp; „ü“ 😀"),
        ('Say "no" <1> ⟦3⟧', "Sag 'nein' <1> ⟦3⟧"),
    ]
    path = tmp_path / "tm" / "mt.tmx"
    assert tmx.write(path, "en", "de-AT", (Entry(*pair) for pair in texts)) == 3
    assert list(corpus.read(path, "en", "de", {})) == texts
    header = ElementTree.parse(path).getroot()[0]
    assert header.get("srclang") == "en"
    assert header.get("creationtoolversion") == __version__


def test_codes_are_elements_around_what_the_document_has(tmp_path):
    path = tmp_path / "a.tmx"
    entry = Entry("<1>a</1> b<2/> ⟦3⟧ <4>", "⟦3⟧ <1>c</1> <4><2/>", 83, CODES)
    assert tmx.write(path, "en", "de", [entry]) == 1
    (unit,) = ElementTree.parse(path).iter("tu")
    assert unit.findtext("prop[@type='x-confidence']") == "83"
    segments = list(unit.iter("seg"))
    codes = [[(code.tag, code.text) for code in segment] for segment in segments]
    paired = [("bpt", CODES["<1>"]), ("ept", CODES["</1>"])]
    alone = [("ph", CODES["<2/>"]), ("ph", CODES["⟦3⟧"])]
    assert codes == [[*paired, *alone], [alone[1], *paired, alone[0]]]
    assert segments[1][2].tail == " <4>"
    assert [variant.get("creationid") for variant in unit.iter("tuv")] == [None, "nmt"]
    assert list(corpus.read(path, "en", "de", {})) == [("a b <4>", "c <4>")]


def test_units_with_their_translations(tmp_path):
    data = (
        b'<xliff version="1.2"><file><body><trans-unit id="1"><source>Hi <x id="1"/></source>'
        b"</trans-unit></body></file></xliff>"
    )
    (unit,) = xliff.read(data, Options()).units
    translation = Translation("Hallo ⟦1⟧")
    assert list(tmx.entries(unit, [translation])) == [
        Entry("Hi ⟦1⟧", "Hallo ⟦1⟧", None, {"⟦1⟧": '<x id="1"/>'})
    ]
    translation.confidence = 0.826
    (entry,) = tmx.entries(unit, [translation])
    assert entry.confidence == 83


def test_what_xml_cannot_hold_is_left_out(tmp_path):
    path = tmp_path / "a.tmx"
    assert (
        tmx.write(path, "en", "de", [Entry("a\x00", "b"), Entry("a", "\ud800"), Entry("c", "d")])
        == 1
    )
    assert list(corpus.read(path, "en", "de", {})) == [("c", "d")]


def test_a_memory_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "a.tmx"
    tmx.write(path, "en", "de", [Entry("old", "alt")])
    before = path.read_bytes()

    def broken():
        yield Entry("a", "b")
        raise Failure("stopped")

    with pytest.raises(Failure):
        tmx.write(path, "en", "de", broken())
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.tmx"]


def test_a_memory_grows(tmp_path):
    """What is there stays, other translations of the same source take its place."""
    path = tmp_path / "a.tmx"
    assert tmx.write(path, "en", "de", []) == 0 and not path.exists()
    old = [
        Entry("a & b", "x\r\ny"),
        Entry("<1>c</1>\nd </tu>", "<1>y</1>", 50, CODES),
        Entry("e", "z"),
    ]
    assert tmx.write(path, "en", "de", old) == 3
    before = path.read_text()
    assert tmx.write(path, "en", "de", []) == 0 and path.read_text() == before
    assert tmx.write(path, "en", "de", [Entry("f", "n"), Entry("e", "new", 7)]) == 2
    pairs = [("a & b", "x y"), ("c d </tu>", "y"), ("e", "new"), ("f", "n")]
    assert list(corpus.read(path, "en", "de", Counter())) == pairs
    assert before.partition("<prop")[2].partition("</tu>")[0] in path.read_text()
    # Another target language has units of its own.
    assert tmx.write(path, "en", "fr", [Entry("e", "é")]) == 1
    assert list(corpus.read(path, "en", "de", Counter())) == pairs
    assert list(corpus.read(path, "en", "fr", Counter())) == [("e", "é")]


def test_each_translation_of_a_memory_is_replaced_by_itself(tmp_path):
    path = tmp_path / "a.tmx"
    old = [Entry(source, "old", 50) for source in "abc"]
    for new in ([], [Entry("c", "new", 60)], [Entry("a", "new", 60)], [Entry("b", "new")], old):
        tmx.write(path, "en", "de", old)
        before = path.read_text()
        tmx.write(path, "en", "de", new)
        expected = {entry.source: entry.target for entry in [*old, *new]}
        assert list(corpus.read(path, "en", "de", Counter())) == list(expected.items())
    # The same once more changes nothing.
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "was not written by nmt"),
        ("<tmx/>", "was not written by nmt"),
        (tmx.HEADER.format(version='"1"', source='"en"') + "<tu/>" + tmx.FOOTER, "was not written"),
        (tmx.HEADER.format(version='"1"', source='"sv"') + tmx.FOOTER, "a memory from 'sv'"),
    ],
)
def test_files_of_others_are_not_written_over(tmp_path, content, message):
    path = tmp_path / "a.tmx"
    path.write_text(content)
    for refused in (
        lambda: tmx.check(path, "en"),
        lambda: tmx.write(path, "en", "de", [Entry("a", "b")]),
    ):
        with pytest.raises(UserError, match=message):
            refused()
    assert path.read_text() == content
