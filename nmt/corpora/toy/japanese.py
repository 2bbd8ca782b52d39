"""Japanese: topic, time, place, objects with particles, verb.

The verb is plain inside of a sentence, polite at its end.
"""

from functools import cache

from nmt.corpora.toy.clause import Clause
from nmt.corpora.toy.words import ADJECTIVES, NUMBERS, Noun

# Five-row verbs: last kana -> what it becomes before ます and before ない, and the form in て.
FIVE_ROWS = {
    "う": ("い", "わ", "って"),
    "く": ("き", "か", "いて"),
    "す": ("し", "さ", "して"),
    "ぶ": ("び", "ば", "んで"),
    "む": ("み", "ま", "んで"),
    "る": ("り", "ら", "って"),
}


def noun_phrase(noun: Noun, determiner: str, adjective: str, plural: bool) -> str:
    """A noun with determiner and adjective; only people have a plural."""
    text = noun.ja
    if plural and noun.is_person and determiner in ("the", "these"):
        text += "たち"
    if adjective:
        text = ADJECTIVES[adjective].ja + text
    if determiner in NUMBERS:
        return f"{NUMBERS[determiner].ja}{noun.counter}の{text}"
    if determiner in ("this", "these"):
        return ("この" if noun.is_person or not plural else "これらの") + text
    if determiner == "my" and noun.kind != "kin":
        return f"私の{text}"
    return text


@cache
def verb_form(dictionary: str, tense: str, negative: bool, plain: bool) -> str:
    """A verb from its dictionary form, one-row verbs as stem・る."""
    if tense == "state":
        return dictionary + ("ではありません" if negative else "です")
    before_masu, before_nai, te = _stems(dictionary)
    if tense == "now":
        return verb_form(f"{te}い・る", "present", negative, plain)
    if not plain:
        return before_masu + _polite_ending(tense, negative)
    if tense == "past":
        affirmative = te[:-1] + ("だ" if te[-1] == "で" else "た")
        return f"{before_nai}なかった" if negative else affirmative
    return f"{before_nai}ない" if negative else dictionary.replace("・", "")


def _polite_ending(tense, negative):
    if tense == "past":
        return "ませんでした" if negative else "ました"
    return "ません" if negative else "ます"


def _stems(dictionary):
    """The stems before ます and before ない, and the form in て."""
    if dictionary.endswith("する"):
        stem = dictionary.removesuffix("する") + "し"
        return stem, stem, f"{stem}て"
    if "・" in dictionary:
        stem = dictionary[: dictionary.index("・")]
        return stem, stem, f"{stem}て"
    before_masu, before_nai, te = FIVE_ROWS[dictionary[-1]]
    stem = dictionary[:-1]
    return stem + before_masu, stem + before_nai, stem + te


def write(clause: Clause, subordinate: bool = False) -> str:
    """The clause without full stop."""
    time_in_front = None if clause.asks else clause.front
    question_word = clause.front if clause.asks else None
    pause = "" if subordinate or clause.reason or question_word else "、"
    verb = verb_form(clause.verb.ja, clause.tense, clause.negative, subordinate)
    parts = (
        _with(time_in_front, "、"),
        _with(clause.subject, "が" if subordinate or clause.asks_who else "は"),
        _with(clause.reason, "ので、"),
        _with(clause.time, pause),
        _with(question_word),
        _with(clause.place),
        _with(clause.recipient, "に"),
        _with(clause.object, clause.verb.particle),
        verb,
        "か" if clause.asks else "",
    )
    return "".join(parts)


def _with(part, particle=""):
    """A part of the clause and the particle after it; nothing if it is not there."""
    return part.ja + particle if part and part.ja else ""
