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
    # Around the noun from the inside to the outside.
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
    # What is so, and what is going on.
    if tense == "state":
        return dictionary + ("ではありません" if negative else "です")
    before_masu, before_nai, te = _stems(dictionary)
    if tense == "now":
        return verb_form(f"{te}い・る", "present", negative, plain)
    # The other tenses, polite or plain.
    if not plain:
        past = ("ました", "ませんでした")
        present = ("ます", "ません")
        return before_masu + (past if tense == "past" else present)[negative]
    if tense == "past":
        affirmative = te[:-1] + ("だ" if te[-1] == "で" else "た")
        return f"{before_nai}なかった" if negative else affirmative
    return f"{before_nai}ない" if negative else dictionary.replace("・", "")


def _stems(dictionary):
    """The stems before ます and before ない, and the form in て."""
    # One-row verbs have one stem; する is inflected as if it were しる.
    if dictionary.endswith("する"):
        dictionary = f"{dictionary[:-2]}し・る"
    stem, point, _ = dictionary.partition("・")
    if point:
        return stem, stem, f"{stem}て"

    # Five-row verbs change their last kana.
    before_masu, before_nai, te = FIVE_ROWS[dictionary[-1]]
    stem = dictionary[:-1]
    return stem + before_masu, stem + before_nai, stem + te


def write(clause: Clause, subordinate: bool = False) -> str:
    """The clause without full stop."""
    # English has both in front, Japanese the question word behind the time.
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
