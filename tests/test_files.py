"""Files are read as people have them; what is no text is named, with what helps."""

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow
import pytest

from nmt import files
from nmt.errors import UserError

TEXT = "a cat\r\n\r\nGröße 犬\n"
LINES = ["a cat", "", "Größe 犬"]


def archive(*names):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            # Without the time of day, which would make another test name in each process.
            file.writestr(zipfile.ZipInfo(name), TEXT)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.encode(), LINES),
        (TEXT.replace("\r\n", "\n").replace("\n", "\r").encode(), LINES),
        (TEXT.encode("utf-8-sig"), LINES),
        (TEXT.encode("utf-16"), LINES),
        (TEXT.encode("utf-32"), LINES),
        (gzip.compress(TEXT.encode(), mtime=0), LINES),
        (lzma.compress(TEXT.encode("utf-16")), LINES),
        (bz2.compress(TEXT.encode()), LINES),
        (archive("any name"), LINES),
        # Nothing but ends of lines ends a line.
        ("a\rb\u2028c\x85d\x0ce\nf".encode(), ["a\rb\u2028c\x85d\x0ce", "f"]),
        # What a sentence may begin with.
        (b"BZh is a magic number\n", ["BZh is a magic number"]),
        (b'msgid "a" begins an entry\n', ['msgid "a" begins an entry']),
        (b"<html> is the root\n<body> follows\n", ["<html> is the root", "<body> follows"]),
        (b"<resources> are scarce\n", ["<resources> are scarce"]),
        (b'{"a": "b"} is an object\n', ['{"a": "b"} is an object']),
        (b"{name} was added\n", ["{name} was added"]),
        (b"a\x00b\n", ["a\x00b"]),
        (b"", []),
    ],
)
def test_text_is_known_by_its_content(tmp_path, content, expected):
    (tmp_path / "text.gz").write_bytes(content)
    assert list(files.lines(tmp_path / "text.gz", plain=True)) == expected


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("WINDOWS-1252", "Schließen Sie die Tür.\nL'appareil « principal » est déjà configuré.\n"),
        ("WINDOWS-1251", "Устройство недоступно.\nЗакройте дверь.\n"),
        ("KOI8-R", "Устройство недоступно.\nЗакройте дверь.\n"),
        ("SHIFT_JIS", "この装置は利用できません。\nドアを閉めてください。\n"),
        ("EUC-JP", "この装置は利用できません。\nドアを閉めてください。\n"),
        ("EUC-KR", "장치를 사용할 수 없습니다.\n문을 닫아 주세요.\n"),
        ("BIG5", "設備無法使用。\n請關上門。\n"),
        ("UTF-16LE", "The door is open.\n"),
        ("UTF-16BE", "Größe 犬\n"),
    ],
)
def test_an_encoding_is_named_with_the_command_that_converts_it(tmp_path, encoding, text):
    (tmp_path / "t").write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=f"t.*not valid UTF-8.*`iconv -f {encoding} -t UTF-8 "):
        list(files.lines(tmp_path / "t"))


PO = b'# Licence\n\nmsgid ""\nmsgstr ""\n"Language: de\\n"\n\nmsgid "a"\nmsgstr "b"\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7\n", ["is a PDF", "pdftotext"]),
        (archive("[Content_Types].xml", "word/document.xml"), ["is a Word document", "UTF-8"]),
        (archive("xl/workbook.xml"), ["is an Excel workbook", "csv"]),
        (archive("a", "b"), ["archive of 2 files", "unpack"]),
        (b"7z\xbc\xaf'\x1c\x00", ["archive", "unpack"]),
        (b"{\\rtf1\\ansi", ["RTF"]),
        (b"\x93NUMPY\x01\x00v\x00" + bytes(range(32)), ["no text"]),
        (b"gut: \xc3\xa4\xc3\xb6, nicht gut: \xc3 \n", ["line 1", "UTF-8", "iconv -c"]),
        (PO, ["is a catalogue of gettext", "data.format=po"]),
        (PO.replace(b"\n", b"\r\n"), ["is a catalogue of gettext"]),
        (b'<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "t.dtd">\n<tmx>', ["(TMX)"]),
        ('<tmx version="1.4"><header/>'.encode("utf-16"), ["(TMX)"]),
        (b'<xliff version="1.2" xmlns="urn:x">', ["XLIFF"]),
        (b"<!DOCTYPE html>\n<html>", ["HTML"]),
        (b'{\n  "a": {"b": "c"}\n}\n', ["JSON"]),
        (gzip.compress(b"text", mtime=0)[:-3], ["damaged gzip data"]),
        (lzma.compress(b"text")[:-9], ["damaged xz data"]),
        (bz2.compress(b"text")[:-9], ["damaged bzip2 data"]),
        (pyarrow.compress(b"text", "zstd", asbytes=True)[:-3], ["damaged zstd data"]),
    ],
)
def test_what_is_no_text_is_named_in_one_line(tmp_path, content, words):
    (tmp_path / "t.txt").write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(files.lines(tmp_path / "t.txt", plain=True))
    assert all(word in str(caught.value) for word in ["t.txt", *words]), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.txt", "t.txt.gz", "t.zst"])
def test_text_is_written_as_its_name_says_and_read_as_it_was(tmp_path, name):
    texts = [f"Zeile {number} \u2028 ä" for number in range(1000)]
    for path in (tmp_path / name, tmp_path / f"again-{name}"):
        with files.atomic_lines(path) as file:
            for text in texts:
                file.write(f"{text}\n")
            file.flush()
    assert list(files.lines(path)) == texts
    assert path.read_bytes() == (tmp_path / name).read_bytes()
    assert (path.stat().st_size < 16_000) == (name != "t.txt")
    with pytest.raises(ZeroDivisionError), files.atomic_lines(path) as file:
        file.write(str(1 / 0))
    assert list(files.lines(path)) == texts
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_is_held_by_one_until_it_is_closed(tmp_path):
    path = tmp_path / "lock"
    with open(path, "ab") as first, open(path, "ab") as second:
        files.hold(first, "busy")
        with pytest.raises(UserError, match="busy"):
            files.hold(second, "busy")
        first.close()
        files.hold(second, "busy")
