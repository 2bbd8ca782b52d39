"""Files of texts by key, one for each language: what their formats share.

The file of a language is made of that of the source: a text stands in the place of a text. Where it
is there already, what is new in the source is put into it first, and what is translated stays.
"""

import dataclasses
import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nmt.documents import masking, plurals
from nmt.documents.categories import NAMES, forms
from nmt.documents.format_strings import NAMED
from nmt.documents.masking import Part, Role
from nmt.documents.plurals import Form
from nmt.documents.units import Document, Edit, State, Unit, spliced
from nmt.text.spans import find_spans

Key = tuple[str, ...]

# What a number has for a name, if it has one: {{count}} %(num)s %1$d {n}
_NUMBER = re.compile(
    r"#|.*%(?:\d+\$)?[-,\d]*l*[diu](?:<.*)?"
    r"|\W*(?:nb?|num(?:ber)?(?:_\w+)?|\w*count(?:er)?|total|quantity|amount)\W*\w?",
    re.IGNORECASE | re.ASCII,
)
# One between variants is of that which follows it.
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Text:
    """A text as a translator gets it, and how a translation stands in its place."""

    source: str
    # Raises ValueError for a translation that cannot stand there.
    written: Callable[[str], str]
    codes: Mapping[str, str] = dataclasses.field(default_factory=dict)  # what its masks stand for

    def then(self, encode: Callable[[str], str]) -> "Text":
        """The same, with what is written encoded."""
        return Text(self.source, lambda text: encode(self.written(text)), self.codes)


class Variant(NamedTuple):
    """A form of a text, as a file writes it: before, head, text, tail."""

    name: str  # what chooses it: a plural category, or another word of the file
    before: str  # what parts it from the last one
    head: str
    text: Text
    tail: str
    raw: str = ""  # what stands there; it stays where the text has no letters


class Entry(NamedTuple):
    """A key of a file, and the bytes that it stands in with all that belongs to it."""

    key: Key
    start: int
    end: int
    body: tuple[int, int] = (0, 0)  # what is put in the place of an empty one
    is_empty: bool = False
    parent: Key = ()  # that which it is a part of, if it is one
    inner: int = 0  # before which the first of its own parts stands
    is_item: bool = False  # filled where it is empty, never added: nothing tells items apart


class Entries(NamedTuple):
    """Those of a file in their order, parts behind what they are parts of.

    first: the byte before which a new first one stands.
    """

    entries: list[Entry]
    first: int
    lines: bool = False  # whether each has lines of its own


def plain(raw: str) -> Text:
    """A text without masks. White space around it stays."""
    return masked([Part(Role.TEXT, raw)])


def masked(
    parts: Sequence[Part],
    read: Callable[[str], str] = str,
    escape: Callable[[str], str] = str,
    edge: Callable[[str], str] | None = None,
) -> Text:
    """A text of parts, of which those that are no text become masks.

    White space around it stays, as do marks. read: what a part of text says; escape: how that is
    written; edge: how white space is at the beginning and the end, if in another way.
    """
    edge = edge or escape
    before, inside, after = masking.trimmed(parts)
    text = masking.mask(inside, read, lines=True)

    def written(translation: str) -> str:
        check_placeholders(text.source, translation)
        text.check(translation)
        # Line breaks may be none of the white space of the file.
        start, _, end = text.source.partition(text.source.strip())
        content = edge(start) + text.filled(translation.strip(), escape) + edge(end)
        return masking.raw(before) + content + masking.raw(after)

    return Text(text.source, written, text.codes)


def check_placeholders(
    source: str, translation: str, found: Callable[[str], list[str]] | None = None
) -> None:
    """Raises ValueError for a translation that is empty, or lacks or has placeholders and tags.

    found: gives those that count (default: all).
    """
    if not translation.strip():
        raise ValueError("the translation is empty")
    ours, theirs = map(found or placeholders, (source, translation))
    if Counter(ours) != Counter(theirs):
        raise ValueError("placeholders differ")
    if _unnamed(ours) != _unnamed(theirs):
        raise ValueError("placeholders in another order")


def placeholders(text: str) -> list[str]:
    """What a program puts something in the place of, and tags."""
    return [
        text[start:end]
        for start, end, kind in find_spans(text)
        if kind.group == "placeholder" or (kind.group == "tag" and text[start] == "<")
    ]


def joined_surrogates(text: str) -> str:
    """The text with a character for two surrogates that stand for it; others stay."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")


def number_placeholder(text: Text) -> str | None:
    """The placeholder of the number of a plural: by its name or kind, or the only one."""
    found = [each for each in placeholders(text.source) if not each.startswith("<")]
    numbers = [each for each in found if _NUMBER.fullmatch(text.codes.get(each, each))] or found
    return numbers[0] if len(set(numbers)) == 1 else None


def is_text(text: str) -> bool:
    """Whether there are letters outside of what is not translated."""
    letters = text
    for span in reversed(find_spans(text)):
        letters = letters[: span.start] + letters[span.end :]
    return any(character.isalpha() for character in letters) and _is_unicode(text)


def unit(text: Text, line: int, key: Key, raw: str, edit: Callable[[str], list[Edit]]) -> Unit:
    """The unit of a text. raw: what stands there now. edit: puts what is written there."""
    return Unit(
        (text.source,),
        lambda translations: edit(text.written(translations[0].text)),
        line,
        targets=(raw,),
        codes=(text.codes,),
        key=key,
    )


def left(reason: str, line: int, key: Key, raw: str) -> Unit:
    """The unit of a text that is never translated; what is left is told with the reason."""

    def edits(_):
        raise ValueError(reason)

    return Unit((), edits, line, targets=(raw,), key=key)


def choice(
    variants: Sequence[Variant],
    line: int,
    key: Key,
    edit: Callable[[str], list[Edit]],
    language: str | None,
    number: Callable[[Text], str | None] | None = None,
) -> Unit:
    """The unit of variants that follow one another; edit: puts all of them in place.

    number: for variants by plural category, gives the placeholder of the number in a text. They
    become those of the language; others stay.
    """
    without = {each.name: each.raw for each in variants if not is_text(each.text.source)}
    texts = {each.name: each.text for each in variants if each.name not in without}
    if not texts:
        texts, without = {each.name: each.text for each in variants}, {}
    if "other" in without:  # forms are made from it
        number = None
    wanted = {name: (name, Form(text.source, text.source)) for name, text in texts.items()}
    if number:
        named = {name: text.source for name, text in texts.items() if name in NAMES}
        wanted = {name: own for name, own in wanted.items() if name not in NAMES}
        exact = not {"=1", "1"}.isdisjoint(texts)
        wanted |= forms(named, language, lambda name: number(texts[name]), _fit, exact)
    every = [(origin, source) for origin, form in wanted.values() for source in form[:2]]
    codes = {source: texts[origin].codes for origin, source in every}

    def edits(translations):
        found = dict(zip(codes, translations, strict=True))
        made = [form for _, form in wanted.values()]
        contents = {
            name: _written(plurals.texts(form, made, found), texts[origin])
            for name, (origin, form) in wanted.items()
        }
        contents |= without
        if without:
            order = [each.name for each in variants if each.name in contents]
            contents = {name: contents[name] for name in [*order, *contents]}
        return edit(_joined(variants, contents))

    raw = tuple(variant.text.source for variant in variants)
    return Unit(tuple(codes), edits, line, targets=raw, codes=tuple(codes.values()), key=key)


def beside(source: Document, present: Document, merged: Document) -> Document:
    """A translation with all keys of its source; what it had before is translated.

    Copies of the source are fuzzy: names are the same in both languages, and what could not be
    filled is, too. present: the translation as it was; merged: with what it lacked.
    """
    copies = {_content(unit) for unit in source.units}
    before = {unit.key for unit in present.units}

    def state(unit: Unit) -> State:
        if _content(unit) not in copies:
            return State.TRANSLATED
        return State.FUZZY if unit.key in before else State.EMPTY

    units = [dataclasses.replace(unit, state=state(unit)) for unit in merged.units]
    return dataclasses.replace(merged, units=units)


def merged(source: bytes, present: bytes, entries: Callable[[bytes], Entries]) -> bytes:
    """A file with the entries of another one that it lacks, each behind the one before it.

    Where it has an empty one, that of the other file takes its place.
    """
    ours, first, lines = entries(present)
    found = {entry.key: entry for entry in ours}
    # Behind which place the next part of an entry comes, or the next entry.
    places: dict[Key, int] = {(): first}
    line_end = b"\r\n" if b"\r\n" in present else b"\n"
    added: dict[int, list[bytes]] = {}
    filled: dict[tuple[int, int], Edit] = {}
    for entry in entries(source)[0]:
        if entry.parent not in places:  # it comes with the whole
            continue
        if own := found.get(entry.key):
            places[entry.parent] = own.end
            if not own.is_empty:
                places[entry.key] = own.inner
            elif not entry.is_empty:
                body = source[slice(*entry.body)].replace(b"\r\n", b"\n")
                # Once: of a key that is there twice, the last one counts.
                filled[own.body] = Edit(*own.body, body.replace(b"\n", line_end))
            continue
        if entry.is_item:
            continue
        at = places[entry.parent]
        content = source[entry.start : entry.end].replace(b"\r\n", b"\n")
        if lines:
            content = content.rstrip(b"\n") + b"\n"
            content = content if at else content.lstrip(b"\n")
            if at and at not in added and not present[:at].endswith(b"\n"):
                content = b"\n" + content
        added.setdefault(at, []).append(content.replace(b"\n", line_end))
    new = (Edit(at, at, b"".join(contents)) for at, contents in added.items())
    return spliced(present, [*filled.values(), *new])


def line_entries(text: str, found: Sequence[Entry]) -> Entries:
    """Entries as lines, with a comment right before them and the blank lines before that.

    What has no key is no entry and goes with none.
    """
    entries = []
    at = 0
    for entry, after in itertools.zip_longest(found, found[1:]):
        blank = list(re.finditer(r"^[ \t]*\r?\n", text[at : entry.start], re.MULTILINE))
        lines = [each.start() for each in blank]
        # Of several blank lines all.
        while len(lines) > 1 and blank[len(lines) - 2].end() == lines[-1]:
            lines.pop()
        begin = at + (lines[-1] if lines else 0)
        at = text.find("\n", entry.end) + 1 or len(text)
        # Several may stand in a line.
        at = min(at, after.start) if after else at
        if entry.key:
            entries.append(entry._replace(start=begin, end=at))
    return Entries(entries, entries[0].start if entries else len(text), lines=True)


def value_entries(text: str, found: Sequence[tuple[Key, re.Match, bool]]) -> Entries:
    """As `line_entries`, of lines with a group "value", which may be filled where it is empty.

    found: (key, match of the line, whether its value is empty) of each.
    """
    return line_entries(
        text,
        [Entry(key, *line.span(), line.span("value"), is_empty) for key, line, is_empty in found],
    )


def _content(unit):
    """A key and what stands under it, whatever the line ends of its file are."""
    return unit.key, tuple(target.replace("\r\n", "\n") for target in unit.targets)


def _fit(singular, plural):
    return Counter(placeholders(singular)) == Counter(placeholders(plural))


def _written(translations, text):
    """A form in its place; ValueError where none of its translations can stand there."""
    problem = ValueError("nothing was translated")
    for translation in translations:
        if translation is not None:
            try:
                return text.written(translation)
            except ValueError as error:
                problem = error
    raise problem


def _joined(variants, contents):
    """Variants with these contents; new ones are written as one that is not the last resort."""
    own = {variant.name: variant for variant in variants}
    model = variants[0]
    written: list[str] = []
    for name, content in contents.items():
        variant = own.get(name, model)
        before = variant.before if name in own else _COMMENT.sub("", variant.before)
        if not written:
            before = variants[0].before
        elif not before:
            # Nothing parts the first one from others.
            before = variants[min(1, len(variants) - 1)].before
        start, _, rest = variant.head.rpartition(variant.name)
        head = variant.head if name in own else f"{start.lstrip('*')}{name}{rest}"
        written += [before, head, content, variant.tail]
    return "".join(written)


def _unnamed(found):
    return [each for each in found if each[0] == "%" and not NAMED.match(each)]


def _is_unicode(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
