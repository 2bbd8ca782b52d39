"""What a file seems to be, by its first bytes: documents, archives, formats, encodings."""

import codecs
import json
import re
from typing import NamedTuple

from nmt.errors import UserError

# Bytes that decide what a file seems to be.
HEAD = 1 << 16


class Kind(NamedTuple):
    """A kind of file that is no plain text."""

    name: str
    # What to do, for one who has such a file.
    advice: str


COMPRESSED = Kind("a compressed file", "unpack it first")
ARCHIVE = Kind("an archive", "unpack it first")
CATALOGUE = Kind("a compiled catalogue (MO)", "data.format=mo trains on it")
# The first bytes of files that no reader of text takes.
MAGIC = {
    b"%PDF-": Kind("a PDF", "save its text as a plain text file first (pdftotext)"),
    b"\xd0\xcf\x11\xe0": Kind("an Office document", "save it as plain text or CSV, in UTF-8"),
    b"{\\rtf": Kind("a document (RTF)", "save it as plain text, in UTF-8"),
    b"\x89PNG": Kind("a picture", "text is needed"),
    b"\xff\xd8\xff": Kind("a picture", "text is needed"),
    b"\xde\x12\x04\x95": CATALOGUE,
    b"\x95\x04\x12\xde": CATALOGUE,
    b"7z\xbc\xaf'\x1c": ARCHIVE,
    b"Rar!\x1a": ARCHIVE,
}
# Those that we uncompress where they are files.
COMPRESSIONS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    "bzip2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "zstd": re.compile(rb"\(\xb5/\xfd"),
    "ZIP": re.compile(rb"PK\x03\x04"),
}
# Members of a ZIP archive that make it a document.
DOCUMENTS = {
    "word/document.xml": Kind("a Word document", "save it as plain text, in UTF-8"),
    "xl/workbook.xml": Kind("an Excel workbook", "save it as CSV in UTF-8 (data.format=csv)"),
    "ppt/presentation.xml": Kind("a PowerPoint presentation", "save its text as plain text"),
    "content.xml": Kind("an OpenDocument file", "save it as plain text or CSV, in UTF-8"),
}
# Formats of text: strict, since a sentence may contain anything. Compiled when a text is read.
PROLOG = r"\s+|<\?xml\b[^>]*\?>|<!--(?s:.*?)-->|<!DOCTYPE\b[^>[]*(?:\[[^]]*\])?\s*>"
ELEMENT = r"<(?:\w+:)?(\w+)([^<>]*)>\s*(<\w+)?"
ELEMENTS = {
    "tmx": Kind("a translation memory (TMX)", "data.format=tmx trains on it"),
    "xliff": Kind("an XLIFF file", "data.format=xliff trains on it"),
    "resources": Kind("a file of Android strings", "data.format=android trains on it"),
    "TS": Kind("a file of Qt Linguist (TS)", "lconvert makes a PO file of it"),
    "html": Kind("a web page (HTML)", "save its text as plain text"),
}
PO = Kind("a catalogue of gettext (PO)", "data.format=po trains on it")
PO_ENTRY = (
    r'(?:[ \t]*(?:#.*)?\n)*(?:msgctxt ".*"\s*\n(?:".*"\s*\n)*)?msgid ".*"\s*\n(?:".*"\s*\n)*'
    r'(?:msgid_plural ".*"\s*\n(?:".*"\s*\n)*)?msgstr(?:\[0\])? ".*"\s*(?:\n|$)'
)
JSON = Kind("a JSON file", "data.format=json trains on it")
JSON_BEGINNING = r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*["{\[]'

# Share of zero bytes above which a file without a byte order mark is no UTF-8.
ZEROS = 0.2
# What makes it UTF-16: shares of the zeros at even places, or at odd ones; of printable characters.
ONE_SIDED = 0.9
PRINTABLE = 0.8
MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)

# Encodings by what their letters are, in text that is not UTF-8.
# Letters of other scripts count where several stand side by side.
KANA = "[ぁ-んァ-ヶー、。]{2,}"
ENCODINGS = {
    "WINDOWS-1252": "[àâäçéèêëîïôöùûüßñáíóúåæøœÄÖÜÉÅØ¿¡’‘“”„–—«»…°]",
    "WINDOWS-1250": "[ąćęłńóśźżŁŚŻáčďéěíňřšťúůýžČŘŠŽőűöüăâî„”]",
    "WINDOWS-1251": "[а-яёіїєґў]{2,}",
    "KOI8-R": "[а-яё]{2,}",
    "WINDOWS-1253": "[ά-ώ]{2,}",
    "WINDOWS-1254": "[ğışçöüİâ]",
    "SHIFT_JIS": KANA,
    "EUC-JP": KANA,
    "EUC-KR": "[가-힣]{2,}",
    "GB18030": "[的一是不了在人有我他这中大来上个国和说们为你时要就出会可也对能下开关请设备，。]",
    "BIG5": "[的一是不了在人有我他這中大來上個國和說們為你時要就出會可也對能下開關請設備，。]",
}


def compression(head: bytes) -> str | None:
    """What a file that begins so is compressed with, of what we uncompress; else None."""
    names = (name for name, magic in COMPRESSIONS.items() if magic.match(head))
    return next(names, None)


def refuse_binary(head: bytes, name: str) -> None:
    """UserError if a file that begins so is a document, a picture, an archive or UTF-16."""
    kind = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if kind is None and compression(head):
        kind = COMPRESSED
    if kind:
        raise refusal(name, kind)
    # English in two bytes a character is valid UTF-8.
    zeros = head.count(0) > len(head) * ZEROS and not head.startswith(MARKS)
    if zeros and _wide(head):
        raise not_utf8(head, name)


def refuse_formats(head: str, whole: bool, name: str, advice: str = "") -> None:
    """UserError if a text seems to be a file of another format, not lines of text.

    whole: `head` is all of it. advice: what to do, instead of what the kind of file advises.
    """
    kind = _format(head, whole)
    if kind:
        raise refusal(name, kind._replace(advice=advice or kind.advice))


def refusal(name: str, kind: Kind) -> UserError:
    """The error for a file that is of a kind that cannot be read."""
    return UserError(f"{name}: is {kind.name}, not plain text; {kind.advice}")


def _format(head, whole):
    """The kind of a text that is a file of some format, or None."""
    if re.match(PO_ENTRY, head):
        return PO
    # What stands before the first element, part by part: no part is looked at twice.
    start = 0
    prolog = re.compile(PROLOG)
    while part := prolog.match(head, start):
        start = part.end()
    element = re.compile(ELEMENT).match(head, start)
    if element:
        tag, attributes, child = element.groups()
        # A sentence may begin with a tag, but not with all of this.
        declared = "=" in attributes or re.search("<!DOCTYPE|<[?]xml", head[:start])
        if tag in ELEMENTS and (declared or child):
            return ELEMENTS[tag]
    if re.match(JSON_BEGINNING, head) and (not whole or _is_json(head)):
        return JSON
    return None


def _is_json(text):
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def not_utf8(data: bytes, where: str) -> UserError:
    """The error for bytes that are not UTF-8: what they seem to be, and the command that helps.

    data: the bytes, with some of those around them.
    """
    # Most of it is UTF-8.
    text = data.decode("utf-8", "ignore")
    valid = sum(1 for character in text if not character.isascii())
    if valid and valid >= len(data) - len(text.encode()):
        command = "iconv -c -f UTF-8 -t UTF-8 in > out"
        return UserError(f"{where}: not valid UTF-8: damaged; `{command}` leaves out bad bytes")
    # All of it is something else.
    encoding = _wide(data) if 0 in data else _narrow(data)
    if not encoding:
        return UserError(f"{where}: not valid UTF-8; it seems to be no text")
    command = f"iconv -f {encoding} -t UTF-8 in > out"
    return UserError(
        f"{where}: not valid UTF-8; it seems to be {encoding}: `{command}` converts it"
    )


def _wide(data):
    """UTF-16 of the order of bytes that its zeros tell, or None if it is no text."""
    low = data[::2].count(0)
    high = data[1::2].count(0)
    encoding = "UTF-16LE" if high >= low else "UTF-16BE"
    text = data.decode(encoding, "replace")
    printable = sum(1 for character in text if character.isprintable() or character.isspace())
    one_sided = max(low, high) >= (low + high) * ONE_SIDED
    return encoding if one_sided and printable >= len(text) * PRINTABLE else None


def _narrow(data):
    """The encoding in which the largest share of the bytes above ASCII are usual letters."""

    def share(encoding):
        text = data.decode(encoding, "replace")
        others = sum(1 for character in text if not character.isascii())
        usual = sum(map(len, re.findall(ENCODINGS[encoding], text)))
        return usual / max(others, 1)

    return max(ENCODINGS, key=share)
