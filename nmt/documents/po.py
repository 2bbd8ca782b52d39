"""PO and POT: the entries of a catalogue, filled as GNU gettext's own tools would write them.

What is filled is marked as fuzzy: gettext leaves it out of compiled catalogues until somebody has
looked at it. Placeholders are checked as `msgfmt -c` does by the flags of an entry.
"""

import codecs
import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Sequence

from nmt import signatures
from nmt.corpora.formats.messages import Header
from nmt.corpora.formats.po import Entry, entries
from nmt.documents import icu, keyed, plurals
from nmt.documents.format_strings import problem, quoted
from nmt.documents.po_layout import layout_of
from nmt.documents.units import Document, Edit, Options, State, Unit
from nmt.errors import UserError
from nmt.inference.translation import Translation

# The strings of a field, with nothing but white space between them.
STRINGS = re.compile(r'"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"(?:\s*"[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*")*')
FLAGS = (",", "!")
# Newer files have a sign of their own for flags that tools keep.
KEPT_FLAGS = "="
PREVIOUS = "|"
NOTE = re.compile(r"\s*nmt \d+ %")


def read(data: bytes, options: Options) -> Document:
    """All entries but the header; UserError for charsets other than UTF-8 and for broken files."""
    catalogue = _Catalogue(data, options)
    return Document(
        data,
        catalogue.units(),
        catalogue.header.language("language") or None,
        catalogue.header.language("x-source-language") or None,
    )


class _Catalogue:
    """A file: its text, where that stands in bytes, and what its header says."""

    def __init__(self, data: bytes, options: Options):
        self.options = options
        signatures.refuse_binary(data[: signatures.HEAD], "line 1")
        mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        # As long as before, and all lines end with \n.
        unix = data[len(mark) :].replace(b"\r\n", b" \n").replace(b"\r", b"\n")
        # The names of charsets and keywords are ASCII.
        self.header, end = _header(unix.decode("latin-1"))
        if not mark:
            _check_charset(self.header.charset)
        try:
            self.text = unix.decode()
        except UnicodeDecodeError as error:
            number = unix.count(b"\n", 0, error.start) + 1
            raise UserError(
                f"line {number}: not valid UTF-8; correct it, or name the charset in the header"
            ) from None
        # Long lines of headers are written as they come.
        self.layout = layout_of(unix[end:].decode(), _line_end(data))
        self.numbers = plurals.rule(self.header)
        self.language = self.header.language("language") or options.language
        # Characters and bytes counted so far.
        self._counted = 0, len(mark)

    def units(self) -> list[Unit]:
        """The units of all messages that have a text."""
        every = entries(self.text, "utf-8", "", Counter())
        return [
            _Message(self, each).unit() for each in every if each.texts.get("msgid", "").strip()
        ]

    def edit(self, start: int, end: int, content: str) -> Edit:
        """The edit of a place in the text."""
        return Edit(self._bytes(start), self._bytes(end), content.encode())

    def new_line(self, place: int, content: str) -> Edit:
        """A line before a place, which may stand within a line."""
        first = self.text.rfind("\n", 0, place) + 1
        if self.text[first:place].strip():
            end = self.layout.line_end
            return self.edit(place, place, f"{end}{content}{end}")
        return self.edit(first, first, content + self.layout.line_end)

    def without(self, start: int, end: int) -> Edit:
        """Takes away what stands at a place, and its line where nothing else is there."""
        first = self.text.rfind("\n", 0, start) + 1
        next_line = self.text.find("\n", end) + 1 or len(self.text)
        if (self.text[first:start] + self.text[end:next_line]).strip():
            return self.edit(start, end, "")
        return self.edit(first, next_line, "")

    def _bytes(self, place):
        """Where a place of the text stands in bytes: counted on from the last one asked for."""
        at, count = self._counted
        if place >= at:
            count += len(self.text[at:place].encode())
        else:
            count -= len(self.text[place:at].encode())
        self._counted = place, count
        return count


class _Message:
    """An entry, and how its translations are put in place."""

    def __init__(self, catalogue: _Catalogue, entry: Entry):
        self.catalogue = catalogue
        self.entry = entry
        self.plural = entry.texts.get("msgid_plural")
        # Of its translations, by form.
        fields = [field for field in entry.texts if field.startswith("msgstr")]
        self.fields = sorted(fields, key=lambda field: (len(field), field))

    def unit(self) -> Unit:
        targets = tuple(self.entry.texts[field] for field in self.fields)
        state = State.FUZZY if self.entry.fuzzy else State.TRANSLATED
        if not any(targets) or self.kept:
            state = State.EMPTY
        if self._has_choice():
            unit = self._choice(())
            return dataclasses.replace(unit, edits=self._choice_edits, state=state, targets=targets)
        return Unit(tuple(self._sources()), self.edits, self.entry.line, state, targets)

    def edits(self, translations: Sequence[Translation]) -> list[Edit]:
        """ValueError where a translation lacks placeholders, or the header has other forms."""
        if self.plural is not None and self.catalogue.numbers is None:
            raise ValueError("no Plural-Forms in the header")
        found = dict(zip(self._sources(), translations, strict=True))
        forms = [
            None if number in self.kept else self._translated(form, found)
            for number, form in enumerate(self.forms)
        ]
        return self._written(forms, translations)

    def _written(self, texts, translations):
        """The edits that write the text of each form, None for one that stays."""
        sure = [each.confidence for each in translations if each.confidence is not None]
        return [
            *self._note(min(sure, default=None)),
            *self._flags(),
            *(self.catalogue.without(*place) for place in self._comments(PREVIOUS)),
            *self._strings(texts),
        ]

    def _has_choice(self):
        """Whether it is a message of ICU, with forms in the text itself."""
        return icu.has_choice(self.entry.texts["msgid"]) or icu.has_choice(self.plural or "")

    def _choice_edits(self, translations: Sequence[Translation]) -> list[Edit]:
        return self._choice(translations).edits(translations)

    def _choice(self, translations):
        """The unit of a message of ICU; it writes what comes of these translations."""
        msgid = self.entry.texts["msgid"]
        if self.plural is not None:
            return keyed.left("a choice within the text", self.entry.line, (), msgid)

        def put(text: str) -> list[Edit]:
            if reason := problem(msgid, text, self.flags):
                raise ValueError(reason)
            return self._written([_with_ends(text, msgid)], translations)

        return icu.unit(msgid.strip("\n"), self.entry.line, (), put, self.catalogue.language)

    @functools.cached_property
    def kept(self) -> set[int]:
        """The forms of a plural that stay, where it is not fuzzy and others have no text."""
        if self.plural is None or self.entry.fuzzy:
            return set()
        numbers = re.compile(r"msgstr\[(\d+)\]")
        found = {numbers.fullmatch(field): self.entry.texts[field] for field in self.fields}
        present = {int(match[1]) for match, text in found.items() if match and text}
        wanted = max(len(self.catalogue.numbers or ()), len(self.fields))
        return present if len(present) < wanted else set()

    @functools.cached_property
    def forms(self) -> list[plurals.Form]:
        """What is translated for each form; a message without a plural has one."""
        msgid = self.entry.texts["msgid"]
        if self.plural is None:
            return [plurals.Form(msgid, msgid)]
        numbers = self.catalogue.numbers
        if numbers is None:
            return [plurals.Form(text, text) for text in (msgid, self.plural)]
        return plurals.forms(msgid, self.plural, numbers, self.flags)

    @functools.cached_property
    def flags(self) -> set[str]:
        places = self._comments(*FLAGS, KEPT_FLAGS)
        return {flag for place in places for flag in _words(self._comment(place)[1:])}

    def _sources(self):
        """What to translate, each once: with a number for a placeholder, and as it is."""
        forms = [form for number, form in enumerate(self.forms) if number not in self.kept]
        return list(dict.fromkeys(text for form in forms for text in (form.source, form.message)))

    def _translated(self, form, found):
        """The text of a form; ValueError where none fits."""
        reason: str | None = "nothing was translated"
        for text in plurals.texts(form, self.forms, found):
            if text and text.strip():
                text = quoted(form.message, text, self.flags)
                reason = problem(form.message, text, self.flags)
                if reason is None:
                    return _with_ends(text, self.entry.texts["msgid"])
        raise ValueError(reason)

    def _comment(self, place):
        """What stands behind the # of a comment."""
        return self.catalogue.text[place[0] + 1 : place[1]].rstrip()

    def _comments(self, *signs):
        """Places of the comments of these kinds."""
        return [each for each in self.entry.comments if self._comment(each).startswith(signs)]

    def _note(self, sure):
        """A comment that tells the confidence, behind those of translators, for one of ours."""
        comments = self.entry.comments
        notes = [place for place in comments if NOTE.fullmatch(self._comment(place))]
        edits = [self.catalogue.without(*place) for place in notes]
        if self.catalogue.options.note and sure is not None:
            others = self._comments(*".:,!=|")
            place = others[0][0] if others else self.entry.start
            edits.append(self.catalogue.new_line(place, f"# nmt {100 * sure:.0f} %"))
        return edits

    def _flags(self):
        """Edits after which the entry is marked as fuzzy or, if it is trusted, is not."""
        comments = self._comments(*FLAGS)
        if not self.catalogue.options.trusted:
            return [] if self.entry.fuzzy else [self._marked(comments)]
        edits = []
        for start, end in comments:
            words = _words(self._comment((start, end))[1:])
            others = [word for word in words if word != "fuzzy"]
            if not others:
                edits.append(self.catalogue.without(start, end))
            elif others != words:
                end = start + 1 + len(self._comment((start, end)))
                edits.append(self.catalogue.edit(start, end, f"#, {', '.join(others)}"))
        return edits

    def _marked(self, comments):
        """The flag in a line of flags, or in one before the message that was there previously."""
        if comments:
            behind = comments[0][0] + 2
            content = " fuzzy," if _words(self._comment(comments[0])[1:]) else " fuzzy"
            return self.catalogue.edit(behind, behind, content)
        later = self._comments(KEPT_FLAGS, PREVIOUS)
        return self.catalogue.new_line(later[0][0] if later else self.entry.start, "#, fuzzy")

    def _strings(self, texts):
        """Edits that write the text of each form; forms that are missing follow the last one.

        None for a form that stays.
        """
        names = [f"msgstr[{number}]" for number in range(len(texts))]
        names = ["msgstr"] if self.plural is None else names
        if not set(self.fields) <= set(names):
            raise ValueError("its plural forms are not those of the header")
        edits = []
        for name, text in zip(names, texts, strict=True):
            if text is None:
                continue
            if place := self.entry.places.get(name):
                edits.append(self._replaced(place, text))
            else:
                end = self.entry.places[self.fields[-1]][1]
                line = f"{name} {self._string(len(name) + 1, text)}"
                edits.append(self.catalogue.edit(end, end, self.catalogue.layout.line_end + line))
        return edits

    def _replaced(self, place, text):
        start, end = place
        if not STRINGS.fullmatch(self.catalogue.text, start, end):
            raise ValueError("a comment stands within the translation")
        first = self.catalogue.text.rfind("\n", 0, start) + 1
        return self.catalogue.edit(start, end, self._string(start - first, text))

    def _string(self, before, text):
        return self.catalogue.layout.written(before, text, "no-wrap" not in self.flags)


def _header(text):
    """The header of a file, empty where it has none, and where it ends."""
    every = entries(text, "latin-1", "", Counter())
    first = next((entry for entry in every if "msgid" in entry.texts), None)
    if first is None or not first.is_header():
        return Header(), 0
    return Header(first.texts.get("msgstr", "")), max(end for _, end in first.places.values())


def _check_charset(charset):
    """UserError for a file that is not UTF-8, as what is filled in is."""
    if charset == "CHARSET":
        raise UserError(
            "its header names no charset; make a PO file of the template: "
            "msginit --locale=LANG.UTF-8 --no-translator -i FILE"
        )
    if charset.lower() not in ("", "utf-8", "utf8"):
        raise UserError(
            f"its charset is {charset}, and UTF-8 is needed: msgconv -t UTF-8 -o FILE FILE"
        )


def _line_end(data):
    if b"\n" not in data and b"\r" in data:
        return "\r"
    return "\r\n" if 2 * data.count(b"\r\n") > data.count(b"\n") else "\n"


def _words(flags):
    """The flags of a line."""
    return [word for word in re.split(r"[,\s]+", flags) if word]


def _with_ends(text, like):
    """The text with a line break at its beginning and its end where `like` has one."""
    if like.startswith("\n") != text.startswith("\n"):
        text = "\n" + text if like.startswith("\n") else text.lstrip("\n")
    if like.endswith("\n") != text.endswith("\n"):
        text = text + "\n" if like.endswith("\n") else text.rstrip("\n")
    return text
