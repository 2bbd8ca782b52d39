"""What is usual in the training sources: their characters, and how their words are cased."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable

# Rarer characters and words say nothing of what is usual.
MIN_CHARACTERS = 5
MIN_WORDS = 2
# Words that are remembered, the most frequent ones.
WORDS = 20_000
# Words are counted up to this number of distinct ones, which bounds memory.
COUNTED_WORDS = 1_000_000
# The share of lines that begin with a capital from which on every line should.
CAPITALISED = 0.9

WORD = re.compile(r"[^\W\d_]+")


class Profile:
    """What is usual in the sources that a model was trained on.

    characters: those that occur often; none: they were not counted. words: in their usual form,
    the most frequent first. capitalised: lines begin with a capital letter.
    """

    def __init__(
        self, characters: str = "", words: Iterable[str] = (), capitalised: bool = False
    ) -> None:
        self.characters = frozenset(characters)
        self.words = list(words)
        self.capitalised = capitalised

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.characters)

    @functools.cached_property
    def _forms(self):
        return {word.lower(): word for word in self.words}

    def usual_form(self, word: str) -> str | None:
        """A word as it is usually cased, or None for a word that is not usual."""
        return self._forms.get(word.lower())

    def to_json(self) -> str:
        """The profile as a file has it."""
        entries = {
            "characters": "".join(sorted(self.characters)),
            "capitalised": self.capitalised,
            "words": self.words,
        }
        return json.dumps(entries, ensure_ascii=False, indent=0) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """The profile of what `to_json` returned; ValueError, KeyError or TypeError otherwise."""
        entries = json.loads(text)
        return cls(entries["characters"], entries["words"], entries["capitalised"])


class ProfileCounter:
    """Counts characters and words of sources."""

    def __init__(self) -> None:
        self.lines = 0
        self.capitalised = 0
        self.characters: Counter[str] = Counter()
        self.words: Counter[str] = Counter()

    def add(self, line: str) -> None:
        """Counts a line."""
        self.characters.update(line)
        words = WORD.findall(line)
        if not words:
            return
        self.lines += 1
        self.capitalised += not words[0].islower()
        # The first word is capitalised anyway, unless it has capitals elsewhere.
        first = words[0] if words[0][1:].islower() else None
        for word in words[first is not None :]:
            if word in self.words or len(self.words) < COUNTED_WORDS:
                self.words[word] += 1

    def merge(self, later: ProfileCounter) -> None:
        """Adds the counts of lines that came later, as if each had been added here."""
        self.lines += later.lines
        self.capitalised += later.capitalised
        self.characters.update(later.characters)
        for word, count in later.words.items():
            if word in self.words or len(self.words) < COUNTED_WORDS:
                self.words[word] += count

    def profile(self) -> Profile:
        """What is usual in the lines so far."""
        characters = "".join(c for c, n in self.characters.items() if n >= MIN_CHARACTERS)
        # Of the forms of a word the most frequent one.
        forms: dict[str, str] = {}
        for word, count in self.words.most_common():
            if count >= MIN_WORDS:
                forms.setdefault(word.lower(), word)
        words = itertools.islice(forms.values(), WORDS)
        capitalised = self.lines > 0 and self.capitalised >= CAPITALISED * self.lines
        return Profile(characters, words, capitalised)
