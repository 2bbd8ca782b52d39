"""PO files are filled as gettext's own tools write them, and `msgfmt -c` accepts what comes out."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter

import pytest

from nmt.corpora.formats.po import entries
from nmt.documents import po
from nmt.documents.filling import Choice, fill
from nmt.documents.units import Options, State
from nmt.errors import UserError
from tests.fakes import UpperCase

HEAD = (
    'msgid ""\nmsgstr ""\n"Project-Id-Version: x\\n"\n"PO-Revision-Date: 2024-01-01\\n"\n'
    '"Last-Translator: A <a@example.org>\\n"\n"Language-Team: B <b@example.org>\\n"\n'
    '"Language: de\\n"\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    '"Content-Transfer-Encoding: 8bit\\n"\n'
)
GERMAN = "nplurals=2; plural=(n != 1);"
RUSSIAN = (
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : "
    "n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
)
ARABIC = (
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : "
    "n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
)


def header(rule=GERMAN):
    return f'{HEAD}"Plural-Forms: {rule}\\n"\n\n'


def filled(text, head=None, text_of=None, refill=False, sure=None, **options):
    """What becomes of a file without its header, and the summary."""
    head = header() if head is None else head
    document = po.read((head + text).encode(), Options(**options))
    (done,) = fill(UpperCase(text=text_of, sure=sure), [document], Choice(refill))
    assert done.data.startswith(head.encode())
    check(done.data)
    return done.data.decode().removeprefix(head), done.summary


def check(data):
    """The verdict of msgfmt on all entries, fuzzy or not."""
    if shutil.which("msgfmt"):
        command = ["msgfmt", "-c", "-f", "-o", "/dev/null", "-"]
        done = subprocess.run(command, input=data, capture_output=True)
        assert done.returncode == 0, done.stderr.decode() + data.decode()


# Entries, and what becomes of them.
ENTRIES = {
    "a new flag stands before the message": (
        '# note\n#. hint\n#: a.c:1\nmsgid "a b"\nmsgstr ""\n',
        '# note\n#. hint\n#: a.c:1\n#, fuzzy\nmsgid "a b"\nmsgstr "A B"\n',
    ),
    "or before its context": (
        'msgctxt "x"\nmsgid "a"\nmsgstr ""\n',
        '#, fuzzy\nmsgctxt "x"\nmsgid "a"\nmsgstr "A"\n',
    ),
    "or among other flags": (
        '#, c-format\nmsgid "a %s"\nmsgstr ""\n',
        '#, fuzzy, c-format\nmsgid "a %s"\nmsgstr "A %s"\n',
    ),
    "the message before goes": (
        '#: a.c:1\n#| msgctxt "x"\n#| msgid ""\n#| "b"\nmsgid "a"\nmsgstr ""\n',
        '#: a.c:1\n#, fuzzy\nmsgid "a"\nmsgstr "A"\n',
    ),
    "a flag that is there stays": (
        '#, fuzzy\nmsgid "a"\nmsgstr ""\n',
        '#, fuzzy\nmsgid "a"\nmsgstr "A"\n',
    ),
    "what is there stays": (
        '#, fuzzy\n#| msgid "b"\nmsgid "a"\nmsgstr "x"\n\nmsgid "c"\nmsgstr "y"\n',
        '#, fuzzy\n#| msgid "b"\nmsgid "a"\nmsgstr "x"\n\nmsgid "c"\nmsgstr "y"\n',
    ),
    "what is obsolete stays": (
        '#, fuzzy\n#~ msgid "b"\n#~ msgstr ""\n\nmsgid "a"\nmsgstr ""\n',
        '#, fuzzy\n#~ msgid "b"\n#~ msgstr ""\n\n#, fuzzy\nmsgid "a"\nmsgstr "A"\n',
    ),
    "line breaks at both ends": (
        'msgid ""\n"\\n"\n"a\\n"\nmsgstr ""\n',
        '#, fuzzy\nmsgid ""\n"\\n"\n"a\\n"\nmsgstr ""\n"\\n"\n"A\\n"\n',
    ),
    "escapes": (
        'msgid "\\"a\\" \\\\ \\t b"\nmsgstr ""\n',
        '#, fuzzy\nmsgid "\\"a\\" \\\\ \\t b"\nmsgstr "\\"A\\" \\\\ \\t B"\n',
    ),
    "strings in several lines": (
        'msgid "a "\n"b"\nmsgstr ""\n""\n',
        '#, fuzzy\nmsgid "a "\n"b"\nmsgstr "A B"\n',
    ),
    "a choice of ICU": (
        'msgid "at {n, plural, one {# file} other {# files}}"\nmsgstr ""\n',
        '#, fuzzy\nmsgid "at {n, plural, one {# file} other {# files}}"\n'
        'msgstr "{n, plural, one {AT # FILE} other {AT # FILES}}"\n',
    ),
    "and between line breaks": (
        'msgid "\\n{a, select, b {c} other {d}}\\n"\nmsgstr ""\n',
        '#, fuzzy\nmsgid "\\n{a, select, b {c} other {d}}\\n"\n'
        'msgstr "\\n{a, select, b {C} other {D}}\\n"\n',
    ),
    "no line of its own": ('msgid"a"msgstr""', '#, fuzzy\nmsgid"a"msgstr"A"'),
    "two entries in a line": (
        'msgid "a" msgstr "x" msgid "b" msgstr ""\n',
        'msgid "a" msgstr "x" \n#, fuzzy\nmsgid "b" msgstr "B"\n',
    ),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_entries(case):
    before, after = ENTRIES[case]
    assert filled(before)[0] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('#, fuzzy\nmsgid "a"\nmsgstr ""\n', 'msgid "a"\nmsgstr "A"\n'),
        (
            '#: x\n#, c-format, fuzzy, no-wrap\n#| msgid "b"\nmsgid "a"\nmsgstr "b"\n',
            '#: x\n#, c-format, no-wrap\nmsgid "a"\nmsgstr "A"\n',
        ),
        ('#, c-format\nmsgid "a"\nmsgstr ""\n', '#, c-format\nmsgid "a"\nmsgstr "A"\n'),
    ],
)
def test_trusted_translations_are_not_marked(before, after):
    assert filled(before, trusted=True, refill=True)[0] == after
    crlf, _ = filled(before.replace("\n", "\r\n"), trusted=True, refill=True)
    assert crlf == after.replace("\n", "\r\n")


def test_fuzzy_entries_are_refilled_on_demand():
    text = '#, fuzzy\n#| msgid "b"\nmsgid "a"\nmsgstr "b"\n\nmsgid "c"\nmsgstr "d"\n'
    after = '#, fuzzy\nmsgid "a"\nmsgstr "A"\n\nmsgid "c"\nmsgstr "d"\n'
    again, summary = filled(text, refill=True)
    assert again == after and (summary.filled, summary.translated) == (1, 1)
    same, summary = filled(text)
    assert same == text and (summary.fuzzy, summary.translated) == (1, 1)


def test_a_note_tells_the_confidence_once():
    text = '# by hand\n#. hint\nmsgid "a"\nmsgstr ""\n'
    after = '# by hand\n# nmt 83 %\n#. hint\n#, fuzzy\nmsgid "a"\nmsgstr "A"\n'
    sure = {"A": 0.826}
    assert filled(text, note=True, sure=sure)[0] == after
    assert filled(after, note=True, refill=True, sure=sure)[0] == after
    # Without the option it would say what is no longer so.
    assert filled(after, refill=True)[0] == after.replace("# nmt 83 %\n", "")


# Messages with flags, translations, and why these cannot stand there.
FORMATS = [
    ("c-format", "%s of %d", "von %s %d", None),
    ("c-format", "%s of %d", "%d von %s", "placeholders in another order"),
    ("c-format", "%1$s of %2$d", "%2$d von %1$s", None),
    ("c-format", "%s and 5%%", "%s und 5%", "placeholders differ"),
    ("c-format", "a part", "ein Teil, 5 % der", "placeholders differ"),
    ("c-format", "%<PRIu64> files", "%<PRIu64> Dateien", None),
    ("c-format", "%-5.2f and %*d", "%-5.2f und %*d", None),
    ("python-format", "%(a)s and %(b)d", "%(b)d und %(a)s", None),
    ("python-format", "%(a)s and %(b)d", "%(b)d", "placeholders differ"),
    ("python-format", "%(a)s", "%(a)s und %(a)s", "placeholders differ"),
    ("python-brace-format", "{a!r:>5} {b.c[0]}", "{b.c[0]} {a!r:>5}", None),
    ("python-brace-format", "{a} {{x}}", "{a} {x}", "placeholders differ"),
    ("python-brace-format", "{} {x}", "{x} {}", None),
    ("qt-format", "%1 of %2", "%2 von %1", None),
    ("qt-format", "%1 of %2", "%1 von %3", "placeholders differ"),
    ("javascript-format", "%s of", "von", "placeholders differ"),
    ("ruby-format", "%{a} of %<b>d", "%<b>d von %{a}", None),
    ("sh-format", "$a and ${b}", "${b} und $a", None),
    ("lisp-format", "~a of", "~a von", None),
    ("boost-format", "%1% file of %2%", "%2%: %1% Datei", None),
    ("boost-format", "%1% file", "%2% Datei", "placeholders differ"),
    ("boost-format", "%|1$5| and %s", "%|1$5| und %d", "placeholders differ"),
    ("object-pascal-format", "%0:s of %1:d", "%1:d von %0:s", None),
    ("object-pascal-format", "%0:s is", "%1:s ist", "placeholders differ"),
    ("java-format", "Open {0}", "Öffne {0}", None),
    ("java-format", "Don''t {0}", "Nicht {0}", None),
    ("java-format", "the '{' of {0}", "das '{' von {0}", None),
    ("java-format", "the '{' of {0}", "l'{ de {0}", "placeholders differ"),
    ("java-format", "Open it", "L'ouvrir", None),
    ("csharp-format", "{0} of {1:d}", "{1:d} von {0}", None),
    ("csharp-format", "{0} of {1}", "{0} von {2}", "placeholders differ"),
    ("kde-kuit-format", "<b>%1</b> & <br/>", "& <b>%1</b><br/>", None),
    ("kde-kuit-format", "<b>%1</b> is", "<b>%1 ist", "tags differ"),
    ("kde-kuit-format", "%1 < %2", "%1 < %2 <", None),
    ("c-format, no-wrap", "%s", "x", "placeholders differ"),
    ("no-c-format", "100% of it", "100 %", None),
    ("no-wrap", "%s", "x", None),
]


@pytest.mark.parametrize(("flags", "source", "target", "reason"), FORMATS)
def test_placeholders_of_formats_stand_in_translations_once(flags, source, target, reason):
    text = f'#, {flags}\nmsgid "{source}"\nmsgstr ""\n'
    after, summary = filled(text, text_of=lambda line: target)
    assert summary.refused == Counter([reason] if reason else [])
    written = text.replace("#, ", "#, fuzzy, ").replace('msgstr ""', f'msgstr "{target}"')
    assert after == (text if reason else written)


def test_an_apostrophe_is_doubled_where_java_takes_it_for_a_quotation_mark():
    text = '#, java-format\nmsgid "Open {0}"\nmsgstr ""\n'
    after, summary = filled(text, text_of=lambda line: "L'ouverture, l''autre {0}")
    assert "msgstr \"L''ouverture, l''autre {0}\"" in after and summary.filled == 1


def test_an_entry_without_a_translation_stays_empty():
    text = 'msgid "a"\nmsgstr ""\n'
    after, summary = filled(text, text_of=lambda line: " ")
    assert after == text and summary.refused == Counter(["nothing was translated"])


# Rule, message, its plural, what is translated, and the forms.
PLURALS = {
    "one and many": (
        GERMAN,
        ("%d file", "%d files"),
        {"1 file", "%d file", "2 files", "%d files"},
        ["%d FILE", "%d FILES"],
    ),
    "the form of one needs no number": (
        GERMAN,
        ("A file", "%d files"),
        {"A file", "2 files", "%d files"},
        ["A FILE", "%d FILES"],
    ),
    "but not where Python counts arguments": (
        "nplurals=2; plural=(n > 1);",
        ("A file", "%i files"),
        {"1 files", "2 files", "%i files"},
        ["%i FILES", "%i FILES"],
    ),
    "nor where other numbers take it": (
        RUSSIAN,
        ("A file", "%d files"),
        {"21 files", "2 files", "5 files", "%d files"},
        ["%d FILES", "%d FILES", "%d FILES"],
    ),
    "one for all": (
        "nplurals=1; plural=0;",
        ("A file", "%d files"),
        {"2 files", "%d files"},
        ["%d FILES"],
    ),
    "six": (
        ARABIC,
        ("%d file", "%d files"),
        {"0 files", "1 file", "%d file", "2 files", "3 files", "11 files", "100 files", "%d files"},
        ["%d FILES", "%d FILE", *4 * ["%d FILES"]],
    ),
    "a number by its name": (
        GERMAN,
        ("%(count)s file of %(name)s", "%(count)s files of %(name)s"),
        {"1 file of %(name)s", "%(count)s file of %(name)s"}
        | {"2 files of %(name)s", "%(count)s files of %(name)s"},
        ["%(count)s FILE OF %(name)s", "%(count)s FILES OF %(name)s"],
    ),
    "the only placeholder, before a word": (
        GERMAN,
        ("at most %(max)s digit", "at most %(max)s digits"),
        {"at most 1 digit", "at most %(max)s digit"}
        | {"at most 2 digits", "at most %(max)s digits"},
        ["AT MOST %(max)s DIGIT", "AT MOST %(max)s DIGITS"],
    ),
    "a placeholder that is no number": (
        GERMAN,
        ("a file of %(name)s", "files of %(name)s"),
        {"a file of %(name)s", "files of %(name)s"},
        ["A FILE OF %(name)s", "FILES OF %(name)s"],
    ),
    "two numbers": (
        GERMAN,
        ("%(a)d of %(b)d file", "%(a)d of %(b)d files"),
        {"%(a)d of %(b)d file", "%(a)d of %(b)d files"},
        ["%(a)d OF %(b)d FILE", "%(a)d OF %(b)d FILES"],
    ),
    "a number that is there already": (
        GERMAN,
        ("%d file in 2 rows", "%d files in 2 rows"),
        {"1 file in 2 rows", "%d file in 2 rows", "2 files in 2 rows", "%d files in 2 rows"},
        ["%d FILE IN 2 ROWS", "%d FILES IN 2 ROWS"],
    ),
    "no placeholder": (GERMAN, ("A file", "Files"), {"A file", "Files"}, ["A FILE", "FILES"]),
}


@pytest.mark.parametrize("case", PLURALS)
def test_each_plural_form_is_translated_with_a_number_of_its_own(case):
    rule, (singular, plural), sources, forms = PLURALS[case]
    flag = "c-format" if "%d" in plural else "python-format"
    empty = "".join(f'msgstr[{n}] ""\n' for n in range(len(forms)))
    text = f'#, {flag}\nmsgid "{singular}"\nmsgid_plural "{plural}"\n{empty}'
    head = header(rule)
    (unit,) = po.read((head + text).encode(), Options()).units
    assert set(unit.sources) == sources
    after, _ = filled(text, head)
    (unit,) = po.read((head + after).encode(), Options()).units
    assert list(unit.targets) == forms and unit.state is State.FUZZY


def test_a_number_that_is_lost_is_translated_with_its_placeholder():
    text = '#, c-format\nmsgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n'
    for lost in ("two files", "2 files, 2 of them", "12 files", "2.5 files"):
        after, _ = filled(text, text_of=lambda line, lost=lost: lost if "2" in line else line)
        assert 'msgstr[1] "%d files"' in after


@pytest.mark.parametrize(("rule", "made"), [(GERMAN, ["1 FILE", "%d MINE"]), (RUSSIAN, None)])
def test_what_people_gave_for_a_form_is_taken(rule, made):
    """Unless other forms have the same message: one text does not fit them all."""

    class Corrected(UpperCase):
        def candidates(self, *arguments, **options):
            found = super().candidates(*arguments, **options)
            for best in found:
                best[0].corrected = best[0].text == "%d MINE"
            return found

    forms = 3 if rule == RUSSIAN else 2
    text = 'msgid "1 file"\nmsgid_plural "%d files"\n'
    text += "".join(f'msgstr[{n}] ""\n' for n in range(forms))
    document = po.read((header(rule) + text).encode(), Options())
    translator = Corrected(text=lambda line: "%d MINE" if line == "%d files" else line.upper())
    (done,) = fill(translator, [document], Choice())
    (unit,) = po.read(done.data, Options()).units
    assert list(unit.targets) == (made or ["%d FILES"] * 3)


def test_forms_that_are_missing_are_added():
    text = 'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] ""\nmsgstr[1] ""\n\nmsgid "a"\n'
    after, _ = filled(text + 'msgstr "b"\n', header(RUSSIAN))
    assert 'msgstr[1] "%d FILES"\nmsgstr[2] "%d FILES"\n\nmsgid "a"\n' in after


@pytest.mark.parametrize("forms", [["", "x", ""], ["x", "", "y"], ["", "", "x"], ["x", "y"]])
def test_forms_that_have_a_text_stay(forms):
    """As in a file that had another rule before, or that somebody did not finish."""
    text = 'msgid "%d file"\nmsgid_plural "%d files"\n'
    text += "".join(f'msgstr[{n}] "{form}"\n' for n, form in enumerate(forms))
    head = header(RUSSIAN)
    after, summary = filled(text, head)
    assert summary.filled == 1
    (unit,) = po.read((head + after).encode(), Options()).units
    made = ["%d FILE", "%d FILES", "%d FILES"]
    assert unit.targets == tuple(form or own for form, own in zip([*forms, ""], made, strict=False))


def test_what_is_complete_or_fuzzy_is_not_partly_filled():
    text = 'msgid "%d file"\nmsgid_plural "%d files"\nmsgstr[0] "x"\nmsgstr[1] "{}"\n'
    assert filled(text.format("y"))[1].translated == 1
    assert filled("#, fuzzy\n" + text.format(""))[1].fuzzy == 1


def test_a_choice_of_ICU_has_the_forms_of_the_language():
    text = 'msgid "{n, plural, one {# file} other {# files}}"\nmsgstr ""\n'
    head = header(RUSSIAN).replace("Language: de", "Language: ru")
    after, _ = filled(text, head, note=True, sure={"1 FILE": 0.5})
    assert "# nmt 50 %" in after
    assert "one {# FILE} few {# FILES} many {# FILES} other {# FILES}}" in after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('msgid "{n, plural, one {a}"\nmsgstr ""\n', "not in the syntax of ICU"),
        (
            'msgid "{n, select, other {a}}"\nmsgid_plural "b"\nmsgstr[0] ""\nmsgstr[1] ""\n',
            "a choice within the text",
        ),
        (
            '#, java-format\nmsgid "{0,choice,0#none|1#one}"\nmsgstr ""\n',
            "a choice of numbers",
        ),
    ],
)
def test_choices_that_stay_empty(text, reason):
    after, summary = filled(text)
    assert after == text and summary.refused == Counter([reason])


def test_forms_too_many_are_refused():
    head = header(GERMAN)
    text = 'msgid "a"\nmsgid_plural "b"\nmsgstr[0] ""\nmsgstr[1] ""\nmsgstr[2] ""\n'
    (done,) = fill(UpperCase(), [po.read((head + text).encode(), Options())], Choice())
    assert done.data == (head + text).encode() and done.summary.refused.total() == 1


@pytest.mark.parametrize(
    "rule",
    ["nplurals=2; plural=__import__('os');", "nplurals=9999999999; plural=0;", "nplurals=2;", ""]
    + ["nplurals=2; plural=n;", "nplurals=2; plural=n/0;", "nplurals=2; plural=n-5;"]
    + ["nplurals=INTEGER; plural=EXPRESSION;", "nplurals=2; plural=" + 900 * "(" + ";"],
)
def test_without_a_rule_plurals_stay_empty(rule):
    text = header(rule) + 'msgid "a"\nmsgid_plural "%d b"\nmsgstr[0] ""\nmsgstr[1] ""\n'
    (done,) = fill(UpperCase(), [po.read(text.encode(), Options())], Choice())
    assert done.data == text.encode()
    assert done.summary.refused == Counter(["no Plural-Forms in the header"])


LONG = "word " * 30 + "end"
WIDE = "長い文章をここに書きます、" * 8


@pytest.mark.parametrize("text", [LONG, WIDE, "word\\n" * 5 + LONG, "x" * 100, "“ü” " * 40])
def test_long_strings_are_broken_as_those_of_the_file(text):
    entry = 'msgid "a"\nmsgstr ""\n\nmsgid "done"\nmsgstr "{}"\n'
    translated = text.replace("\\n", "\n")
    for other, wraps in (("fertig", True), ("lange " * 30 + "Zeile", False)):
        after, _ = filled(entry.format(other), text_of=lambda line: translated)
        unit, _ = po.read((header() + after).encode(), Options()).units
        assert unit.targets == (translated,)
        lines = after.partition('msgstr "')[2].partition("\n\nmsgid")[0].split("\n")
        if not wraps:
            assert len(lines) == (7 if "\\n" in text else 1)
        elif " " in text or text == WIDE:
            assert lines[0] == '"' and len(lines) > 2
            width = 2 if text == WIDE else 1
            assert all(len(line) * width - 2 * width + 2 <= 79 for line in lines)
            # No line could have had the first word of the next one.
            assert all(len(line) * width > 50 for line in lines[1:-1] if "\\n" not in line)


def test_strings_that_are_not_broken_at_line_breaks():
    text = 'msgid "a\\nb"\nmsgstr ""\n'
    assert filled(text)[0] == '#, fuzzy\nmsgid "a\\nb"\nmsgstr "A\\nB"\n'


BAD = {
    "another charset": (
        header().replace("UTF-8", "ISO-8859-1"),
        ["ISO-8859-1", "msgconv -t UTF-8"],
    ),
    "a template": (header().replace("UTF-8", "CHARSET"), ["no charset", "msginit"]),
    "not UTF-8": (header() + "\n# \udcff\n", ["line 14", "not valid UTF-8"]),
    "compressed": ("\x1f\udc8b\x08\0", ["line 1", "is a compressed file", "unpack it"]),
    "UTF-16": ("m\0s\0g\0i\0d\0 \0x\0\n\0" * 9, ["line 1", "UTF-16LE", "iconv"]),
    "no PO": (header() + "\nmsgid x\n", ["line 14", "not a line of a PO file"]),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_cannot_be_filled(case):
    text, words = BAD[case]
    with pytest.raises(UserError) as caught:
        po.read(text.encode("utf-8", "surrogateescape"), Options())
    assert all(word in str(caught.value) for word in words)


def test_languages_are_those_of_the_header():
    head = HEAD + '"X-Source-Language: en_GB\\n"\n'
    document = po.read(head.encode(), Options())
    assert (document.language, document.source_language) == ("de", "en_GB")
    assert po.read(b'msgid "a"\nmsgstr ""\n', Options()).language is None


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("msgfmt"), reason="gettext is not installed")
@pytest.mark.parametrize("package", ["django==5.2.8", "sphinx==9.0.4", "wtforms==3.3.2"])
def test_catalogues_of_programs(tmp_path, package):
    """With all translations gone, files are filled, and msgfmt says the same as before."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", tmp_path, package]
    subprocess.run(command, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    archive = zipfile.ZipFile(wheel)
    languages = "/(de|fr|ru|pl|ar|sl|lt|ja)/LC_MESSAGES/[^/]+[.]po$"  # rules of many kinds
    names = [name for name in archive.namelist() if re.search(languages, name)]
    filled_units = 0
    for name in names:
        emptied = without_translations(archive.read(name))
        verdict = msgfmt_errors(emptied)
        (done,) = fill(UpperCase(), [po.read(emptied, Options())], Choice())
        filled_units += done.summary.filled
        assert msgfmt_errors(done.data) == verdict, name
        kept = [line for line in emptied.split(b"\n") if not line.startswith((b"msgstr", b"#,"))]
        rest = iter(done.data.split(b"\n"))
        assert all(line in rest for line in kept)
        (again,) = fill(UpperCase(), [po.read(done.data, Options())], Choice())
        assert again.data == done.data
    assert filled_units > 100


def without_translations(data):
    """A catalogue whose messages are not translated."""
    text = data.decode()
    parts, at = [], 0
    for entry in entries(text, "utf-8", "", Counter()):
        for field, (start, end) in entry.places.items():
            if field.startswith("msgstr") and not entry.is_header():
                parts += [text[at:start], '""']
                at = end
    return "".join([*parts, text[at:]]).encode()


def msgfmt_errors(data):
    command = ["msgfmt", "-c", "-f", "-o", "/dev/null", "-"]
    return subprocess.run(command, input=data, capture_output=True).returncode
