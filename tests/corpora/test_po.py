"""PO and MO: what msgfmt reads is read alike, and the languages are those of the recipe."""

import collections
import itertools
import logging
import struct

import pytest

from nmt.errors import UserError
from tests.corpora.texts import own, read

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'


def compiled(order, messages):
    """An MO file: {msgid: msgstr}, both with their contexts and forms."""
    pairs = sorted((msgid.encode(), text.encode()) for msgid, text in messages.items())
    sides = list(zip(*pairs, strict=True))
    start = 28
    content = start + 16 * len(pairs)
    tables, texts = b"", b""
    for text in itertools.chain(*sides):
        tables += struct.pack(f"{order}2I", len(text), content + len(texts))
        texts += text + b"\0"
    numbers = (0x950412DE, 0, len(pairs), start, start + 8 * len(pairs), 0, content)
    return struct.pack(f"{order}7I", *numbers) + tables + texts


def test_po(tmp_path):
    text = r"""
# A comment
msgid ""
msgstr "Language: de\n"

#: menu.c:1
msgid "Open \"%s\"\\"
msgstr "„%s“ öffnen"
#, c-format, fuzzy
msgid "Close"
msgstr "Öffnen"
#, c-format
msgctxt "noun"
msgid "one"
" file"
msgid_plural "%d files"
msgstr[0] "eine Datei"
msgstr[1] ""
"%d Dateien"
msgid "Not done"
msgstr ""

msgid "First\nSecond\n"
msgstr "Erstens\nZweitens\n"

#| msgid ""
#| "Before"
#~ msgid "Gone"
#~ "and gone"
#~ msgstr "Weg"
"""
    dropped = collections.Counter()
    assert read(own(tmp_path, "po", text), dropped=dropped) == [
        ('Open "%s"\\', "„%s“ öffnen"),
        ("one file", "eine Datei"),
        ("%d files", "%d Dateien"),
        ("First", "Erstens"),
        ("Second", "Zweitens"),
    ]
    assert dropped == {"header": 1, "fuzzy": 1, "empty side": 1, "obsolete": 1}


@pytest.mark.parametrize(
    "text",
    [
        'msgid "Turn " "off"\nmsgstr "Aus" "schalten"',
        'msgid\n"Turn off"\nmsgstr\n\t"Ausschalten"',
        'msgid"Turn off"msgstr"Ausschalten"msgid "x" msgstr ""',
        'msgid "Turn off"\rmsgstr "Ausschalten"\r\r# end',
        '# old\r\nmsgid "Turn off"\r\nmsgstr "Ausschalten"\r\n',
        'msgid # here\n"Turn off" # and\n#. here\nmsgstr "Aus"\n\n# too\n"schalten" #',
        r'msgid "\x54\165rn \x6f" "ff"' + '\nmsgstr "Aus\\\nschalten"',
        '\x0c\n  msgid "Turn off"\x0b\n  msgstr "Ausschalten"',
        'msgid "Turn off"\nmsgstr "Ausschalten" #, fuzzy\nmsgid "no"\nmsgstr "nein"',
        'domain "a"\ndomain "b"\nmsgid "Turn off"\nmsgstr "Ausschalten"\ndomain "c"',
        '#, no-fuzzy\n# fuzzy\n#. , fuzzy\nmsgid "Turn off"\nmsgstr "Ausschalten"',
        '#,fuzzy\n#~ msgid "no"\n#~ msgstr "nein"\nmsgid "Turn off"\nmsgstr "Ausschalten"',
        '#,c-format,fuzzy\nmsgid "no"\nmsgstr "x"\nmsgid "Turn off"\nmsgstr "Ausschalten"',
    ],
)
def test_layouts_that_msgfmt_accepts(tmp_path, text):
    for head in (HEADER, "", "\ufeff" + HEADER, HEADER + HEADER):
        assert read(own(tmp_path, "po", head + text)) == [("Turn off", "Ausschalten")]


def test_escapes(tmp_path):
    """Codes are bytes in the charset of the file; what is no escape stays."""
    source = r"Tab\there \"\\n\" \x41\102 \303\274\xc3\xbc \d"
    text = HEADER + f'msgid "{source}"\nmsgstr "Ziel und das ist lang"\n'
    assert read(own(tmp_path, "po", text)) == [
        ('Tab\there "\\n" AB üü \\d', "Ziel und das ist lang")
    ]


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("ISO-8859-1", "latin-1"),
        ("EUC-JP", "euc-jp"),
        ("UTF-8", "utf-8-sig"),
        ("CHARSET", "utf-8"),
        ("ASCII", "utf-8"),
        ("CP1252", "utf-8-sig"),
    ],
)
def test_the_header_names_the_charset(tmp_path, charset, encoding):
    target = "ドア" if encoding == "euc-jp" else "Tür"
    text = HEADER.replace("UTF-8", charset) + f'msgid "Door"\nmsgstr "{target}"\n'
    assert read(own(tmp_path, "po", text.encode(encoding))) == [("Door", target)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("nplurals=2; plural=(n != 1);", ("f0", "f1")),
        (
            "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : "
            "n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
            ("f1", "f3"),
        ),  # Arabic
        (
            "nplurals=4; plural=(n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0);",
            ("f1", "f0"),
        ),  # Slovenian
        ("nplurals=1; plural=0;", ("f0", "f0")),  # Japanese
        ("nplurals=2; plural=import os;", ("f0", "f5")),
        ("", ("f0", "f5")),
    ],
)
def test_plurals_by_the_rule_of_the_header(tmp_path, rule, expected):
    """The header may be marked as fuzzy; an obsolete entry says nothing of the next one."""
    header = f"Plural-Forms: {rule}" if rule else "Language: de"
    forms = [f"f{n}" for n in range(6)]
    fields = "".join(f'msgstr[{n}] "{form}"\n' for n, form in enumerate(forms))
    text = (
        f'#, fuzzy\nmsgid ""\nmsgstr ""\n"{header}\\n"\n\n'
        '#, fuzzy\n#~ msgid "old"\n#~ msgstr "alt"\n\n'
        f'msgid "a file"\nmsgid_plural "%d files"\n{fields}'
    )
    pairs = list(zip(("a file", "%d files"), expected, strict=True))
    assert read(own(tmp_path, "po", text)) == pairs
    messages = {"": f"{header}\n", "a file\0%d files": "\0".join(forms)}
    for order in "<>":
        assert read(own(tmp_path, "mo", compiled(order, messages))) == pairs


def test_mo(tmp_path):
    messages = {"": "Language: de\n", "Door": "Tür", "menu\x04Close": "Schließen", "No": ""}
    dropped = collections.Counter()
    assert read(own(tmp_path, "mo", compiled("<", messages)), dropped=dropped) == [
        ("Door", "Tür"),
        ("Close", "Schließen"),
    ]
    assert dropped == {"header": 1, "empty side": 1}


@pytest.mark.parametrize(
    ("direction", "header", "message"),
    [
        ("en de", "Language: de_AT.UTF-8", None),
        ("en deu", "Language: de", None),
        ("en de", "Language: German", None),
        ("en de", "Language: \\nX-Source-Language: en_GB", None),
        ("zh-TW de", "Language: de\\nX-Source-Language: zh_Hant", None),
        ("en de", "Language: fr", "msgstr is 'fr', but data.target is 'de'; set data.target=fr"),
        ("en zh-Hans", "Language: zh_TW", "msgstr is 'zh_TW', .* set data.target=zh_TW"),
        ("de en", "Language: de", "msgid into msgstr: set data.source=en data.target=de, or swap"),
        ("fr de", "X-Source-Language: en", "msgid is 'en', .* set data.source=en, or correct"),
    ],
)
def test_the_direction_is_that_of_the_header(tmp_path, direction, header, message):
    text = f'msgid ""\nmsgstr "{header}\\n"\nmsgid "Window"\nmsgstr "Fenster"\n'
    messages = {"": header.replace("\\n", "\n"), "Window": "Fenster"}
    for data in (own(tmp_path, "po", text), own(tmp_path, "mo", compiled("<", messages))):
        data.source, data.target = direction.split(" ")
        if message is None:
            assert read(data) == [("Window", "Fenster")]
        else:
            with pytest.raises(UserError, match=message) as caught:
                read(data)
            assert "\n" not in str(caught.value)


def test_keys_in_the_place_of_text_are_noted(tmp_path, caplog):
    entries = [f'msgid "menu.file_{n}.open-it"\nmsgstr "Datei {n} öffnen"' for n in range(3)]
    text = HEADER + "\n".join(entries) + '\nmsgid "Window"\nmsgstr "Fenster"\n'
    with caplog.at_level(logging.INFO):
        assert len(read(own(tmp_path, "po", text))) == 4
    assert "3 of 4 msgids are keys (menu.file_0.open-it)" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        read(own(tmp_path, "po", text.replace("menu.file_", "Open file ")))
    assert not caplog.text


GOOD = compiled("<", {"": "Language: de\n", "Door": "Tür"})


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        ("po", 'msgid "a\nmsgstr "b"\n', ["own.po, line 1", "not a line of a PO file"]),
        ("po", '\n\nmsgidx "a"\n', ["own.po, line 3", "not a line of a PO file: msgidx"]),
        ("po", 'msgstr "b"\n', ["own.po, line 1", "without a msgid"]),
        ("po", '"b"\n', ["own.po, line 1", "without a msgid"]),
        ("po", 'msgid "a"\nmsgid "b"\n', ["own.po, line 2", "msgid twice"]),
        ("po", 'msgid "a"\nmsgstr\nmsgid "b"', ["own.po, line 3", "msgstr without a text"]),
        ("po", 'msgid "a"\nmsgstr "b"\nmsgid "c"\n', ["own.po, line 4", "ends before"]),
        ("po", 'msgid "a"\nmsgstr ', ["own.po, line 2", "msgstr without a text"]),
        ("po", HEADER.encode() + b'msgid "a"\nmsgstr "\xfc"', ["line 4", "not valid UTF-8"]),
        ("po", HEADER.replace("UTF-8", "X-1"), ["charset 'X-1' of its header is not known"]),
        ("mo", b"no MO", ["own.mo: is no MO file"]),
        ("mo", GOOD[:30], ["own.mo: damaged"]),
        ("mo", GOOD[:-4], ["own.mo: damaged"]),
        ("mo", GOOD.replace("Tür".encode(), b"T\xfc\xfc"), ["own.mo", "not in the charset"]),
    ],
)
def test_mistakes_are_named(tmp_path, form, text, words):
    with pytest.raises(UserError) as caught:
        read(own(tmp_path, form, text))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)
