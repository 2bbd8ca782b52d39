"""What a translation must begin with, as the model writes it.

The model writes symbols in the place of placeholders, leaves out marks, and writes lines in
unusual case in the usual one. A given text is made into that, and takes the place of what the model
has written for it: it stands in the translation letter for letter.
"""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nmt.errors import UserError
from nmt.text.common_spans import occurrences
from nmt.text.kinds import MARK
from nmt.text.spans import find_spans
from nmt.text.symbols import SLOT, SYMBOLS, Copied, Mark, slot_number, unwritten

if TYPE_CHECKING:
    from nmt.text.preparation import PreparedLine


@dataclasses.dataclass
class Beginning:
    """The beginning of the translation of one segment."""

    given: str  # to be there letter for letter
    whole: bool  # nothing comes after it
    text: str  # as the model writes it, with symbols and without marks
    lacking: str  # of a mark that `given` ends in the middle of
    marks: list[Mark]  # of the source, those that `given` does not have
    form: Callable[[str], str]  # what it and an output are compared in
    names: Sequence[Copied]  # what the symbols stand for
    whole_word: bool = False  # no letter goes on with its last word
    _expansions: dict[str, str] = dataclasses.field(default_factory=dict, repr=False)

    def written(self) -> str:
        """The text in the form in which it is compared."""
        return self.form(self.text)

    def key(self) -> tuple:
        """Equal keys ask a search for the same."""
        names = tuple(copied.text for copied in self.names)
        return self.given, self.whole, self.whole_word, self.written(), self.form, names

    def end(self, output: str) -> tuple[int, str]:
        """Where the beginning ends in an output with symbols, and what comes in its place.

        Its last character may write more: a placeholder that was given in part.
        """
        left = self._length
        for end, character in enumerate(output):
            if left <= 0:
                return end, self.given + self.lacking
            expanded = self._expanded(character)
            if left < len(expanded):
                return end + 1, self.given + expanded[left:]
            left -= len(expanded)
        return len(output), self.given + self.lacking

    @functools.cached_property
    def _length(self):
        return sum(len(self._expanded(character)) for character in self.text)

    def _expanded(self, character):
        """What a character of an output writes."""
        if character not in self._expansions:
            number = ord(character) - ord(SYMBOLS[0])
            is_symbol = 0 <= number < len(self.names)
            written = self.names[number].text if is_symbol else self.form(character)
            self._expansions[character] = written
        return self._expansions[character]


def without_spaces(text: str) -> str:
    """What texts of tokens are compared in, of languages without spaces."""
    return text.replace(" ", "")


def beginning(
    given: str, prepared: PreparedLine, form: Callable[[str], str], whole: bool
) -> Beginning:
    """The beginning of the translation of a prepared line.

    form: what texts are compared in. whole: nothing comes after it.
    UserError for characters that a translation cannot have.
    """
    if strange := unwritten().search(given):
        raise UserError(
            f"the beginning {given!r} cannot be written: no translation has the character "
            f"U+{ord(strange[0]):04X}"
        )
    # 1. Marks are left out.
    text, lacking, found = _without_marks(given, prepared, whole)
    # 2. What is copied is the symbol that it is in the source.
    numbers = {copied.text: number for number, copied in enumerate(prepared.names)}
    for name in sorted(filter(None, numbers), key=len, reverse=True):
        text = occurrences(name).sub(SYMBOLS[numbers[name]], text)
    # 3. What is left to put in.
    marks = [
        mark._replace(
            opening=_left(mark.opening, prepared, found),
            closing=_left(mark.closing, prepared, found),
        )
        for mark in prepared.marks
    ]
    marks = [mark for mark in marks if mark.opening or mark.closing]
    return Beginning(given, whole, text, lacking, marks, form, prepared.names)


def _without_marks(given, prepared, whole):
    """The text without marks, what lacks of a last one, and how often each mark stands in it."""
    spans, lacking, last_opens = _marks_in(given, prepared, whole)
    text = ""
    end = 0
    for start, after in spans:
        text = _joined(text, given[end:start])
        end = after
    text = _joined(text, given[end:])
    # Behind a mark that opens nothing, a space is still to come.
    if spans and spans[-1][1] == len(given) and not last_opens:
        text = text.rstrip()
    found = Counter(given[start:after] for start, after in spans)
    if lacking:
        start, after = spans[-1]
        found[given[start:after] + lacking] += 1
    return text, lacking, found


def _joined(text, more):
    """Both; white space stands once where a mark stood between, and not at the beginning."""
    between_words = text and not text[-1].isspace()
    return text + (more if between_words else more.lstrip())


def _marks_in(given, prepared, whole):
    """Ranges of the marks in a text, what lacks of a last one, and whether that opens a range."""
    own, openings = _texts_of_marks(prepared)
    spans = _spans_of_marks(given, own)
    after = spans[-1][1] if spans else 0
    left = [] if whole else own - Counter(given[start:end] for start, end in spans)
    # Those that the text may end in the middle of.
    begun = [
        (size, name)
        for name in left
        for size in range(1, len(name))
        if given.endswith(name[:size], after)
    ]
    if begun:
        size, name = max(begun)
        return [*spans, (len(given) - size, len(given))], name[size:], name in openings
    last = given[slice(*spans[-1])] if spans else ""
    return spans, "", last in openings


def _spans_of_marks(given, own):
    """Ranges of the marks in a text: those of the source, as often as there, and others."""
    candidates = [
        match.span()
        for name, times in sorted(own.items(), key=lambda item: -len(item[0]))
        for match in list(occurrences(name).finditer(given))[:times]
    ]
    candidates += [(span.start, span.end) for span in find_spans(given) if span.kind.role == MARK]
    spans: list[tuple[int, int]] = []
    for start, end in candidates:
        if all(end <= other_start or other_end <= start for other_start, other_end in spans):
            spans.append((start, end))
    return sorted(spans)


def _texts_of_marks(prepared):
    """How often each mark stands in the source, and those that open a range."""
    texts: Counter[str] = Counter()
    openings = set()
    for mark in prepared.marks:
        for content in filter(None, (mark.opening, mark.closing)):
            for character in SLOT.findall(content):
                copied = prepared.line.copied[slot_number(character)].text
                texts[copied] += 1
                if mark.closing is not None and content == mark.opening:
                    openings.add(copied)
    del texts[""]
    return texts, openings


def _left(content, prepared, found):
    """What a mark of the source puts in, nothing if that is found; then it is counted down."""
    if not content:
        return content
    copied = prepared.line.copied[slot_number(SLOT.findall(content)[0])].text
    if not found[copied]:
        return content
    found[copied] -= 1
    return ""
