"""XLIFF filled in place: only targets change, codes come back, the result is well-formed."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nmt.documents import xliff
from nmt.documents.units import Options, State, spliced
from nmt.errors import UserError
from nmt.inference.translation import Translation
from tests.documents.xliff_samples import (
    ANGULAR,
    ANGULAR_2,
    OKAPI,
    SAMPLES,
    SEGMENTS_2,
    WEBLATE,
    XCODE,
)

NONE = Options()


def translated(text):
    """With what XML must escape, and a letter that Latin-1 lacks."""
    return f"<& {text} ☃"


def filled(data, options=NONE, translate=translated, states=(State.EMPTY,)):
    edits = []
    for unit in xliff.read(data, options).units:
        if unit.state in states:
            edits += unit.edits([Translation(translate(source)) for source in unit.sources])
    return spliced(data, edits)


def unit_of(content, options=NONE):
    """The unit of a <source> and what follows it, in 1.2."""
    return xliff.read(document(content), options).units[0]


def document(content, attributes=""):
    unit = f'<trans-unit id="1"{attributes}>{content}</trans-unit>'
    return f'<xliff version="1.2"><file><body>{unit}</body></file></xliff>'.encode()


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_written_is_read_again_and_filled_once(name):
    data = SAMPLES[name]
    before = xliff.read(data, NONE).units
    assert State.EMPTY in [unit.state for unit in before]
    assert spliced(data, []) == data
    once = filled(data)
    assert filled(once) == once
    after = xliff.read(once, NONE).units
    new = [unit for unit in after if unit.state is State.FUZZY and unit.targets]
    assert sum(unit.state is State.EMPTY for unit in before) <= len(new)
    for unit in new:
        for source, target in zip(unit.sources, unit.targets, strict=True):
            assert target in (translated(source), "Eins.", "Neu")


@pytest.mark.parametrize("name", SAMPLES)
def test_only_targets_and_states_change(name):
    data = SAMPLES[name]
    after = filled(data)
    assert after != data
    target = rb"\s*<(\w+:)?target\b[^>]*?(/>|>.*?</(\w+:)?target>)"
    state = rb' (state|subState)="[^"]*"'
    bare = [
        re.sub(state, b"", re.sub(target, b"", each, flags=re.DOTALL)) for each in (data, after)
    ]
    assert bare[0] == bare[1]
    assert (b"\r" in data) == (b"\r\n" in after)
    ElementTree.fromstring(after)


def test_the_sources_of_the_samples():
    sources = {
        name: [source for unit in xliff.read(data, NONE).units for source in unit.sources]
        for name, data in SAMPLES.items()
    }
    assert sources["Angular"] == sources["CRLF"]
    assert sources["Angular"] == [
        "Hello ⟦1⟧, <2>read</2> it!<3/>",
        "Save & exit",
        "A text that is wrapped",
    ]
    assert sources["Xcode"] == ["  %lld files\nare gone ", "Done", "OK"]
    assert sources["Okapi"] == [
        "Read <1>the <2>new</2> page</1><3/>.",
        "Then <1/>go ⟦2⟧.",
        "Two.",
    ]
    assert sources["Weblate"] == ["A <b>bold</b> & fine word", "Müsli ä – <i>a</i>", "Old"]
    assert sources["Angular 2.0"] == ["Hi ⟦1⟧, <2>go</2>", "Off"]
    assert sources["segments of 2.1"] == [
        "One <1>two<2/></1> <3>term</3> ⟦4⟧",
        "Three",
        "Four <1/>",
    ]


def test_targets_stand_behind_their_source_as_the_file_is_indented():
    text = filled(ANGULAR, translate=lambda text: text.upper()).decode()
    state = 'state="needs-review-translation" state-qualifier="mt-suggestion"'
    assert (
        f"""
        <target {state}>HELLO <x id="INTERPOLATION" equiv-text="{{{{name}}}}"/>, <x id="START"""
        in text
    )
    assert f"</source><target {state}>SAVE &amp; EXIT</target></trans-unit>" in text
    wrapped = f"<target {state}>\n          A TEXT THAT IS WRAPPED\n        </target>"
    assert wrapped in text
    trusted = filled(ANGULAR, Options(trusted=True)).decode()
    assert "qualifier" not in trusted and trusted.count('<target state="translated">') == 3


def test_segments_keep_what_stands_between_them():
    text = filled(OKAPI, translate=lambda text: text.replace("e", "E")).decode()
    assert (
        '</seg-source>\n<target state="needs-review-translation" state-qualifier="mt-suggestion">'
        '<mrk mid="0" mtype="seg">REad <bpt id="1">&lt;a href="x"&gt;</bpt>thE <g id="2" ctype="x'
        ' > y">nEw</g> pagE<ept id="1">&lt;/a&gt;</ept><ph id="3">&lt;br/&gt;</ph>.</mrk>\n<mrk '
        'mid="1" mtype="seg">ThEn <it id="4" pos="open">[b]</it>go <mrk mtype="protected">Acme'
        "</mrk>.</mrk> <!-- a comment --></target>"
    ) in text
    assert (
        '<target state="needs-review-translation" equiv-trans = "no" state-qualifier='
        '"mt-suggestion"><mrk mid="0" mtype="seg">Eins.</mrk> <mrk mid="1" mtype="seg">Two.</mrk>'
    ) in text


def test_segments_of_2_have_states_of_their_own():
    text = filled(SEGMENTS_2, translate=str).decode()
    assert '<segment id="s1" state="translated" subState="nmt:mt"><source>One' in text
    assert '<segment state="final" subState="a:b" ><source>Three</source><target>Drei' in text
    assert (
        '<segment state="translated" subState="nmt:mt"><source>Four <cp hex="0001"/></source>'
        '<target>Four <cp hex="0001"/></target>'
    ) in text


@pytest.mark.parametrize(
    ("content", "attributes", "state"),
    [
        ("", "", State.EMPTY),
        ("<target/>", "", State.EMPTY),
        ("<target> </target>", "", State.EMPTY),
        ("<target state='new'>Open</target>", "", State.EMPTY),
        ("<target state='new'>Offen</target>", "", State.FUZZY),
        ("<target state='needs-adaptation'>Open</target>", "", State.FUZZY),
        ("<target>Open</target>", "", State.TRANSLATED),
        ("<target state='signed-off'>Offen</target>", "", State.TRANSLATED),
        ("<target state='new'/>", ' approved="yes"', State.TRANSLATED),
        ("<alt-trans><target>Offen</target></alt-trans>", "", State.EMPTY),
    ],
)
def test_states_of_1_2(content, attributes, state):
    (unit,) = xliff.read(document(f"<source>Open</source>{content}", attributes), NONE).units
    assert unit.state is state


@pytest.mark.parametrize(
    ("attributes", "target", "state"),
    [
        ("", "", State.EMPTY),
        (' state="initial"', "<target>Open</target>", State.EMPTY),
        (' state="initial"', "<target>Offen</target>", State.FUZZY),
        (' state="translated" subState="nmt:mt"', "<target>Offen</target>", State.FUZZY),
        (' state="translated"', "<target>Offen</target>", State.TRANSLATED),
        ("", "<target>Open</target>", State.TRANSLATED),
    ],
)
def test_states_of_2(attributes, target, state):
    segment = f"<segment{attributes}><source>Open</source>{target}</segment>"
    unit = f'<file id="f"><unit id="u">{segment}</unit></file>'
    data = f'<xliff version="2.0" srcLang="en" trgLang="de">{unit}</xliff>'.encode()
    (unit,) = xliff.read(data, NONE).units
    assert unit.state is state
    if state is not State.TRANSLATED:
        again = filled(data, Options(trusted=True), states=(state,))
        (unit,) = xliff.read(again, NONE).units
        assert unit.state is State.TRANSLATED
        assert b"subState" not in again


@pytest.mark.parametrize(
    ("source", "text"),
    [
        # Numbers that the text itself has are left to it.
        ("&lt;1&gt; ⟦2⟧ <x id='1'/>", "<1> ⟦2⟧ ⟦3⟧"),
        ("<g id='1'><g id='1'>a</g></g>", "<1><2>a</2></1>"),
        ("<g id='1'/>a", "<1/>a"),
        ("<bx id='1'/>a<bx id='2'/>b<ex id='1'/>c", "<1>a<2/>b</1>c"),
        ("<ex id='1'/>a<bx id='1'/>", "<1/>a<2/>"),
        ("<ph>&lt;b&gt;</ph>a<ph>&lt;/b&gt;</ph><ph>&lt;br&gt;</ph>", "<1>a</1><2/>"),
        ("<ph>%s</ph>, <ph>{0}</ph> <ph/>", "⟦1⟧, ⟦2⟧ ⟦3⟧"),
        ("<x id='START_LINK_1'/>a<x id='CLOSE_LINK'/>", "<1>a</1>"),
        ("<ph id='1'>a <sub>text &amp; <x id='2'/></sub></ph>", "⟦1⟧"),
        ("a&#13;b &custom; &#128;", "a⟦1⟧b ⟦2⟧ \x80"),
        ("a <?pi <b> ?>b", "a b"),
    ],
)
def test_codes_come_back_letter_for_letter(source, text):
    data = document(f"<source>{source}</source>").replace(
        b"<xliff", b"<!DOCTYPE xliff SYSTEM 'x.dtd'><xliff", 1
    )
    (unit,) = xliff.read(data, NONE).units
    assert unit.sources == (text,)
    (edit,) = unit.edits([Translation(text)])
    content = source.replace("&#128;", "\x80").replace("<?pi <b> ?>", "")
    assert f">{content}</target>".encode() in edit.content


@pytest.mark.parametrize(
    ("translation", "reason"),
    [
        ("<1>a</1> <2>b</2>", "a tag is missing"),
        ("<1>a</1> <2>b</2> ⟦3⟧ ⟦3⟧", "a tag is there twice"),
        ("<1>a <2></1>b</2> ⟦3⟧", "cross"),
        ("</1>a<1> <2>b</2> ⟦3⟧", "a tag closes before it opens"),
        ("<1>a</1> <2>b</2> ⟦3⟧\x01", "a character that XML cannot hold"),
        (" ", "the translation is empty"),
        ("<1>a</1> <2>b</2> ⟦3⟧\ufffe", "a character that XML cannot hold"),
    ],
)
def test_a_translation_that_cannot_stand_there_is_refused(translation, reason):
    unit = unit_of('<source><g id="1">A</g> <g id="2">b</g> <x id="3"/></source>')
    assert unit.sources == ("<1>A</1> <2>b</2> ⟦3⟧",)
    unit.edits([Translation("⟦3⟧ <2>b <1>a</1></2>")])
    with pytest.raises(ValueError, match=reason):
        unit.edits([Translation(translation)])


@pytest.mark.parametrize(
    ("source", "translation", "reason"),
    [
        ("%@ of %lld", "von %lld", "placeholders differ"),
        ("%@ of %lld", "%lld von %@", "placeholders in another order"),
        ("%1$@ of %2$lld", "%2$lld von %1$@", None),
        ("%#@a@ in %#@b@", "in %#@b@ %#@a@", None),
        ("%#@a@ in %#@b@", "in %#@c@ %#@a@", "placeholders differ"),
        ("{{x}} of {y}", "{y} von {{x}}", None),
        ("{{x}} of {y}", "{y} von {{x}} {y}", "placeholders differ"),
        ("a", "a {x}", "placeholders differ"),
        ("Only $5 at &lt;Enter>", "Nur 5 $ bei &lt;Eingabe>", None),
        ("<x id='1'/>%@ <g id='2'>{a}</g>", "<2>{a}</2> %@ ⟦1⟧", None),
        ("<x id='1'/>%@ <g id='2'>{a}</g>", "<2></2> %@ ⟦1⟧", "placeholders differ"),
    ],
)
def test_placeholders_of_the_text_itself_stand_in_targets_once(source, translation, reason):
    unit = unit_of(f"<source>{source}</source>")
    if reason is None:
        assert unit.edits([Translation(translation)])
    else:
        with pytest.raises(ValueError, match=reason):
            unit.edits([Translation(translation)])


def choice(target):
    return f"<source>{{N, plural, =0 {{no}} other {{<x id='1'/> files}}}}</source>{target}"


@pytest.mark.parametrize(
    ("target", "state"), [("", State.EMPTY), ("<target>x</target>", State.TRANSLATED)]
)
def test_a_choice_of_ICU_is_left_and_told(target, state):
    segment = f'<unit id="u"><segment>{choice(target)}</segment></unit>'
    new = f'<xliff version="2.0" trgLang="de"><file id="f">{segment}</file></xliff>'.encode()
    for data in (document(choice(target)), new):
        for options in (NONE, Options(alternatives=2)):
            (unit,) = xliff.read(data, options).units
            assert (unit.sources, unit.state) == ((), state)
            for edits in (unit.edits, unit.alternatives):
                with pytest.raises(ValueError, match="a choice within the text"):
                    edits([])


def test_codes_that_are_no_elements_may_cross_others():
    unit = unit_of('<source><bpt id="1"/>a <g id="2">b</g><ept id="1"/> c</source>')
    assert unit.sources == ("<1>a <2>b</2></1> c",)
    (edit,) = unit.edits([Translation("<2>a <1>b</2> c</1>")])
    assert b'<g id="2">a <bpt id="1"/>b</g> c<ept id="1"/>' in edit.content


def test_codes_that_must_keep_their_order_do():
    codes = "<ph id='1' canReorder='firstNo'/> <ph id='2' canReorder='no'/> a <ph id='3'/>"
    unit = unit_of(f"<source>{codes}</source>")
    unit.edits([Translation("⟦3⟧ ⟦1⟧ a ⟦2⟧")])
    with pytest.raises(ValueError, match="must not be reordered"):
        unit.edits([Translation("⟦2⟧ ⟦1⟧ a ⟦3⟧")])


def with_alternatives(data):
    options = Options(alternatives=2)
    edits = []
    for unit in xliff.read(data, options).units:
        if unit.alternatives:
            nbest = []
            for source in unit.sources:
                candidates = [Translation(f"{source} {n}") for n in (1, 1, 2)]
                for candidate, confidence in zip(candidates, (0.826, 0.826, None), strict=True):
                    candidate.confidence = confidence
                nbest.append([*candidates, Translation("\0")])
            edits += unit.alternatives(nbest)
    return spliced(data, edits)


@pytest.mark.parametrize("name", SAMPLES)
def test_alternatives_stand_beside_targets_that_stay(name):
    data = SAMPLES[name]
    once = with_alternatives(data)
    assert with_alternatives(once) == once
    count = sum(
        len(unit.sources) for unit in xliff.read(data, NONE).units if unit.state is State.EMPTY
    )
    assert once.count(b'origin="nmt"') == 2 * count
    assert once.count(b'uality="83"') == count
    tree = ElementTree.fromstring(once)
    for matches in tree.iter("{urn:oasis:names:tc:xliff:matches:2.0}matches"):
        assert all(len(match) >= 2 for match in matches)
    # They are no targets: all can be filled as before.
    old = [(unit.sources, unit.targets, unit.state) for unit in xliff.read(data, NONE).units]
    assert [
        (unit.sources, unit.targets, unit.state) for unit in xliff.read(once, NONE).units
    ] == old


def test_alternatives_as_they_are_written():
    text = with_alternatives(document("<source>Open &amp; shut</source><note/>")).decode()
    assert (
        '</source><alt-trans match-quality="83" origin="nmt"><target>Open &amp; shut 1</target>'
        '</alt-trans><alt-trans origin="nmt"><target>Open &amp; shut 2</target></alt-trans><note/>'
    ) in text
    text = with_alternatives(SEGMENTS_2).decode()
    assert (
        '<unit id="u" canResegment="no">\n  <m:matches>\n    <m:match ref="#s1" type="mt" ' in text
    )
    assert 'matchQuality="83"><originalData>' in text
    assert 'matchQuality="83"><source>Four' in text
    assert '<segment id="s2"><source>Four' in text
    text = with_alternatives(ANGULAR_2).decode()
    assert '<mtc:matches xmlns:mtc="urn:oasis:names:tc:xliff:matches:2.0">' in text


def test_alternatives_join_the_matches_of_others():
    match = '<m:match ref="#s1"><source>One</source><target>Eins</target></m:match>'
    unit = "<originalData>"
    data = SEGMENTS_2.decode().replace(unit, f"<m:matches>{match}</m:matches>{unit}", 1).encode()
    text = with_alternatives(data).decode()
    assert text.count("<m:matches>") == 1
    assert f'<m:matches>{match}<m:match ref="#s1" type="mt" origin="nmt"' in text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<tmx/>", "is no XLIFF file: its first element is <tmx>"),
        (b"<xliff>\n<file></xliff>", "line 2: not well-formed XML"),
        (b"", "line 1: not well-formed XML"),
        (b"<!DOCTYPE xliff [\n<!ENTITY a 'b'>]><xliff/>", "line 2: declares an entity"),
        (ANGULAR.decode().encode("utf-16"), "is UTF-16; convert it"),
        (b"<?xml version='1.0' encoding='shift_jis'?><xliff/>", "encoding 'shift_jis' is not read"),
        (b"<?xml version='1.0' encoding='none'?><xliff/>", "encoding 'none' is not read"),
        (ANGULAR_2.replace(b' trgLang="de"', b""), 'line 2: .*add it, as in trgLang="de"'),
        (
            OKAPI.replace(
                b"</file>",
                b"</file>" + XCODE[XCODE.index(b"  <file") : -10].replace(b'"de"', b'"fr"'),
            ),
            "differ: de, fr",
        ),
    ],
)
def test_what_is_no_xliff_is_refused(data, message):
    with pytest.raises(UserError, match=message):
        xliff.read(data, NONE)


def test_a_file_of_2_tells_its_target_language():
    data = ANGULAR_2.replace(b' trgLang="de"', b"")
    told = spliced(data, xliff.read(data, Options(language="de-AT")).edits)
    assert told == ANGULAR_2.replace(b'"de">', b'"de-AT">')
    assert xliff.read(ANGULAR_2, Options(language="de-AT")).edits == ()


def test_the_languages_of_a_file():
    for data, language in ((ANGULAR, "de"), (ANGULAR_2, "de"), (WEBLATE, None)):
        read = xliff.read(data, NONE)
        assert (read.source_language, read.language) == ("en", language)


# Where Debian's php-symfony-translation has the schemas: they are too large to be copied.
SCHEMAS = Path("/usr/share/php/Symfony/Component/Translation/Resources/schemas")


@pytest.mark.slow
@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="php-symfony-translation is not installed")
# Two are not: one is of version 1.1, one has no namespace.
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("Okapi", "Weblate")])
def test_what_is_valid_by_the_schemas_stays_valid(name):
    etree = pytest.importorskip("lxml.etree", reason="lxml reads schemas")

    class Local(etree.Resolver):
        def resolve(self, url, public, context):
            return self.resolve_filename(str(SCHEMAS / Path(url).name), context)

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    root = etree.fromstring(SAMPLES[name])
    version = "2.0" if root.get("version").startswith("2") else "1.2-strict"
    schema = etree.XMLSchema(etree.parse(SCHEMAS / f"xliff-core-{version}.xsd", parser))
    schema.assertValid(root)
    for options in (NONE, Options(trusted=True), Options(language="de")):
        once = filled(SAMPLES[name], options, str)
        assert once != SAMPLES[name]
        schema.assertValid(etree.fromstring(once))
    beside = []
    for unit in xliff.read(SAMPLES[name], Options(alternatives=2)).units:
        if unit.alternatives:
            texts = [[Translation(source, confidence=0.83)] * 2 for source in unit.sources]
            beside += unit.alternatives(texts)
    schema.assertValid(etree.fromstring(spliced(SAMPLES[name], beside)))
