"""What is said, before a language orders and inflects it."""

from typing import NamedTuple

from nmt.corpora.toy.words import Phrase, Verb

WHO = "who"


class NounPhrase(NamedTuple):
    """A noun with its determiner and adjective, or a pronoun."""

    word: str  # the English noun or pronoun
    en: str
    de: dict[str, str]  # by case: nom, acc, dat; "no acc", "no dat": with kein
    ja: str
    agreement: int  # of the verb: 0 I, 1 he, 2 plural
    gender: str  # m, f, n; p: plural
    definite: bool
    pronoun: str  # takes it up again; none for neuters: the child, it?


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
    front: Phrase | None = None  # a time in first place, or a question word
    asks: bool = False
    reason: Phrase | None = None  # a clause about the subject

    @property
    def asks_who(self) -> bool:
        """Whether the subject is the question word."""
        return self.subject.word == WHO


def join(*words: str | None) -> str:
    """The words that are there, with spaces."""
    return " ".join(filter(None, words))
