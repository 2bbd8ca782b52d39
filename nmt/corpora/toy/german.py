"""German: the finite verb second, in questions first, in subordinate clauses last."""

from functools import cache

from nmt.corpora.toy.clause import Clause, join
from nmt.corpora.toy.words import ADJECTIVES, NUMBERS, VERBS, Noun


def _endings(text):
    cells = [case + gender for case in ("nom", "acc", "dat") for gender in "mfnp"]
    return dict(zip(cells, text.split(), strict=True))


# By case and gender.
STRONG = _endings("er e es e en e es e em er em en")
THE = _endings("der die das die den die das die dem der dem den")
LIKE_EIN = {"a": "ein", "my": "mein", "no": "kein"}
# For I, he, plural.
AUXILIARIES = {"past": ("habe", "hat", "haben"), "future": ("werde", "wird", "werden")}


def noun_phrase(noun: Noun, determiner: str, adjective: str, case: str, gender: str) -> str:
    """A noun with determiner and adjective in a case.

    case: nom, acc, dat; gender: m, f, n; p: plural.
    """
    article, ending = _article(determiner, case, gender)
    described = adjective and ADJECTIVES[adjective].de + ending
    return join(article, described, _inflected(noun, case, gender))


def _article(determiner, case, gender):
    """The article, and the ending of an adjective after it."""
    form = case + gender
    strong = STRONG[form]
    short = gender != "p" and (case == "nom" or form in ("accf", "accn"))
    weak = "e" if short else "en"
    # ein, mein, kein
    if determiner in LIKE_EIN:
        # Where ein has no ending, the adjective shows the case: ein alter Hut.
        if short and gender in "mn":
            return LIKE_EIN[determiner], strong
        return LIKE_EIN[determiner] + strong, weak
    # der, dieser; numbers and nothing leave the strong ending to the adjective.
    if determiner == "the":
        return THE[form], weak
    if determiner in ("this", "these"):
        return f"dies{strong}", weak
    if determiner:
        return NUMBERS[determiner].de, strong
    return "", strong


def _inflected(noun, case, gender):
    weak_masculine = noun.gender == "w" and case != "nom"
    word = noun.de_plural if gender == "p" or weak_masculine else noun.de
    needs_n = gender == "p" and case == "dat" and word[-1] not in "ns"
    return f"{word}n" if needs_n else word


@cache
def verb_forms(word: str, tense: str, agreement: int) -> tuple[str, str, str]:
    """The finite verb and the end of a main clause; both at the end of a subordinate clause."""
    verb = VERBS[word]
    prefix = verb.extra[:-1] if verb.extra.endswith("=") else ""
    # Compound tenses: the prefix stays with the main verb.
    if tense in AUXILIARIES:
        finite = AUXILIARIES[tense][agreement]
        rest = prefix + (verb.participle if tense == "past" else verb.infinitive)
        return finite, rest, f"{rest} {finite}"
    # Simple tenses: it goes to the end of a main clause.
    finite = (verb.ich, verb.er, verb.infinitive)[agreement]
    return finite, prefix, prefix + finite


def write(clause: Clause, subordinate: bool = False) -> str:
    """The clause without capital and full stop."""
    finite, rest, last = verb_forms(clause.verb.en, clause.tense, clause.subject.agreement)
    subject = clause.subject.de["nom"]
    middle = _middle(clause)
    if subordinate:
        return join(subject, middle, last)
    if clause.front or (clause.asks and not clause.asks_who):
        text = join(clause.front and clause.front.de, finite, subject, middle, rest)
    else:
        text = join(subject, finite, middle, rest)
    return f"{text}, weil {clause.reason.de}" if clause.reason else text


def _middle(clause):
    """What stands between the parts of the verb.

    What is known comes early: definite objects before the place and, with "nicht", before the time.
    """
    # The object, with its preposition.
    case = clause.verb.case
    # With a preposition too: mit keinem Hund.
    with_kein = clause.negative and not clause.object.definite
    preposition = clause.verb.extra if clause.verb.extra == "mit" else ""
    thing = join(preposition, clause.object.de[f"no {case}" if with_kein else case])
    recipient = clause.recipient and clause.recipient.de["dat"]
    time = clause.time and clause.time.de
    place = clause.place and clause.place.de
    # The order.
    if preposition or not clause.object.definite:
        negation = "nicht" if clause.negative and not with_kein else ""
        return join(time, recipient, place, negation, thing)
    if clause.negative:
        return join(recipient, thing, time, "nicht")
    return join(time, recipient, thing, place)
