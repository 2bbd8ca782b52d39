"""Noun phrases, pronouns and reasons in all languages at once."""

from functools import cache

from nmt.corpora.toy import english, german, japanese
from nmt.corpora.toy.clause import WHO, NounPhrase, join
from nmt.corpora.toy.words import Phrase, Reason, nouns, numbers, pronoun_rows

# The verbs of reasons: I, he, plural; then the same in the past.
REASON_VERBS = {
    "be": ("am is are was was were", "bin ist sind war war waren"),
    "have": ("have has have had had had", "habe hat haben hatte hatte hatten"),
}
DEFINITE = ("the", "this", "these", "my")


@cache
def noun_phrase(word: str, determiner: str, adjective: str) -> NounPhrase:
    """A noun with determiner and adjective.

    determiner: the, a, this, these, my, a number, none; "the+" and "+" are plurals.
    """
    noun = nouns()[word]
    plural = determiner.endswith("+") or determiner == "these" or determiner in numbers()
    determiner = determiner.removesuffix("+")
    gender = "p" if plural else noun.gender.replace("w", "m")

    def in_german(determiner: str, case: str) -> str:
        return german.noun_phrase(noun, determiner, adjective, case, gender)

    return NounPhrase(
        word=word,
        en=english.noun_phrase(noun, determiner, adjective, plural),
        de={
            **{case: in_german(determiner, case) for case in ("nom", "acc", "dat")},
            **{f"no {case}": in_german("no", case) for case in ("acc", "dat")},
        },
        ja=japanese.noun_phrase(noun, determiner, adjective, plural),
        agreement=2 if plural else 1,
        gender=gender,
        definite=determiner in DEFINITE or noun.kind == "name",
        pronoun={"p": "they", "m": "he", "f": "she", "n": ""}[gender],
    )


@cache
def pronouns() -> dict[str, NounPhrase]:
    """Pronouns by their English form, `who` too."""
    return {
        words.en: NounPhrase(
            word=words.en,
            en=words.en,
            de={"nom": words.de},
            ja=words.ja,
            agreement=agreement,
            gender="",
            definite=True,
            pronoun=words.en,
        )
        for words, agreement in pronoun_rows()
    }


@cache
def personal_pronouns() -> tuple[NounPhrase, ...]:
    """All pronouns but `who`."""
    return tuple(pronoun for word, pronoun in pronouns().items() if word != WHO)


@cache
def because(reason: Reason, pronoun: str, tense: str) -> Phrase:
    """The reason as a clause about the subject, which the pronoun takes up."""
    subject = pronouns()[pronoun]
    form = subject.agreement + (3 if tense == "past" else 0)
    is_has, ist_hat = (forms.split()[form] for forms in REASON_VERBS[reason.verb])
    return Phrase(
        en=join(subject.en, is_has, reason.en),
        de=join(subject.de["nom"], reason.de, ist_hat),
        ja=reason.ja_past if tense == "past" else reason.ja,
    )
