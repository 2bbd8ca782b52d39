"""Terms and how they must be translated: where they stand in a line, and whether they are used."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nmt.errors import UserError
from nmt.text.casing import lowered
from nmt.text.letters import is_mark, is_of_word

# The terms that begin with the same characters are compared with a text one by one.
KEY = 4
# A word of so many letters counts as used with an ending of so many. Particles of Korean follow
# words of any length.
INFLECTED = 4
LONGEST_ENDING = 2
ENDING = rf"[^\W\d_]{{0,{LONGEST_ENDING}}}"
HANGUL = "\uac00-\ud7a3"
PARTICLE = rf"[{HANGUL}]{{0,{LONGEST_ENDING}}}(?!\w)"
# Scripts that put no spaces between words.
UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


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
        return sum(1 for _ in self.places(translation))

    def places(self, translation: str) -> Iterator[tuple[int, int]]:
        """(start, end) of each place where a translation has the term."""
        for match in _pattern(self.term).finditer(translation):
            if not any(_is_within(translation, place) for place in match.span()):
                yield match.span()


class Glossary:
    """Terms of one language with their translations into another one."""

    def __init__(self, terms: Iterable[Term], unspaced: bool = False):
        """unspaced: the source language is written without spaces. Of equal sources the first."""
        self.unspaced = unspaced
        self._terms: dict[str, list[tuple[str, Term]]] = {}
        for term in terms:
            if not term.source or not term.target:
                raise UserError(f"{term}: a term needs a source and a target")
            folded = lowered(_compact(term.source)[0])
            self._terms.setdefault(folded[:KEY], []).append((folded, term))
        for entries in self._terms.values():
            # Of terms that begin alike the longest; of equal ones those that must be exact.
            entries.sort(key=lambda entry: (-len(entry[0]), not entry[1].exact))

    def find(self, text: str) -> list[FoundTerm]:
        """The terms of a text, from left to right the longest on borders of words."""
        compact, places = _compact(text)
        folded = lowered(compact)
        found = []
        end = 0
        for start in range(len(compact)):
            if start < end or not self._is_border(compact, start):
                continue
            term = self._longest(compact, folded, start)
            if term:
                end = start + len(_compact(term.source)[0])
                target = _in_case(term, compact[start:end])
                found.append(FoundTerm(places[start], places[end - 1] + 1, target, term))
        return found

    def _longest(self, text, folded, start):
        """The longest term that begins there, or None."""
        for length in range(KEY, 0, -1):
            for form, term in self._terms.get(folded[start : start + length], ()):
                here = text if term.exact else folded
                expected = _compact(term.source)[0] if term.exact else form
                end = start + len(expected)
                if here.startswith(expected, start) and self._is_end(text, end):
                    return term
        return None

    def _is_border(self, text, place):
        """Whether a word may begin or end there."""
        sides = text[place - 1 : place + 1] if place else ""
        if len(sides) < 2 or not all(map(is_of_word, sides)):
            return True
        return self.unspaced and not sides.isascii() and not is_mark(sides[1])

    def _is_end(self, text, place):
        """Whether a word may end there; particles may follow."""
        is_korean = re.match(f"[{HANGUL}]", text[place - 1])
        return self._is_border(text, place) or bool(is_korean and _particle().match(text, place))


def _compact(text):
    """A text with one space for any white space, and the place of each character before that."""
    places = [n for n, c in enumerate(text) if not (c.isspace() and text[n - 1 : n].isspace())]
    return "".join(" " if text[n].isspace() else text[n] for n in places), places


def _in_case(term, source):
    """The translation as its source is written in the text."""
    if term.exact or source == term.source:
        return term.target
    if source.isupper() and len(source) > 1:
        return term.target.upper()
    if source[0].isupper() and not term.source[0].isupper():
        return term.target[0].upper() + term.target[1:]
    return term.target


# Sets of many characters take milliseconds, which not every start of a program shall pay for.


@functools.cache
def _particle():
    return re.compile(PARTICLE)


@functools.cache
def _unspaced():
    return re.compile(UNSPACED)


@functools.lru_cache(4096)
def _pattern(term):
    if term.exact:
        return re.compile(r"\s+".join(map(re.escape, term.target.split())))
    words = []
    for word in term.target.split():
        is_korean = re.search(f"[{HANGUL}]$", word)
        inflected = is_korean or (len(word) >= INFLECTED and word.isalpha())
        words.append("".join(map(_in_any_case, word)) + (ENDING if inflected else ""))
    return re.compile(r"\s+".join(words), re.IGNORECASE)


def _in_any_case(character):
    """A pattern for a letter; capitals of some are two."""
    capital = character.upper()
    if len(capital) == 1:
        return re.escape(character)
    return f"(?:{re.escape(character)}|{re.escape(capital)})"


def _is_within(text, place):
    """Whether a word goes on there."""
    sides = text[place - 1 : place + 1] if place else ""
    inside = len(sides) == 2 and all(map(is_of_word, sides))
    return inside and (is_mark(sides[1]) or not any(map(_unspaced().match, sides)))
