"""Catalogues of gettext (PO): msgid and its translation msgstr, read as msgfmt reads them."""

import codecs
import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nmt.corpora.formats.messages import Catalogue, Header
from nmt.errors import UserError
from nmt.files import opened

# White space, a comment, a string, or a keyword; a string may go on after a backslash.
TOKEN = re.compile(
    r"""
      [\ \t\n\f\v]+
    | \#(?P<comment>[^\n]*)
    | "(?P<string>[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*)"
    | (?P<keyword>domain|msgctxt|msgid_plural|msgid|msgstr(?:\s*\[\s*\d+\s*\])?)(?!\w)
    | (?P<mistake>[\s\S])
    """,
    re.VERBOSE,
)
# What an entry begins with.
FIRST_FIELDS = ("domain", "msgctxt", "msgid")
# Flags are words; "!" is an older sign of theirs.
FUZZY = re.compile(r"[,!](?:.*[,\s])?fuzzy(?:[,\s]|$)")
OBSOLETE = re.compile(r"~\s*msgid\b")
# Codes of bytes side by side spell characters together.
ESCAPE = re.compile(r"((?:\\x[0-9A-Fa-f]+|\\[0-7]{1,3})+)|\\([\s\S])")
BYTE = re.compile(r"\\x([0-9A-Fa-f]+)|\\([0-7]+)")
ESCAPES = {
    **{"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"},
    **{'"': '"', "\\": "\\", "\n": ""},
}
# UTF-8 is ASCII too; templates have a word of their own.
UTF8_TOO = ("ascii", "us-ascii", "charset")


@dataclasses.dataclass
class Entry:
    """A message as far as it was read. Places are indices of the text that was read."""

    fuzzy: bool = False
    # By field, as msgstr[0].
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    # The one that the last token belongs to.
    field: str = ""
    line: int = 1  # of its first keyword
    start: int = 0  # of its first keyword
    # Of the comments before it.
    comments: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    # From the first string of a field to the end of its last.
    places: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)

    def complete(self) -> bool:
        return self.field in ("", "domain") or self.field.startswith("msgstr")

    def is_header(self) -> bool:
        return self.texts.get("msgid") == "" and "msgctxt" not in self.texts

    def check_text(self, where: str) -> None:
        """UserError when the last keyword has no string."""
        if self.field and self.field not in self.texts:
            raise _mistake(where, f"{self.field} without a text")

    def add_keyword(self, keyword: str, where: str) -> None:
        if keyword in self.texts:
            raise _mistake(where, f"{keyword} twice in one entry")
        if keyword.startswith("msgstr") and "msgid" not in self.texts:
            raise _mistake(where, "text without a msgid before it")
        self.field = keyword

    def add_text(self, text: str, place: tuple[int, int], where: str) -> None:
        if not self.field:
            raise _mistake(where, "text without a msgid before it")
        self.texts[self.field] = self.texts.get(self.field, "") + text
        self.places[self.field] = self.places.get(self.field, place)[0], place[1]


def read(path: Path, source: str, target: str, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """msgid and msgstr; a singular has the form for the number 1, a plural that for 5.

    Raises UserError when the header names other languages than `source` and `target`.
    """
    # The header, the entry of the empty msgid, comes first and names the charset.
    with opened(path) as file:
        data = file.read()
    text, charset = _decoded(data, path)
    # The entries.
    catalogue = Catalogue(path, source, target, dropped)
    for entry in entries(text, charset, f"{path}, ", dropped):
        fields = sorted(field for field in entry.texts if field.startswith("msgstr"))
        translations = [entry.texts[field] for field in fields]
        if entry.is_header():
            catalogue.read_header("".join(translations))
        elif entry.fuzzy:
            dropped["fuzzy"] += 1
        elif translations:
            msgids = [
                entry.texts[name] for name in ("msgid", "msgid_plural") if name in entry.texts
            ]
            yield from catalogue.pairs(msgids, translations)
    catalogue.note_keys()


def entries(text: str, charset: str, name: str, dropped: Counter[str]) -> Iterator[Entry]:
    """Yields the entries. They need neither lines of their own nor blank lines between them.

    charset: of codes of bytes in strings. name: what stands before "line 3" in a UserError.
    """
    entry = Entry()
    fuzzy = False
    comments: list[tuple[int, int]] = []
    line = 1
    for token in TOKEN.finditer(text):
        where = f"{name}line {line}"
        match token.lastgroup:
            case "mistake":
                rest = text[token.start() :].partition("\n")[0]
                raise _mistake(where, f"not a line of a PO file: {rest[:40]}")
            case "comment":
                # What is said of an obsolete entry is not said of the next.
                obsolete = token["comment"].startswith("~")
                fuzzy = not obsolete and (fuzzy or bool(FUZZY.match(token["comment"])))
                if obsolete:
                    comments = []
                else:
                    comments.append(token.span())
                if OBSOLETE.match(token["comment"]):
                    dropped["obsolete"] += 1
            case "keyword":
                keyword = re.sub(r"\s", "", token["keyword"])
                entry.check_text(where)
                if entry.complete() and keyword in FIRST_FIELDS:
                    yield entry
                    entry = Entry(fuzzy, line=line, start=token.start(), comments=comments)
                    fuzzy = False
                    comments = []
                entry.add_keyword(keyword, where)
            case "string":
                entry.add_text(_unescaped(token["string"], charset), token.span(), where)
        line += token[0].count("\n")
    where = f"{name}line {line}"
    entry.check_text(where)
    if not entry.complete():
        raise _mistake(where, "the file ends before the msgstr of its last entry")
    yield entry


def _decoded(data, path):
    """(text, charset) of a file, by the charset in its header; all lines end with \\n."""
    # Find the header: the names of charsets and keywords are ASCII.
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    charset = "utf-8"
    if data.startswith(codecs.BOM_UTF8):
        data = data.removeprefix(codecs.BOM_UTF8)
    else:
        every = entries(data.decode("latin-1"), "latin-1", f"{path}, ", Counter())
        first = next((entry for entry in every if "msgid" in entry.texts), Entry())
        if first.is_header():
            charset = Header(first.texts.get("msgstr", "")).charset or charset
    charset = "utf-8" if charset.lower() in UTF8_TOO else charset
    # Decode all.
    try:
        return data.decode(charset), charset
    except LookupError:
        raise UserError(f"{path}: the charset {charset!r} of its header is not known") from None
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {number}: not valid {charset.upper()} ({error.reason}); "
            "convert the file, or correct the charset in its header"
        ) from None


def _unescaped(text, charset):
    def replacement(escape):
        if not escape[1]:
            return ESCAPES.get(escape[2], escape[0])
        codes = BYTE.findall(escape[1])
        data = bytes((int(hexa, 16) if hexa else int(octal, 8)) & 0xFF for hexa, octal in codes)
        return data.decode(charset, "replace")

    return ESCAPE.sub(replacement, text) if "\\" in text else text


def _mistake(where, what):
    return UserError(f"{where}: {what}; msgfmt -c tells more")
