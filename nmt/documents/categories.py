"""Plural categories of Unicode (CLDR): those of a language, and what is translated for each."""

from collections.abc import Callable, Mapping

from nmt.documents.plurals import Form
from nmt.text import languages

NAMES = ("zero", "one", "two", "few", "many", "other")
# What a message of these may tell without a number.
_ALONE = {"zero": 0, "one": 1, "two": 2}
# Of each category the smallest whole numbers that say which form of a word it takes: 0, 1 or 2,
# and one above; none where it is for fractions alone. Languages that are not here have the usual
# two.
_FRACTION = 1.5  # stands for those that a category is for
_USUAL = {"one": [1], "other": [2]}
_RULES = (
    "other=1,2: bm bo dz hnj id ig ii ja jbo jv kde kea km ko lkt lo ms my nqo osa sah ses sg su th"
    " to tpi vi wo yo yue zh",
    "one=1 many=1000000 other=2: ca es fr gl it lld pt scn vec",
    "one=1 two=2 other=3: he iu naq sat se sma smj smn sms",
    "zero=0 one=1 other=2: blo cv ksh lag",
    "one=1,21 few=2 many=5 other=: be ru uk",
    "one=1,101 two=2,102 few=3 other=5: dsb hsb sl",
    "one=1,21 few=2 other=5: bs hr sr",
    "one=1 few=2 many= other=5: cs sk",
    "one=1,21 other=2: is mk",
    "zero=0,10 one=1,21 other=2: lv prg",
    "one=1,2 other=4: ceb fil tl",
    "one=1,21 few=2 many= other=10: lt",
    "zero=0 one=1 two=2 few=3 many=11 other=100: ar ars",
    "one=1,11 other=2: tzm",
    "one=1,11 two=2,12 few=20 many= other=3: gv",
    "one=1 two=2 few=3 many=7 other=11: ga",
    "one=1 few=2 other=11: shi",
    "one=1,11 two=2,12 few=3 other=20: gd",
    "one=1,21 two=2,22 few=3 many=1000000 other=5: br",
    "zero=0 one=1 two=2 few=3 many=6 other=4: cy",
    "one=1 few=2 many=5 other=: pl",
    "one=1 few=2 other=20: mo ro",
    "zero=0 one=1 two=2,22 few=3 many=21 other=4: kw",
    "one=1 two=2 few=3 many=11 other=20: mt",
)


def categories(language: str) -> dict[str, list[int]]:
    """The plural categories of a language, and numbers of each."""
    for rule in _RULES:
        names, _, codes = rule.partition(": ")
        if languages.language(language) in codes.split():
            pairs = (each.split("=") for each in names.split())
            return {name: [int(n) for n in own.split(",") if n] for name, own in pairs}
    return _USUAL


def forms(
    messages: Mapping[str, str],
    language: str | None,
    placeholder: Callable[[str], str | None],
    fit: Callable[[str, str], bool],
    exact: bool = False,
) -> dict[str, tuple[str, Form]]:
    """{category of a language: the category of the message, and what is translated for it}.

    As `plurals.forms` makes them of two messages. Without a language each message is for its own
    category. `zero` stays where it is, as programs ask for it in any language.

    messages: by category, with `other` among them. placeholder: gives that of the number in the
    message of a category. fit: whether the first message has what the second one needs.
    exact: the number 1 has a message of its own beside these.
    """
    if language is None:
        return {name: (name, Form(message, message)) for name, message in messages.items()}
    own = categories(language)
    made = {}
    if "zero" in messages and "zero" not in own:
        made["zero"] = "zero", Form(messages["zero"], messages["zero"])
    for name, numbers in own.items():
        if exact and numbers == [1] and name not in messages:
            continue
        several = [number for number in numbers if number > 1]
        number = several[0] if several else max(numbers, default=_FRACTION)
        origin = "other"
        if _has_own_message(name, numbers, messages, fit):
            origin, number = name, number if name == "zero" else _ALONE[name]
        made[name] = origin, _form(messages[origin], number, placeholder(origin))
    return made


def _has_own_message(name, numbers, messages, fit):
    """Whether a category of the language is made of the message of that category.

    A file alone needs no number; where 21 files have the same form, they do.
    """
    alone = _ALONE.get(name)
    if alone not in numbers or name not in messages:
        return False
    return numbers == [alone] or fit(messages[name], messages["other"])


def _form(message, number, placeholder):
    if not placeholder:
        return Form(message, message)
    return Form(message, message.replace(placeholder, str(number), 1), number, placeholder)
