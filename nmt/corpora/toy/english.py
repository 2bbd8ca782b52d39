"""English: subject, verb, objects, place, time; "do" where no other auxiliary negates or asks."""

from functools import cache

from nmt.corpora.toy.clause import Clause, join
from nmt.corpora.toy.words import VERBS, Noun


def noun_phrase(noun: Noun, determiner: str, adjective: str, plural: bool) -> str:
    """A noun with determiner and adjective."""
    described = join(adjective, noun.en_plural if plural else noun.en)
    article = "an" if determiner == "a" and described[0] in "aeiou" else determiner
    return join(article, described)


@cache
def verb_forms(
    word: str, tense: str, agreement: int, negative: bool, inverted: bool
) -> tuple[str, str]:
    """Auxiliary and main verb."""
    # The first auxiliary that the tense, a negation or a question asks for.
    verb = VERBS[word]
    auxiliary = ""
    main = verb.en
    if tense == "future":
        auxiliary = "will"
    elif tense == "now":
        auxiliary = ("am", "is", "are")[agreement]
        main = verb.ing
    elif negative or inverted:
        auxiliary = "did" if tense == "past" else ("do", "does", "do")[agreement]
    elif tense == "past":
        main = verb.past
    elif agreement == 1:
        main = _third_person(verb.en)
    return auxiliary, f"not {main}" if negative else main


def _third_person(verb):
    first, *rest = verb.split()
    return join(first + ("es" if first.endswith("sh") else "s"), *rest)


def write(clause: Clause) -> str:
    """The clause without capital and full stop."""
    inverted = clause.asks and not clause.asks_who
    auxiliary, main = verb_forms(
        clause.verb.en, clause.tense, clause.subject.agreement, clause.negative, inverted
    )
    # A question begins with its auxiliary.
    beginning = [auxiliary, clause.subject.en] if inverted else [clause.subject.en, auxiliary]
    rest = (clause.recipient, clause.object, clause.place, clause.time)
    return join(
        clause.front and clause.front.en,
        *beginning,
        main,
        *(part.en for part in rest if part),
        clause.reason and f"because {clause.reason.en}",
    )
