"""JSON: strings of nested objects, by their keys; ARB, messages of browser extensions, i18next.

Only the strings change. Plurals are keys such as `files_one` and `files_other`, objects of such
keys, or blocks in the syntax of ICU within a string.
"""

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence

from nmt.documents import icu, keyed
from nmt.documents.categories import NAMES
from nmt.documents.content import Content
from nmt.documents.keyed import Key, Variant
from nmt.documents.masking import Part, Role
from nmt.documents.units import Document, Edit, Options, Unit, spliced
from nmt.errors import UserError

# What is text in an object that says more of a message: browser extensions, FormatJS.
MESSAGES = ("message", "defaultMessage")
LOCALE = "@@locale"  # of ARB
# How keys begin that say something of a file or of a text: @@locale @title $schema
ASIDE = ("@", "$schema")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")
_SPACE = re.compile(r"\s*")
_COLON = re.compile(r"\s*:\s*")
_COMMA = re.compile(r"\s*,?\s*")
_COMMENT = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
ORDINAL = tuple(f"_ordinal_{name}" for name in NAMES)
_FORM = re.compile(rf"(?P<name>(?:.*[_.-])?)(?P<form>{'|'.join(NAMES)})")
# What Chrome replaces.
_CHROME = re.compile(r"\$(?:[A-Za-z0-9_@]+\$|[1-9])")


@dataclasses.dataclass
class Value:
    """A value, and where it stands: a string, or the members of an object or items of a list."""

    start: int
    end: int
    text: str | None = None
    members: list["Member"] | None = None
    is_object: bool = False

    def member(self, key: str) -> "Value | None":
        """That of a key; of several the last one counts."""
        found = [each.value for each in self.members or () if each.key == key]
        return found[-1] if self.is_object and found else None


@dataclasses.dataclass
class Member:
    """A key, or the number of an item, and its value."""

    key: str
    start: int
    value: Value


def read(data: bytes, options: Options) -> Document:
    """The strings that have a text; UserError for what is no JSON."""
    file = _File(data, options.language)
    locale = file.root.member(LOCALE)
    edits = []
    if locale and locale.text is not None and options.language:
        edits.append(file.edit(locale, file.string(options.language)))
    language = locale.text if locale else None
    units = list(file.units())
    return Document(data, units, source_language=language, edits=edits, bilingual=False)


def merged(source: bytes, present: bytes) -> bytes:
    """A file with the members of another one that it lacks."""
    ours, theirs = _File(source, None), _File(present, None)
    if _kind(ours.root) != _kind(theirs.root):
        raise UserError(f"is {_kind(theirs.root)}, but its source is {_kind(ours.root)}")
    return spliced(present, _additions(ours, ours.root, theirs, theirs.root))


class _File:
    """The text of a file, and its values."""

    def __init__(self, data: bytes, language: str | None):
        self.content = Content(data)
        self.language = language
        self.text = _COMMENT.sub(lambda match: " " * len(match[0]), self.content.text)
        try:
            json.loads(self.text)
        except json.JSONDecodeError as error:
            raise UserError(f"line {error.lineno}: not JSON ({error.msg})") from None
        self.root = _value(self.text, next(_SPACE.finditer(self.text)).end())
        # Letters are written as those that are there.
        self.escapes = data.isascii() and "\\u" in self.text
        members = self.root.members if self.root.is_object else None
        members = [each for each in members or () if not each.key.startswith(ASIDE)]
        self.is_catalogue = bool(members) and all(map(_is_message, members))
        self.is_chrome = self.is_catalogue and any(
            member.value.member(MESSAGES[0]) for member in members
        )

    def string(self, text: str) -> str:
        """A text as a string."""
        return json.dumps(text, ensure_ascii=self.escapes)

    def edit(self, value: Value, content: str) -> Edit:
        return self.content.edit(value.start, value.end, content)

    def units(self) -> Iterator[Unit]:
        return self._of(self.root, ())

    def _of(self, value: Value, key: Key) -> Iterator[Unit]:
        if value.text is not None:
            yield from self._string_unit(value, value.text, key)
            return
        if self.is_catalogue and key:
            messages = filter(None, map(value.member, MESSAGES))
            yield from self._of(next(messages), key)
            return
        members = value.members or []
        done = 0
        for number, member in enumerate(members):
            if member.key.startswith(ASIDE) or number < done:
                continue
            following = members[number : number + len(NAMES) + 1]
            forms = _plural_forms(following) if value.is_object else []
            if forms:
                done = number + len(forms)
                yield self._plural_unit(forms, (*key, member.key))
            else:
                yield from self._of(member.value, (*key, member.key))

    def _string_unit(self, value, text, key):
        line = self.content.line(value.start)

        def edit(content):
            return [self.edit(value, self.string(content))]

        if icu.has_choice(text):
            yield icu.unit(text, line, key, edit, self.language)
        elif keyed.is_text(text):
            of_catalogue = _chrome_text if self.is_chrome else icu.plain
            made = of_catalogue(text) if self.is_catalogue else keyed.plain(text)
            yield keyed.unit(made, line, key, text, edit)

    def _plural_unit(self, members: Sequence[Member], key: Key) -> Unit:
        """The unit of members that follow one another, of which each is for a category."""
        if members[0].key.endswith(ORDINAL):
            raw = "".join(member.value.text or "" for member in members)
            return keyed.left("ordinal numbers", self.content.line(members[0].start), key, raw)
        variants = []
        end = members[0].start
        for member in members:
            value = member.value
            text = keyed.plain(value.text or "").then(self._inner)
            head = self.text[member.start : value.start] + '"'
            form = _FORM.fullmatch(member.key)
            before = self.text[end : member.start]
            raw = self.text[value.start + 1 : value.end - 1]
            name = form["form"] if form else ""
            variants.append(Variant(name, before, head, text, '"', raw))
            end = value.end

        def edit(content):
            return [self.content.edit(members[0].start, end, content)]

        line = self.content.line(members[0].start)
        number = keyed.number_placeholder
        return keyed.choice(variants, line, key, edit, self.language, number)

    def _inner(self, text):
        return self.string(text)[1:-1]


def _value(text, at):
    """The value that begins at a place of what is JSON."""
    if text[at] == '"':
        end = next(_STRING.finditer(text, at)).end()
        return Value(at, end, text=json.loads(text[at:end]))
    if text[at] not in "{[":
        return Value(at, next(_SCALAR.finditer(text, at)).end())
    is_object = text[at] == "{"
    members: list[Member] = []
    end = next(_SPACE.finditer(text, at + 1)).end()
    while text[end] not in "]}":
        start, key = end, str(len(members))
        if is_object:
            name = next(_STRING.finditer(text, start))
            key, end = json.loads(name[0]), next(_COLON.finditer(text, name.end())).end()
        value = _value(text, end)
        members.append(Member(key, start, value))
        end = next(_COMMA.finditer(text, value.end)).end()
    return Value(at, end + 1, members=members, is_object=is_object)


def _kind(value):
    if value.members is None:
        return "a value alone"
    return "an object" if value.is_object else "a list"


def _is_message(member):
    values = map(member.value.member, MESSAGES)
    return any(value is not None and value.text is not None for value in values)


def _plural_forms(members):
    """The first of these members that are the plural forms of a text, or none."""
    forms: list[Member] = []
    name = _FORM.fullmatch(members[0].key)
    for member in members:
        form = _FORM.fullmatch(member.key)
        if not form or not name or form["name"] != name["name"] or member.value.text is None:
            break
        forms.append(member)
    if not name:
        return []
    keys = [member.key for member in forms]
    needed = {f"{name['name']}one", f"{name['name']}other"}
    whole = needed <= set(keys) and len(set(keys)) == len(keys)
    return forms if whole and all(keyed.is_text(each.value.text or "") for each in forms) else []


def _chrome_text(text):
    """A text with its placeholders as masks: they are written as variables of a shell are."""
    parts = []
    at = 0
    for match in _CHROME.finditer(text):
        parts += [Part(Role.TEXT, text[at : match.start()]), Part(Role.OPAQUE, match[0])]
        at = match.end()
    return keyed.masked([*parts, Part(Role.TEXT, text[at:])])


def _additions(ours: _File, source: Value, theirs: _File, present: Value) -> Iterator[Edit]:
    """Edits that put members into an object, each behind the one before it, and fill lists."""
    if not source.members:
        return
    members = present.members or []
    found = {member.key: member.value for member in members}
    plurals = _kept_plurals(source.members, members)
    restored = _restored_plurals(ours, source, theirs, present)
    yield from (theirs.content.edit(*place) for place in restored.values())
    ends = {name: end for name, (_, end, _) in restored.items()}
    new: dict[int, list[Member]] = {}  # by the place behind which they come
    at = members[0].start if members else present.start + 1
    for member in source.members:
        form = _FORM.fullmatch(member.key)
        is_text = not member.key.startswith(ASIDE) and not (form and form["name"] in plurals)
        if own := found.get(member.key):
            at = ends.get(form["name"], own.end) if form else own.end
            if _have_members(member.value, own) and not ours.is_catalogue:
                yield from _additions(ours, member.value, theirs, own)
            elif is_text:
                yield from _replacements(ours, member.value, theirs, own)
        elif is_text:
            new.setdefault(at, []).append(member)
    yield from _insertions(ours, source, theirs, present, new)


def _insertions(ours, source, theirs, present, new):
    """Edits that put members into an object, laid out as those it has. new: by their place."""
    members = present.members
    before, between, after = _around(theirs, present) if members else _around(ours, source)
    indent = _around(ours, source)[0]
    for place, added in new.items():
        texts = [ours.content.text[member.start : member.value.end] for member in added]
        # Further lines are as far from the margin as the first is.
        if "\n" in indent and "\n" in before:
            texts = [text.replace(indent, before) for text in texts]
        written = f",{between}".join(texts)
        if not members:
            written = f"{before}{written}{after}"
        elif place > members[0].start:
            written = f",{between}{written}"
        else:
            written = f"{written},{between}"
        written = written.replace("\r\n", "\n").replace("\n", theirs.content.line_end)
        yield theirs.content.edit(place, place, written)


def _replacements(ours, source, theirs, present):
    """The edits that put a text, or one of a message, in the place of an empty one."""
    pairs = [(source, present), *((source.member(key), present.member(key)) for key in MESSAGES)]
    for value, own in pairs:
        if value and own and (value.text or "").strip() and _is_empty(own):
            yield theirs.content.edit(own.start, own.end, ours.text[value.start : value.end])


def _have_members(value, own):
    """Whether both are objects, or lists of as many items: nothing tells items apart."""
    if value.members is None or own.members is None or value.is_object != own.is_object:
        return False
    return value.is_object or len(value.members) == len(own.members)


def _is_empty(value):
    return value.text is not None and not value.text.strip()


def _kept_plurals(source, present):
    """What texts are called whose plural forms are translated: by their categories or some."""
    ours, theirs = _plurals(source), _by_name(present)
    return {
        name
        for name in ours.keys() & theirs.keys()
        if ours[name].keys() != theirs[name].keys()
        or not all(map(_is_empty, theirs[name].values()))
    }


def _restored_plurals(ours, source, theirs, present):
    """{name: edit that puts the forms of the source in the place of other ones, all empty}.

    They become those of the language again.
    """
    members = present.members or []
    forms = _plurals(source.members)
    edits = {}
    for name, own in _by_name(members).items():
        is_other = name in forms and forms[name].keys() != own.keys()
        if not is_other or not all(map(_is_empty, own.values())):
            continue
        numbers = [n for n, member in enumerate(members) if member.key in own]
        if numbers != list(range(numbers[0], numbers[-1] + 1)):
            continue
        first, last = members[numbers[0]], members[numbers[-1]]
        between = _around(theirs, present)[1]
        written = f",{between}".join(
            ours.content.text[member.start : member.value.end]
            for member in source.members
            if member.key in forms[name]
        )
        edits[name] = first.start, last.value.end, written
    return edits


def _plurals(members):
    """Those of `_by_name` that are the plural forms of a text."""
    parts = (members[number : number + len(NAMES) + 1] for number in range(len(members)))
    return _by_name(form for part in parts for form in _plural_forms(part))


def _by_name(members):
    """{what plural forms are called without their categories: {key: value}}."""
    found: dict[str, dict[str, Value]] = {}
    for member in members:
        if form := _FORM.fullmatch(member.key):
            found.setdefault(form["name"], {})[member.key] = member.value
    return found


def _around(file, value):
    """What stands before the first member of an object, between members, behind the last one."""
    text, members = file.text, value.members
    before = text[value.start + 1 : members[0].start]
    between = before or " "
    if len(members) > 1:
        between = text[members[0].value.end : members[1].start].partition(",")[2]
    return before, between, text[members[-1].value.end : value.end - 1]
