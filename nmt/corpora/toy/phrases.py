"""Noun phrases, pronouns and reasons in all languages at once."""

from functools import cache

from nmt.corpora.toy import english, german, japanese
from nmt.corpora.toy.clause import WHO, NounPhrase, join
from nmt.corpora.toy.words import NOUNS, NUMBERS, Phrase, Reason, rows

# The verbs of reasons: I, he, plural; then the same in the past.
REASON_VERBS = {
    "be": ("am is are was was were", "bin ist sind war war waren"),
    "have": ("have has have had had had", "habe hat haben hatte hatte hatten"),
}
DEFINITE = ("the", "this", "these", "my")
# Pronouns by their English form, `who` too.
PRONOUNS = {
    en: NounPhrase(en, en, {"nom": de}, ja, int(agreement), "", definite=True, pronoun=en)
    for en, de, ja, agreement in rows("pronouns", 4)
}
PERSONAL_PRONOUNS = [pronoun for word, pronoun in PRONOUNS.items() if word != WHO]


@cache
def noun_phrase(word: str, determiner: str, adjective: str) -> NounPhrase:
    """A noun with determiner and adjective.

    determiner: the, a, this, these, my, a number, none; "the+" and "+" are plurals.
    """
    noun = NOUNS[word]
    plural = determiner.endswith("+") or determiner == "these" or determiner in NUMBERS
    determiner = determiner.removesuffix("+")
    gender = "p" if plural else noun.gender.replace("w", "m")

    # German has its cases, and "kein" where it denies an indefinite noun.
    de = {}
    for case in ("nom", "acc", "dat"):
        de[case] = german.noun_phrase(noun, determiner, adjective, case, gender)
        de[f"no {case}"] = german.noun_phrase(noun, "no", adjective, case, gender)

    return NounPhrase(
        word=word,
        en=english.noun_phrase(noun, determiner, adjective, plural),
        de=de,
        ja=japanese.noun_phrase(noun, determiner, adjective, plural),
        agreement=2 if plural else 1,
        gender=gender,
        definite=determiner in DEFINITE or noun.kind == "name",
        pronoun={"p": "they", "m": "he", "f": "she", "n": ""}[gender],
    )


@cache
def because(reason: Reason, pronoun: str, tense: str) -> Phrase:
    """The reason as a clause about the subject, which the pronoun takes up."""
    subject = PRONOUNS[pronoun]
    form = subject.agreement + (3 if tense == "past" else 0)
    is_has, ist_hat = (forms.split()[form] for forms in REASON_VERBS[reason.verb])
    return Phrase(
        en=join(subject.en, is_has, reason.en),
        de=join(subject.de["nom"], reason.de, ist_hat),
        ja=reason.ja_past if tense == "past" else reason.ja,
    )
