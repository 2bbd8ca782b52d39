"""What holds for every format: only what is filled changes, and filling again changes nothing.

A format joins with a row in FORMATS.
"""

import codecs
import dataclasses
import difflib
from pathlib import Path

import pytest

from nmt.documents import formats
from nmt.documents.filling import Choice, fill
from nmt.documents.units import Options, State
from nmt.errors import UserError
from tests.documents.xliff_samples import SAMPLES
from tests.fakes import UpperCase, shouted


@dataclasses.dataclass(frozen=True)
class Row:
    """A small document of a format, with units that are empty and what else there may be."""

    name: str
    text: str
    # Whether a file has places for translations; else they take the place of their sources.
    bilingual: bool = True


PO = r"""# Translators:
# A. Person, 2024
msgid ""
msgstr ""
"Language: de\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#. for the „menu“
#: menu.c:1
msgid "Open"
msgstr ""

#: menu.c:2
#, python-format
#| msgid "Close"
msgctxt "menu"
msgid "Close %(name)s"
msgstr ""

#, fuzzy
msgid "Not sure"
msgstr "Unsicher"

msgid "Done ä"
msgstr "Fertig"

#, python-format
msgid "One file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""

#~ msgid "Gone"
#~ msgstr "Weg"

msgid ""
"First line\n"
"and another one that is so long that it does not fit in one line of the file\n"
msgstr ""
"""

SRT = """1
00:00:01,000 --> 00:00:02,500
The girl who lives

2
00:00:02,600 --> 00:00:04,000
next door <i>sings</i>.

3
00:00:09,000 --> 00:00:10,000 X1:40
{\\an8}- Stop!
- Why?
"""
VTT = """WEBVTT - Lights

NOTE
Not &lt;this&gt;

intro
00:01.000 --> 00:02.500 align:start
<v Ann>The girl &amp; her cat live

00:02.600 --> 00:04.000
next <c.loud>door</c>.

STYLE
::cue { color: red }

00:09.000 --> 00:10.000
- Stop!
- Why?
"""
HTML = """<!DOCTYPE html>
<html lang="en">
<head><title>Lights</title></head>
<body>
<p class='a'>Turn off the <b>lights</b> &amp; go.</p>
<ul>
 <li>One
 <li title="Help">Two<br>Three
</ul>
<script>var x = "Two";</script>
</body></html>
"""
MARKDOWN = """# Lights

Turn *off* the `lights` in the [kitchen](https://example.org/a_b)
and go to bed.

- One
- Two

```
code stays
```
"""
JSON = """{
  "@@locale": "en",
  "menu": {
    "open": "Open the {{name}}",
    "@open": {"description": "A comment"},
    "empty": "",
    "list": ["One", 2, "Three \\"quoted\\"\\n"]
  },
  "items_one": "{{count}} item",
  "items_other": "{{count}} items",
  "mails": "You have {n, plural, =0 {no mail} one {# mail} other {# mails}} now",
  "url": "https://example.org/a"
}
"""
MESSAGES = """{
  // of a browser extension
  "open": {
    "message": "Open $NAME$",
    "description": "A comment",
    "placeholders": {"name": {"content": "$1", "example": "A name"}}
  },
  "last": {"message": "Good day"}
}
"""
PROPERTIES = """# About the program
# in two lines

! Opens it
open = Open the {0}
lines : It's on \\
    two lines\\nhere
empty=
last Good day
"""
INI = """; About the program

[first section]
# Opens it
open = Open the {0} ; a note
lines: one line
empty =

[other]
open=Good day
"""
ANDROID = """<?xml version="1.0" encoding="utf-8"?>
<!-- A licence -->
<resources xmlns:xliff="urn:oasis:names:tc:xliff:document:1.2">
    <string name="app" translatable="false">App</string>
    <!-- Said first -->
    <string name="hi">It\\'s <b>on</b>, <xliff:g id="x">%1$s</xliff:g> &amp; &lt;i>x&lt;/i></string>
    <string name="lines">"  One's line\\nand another  "</string>
    <string name="link">@string/hi</string>
    <string-array name="list"><item>One</item>
        <item>A \\u0026 B</item></string-array>
    <plurals name="files">
        <item quantity="one">%d file</item>
        <!-- several -->
        <item quantity="other">%d files</item>
    </plurals>
    <string name="html"><![CDATA[Go <a href="x">home</a>]]></string>
</resources>
"""
FLUENT = """# A licence

## Group

-brand = Own Name

# Said first
hello = Hello, { $name }!
    .title = A title of { -brand }
    .accesskey = H

long =
    A line with <a data-l10n-name="x">a link</a>
    and more of it.

    Another paragraph { "" }
mails = You have { $n ->
        [0] no mail
        [one] one mail
       *[other] { $n } mails
    } now
"""
DTD = """<!-- A licence -->

<!ENTITY % brandDTD SYSTEM "chrome://branding/locale/brand.dtd">
%brandDTD;
<!-- Said first
  <!ENTITY old "Not me">

-->
<!ENTITY open.label 'It&apos;s <b>on</b> in "&brandName;" &amp; &#037;S'>
<!ENTITY open.accesskey "O"> <!-- a key -->
<!ENTITY empty "">
<!ENTITY lines
   "One line
    and another">
"""
INC = """# A licence
#filter emptyLines

# Said first
#define TITLE  My <b>title</b>
#define EMPTY
#define CODE 42

#define last Good day
#unfilter emptyLines
"""
FORMATS = {
    "po": Row("de.po", PO),
    "xliff 1.2": Row("a.xlf", SAMPLES["Angular"].decode()),
    "xliff 2.0": Row("b.xlf", SAMPLES["Angular 2.0"].decode()),
    # All segments of a unit are empty: they have one state.
    "segments of 1.2": Row("c.xlf", SAMPLES["Okapi"].decode().replace("Eins.", "")),
    "segments of 2.1": Row("d.xlf", SAMPLES["segments of 2.1"].decode()),
    "srt": Row("film.srt", SRT, bilingual=False),
    "vtt": Row("film.vtt", VTT, bilingual=False),
    "html": Row("page.html", HTML, bilingual=False),
    "markdown": Row("guide.md", MARKDOWN, bilingual=False),
    "json": Row("en.arb", JSON, bilingual=False),
    "messages": Row("messages.json", MESSAGES, bilingual=False),
    "android": Row("strings.xml", ANDROID, bilingual=False),
    "fluent": Row("en.ftl", FLUENT, bilingual=False),
    "properties": Row("en.properties", PROPERTIES, bilingual=False),
    "ini": Row("en.ini", INI, bilingual=False),
    "dtd": Row("en.dtd", DTD, bilingual=False),
    "inc": Row("en.inc", INC, bilingual=False),
}
VARIANTS = {
    "as it is": lambda data: data,
    "CRLF": lambda data: data.replace(b"\n", b"\r\n"),
    "BOM": lambda data: codecs.BOM_UTF8 + data,
    "no last line break": lambda data: data.rstrip(b"\n"),
}
each_format = pytest.mark.parametrize("name", FORMATS)
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def document_of(name, data, **options):
    if name == "fluent":
        pytest.importorskip("fluent.syntax", reason="Fluent is read by fluent.syntax")
    return formats.read(Path(FORMATS[name].name), data, Options(**options))


def data_of(name, variant="as it is"):
    return VARIANTS[variant](FORMATS[name].text.encode())


def filled(name, data, translator=None, choice=None, **options):
    document = document_of(name, data, **options)
    (done,) = fill(translator or UpperCase(), [document], choice or Choice())
    return done


@each_variant
@each_format
def test_what_is_not_filled_stays_byte_for_byte(name, variant):
    data = data_of(name, variant)
    nothing = UpperCase(text=lambda line: "")
    done = filled(name, data, nothing)
    assert done.data == data and done.summary.filled == 0
    assert done.summary.refused.total() > 0
    # The lines that are told are those of the units.
    lines = [unit.line for unit in document_of(name, data).units]
    assert set().union(*done.refused.values()) <= set(lines)
    document = dataclasses.replace(document_of(name, data), units=[])
    assert fill(nothing, [document], Choice())[0].data == data


@each_variant
@each_format
def test_filled_twice_is_filled_once(name, variant):
    for options in ({}, {"trusted": True}, {"note": True}):
        for choice in (Choice(), Choice(refill=True)):
            once = filled(name, data_of(name, variant), choice=choice, **options)
            assert once.data != data_of(name, variant)
            if FORMATS[name].bilingual:
                again = filled(name, once.data, choice=choice, **options)
                assert again.data == once.data


@pytest.mark.parametrize("other", VARIANTS)
@each_variant
@pytest.mark.parametrize("name", [n for n in FORMATS if formats.has_keys(Path(FORMATS[n].name))])
def test_a_translation_that_was_filled_is_complete(name, variant, other):
    path, source = Path(FORMATS[name].name), document_of(name, data_of(name, variant))
    once = filled(name, data_of(name, other)).data
    # The second one is a copy of the source, which is nothing that somebody has translated.
    for present in (once, data_of(name, other)):
        document = formats.continued(path, source, path, present, Options())
        (again,) = fill(UpperCase(), [document], Choice(refill=True))
        assert again.data == once
        assert bool(again.summary.filled) == (present != once)
        assert bool(again.summary.translated) == (present == once)


@each_variant
@each_format
def test_what_is_read_again_is_what_was_written(name, variant):
    before = document_of(name, data_of(name, variant))
    after = document_of(name, filled(name, data_of(name, variant)).data)
    assert len(before.units) == len(after.units)
    for old, new in zip(before.units, after.units, strict=True):
        if not FORMATS[name].bilingual:
            assert new.sources == tuple(map(shouted, old.sources))
        elif old.state is State.EMPTY:
            written = list(map(shouted, old.sources))
            assert new.sources == old.sources and new.state is not State.EMPTY
            assert new.targets and all(target in written for target in new.targets)
        else:
            assert dataclasses.replace(new, line=0, edits=None) == dataclasses.replace(
                old, line=0, edits=None
            )


@each_variant
@each_format
def test_a_diff_touches_only_the_unit_that_is_filled(name, variant):
    data = data_of(name, variant)
    document = document_of(name, data)
    lines = [unit.line for unit in document.units]
    for unit in document.units:
        if unit.state is not State.EMPTY:
            continue
        only = dataclasses.replace(document, units=[unit])
        (done,) = fill(UpperCase(), [only], Choice())
        # Some units have a line together.
        first = max((line for line in lines if line < unit.line), default=0)
        last = min((line for line in lines if line > unit.line), default=len(data))
        old, new = (each.split(b"\n") for each in (data, done.data))
        changes = difflib.SequenceMatcher(None, old, new, False).get_opcodes()
        touched = [(start, end) for kind, start, end, *_ in changes if kind != "equal"]
        assert touched and all(first <= start and end <= last for start, end in touched)


def test_elements_that_are_nested_too_deeply_are_a_mistake():
    nested = b"<g id='1'>" * 3000 + b"a" + b"</g>" * 3000
    data = SAMPLES["Angular"].replace(b"Save", nested, 1)
    assert nested in data
    with pytest.raises(UserError, match=r"^a.xlf: its elements are nested too deeply"):
        document_of("xliff 1.2", data)


@each_format
def test_line_ends_marks_and_the_end_of_the_file_stay(name):
    crlf = filled(name, data_of(name, "CRLF")).data
    assert crlf.count(b"\n") == crlf.count(b"\r\n") > 0 and b"\r\r" not in crlf
    assert crlf.replace(b"\r\n", b"\n") == filled(name, data_of(name)).data
    assert (
        filled(name, data_of(name, "BOM")).data
        == codecs.BOM_UTF8 + filled(name, data_of(name)).data
    )
    cut = filled(name, data_of(name, "no last line break")).data
    assert cut == filled(name, data_of(name)).data.removesuffix(b"\n")
