"""Which language lines are in, by their script and their most frequent function words.

Languages that are not in the table are never judged. Those that share a script are told apart by
function words, as in Grefenstette 1995; the others by the script alone.
"""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from nmt.text.languages import language

# Code: name, script, function words. Languages of several scripts (sr, kk, uz) are left out.
_LATIN = {
    "en": ("English", "the of and to is a for this that with be from you your not are it on"),
    "de": ("German", "der die das und ist nicht ein eine zu für mit von auf den dem wird im bei"),
    "fr": ("French", "de le la les des et est une pour dans que pas vous du un sur votre au avec"),
    "es": ("Spanish", "de el la los las y es una para en que no del un por con su se al"),
    "it": ("Italian", "il la di e è una per che non del della un i con si nel gli le"),
    "pt": ("Portuguese", "de o a os as e é uma para em que não do da um com no na por"),
    "nl": ("Dutch", "de het een en van is voor niet met dat op te zijn in wordt je uw deze"),
    "sv": ("Swedish", "och att det är en ett för som inte med av på till den du har om i"),
    "da": ("Danish", "og at det er en et for som ikke med af på til den du har kan fra"),
    "no": ("Norwegian", "og å det er en et for som ikke med av på til den du har kan fra"),
    "pl": ("Polish", "i w nie na się z do to jest że dla lub o od przez jak po są"),
    "cs": ("Czech", "a v se na je že s z do pro není nebo o jako ve byl které při"),
    "sk": ("Slovak", "a v sa na je že s z do pre nie alebo o ako vo bol ktoré pri"),
    "sl": ("Slovenian", "in v se na je da za z ni ali ki so s pri bo po iz kot"),
    "hr": ("Croatian", "i u se na je da za s nije ili koji su od nema kako ne sa će"),
    "hu": ("Hungarian", "a az és nem egy hogy is ez van meg vagy de csak kell lehet ha volt már"),
    "ro": ("Romanian", "de și în la cu este nu pe o să care un din pentru sau că au mai"),
    "fi": (
        "Finnish",
        "ja on ei että se tai ole voi oli kun mutta ovat myös sen jos tämä kuin olet",
    ),
    "et": ("Estonian", "ja on ei et see või kui ka oli seda mis selle aga pole oma siis kas ole"),
    "lt": ("Lithuanian", "ir yra į kad iš su ar tai nėra kaip už bet jei nuo šis buvo turi apie"),
    "lv": ("Latvian", "un ir ar no uz ka par lai nav vai pie tas šī kas to bet jūsu kā"),
    "tr": (
        "Turkish",
        "ve bir bu için ile da de değil olarak var daha olan mi veya çok ne gibi sonra",
    ),
    "id": (
        "Indonesian",
        "yang dan di untuk dengan ini tidak dari ke anda adalah akan pada itu dalam",
    ),
    "vi": ("Vietnamese", "của và là không một có được cho các này trong với bạn đã để những người"),
    "ca": ("Catalan", "de el la els les i és una per en que no del un amb aquest es al dels"),
}
_CYRILLIC = {
    "ru": ("Russian", "и в не на с что это по для к из от или как он был его у"),
    "uk": ("Ukrainian", "і в не на з що це до для та із від або як він був його у"),
    "bg": ("Bulgarian", "и в не на с че това по за е от или как се да са ще към"),
}
_ARABIC = {
    "ar": ("Arabic", "في من على إلى أن لا هذا التي هو ما أو مع هذه عن لم قد كان تم"),
    "fa": ("Persian", "و در به از که را این است با برای آن یک شما می نیست شود یا تا"),
    "ur": ("Urdu", "کے کی میں ہے کا سے اور کو نے پر نہیں ہیں یہ کہ اس آپ ایک ہو"),
}
# Written in a script of their own.
_OWN_SCRIPT = {
    "el": ("Greek", "GREEK"),
    "he": ("Hebrew", "HEBREW"),
    "ja": ("Japanese", "KANA"),
    "zh": ("Chinese", "CJK"),
    "ko": ("Korean", "HANGUL"),
    "th": ("Thai", "THAI"),
    "hi": ("Hindi", "DEVANAGARI"),
    "bn": ("Bengali", "BENGALI"),
    "ta": ("Tamil", "TAMIL"),
    "te": ("Telugu", "TELUGU"),
    "ka": ("Georgian", "GEORGIAN"),
    "hy": ("Armenian", "ARMENIAN"),
}
_ALIASES = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "cmn": "zh"}
_OF_SCRIPT = {"LATIN": _LATIN, "CYRILLIC": _CYRILLIC, "ARABIC": _ARABIC}
NAMES: dict[str, str] = {code: entry[0] for code, entry in _OWN_SCRIPT.items()}
for _table in _OF_SCRIPT.values():
    NAMES |= {code: entry[0] for code, entry in _table.items()}

# A language wins against another with at least so many lines, this share of all lines, and so many
# times the lines of the other.
MIN_LINES = 8
MIN_FACTOR = 3
MIN_SHARE = 0.05
# Latin letters of names and abbreviations stand in text of every script.
LATIN_WEIGHT = 0.5


class OtherLanguage(NamedTuple):
    """What lines look like, where that is not the declared language."""

    code: str
    # Lines that look like it, lines that look like the declared language, all lines.
    lines: int
    declared_lines: int
    total: int


def table_code(code: str) -> str | None:
    """The language of a code in the table, or None; one that names a script is not judged."""
    parts = code.replace("_", "-").split("-")
    if any(len(part) == 4 and part.lower() not in ("hans", "hant", "jpan") for part in parts[1:]):
        return None
    base = _ALIASES.get(language(code), language(code))
    return base if base in NAMES else None


def other_language(lines: Sequence[str], code: str) -> OtherLanguage | None:
    """The language that clearly wins against the declared one, or None."""
    declared = table_code(code)
    evidence = [_evidence(line) for line in lines]
    total: Counter[str] = sum(evidence, Counter())
    if declared is None or not total:
        return None
    # Words that both languages have decide nothing.
    best = max(total, key=total.__getitem__)
    ahead = sum(counts[best] > counts[declared] for counts in evidence)
    behind = sum(counts[best] < counts[declared] for counts in evidence)
    if ahead < max(MIN_LINES, MIN_SHARE * len(lines), MIN_FACTOR * behind):
        return None
    return OtherLanguage(best, ahead, behind, len(lines))


def looks_like(lines: Sequence[str], code: str) -> bool:
    """Whether a share of the lines looks like a language of the table."""
    return sum(_evidence(line)[code] > 0 for line in lines) > MIN_SHARE * len(lines)


def _evidence(line):
    """Language to its function words in a line, or 1 for a script of its own."""
    script = _script(line)
    if script in _OF_SCRIPT:
        words = re.findall(r"[^\W\d_]+", line.casefold())
        languages = _languages_of_word(script)
        return Counter(code for word in words for code in languages.get(word, ()))
    return Counter(code for code, (_, own) in _OWN_SCRIPT.items() if own == script)


@functools.cache
def _languages_of_word(script):
    """Function word to the languages that have it."""
    languages: dict[str, list[str]] = {}
    for code, (_, words) in _OF_SCRIPT[script].items():
        for word in words.split():
            languages.setdefault(word, []).append(code)
    return languages


def _script(line):
    """The script of most letters, or None; Han beside kana is Japanese."""
    counts = Counter(map(_script_of_letter, line))
    del counts[None]
    if counts["KANA"]:
        counts["KANA"] += counts.pop("CJK", 0)
    weights = {name: n * (LATIN_WEIGHT if name == "LATIN" else 1) for name, n in counts.items()}
    script = max(weights, key=weights.__getitem__, default=None)
    return script if script and weights[script] else None


@functools.cache
def _script_of_letter(letter):
    """The first word of a letter's name: LATIN, CJK; None for what is no letter."""
    if not letter.isalpha():
        return None
    script = unicodedata.name(letter, "NONE").partition(" ")[0]
    return "KANA" if script in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA") else script
