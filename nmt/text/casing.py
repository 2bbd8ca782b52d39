"""Capitals: text in unusual case is translated in its usual case (truecasing, Lita et al. 2003).

What was in capitals comes out in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from nmt.text.profile import WORD, Profile

# Words from which on a line or a run of words counts as written in capitals; a single word may be
# an abbreviation, unless it is long.
MIN_UPPER_WORDS = 2
LONG_WORD = 5
# Words of a line below which its case says nothing.
MIN_WORDS = 3
# Words that must be capitalised against their habit in Title Case; shorter words need not be.
MIN_TITLE_WORDS = 2
TITLE_LETTERS = 4


class Cased(NamedTuple):
    """A text in its usual case, of the same length, and what was unusual."""

    text: str
    # How the translation as a whole is cased.
    restore: Callable[[str], str] | None = None
    # Character ranges of words in capitals within other text.
    upper: tuple[tuple[int, int], ...] = ()


def usual_case(text: str, profile: Profile, symbols: Collection[str] = ()) -> Cased:
    """The text as the training sources are cased, if its own case is unusual.

    symbols: characters in the place of what is copied. Behind these, and behind a number, no
    sentence begins.
    """
    words = list(WORD.finditer(text))
    cased = [word for word in words if word[0].lower() != word[0].upper()]
    if not cased:
        return Cased(text)
    begins = not any(c.isdigit() or c in symbols for c in text[: words[0].start()])
    # 1. The line as a whole.
    if all(word[0].isupper() for word in cased):
        if _in_capitals(cased, profile):
            return Cased(_truecased(text, words, profile, begins), str.upper)
        return Cased(text)
    if len(cased) >= MIN_WORDS:
        if all(word[0].islower() for word in cased):
            truecased = _truecased(text, words, profile, begins)
            return Cased(truecased if profile.capitalised else text)
        if _is_title(cased, profile):
            return Cased(_truecased(text, words, profile, begins), title_case)
    # 2. Runs of words in capitals.
    runs = list(_upper_runs(cased, profile))
    for run in runs:
        text = _truecased(text, run, profile, begins and run[0] is words[0])
    return Cased(text, None, tuple((run[0].start(), run[-1].end()) for run in runs))


def title_case(text: str) -> str:
    """Every word capitalised."""
    return re.sub(r"(?<![\w'’])[^\W\d_]", lambda match: _upper(match[0]), text)


def lowered(text: str) -> str:
    """The text in lower case, letter by letter: its length stays."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _in_capitals(words, profile):
    """Whether upper-case words are more than abbreviations."""
    longer = [word for word in words if len(word[0]) > 1]
    is_text = len(longer) >= MIN_UPPER_WORDS or len(words[0][0]) >= LONG_WORD
    return is_text and any(profile.usual_form(word[0]) != word[0] for word in words)


def _is_title(words, profile):
    """Whether words are capitalised that usually are not, and no longer word is in lower case."""
    rest = [word[0] for word in words[1:]]
    if any(word.islower() and len(word) >= TITLE_LETTERS for word in rest):
        return False
    against_habit = [word for word in rest if word.istitle() and _is_usually_lower(word, profile)]
    return len(against_habit) >= MIN_TITLE_WORDS


def _is_usually_lower(word, profile):
    usual = profile.usual_form(word)
    return usual is not None and usual.islower()


def _upper_runs(words, profile):
    """Runs of neighbouring upper-case words, two of which are usually in lower case."""
    run = []
    for word in [*words, None]:
        if word is not None and word[0].isupper():
            run.append(word)
            continue
        usually_lower = [each for each in run if _is_usually_lower(each[0], profile)]
        if len(usually_lower) >= MIN_UPPER_WORDS:
            yield run
        run = []


def _truecased(text, words, profile, capitalise):
    """The text with words in their usual form, else in lower case; the first one capitalised."""
    pieces = []
    end = 0
    for number, word in enumerate(words):
        usual = profile.usual_form(word[0])
        if usual is None or len(usual) != len(word[0]):
            usual = lowered(word[0])
        if number == 0 and capitalise:
            usual = _upper(usual[0]) + usual[1:]
        pieces += [text[end : word.start()], usual]
        end = word.end()
    return "".join([*pieces, text[end:]])


def _upper(c):
    """A letter in upper case, where that is one letter."""
    return c.upper() if len(c.upper()) == 1 else c
