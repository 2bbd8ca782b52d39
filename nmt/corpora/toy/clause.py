"""What is said, before a language orders and inflects it."""

from typing import NamedTuple

from nmt.corpora.toy.words import Phrase, Verb

WHO = "who"


class NounPhrase(NamedTuple):
    """A noun with its determiner and adjective, or a pronoun."""

    # The English noun or pronoun.
    word: str
    en: str
    # By case: nom, acc, dat; "no acc", "no dat": with kein.
    de: dict[str, str]
    ja: str
    # Of the verb: 0 I, 1 he, 2 plural.
    agreement: int
    # m, f, n; p: plural.
    gender: str
    definite: bool
    # Takes it up again; none for neuters: the child, it?
    pronoun: str


class Clause(NamedTuple):
    """A derivation: one sentence in every language."""

    verb: Verb
    tense: str
    negative: bool
    subject: NounPhrase
    object: NounPhrase
    recipient: NounPhrase | None = None
    place: Phrase | None = None
    time: Phrase | None = None
    # A time in first place, or a question word.
    front: Phrase | None = None
    asks: bool = False
    # A clause about the subject.
    reason: Phrase | None = None

    @property
    def asks_who(self) -> bool:
        """Whether the subject is the question word."""
        return self.subject.word == WHO


def join(*words: str | None) -> str:
    """The words that are there, with spaces."""
    return " ".join(filter(None, words))
