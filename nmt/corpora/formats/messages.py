"""What PO and MO share: a header, plural forms, and msgids that translators start from."""

import gettext
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nmt.corpora.formats import note
from nmt.errors import OtherLanguages
from nmt.text import languages

# The number whose form the singular takes, and the number whose form the plural takes.
SINGULAR = 1
PLURAL = 5
CODE = re.compile(r"[A-Za-z]{2,3}(?:[-_.@]|$)")
# Identifiers such as menu.file.open, without spaces.
KEY = re.compile(r"[\w-]+(?:[.:/_][\w-]+)+")


class Header:
    """The translation of the empty msgid: lines of name and value."""

    def __init__(self, text: str = ""):
        lines = (line.partition(":") for line in text.split("\n"))
        self.values = {name.strip().lower(): value.strip() for name, _, value in lines}

    @property
    def charset(self) -> str:
        """As Content-Type names it, or ""."""
        match = re.search(r"charset=\s*([\w.:-]+)", self.values.get("content-type", ""))
        return match[1] if match else ""

    def plural_forms(self) -> dict[int, int]:
        """{number: its form} for one and for several, by Plural-Forms; {} without a rule."""
        rule = re.search(r"plural\s*=\s*([^;]+)", self.values.get("plural-forms", ""))
        if not rule:
            return {}
        try:
            form = gettext.c2py(rule[1])
            return {number: form(number) for number in (SINGULAR, PLURAL)}
        except (ValueError, ArithmeticError):
            return {}

    def language(self, name: str) -> str:
        """The language code under a name, or ""."""
        code = self.values.get(name, "")
        return code if CODE.match(code) else ""


class Catalogue:
    """The messages of a file as pairs, checked against the languages of the recipe."""

    def __init__(self, path: Path, source: str, target: str, dropped: Counter[str]):
        self.path = path
        self.source = source
        self.target = target
        self.dropped = dropped
        self.forms: dict[int, int] = {}
        self.messages = 0
        self.keys: list[str] = []

    def read_header(self, text: str) -> None:
        """Takes the plural rule; UserError when the languages are not those of the recipe."""
        self.dropped["header"] += 1
        header = Header(text)
        self.forms = header.plural_forms() or self.forms
        self._check("data.target", self.target, header.language("language"), "msgstr")
        self._check("data.source", self.source, header.language("x-source-language"), "msgid")

    def _check(self, name, code, own_code, side):
        if not own_code or languages.parse(code).includes(languages.parse(own_code)):
            return
        advice = f"set {name}={own_code}, or correct the header"
        # A translator for the other direction needs a file for the other direction.
        if side == "msgstr" and languages.parse(self.source).includes(languages.parse(own_code)):
            advice = (
                f"PO translates msgid into msgstr: set data.source={self.target} "
                f"data.target={self.source}, or swap the file with poswap (translate-toolkit)"
            )
        raise OtherLanguages(
            f"{self.path}: its header says that {side} is {own_code!r}, but {name} is {code!r}; "
            f"{advice}"
        )

    def pairs(self, msgids: list[str], translations: list[str]) -> Iterator[tuple[str, str]]:
        """The pairs of a message: msgid, and msgid_plural if there is one.

        translations: by form. Without a rule: the first form for one, the last for several.
        """
        self.messages += 1
        if KEY.fullmatch(msgids[0]):
            self.keys.append(msgids[0])
        forms = dict(enumerate(translations))
        yield msgids[0], forms.get(self.forms.get(SINGULAR, 0), translations[0])
        for plural in msgids[1:]:
            yield plural, forms.get(self.forms.get(PLURAL, -1), translations[-1])

    def note_keys(self) -> None:
        """Tells when most msgids are identifiers: nothing is to be learnt from them."""
        if 2 * len(self.keys) > self.messages:
            note(
                f"{self.path}: {len(self.keys)} of {self.messages} msgids are keys "
                f"({self.keys[0]}), not text in {self.source!r}"
            )
