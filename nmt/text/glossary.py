"""Terms and how they must be translated: where they stand in a line, and whether they are used."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

from nmt.errors import UserError

# The terms that begin with the same characters are compared with a text one by one.
KEY = 4
# A word of so many letters counts as used with an ending of so many.
INFLECTED = 4
ENDING = r"[^\W\d_]{0,2}"


class Term(NamedTuple):
    """A word or words with their translation."""

    source: str
    target: str
    exact: bool = False  # as written: only this case, no ending


class FoundTerm(NamedTuple):
    """A term in a text: `text[start:end]`, and its translation in that case."""

    start: int
    end: int
    target: str
    term: Term

    def used(self, translation: str) -> int:
        """How often a translation has the term, in any case and with short endings if not exact."""
        return len(_pattern(self.term).findall(translation))


class Glossary:
    """Terms of one language with their translations into another one."""

    def __init__(self, terms: Iterable[Term], unspaced: bool = False):
        """unspaced: the source language is written without spaces. Of equal sources the first."""
        self.unspaced = unspaced
        self._terms: dict[str, list[tuple[str, Term]]] = {}
        for term in terms:
            if not term.source or not term.target:
                raise UserError(f"{term}: a term needs a source and a target")
            folded = _folded(term.source)
            self._terms.setdefault(folded[:KEY], []).append((folded, term))
        for entries in self._terms.values():
            # Of terms that begin alike the longest; of equal ones those that must be exact.
            entries.sort(key=lambda entry: (-len(entry[0]), not entry[1].exact))

    def find(self, text: str) -> list[FoundTerm]:
        """The terms of a text, from left to right the longest on borders of words."""
        folded = _folded(text)
        found = []
        end = 0
        for start in range(len(text)):
            if start < end or not self._is_border(text, start):
                continue
            term = self._longest(text, folded, start)
            if term:
                end = start + len(term.source)
                found.append(FoundTerm(start, end, _in_case(term, text[start:end]), term))
        return found

    def _longest(self, text, folded, start):
        """The longest term that begins there, or None."""
        for length in range(KEY, 0, -1):
            for form, term in self._terms.get(folded[start : start + length], ()):
                here = text if term.exact else folded
                expected = term.source if term.exact else form
                end = start + len(expected)
                if here.startswith(expected, start) and self._is_border(text, end):
                    return term
        return None

    def _is_border(self, text, place):
        """Whether a word may begin or end there."""
        sides = text[place - 1 : place + 1] if place else ""
        inside = len(sides) == 2 and all(side.isalnum() or side == "_" for side in sides)
        return not inside or (self.unspaced and not sides.isascii())


def _folded(text):
    """Lower case, character by character: lengths stay."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _in_case(term, source):
    """The translation as its source is written in the text."""
    if term.exact or source == term.source:
        return term.target
    if source.isupper() and len(source) > 1:
        return term.target.upper()
    if source[0].isupper() and not term.source[0].isupper():
        return term.target[0].upper() + term.target[1:]
    return term.target


@functools.lru_cache(4096)
def _pattern(term):
    words = [re.escape(word) for word in term.target.split()]
    if not term.exact:
        letters = term.target.split()
        words = [
            word + ENDING if len(raw) >= INFLECTED and raw.isalpha() else word
            for word, raw in zip(words, letters, strict=True)
        ]
    before = r"(?<!\w)" if _is_letter(term.target[0]) else ""
    after = r"(?!\w)" if _is_letter(term.target[-1]) else ""
    return re.compile(before + r"\s+".join(words) + after, re.IGNORECASE * (not term.exact))


def _is_letter(character):
    """Whether white space or a sign stands beside it, where a word begins or ends."""
    return character.isalnum() and character < "\u0e00"
