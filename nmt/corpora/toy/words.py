"""The words of the grammar, read from the tables beside this file."""

from collections import defaultdict, namedtuple
from collections.abc import Iterable, Iterator
from importlib import resources
from typing import NamedTuple


class Noun(namedtuple("Noun", "en en_plural gender de de_plural ja counter kind")):
    """A row of nouns.txt; an empty plural or counter: the noun is not counted.

    gender: m, f, n; w: weak masculine.
    """

    @property
    def is_person(self) -> bool:
        """Whether it has a plural in Japanese."""
        return self.kind in ("adult", "child")


class Verb(
    namedtuple(
        "Verb",
        "en past ing extra ich er infinitive participle case particle ja tenses places objects",
    )
):
    """A row of verbs.txt.

    ing: empty without a progressive. extra: `to`, takes a recipient; `mit`, a preposition; `auf=`,
    a separable prefix.
    """

    def object_nouns(self) -> Iterator[str]:
        """The nouns that may be its object: "FOOD-egg,book" is all food but eggs, and books."""
        for part in self.objects.split(","):
            name, *without = part.split("-")
            nouns_of_part = KINDS.get(name, [name])
            yield from (noun for noun in nouns_of_part if noun not in without)


class Phrase(NamedTuple):
    """The same in three languages."""

    en: str
    de: str
    ja: str


class Reason(NamedTuple):
    """A row of reasons.txt: what the subject is or has."""

    sign: str
    verb: str
    en: str
    de: str
    ja: str
    ja_past: str


def rows(name: str, columns: int) -> list[list[str]]:
    """The cells of a table by row, `_` as a space and `-` as nothing."""
    text = resources.files(__package__).joinpath(f"{name}.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    words = " ".join(lines).split()
    cells = ["" if word == "-" else word.replace("_", " ") for word in words]
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]


def grouped(pairs: Iterable) -> dict:
    """The values of each key in (key, value) pairs, in order."""
    groups = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)


TENSES = {"p": "past", "n": "now", "h": "habit", "f": "future", "s": "state"}
WHERE = Phrase("where", "wo", "どこで")
WHEN = Phrase("when", "wann", "いつ")

# Nouns by their English singular, verbs by their infinitive.
NOUNS = {row[0]: Noun(*row) for row in rows("nouns", 8)}
VERBS = {row[0]: Verb(*row) for row in rows("verbs", 14)}

# The nouns of each kind; kinds in capitals.
KINDS = grouped((noun.kind.upper(), noun.en) for noun in NOUNS.values())
# Names and relatives, which take no article, and people that take one.
NAMED = KINDS["NAME"] + KINDS["KIN"]
PEOPLE = KINDS["ADULT"] + KINDS["CHILD"]

# Adjectives by their English form; the German one is a stem.
_ADJECTIVES = rows("adjectives", 4)
ADJECTIVES = {row[0]: Phrase(*row[:3]) for row in _ADJECTIVES}
# The adjectives that describe nouns of each kind.
ADJECTIVES_FOR = grouped((kind, row[0]) for row in _ADJECTIVES for kind in row[3].split(","))

# Two to nine.
NUMBERS = {row[0]: Phrase(*row) for row in rows("numbers", 3)}

# Adverbs of place by the name that verbs.txt uses, and adverbs of time by tense.
PLACES = {name: Phrase(*forms) for name, *forms in rows("places", 4)}
TIMES = grouped((tense, Phrase(*forms)) for tense, *forms in rows("times", 4))

# Reasons to do something, "+", or not to, "!"; verbs that report a clause.
REASONS = grouped((row[0], Reason(*row)) for row in rows("reasons", 6))
REPORTS = [Phrase(*row) for row in rows("reports", 3)]
