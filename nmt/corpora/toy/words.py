"""The words of the grammar, read from the tables beside this file when they are first asked for."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple


class Noun(NamedTuple):
    """A row of nouns.txt; an empty plural or counter: the noun is not counted."""

    en: str
    en_plural: str
    gender: str  # m, f, n; w: weak masculine
    de: str
    de_plural: str
    ja: str
    counter: str
    kind: str

    @property
    def is_person(self) -> bool:
        """Whether it has a plural in Japanese."""
        return self.kind in ("adult", "child")


class Verb(NamedTuple):
    """A row of verbs.txt."""

    en: str
    past: str
    ing: str  # empty: no progressive
    extra: str  # `to`: takes a recipient; `mit`: preposition; `auf=`: separable prefix
    ich: str
    er: str
    infinitive: str
    participle: str
    case: str
    particle: str
    ja: str
    tenses: str
    places: str
    objects: str

    def object_nouns(self) -> Iterator[str]:
        """The nouns that may be its object: "FOOD-egg,book" is all food but eggs, and books."""
        for part in self.objects.split(","):
            name, *without = part.split("-")
            nouns_of_part = kinds().get(name, [name])
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


TENSES = {"p": "past", "n": "now", "h": "habit", "f": "future", "s": "state"}
WHERE = Phrase("where", "wo", "どこで")
WHEN = Phrase("when", "wann", "いつ")


@cache
def nouns() -> dict[str, Noun]:
    """Nouns by their English singular."""
    return {row[0]: Noun(*row) for row in _rows("nouns", 8)}


@cache
def kinds() -> dict[str, list[str]]:
    """The nouns of each kind; kinds in capitals."""
    nouns_of_kind = defaultdict(list)
    for noun in nouns().values():
        nouns_of_kind[noun.kind.upper()].append(noun.en)
    return dict(nouns_of_kind)


@cache
def named() -> list[str]:
    """Names and relatives, which take no article."""
    return kinds()["NAME"] + kinds()["KIN"]


@cache
def people() -> list[str]:
    """People that take an article."""
    return kinds()["ADULT"] + kinds()["CHILD"]


@cache
def verbs() -> dict[str, Verb]:
    """Verbs by their English infinitive."""
    return {row[0]: Verb(*row) for row in _rows("verbs", 14)}


@cache
def adjectives() -> dict[str, Phrase]:
    """Adjectives by their English form; the German one is a stem."""
    return {en: Phrase(en, de, ja) for en, de, ja, _ in _rows("adjectives", 4)}


@cache
def adjectives_for() -> dict[str, list[str]]:
    """The adjectives that describe nouns of each kind."""
    adjectives_of_kind = defaultdict(list)
    for adjective, _, _, described in _rows("adjectives", 4):
        for kind in described.split(","):
            adjectives_of_kind[kind].append(adjective)
    return dict(adjectives_of_kind)


@cache
def numbers() -> dict[str, Phrase]:
    """Two to nine."""
    return {row[0]: Phrase(*row) for row in _rows("numbers", 3)}


@cache
def places() -> dict[str, Phrase]:
    """Adverbs of place by the name that verbs.txt uses."""
    return {name: Phrase(*forms) for name, *forms in _rows("places", 4)}


@cache
def times() -> dict[str, list[Phrase]]:
    """Adverbs of time by tense."""
    times_of_tense = defaultdict(list)
    for tense, *forms in _rows("times", 4):
        times_of_tense[tense].append(Phrase(*forms))
    return dict(times_of_tense)


@cache
def reasons(negative: bool) -> list[Reason]:
    """Reasons to do something, or not to."""
    sign = "!" if negative else "+"
    return [Reason(*row) for row in _rows("reasons", 6) if row[0] == sign]


@cache
def reports() -> list[Phrase]:
    """Verbs that report a clause."""
    return [Phrase(*row) for row in _rows("reports", 3)]


@cache
def pronoun_rows() -> list[tuple[Phrase, int]]:
    """Pronouns, `who` too, and the agreement of their verb: 0 I, 1 he, 2 plural."""
    return [(Phrase(en, de, ja), int(number)) for en, de, ja, number in _rows("pronouns", 4)]


def _rows(name: str, columns: int) -> list[list[str]]:
    """The cells of a table by row, `_` as a space and `-` as nothing."""
    text = resources.files(__package__).joinpath(f"{name}.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    words = " ".join(lines).split()
    cells = ["" if word == "-" else word.replace("_", " ") for word in words]
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]
