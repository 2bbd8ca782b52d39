"""Draws derivations: which words a clause combines, and in which split it may do so."""

import random
import zlib
from functools import cache

from nmt.corpora.toy import english, german, japanese
from nmt.corpora.toy.clause import WHO, Clause
from nmt.corpora.toy.phrases import PERSONAL_PRONOUNS, PRONOUNS, because, noun_phrase
from nmt.corpora.toy.words import (
    ADJECTIVES_FOR,
    NAMED,
    NOUNS,
    NUMBERS,
    PEOPLE,
    PLACES,
    REASONS,
    REPORTS,
    TENSES,
    TIMES,
    VERBS,
    WHEN,
    WHERE,
    grouped,
)

# Verb and object noun.
Combination = tuple[str, str]

# Of the hash that splits combinations: with it training has every verb and every noun.
SALT = 30
# By the tenths of the combinations; the others are train.
SPLIT_TENTHS = {0: "test", 1: "valid"}
# What is drawn, as often as it stands here.
DRAWN_TENSES = ("past",) * 7 + ("now",) * 5 + ("future",) * 4 + ("habit",) * 3 + ("state",)
SHAPES = ("statement",) * 10 + ("question",) * 3 + ("reason", "relative", "report") * 2
EVENTS = ("past", "now", "future")
TIME_PROBABILITY = {"past": 0.6, "now": 0.3, "habit": 1, "future": 1, "state": 0}


def split_of(verb: str, noun: str) -> str:
    """The split that owns a combination of verb and object noun."""
    tenth = zlib.crc32(f"{SALT} {verb} {noun}".encode()) % 10
    return SPLIT_TENTHS.get(tenth, "train")


# By (split, tense): the verbs and objects that a clause may combine.
COMBINATIONS = grouped(
    ((split_of(verb.en, noun), TENSES[letter]), (verb.en, noun))
    for verb in VERBS.values()
    for noun in verb.object_nouns()
    for letter in verb.tenses
)


@cache
def _determiners(word, role, verb, tense, negative, articles):
    """What may stand before a noun, the more often the likelier.

    articles: whether the other language has them. Where it has none, a bare subject means "the" and
    a bare object "a", so that other articles are not drawn.
    """
    # Some nouns leave no choice.
    noun = NOUNS[word]
    if noun.kind == "kin":
        return ["my"]
    if noun.kind == "name":
        return [""]
    if role == "recipient":
        return ["the", "the", "the+", "this"]
    if role == "subject":
        return [
            *["the", "the", "the+", "this", "these"] * 3,
            *["a"] * (3 if articles else 0),
            *NUMBERS,
        ]
    # An object: new or known.
    indefinite = _indefinite(noun, tense, negative)
    definite = _definite(noun, verb, articles)
    if tense == "habit":  # a new apple every day, but the same house
        return indefinite if noun.kind in ("text", "food", "drink") else definite
    return indefinite + definite


def _indefinite(noun, tense, negative):
    """Determiners of an object that is new."""
    if not noun.en_plural:
        return [""] * 6
    if tense == "state":
        return ["+"] * 6
    counted = tense in ("past", "future") and not negative
    return ["a"] * 6 + (list(NUMBERS) if counted else [])


def _definite(noun, verb, articles):
    """Determiners of an object that is known."""
    drawn = ["this", "these"] * 2
    if articles:
        drawn += ["the", "the+"] * 2
    elif noun.is_person:
        drawn += ["the+"] * 2
    if not noun.is_person and verb not in ("buy", "write") and noun.en != "water":
        drawn += ["my"] * 3
    if not noun.en_plural:
        drawn = [determiner for determiner in drawn if determiner not in ("these", "the+")]
    return drawn


class Sampler:
    """Draws sentences in English and another language, "de" or "ja", for a split.

    It asks only for `random()`, whose sequence is the same in every version of Python.
    """

    def __init__(self, language: str, split: str):
        self.random = random.Random(f"en-{language} {split} 0").random
        self.split = split
        self.articles = language == "de"
        self.other = german if self.articles else japanese
        self.combinations: list[Combination] = []

    def sentence(self) -> tuple[str, str, list[Combination]]:
        """English, the other language, and what the sentence combines."""
        self.combinations = []
        shape = self._pick(SHAPES)
        texts = self._report() if shape == "report" else self._written(self._shaped(shape))
        return *texts, self.combinations

    def _written(self, clause):
        mark = "?" if clause.asks else "."
        other_mark = mark if self.articles else "。"
        return english.write(clause) + mark, self.other.write(clause) + other_mark

    def _report(self):
        """Anna says that ..."""
        who = self._person("subject", NAMED)
        report = self._pick(REPORTS)
        clause = self._clause(self._pick(EVENTS), other=who.word)
        reported = self.other.write(clause, subordinate=True)
        text = f"{who.en} {report.en} that {english.write(clause)}."
        if self.articles:
            return text, f"{who.de['nom']} {report.de}, dass {reported}."
        return text, f"{who.ja}は{reported}{report.ja}。"

    def _shaped(self, shape):
        """A main clause."""
        # Shapes with clauses of their own.
        if shape == "question":
            return self._question()
        if shape == "relative":
            subject = self._person("recipient", PEOPLE)
            clause = self._clause(subject=subject, positive=True)
            return clause._replace(subject=self._relative(subject))
        # A statement, perhaps with a reason or a time in front.
        clause = self._clause()
        if shape == "reason":
            clause = self._with_reason(clause)
        if clause.time and self.random() < 0.3:
            clause = clause._replace(front=clause.time, time=None)
        return clause

    def _with_reason(self, clause):
        """With a reason, if the clause tells an event and its subject has a pronoun."""
        pronoun = clause.subject.pronoun
        if not clause.verb.ing or not pronoun or clause.tense not in EVENTS:
            return clause
        reason = self._pick(REASONS["!" if clause.negative else "+"])
        return clause._replace(reason=because(reason, pronoun, clause.tense))

    def _question(self):
        clause = self._clause(positive=True)._replace(asks=True)
        if clause.subject.word in ("I", "we"):  # who asks that about themselves?
            clause = clause._replace(subject=PRONOUNS["they"])
        word = self._pick(("", WHO, "where", "when"))
        if word == WHO:
            return clause._replace(subject=PRONOUNS[WHO])
        if word == "where" and clause.verb.places:
            return clause._replace(front=WHERE, place=None)
        if word == "when" and clause.tense in ("past", "future"):
            return clause._replace(front=WHEN, time=None)
        return clause

    def _relative(self, head):
        """The head with a clause that tells who is meant."""
        pronoun = german.THE[f"nom{head.gender}"]
        gap = head._replace(en="who", de={"nom": pronoun}, ja="")
        clause = self._clause(self._pick(("past", "now")), gap, positive=True)
        return head._replace(
            en=f"{head.en} {english.write(clause)}",
            de={"nom": f"{head.de['nom']}, {german.write(clause, subordinate=True)},"},
            ja=japanese.write(clause, subordinate=True) + head.ja,
        )

    def _clause(self, tense="", subject=None, positive=False, other=""):
        """A clause with the given tense and subject, or any.

        other: a noun that appears elsewhere in the sentence, so that it does not here.
        """
        tense = tense or self._pick(DRAWN_TENSES)
        taken = (other, subject.word if subject else "")

        # Verb and object, as the split allows.
        verb, noun = self._combination(tense, taken)
        negative = not positive and self.random() < 0.25
        thing = self._noun_phrase(noun, "object", verb.en, tense, negative)

        # Who does it, and for whom.
        recipient = self._person("recipient", PEOPLE, *taken) if verb.extra == "to" else None
        if subject is None:
            subject = self._subject(other, noun, recipient.word if recipient else "")
        if not self.articles and subject.word in ("I", "we") and thing.ja.startswith("私の"):
            # Nobody says 私は私の.
            subject = PRONOUNS["she"]

        # Where and when.
        place = self._place(verb, negative)
        time = self._time(tense, negative)
        return Clause(verb, tense, negative, subject, thing, recipient, place, time)

    def _combination(self, tense, taken):
        """Verb and object; the noun is not one of `taken`."""
        allowed = COMBINATIONS[self.split, tense]
        while True:
            verb, noun = self._pick(allowed)
            if noun not in taken:
                self.combinations.append((verb, noun))
                return VERBS[verb], noun

    def _subject(self, *taken):
        choice = self.random()
        if choice < 0.25:
            return self._pick(PERSONAL_PRONOUNS)
        return self._person("subject", NAMED if choice < 0.5 else PEOPLE, *taken)

    def _person(self, role, words, *taken):
        """One of the words that is not taken."""
        while (word := self._pick(words)) in taken:
            pass
        return self._noun_phrase(word, role)

    def _noun_phrase(self, word, role, verb="", tense="", negative=False):
        described = self.random() < 0.4 and verb != "write"
        adjectives = ADJECTIVES_FOR.get(NOUNS[word].kind) if described else None
        determiner = self._pick(_determiners(word, role, verb, tense, negative, self.articles))
        return noun_phrase(word, determiner, self._pick(adjectives) if adjectives else "")

    def _place(self, verb, negative):
        if verb.places and not negative and self.random() < 0.4:
            return PLACES[self._pick(verb.places.split(","))]
        return None

    def _time(self, tense, negative):
        """A time of the tense; "not every day" would deny something else."""
        if self.random() >= TIME_PROBABILITY[tense]:
            return None
        of_tense = TIMES[tense]
        return self._pick(of_tense[-2:] if negative and tense == "habit" else of_tense)

    def _pick(self, choices):
        return choices[int(self.random() * len(choices))]
