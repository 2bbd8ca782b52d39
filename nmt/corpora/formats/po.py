"""Catalogues of gettext (PO): msgid and its translation msgstr."""

import dataclasses
import gettext
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nmt.errors import UserError
from nmt.files import lines

STRING = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s*)?"((?:[^"\\]|\\.)*)"')
NEXT_ENTRY = re.compile(r"#|msgid\b|msgctxt\b")
OBSOLETE = re.compile(r"#~\s*msgid\b")
PLURAL_RULE = re.compile(r"^Plural-Forms:.*?plural\s*=\s*([^;\n]+)", re.MULTILINE | re.IGNORECASE)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
# The number whose form the singular takes.
SINGULAR = 1
# The number whose form the plural takes.
PLURAL = 5


@dataclasses.dataclass
class Entry:
    """A message as far as it was read."""

    # By field, as msgstr[0].
    texts: dict[str, str] = dataclasses.field(default_factory=dict)
    fuzzy: bool = False
    # The one that the last line belongs to.
    field: str = ""

    def translated(self) -> bool:
        return self.field.startswith("msgstr")

    def add_comment(self, line: str) -> None:
        """A blank line or a comment; what is said of an obsolete entry is not said of this one."""
        if line.startswith("#~"):
            self.fuzzy = False
        elif line.startswith("#,") and "fuzzy" in line:
            self.fuzzy = True

    def add_text(self, line: str, where: str) -> None:
        """A keyword with its string, or a string that goes on; UserError when it is neither."""
        # Keyword and string.
        match = STRING.fullmatch(line)
        if not match:
            raise _mistake(where, f"not a line of a PO file: {line[:40]}")
        keyword, text = match.groups()
        # The field, which must fit in here.
        self.field = keyword or self.field
        if not self.field or (self.translated() and "msgid" not in self.texts):
            raise _mistake(where, "text without a msgid before it")
        if keyword and keyword in self.texts:
            raise _mistake(where, f"{keyword} twice in one entry")
        # The text goes on.
        text = re.sub(r"\\(.)", lambda escape: ESCAPES.get(escape[1], escape[0]), text)
        self.texts[self.field] = self.texts.get(self.field, "") + text


def read(path: Path, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """msgid and msgstr; a singular has the form for the number 1, a plural that for 5."""
    forms: dict[int, int] = {}
    for entry in _entries(path, dropped):
        # The entry of the empty msgid is the header; it comes first.
        translations = [text for field, text in entry.texts.items() if field.startswith("msgstr")]
        if entry.texts.get("msgid") == "" and "msgctxt" not in entry.texts:
            dropped["header"] += 1
            forms.update(_plural_forms("".join(translations)))
        elif entry.fuzzy:
            dropped["fuzzy"] += 1
        elif translations:
            yield from _messages(entry.texts, translations, forms)


def _entries(path, dropped):
    entry = Entry()
    where = str(path)
    for number, line in enumerate(lines(path), 1):
        where = f"{path}, line {number}"
        line = line.strip()
        # An entry ends where the next one begins: blank lines are not needed.
        if entry.translated() and NEXT_ENTRY.match(line):
            yield entry
            entry = Entry()
        if line and not line.startswith("#"):
            entry.add_text(line, where)
            continue
        entry.add_comment(line)
        if OBSOLETE.match(line):
            dropped["obsolete"] += 1
    if entry.field and not entry.translated():
        raise _mistake(where, "the file ends before the msgstr of its last entry")
    yield entry


def _messages(texts, translations, forms):
    """The pairs of an entry. Without a rule: the first form for one, the last for several."""
    singular = f"msgstr[{forms.get(SINGULAR, 0)}]"
    yield texts["msgid"], texts.get(singular, translations[0])
    if "msgid_plural" in texts:
        plural = f"msgstr[{forms.get(PLURAL)}]"
        yield texts["msgid_plural"], texts.get(plural, translations[-1])


def _plural_forms(header):
    """{number: its form} for one and for several, by the rule in the header; {} without a rule."""
    rule = PLURAL_RULE.search(header)
    if not rule:
        return {}
    try:
        form = gettext.c2py(rule[1])
        return {number: form(number) for number in (SINGULAR, PLURAL)}
    except (ValueError, ArithmeticError):
        return {}


def _mistake(where, what):
    return UserError(f"{where}: {what}; msgfmt -c tells more")
