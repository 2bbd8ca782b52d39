"""Translations of programs: XLIFF, and files of the same keys."""

import collections
import json
import sys

import pytest

from nmt.errors import UserError
from nmt.recipe import DataOptions
from tests.corpora.texts import own, read, write

XLIFF_1 = """<?xml version="1.0"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
<file original="a" source-language="en-US" target-language="de"><header/><body>{}</body></file>
</xliff>"""
XLIFF_2 = """<xliff version="2.0" srcLang="en" trgLang="de-AT"
 xmlns="urn:oasis:names:tc:xliff:document:2.0"><file id="a">{}</file></xliff>"""
UNITS_1 = """
<trans-unit id="1"><source>Press<x id="1"/>the <g id="2">button</g></source>
<target state="translated">Drück<x id="1"/>den <g id="2">Knopf</g></target>
<alt-trans><target>no</target></alt-trans></trans-unit>
<group><trans-unit id="2"><source>Hi <x id="n" equiv-text="{{name}}"/>!</source>
<target>Hallo <x id="n" equiv-text="{{name}}"/>!</target></trans-unit></group>
<trans-unit id="3"><source>new</source><target state="needs-translation">new</target></trans-unit>
<trans-unit id="4"><source>none</source></trans-unit>
<trans-unit id="5"><source>seen by nobody</source>
<target state="needs-review-translation" state-qualifier="mt-suggestion">x</target></trans-unit>
<trans-unit id="6"><source>guessed</source><target state-qualifier="mt-suggestion">x</target>
</trans-unit>"""
UNITS_2 = """
<unit id="1"><originalData><data id="d">x</data></originalData>
<segment><source>A <pc id="1">b</pc><!-- c --></source>
<target>C <mrk id="m">d</mrk></target></segment>
<ignorable><source> </source></ignorable>
<segment state="initial"><source>e</source><target>e</target></segment>
<segment state="translated" subState="nmt:mt"><source>f</source><target>F</target></segment></unit>
<unit id="2"><segment><source>Go <ph id="1" equiv="%s"/></source>
<target>Geh <ph id="1" equiv="%s"/></target></segment></unit>"""


@pytest.mark.parametrize(
    ("text", "untranslated", "expected"),
    [
        (
            XLIFF_1.format(UNITS_1),
            4,
            [("Press the button", "Drück den Knopf"), ("Hi {{name}}!", "Hallo {{name}}!")],
        ),
        (XLIFF_2.format(UNITS_2), 2, [("A b", "C d"), ("Go %s", "Geh %s")]),
    ],
)
def test_xliff(tmp_path, text, untranslated, expected):
    dropped = collections.Counter()
    data = own(tmp_path, "xliff", text)
    assert read(data, dropped=dropped) == expected
    assert dropped == {"not translated": untranslated}
    # The other direction.
    data.source, data.target = "de", "en"
    assert read(data) == [pair[::-1] for pair in expected]
    data.target = "fr"
    with pytest.raises(UserError, match=r"own.xliff: is from en(-US)? to de(-AT)?, not from de to"):
        read(data)


ANDROID = """<resources><string name="app" translatable="false">App</string>
<string name="a">{}</string><string-array name="l"><item>{}</item></string-array>
<plurals name="p"><item quantity="one">{}</item><item quantity="other">%d {}</item></plurals>
</resources>"""
FLUENT = """# A comment
hello = {}, { $name }!
    .title = {}
mails = { $n ->
    [one] {}
   *[other] { $n } {}
}
""".replace("{}", "%s")


@pytest.mark.parametrize(
    ("form", "source", "target", "expected"),
    [
        (
            "json",
            json.dumps({"a": {"b": ["Lamp", "Door"]}, "@a": {"c": "x"}, "n": 3, "only": "here"}),
            json.dumps({"@a": {"c": "y"}, "a": {"b": ["Lampe", "Tür"]}, "n": 3}),
            ["Lamp|Lampe", "Door|Tür"],
        ),
        (
            "android",
            ANDROID.format("It\\'s <b>on</b>,\\n%1$s", "One", "a file", "files"),
            ANDROID.format("<b>An</b>,\\n%1$s", "Eins", "eine Datei", "Dateien"),
            ["It's <b>on</b>,|<b>An</b>,", "One|Eins"]
            + ["a file|eine Datei", "%d files|%d Dateien"],
        ),
        (
            "fluent",
            FLUENT % ("Hello", "Title", "One mail", "mails"),
            FLUENT % ("Hallo", "Titel", "Eine Mail", "Mails"),
            ["Hello, { $name }!|Hallo, { $name }!", "Title|Titel"]
            + ["One mail|Eine Mail", "{ $n } mails|{ $n } Mails"],
        ),
        (
            "properties",
            "# c\na = Good {0}\nb: Two\\\n  lines\n",
            b"a = Gut f\xfcr {0}\nb: Zw\\u00f6i\\\n  Zeilen\n",
            ["Good {0}|Gut für {0}", "Twolines|ZwöiZeilen"],
        ),
    ],
)
def test_texts_are_paired_by_their_keys(tmp_path, form, source, target, expected):
    if form != "json":
        pytest.importorskip("moz.l10n")
    write(tmp_path / "t-en.x", source)
    write(tmp_path / "t-de.x", target)
    data = DataOptions(format=form, train=str(tmp_path / "t-{lang}.x"), held_out=0.0, max_ratio=9.0)
    assert ["|".join(pair) for pair in read(data)] == expected


def test_the_first_language_of_a_program_needs_no_code(tmp_path):
    write(tmp_path / "values/strings.json", '{"a": "Lamp"}')
    write(tmp_path / "values-de/strings.json", '{"a": "Lampe"}')
    for template in ("values-{lang}/strings.json", "values-{lang}/*.json", "values-{lang}"):
        data = DataOptions(format="json", train=str(tmp_path / template), held_out=0.0)
        assert read(data) == [("Lamp", "Lampe")]
        data.source, data.target = "de", "en"
        assert read(data) == [("Lampe", "Lamp")]
    data.source, data.target = "en", "fr"
    with pytest.raises(UserError, match="fr"):
        read(data)


@pytest.mark.parametrize(
    ("form", "content", "words"),
    [
        ("xliff", "<xliff>", ["line 1", "not well-formed"]),
        ("xliff", "<html/>", ["no XLIFF"]),
        ("json", '{"a":\n1,,}', ["line 2", "not JSON"]),
        ("json", b'{"a": "\xfc"}', ["UTF-8", "WINDOWS-1252"]),
        ("android", "<resources>", ["cannot be read as data.format=android"]),
        ("fluent", "= nonsense\n", ["cannot be read as data.format=fluent"]),
    ],
)
def test_mistakes_name_the_file(tmp_path, form, content, words):
    if form in ("android", "fluent"):
        pytest.importorskip("moz.l10n")
    data = own(tmp_path, form, content)
    data.train = data.train.replace("own", "o{lang}")
    for code in ("en", "de"):
        write(tmp_path / f"o{code}.{form}", content)
    with pytest.raises(UserError) as caught:
        read(data)
    assert all(word in str(caught.value) for word in [f"ode.{form}", *words]), caught.value
    assert "\n" not in str(caught.value)


def test_without_the_package_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moz.l10n", None)
    for code in ("en", "de"):
        write(tmp_path / f"t.{code}", "a = b\n")
    data = DataOptions(format="properties", train=str(tmp_path / "t.{lang}"))
    with pytest.raises(
        UserError, match=r"data.format=properties needs .*\(moz.l10n\): pip install"
    ):
        read(data)
