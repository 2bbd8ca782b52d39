"""Placeholders of format strings, by the flags of PO entries: what `msgfmt -c` compares."""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from xml.parsers import expat

# Placeholders, with what stands for a sign itself. Of printf and its kin:
_SIZES = r"[-+ #0',]*(?:[0-9]+|\*(?:[0-9]+\$)?)?(?:\.(?:[0-9]+|\*(?:[0-9]+\$)?)?)?"
PERCENT = (
    # %% %<PRIu64> %{name} %(name)s %<name>d %1$s %[1]d %-5.2f, and a sign that begins nothing
    rf"%%|%{_SIZES}<PRI\w+>|%\{{\w+\}}"
    rf"|%(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|<\w+>|[0-9]+\$|\[[0-9]+\])?{_SIZES}"
    r"(?:hh?|ll?|[LqjztI])?[A-Za-z@]|%"
)
BRACES = r"\{\{|\}\}|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|[{}]"
NUMBERED = r"%L?[0-9]{1,2}|%n"
SHELL = r"\$\w+|\$\{[^{}]*\}"
# A quotation mark in a MessageFormat of Java takes what follows for text; two stand for one.
JAVA = rf"''|'[^']*'?|{BRACES}"
BOOST = rf"%[0-9]+%|%\|[^|]*\||{PERCENT}"
PASCAL = r"%%|%(?:[0-9]+:)?-?(?:[0-9]+|\*)?(?:\.(?:[0-9]+|\*))?[A-Za-z]|%"
TILDE = r"~[-+0-9,'#v:@]*[A-Za-z%&|~\n<>(){}\[\];^*?_]"
# The other languages, by the flag without "-format", are printf's kin.
LANGUAGES = {
    **dict.fromkeys(("python-brace", "perl-brace", "csharp", "c++", "rust"), BRACES),
    **dict.fromkeys(("qt", "qt-plural", "kde", "kde-kuit", "ycp", "smalltalk"), NUMBERED),
    "java": JAVA,
    "boost": BOOST,
    "object-pascal": PASCAL,
    "sh": SHELL,
    **dict.fromkeys(("lisp", "scheme"), TILDE),
}
KUIT = "kde-kuit-format"  # has tags, too
SIGNS = ("%", "%%", "{{", "}}", "{", "}")  # no placeholders
ENDING = "-format"
NO_FORMAT = ("no-", "possible-", "impossible-")
# A placeholder that is not told by its place: it has a name or a number.
NAMED = re.compile(r"%(?:\(|<|\{|\[|#@\w|L?[0-9]+(?:[$%:]|$)|%|n$)|\{[\w.]|\{\{|\}\}|\$")
# Placeholders of numbers: %d, %lu, %(count)d, %1$d, %<PRIu64>; by their names {count}, %(num)s.
NUMBER = re.compile(
    r"%.*(?:[diu]|<PRI[diu]\w*>)|%n"
    r"|(?:%\(|%<|%\{|\{)(?:nb?|num(?:ber)?(?:_\w+)?|\w*count(?:er)?|total)\W.*",
    re.IGNORECASE,
)


def problem(source: str, text: str, flags: Iterable[str]) -> str | None:
    """Why a text is no translation of a format string, or None. flags: those of its entry."""
    for pattern in _patterns(flags):
        ours = _placeholders(pattern, source)
        theirs = _placeholders(pattern, text)
        if Counter(ours) != Counter(theirs):
            return "placeholders differ"
        if _unnamed(ours) != _unnamed(theirs):
            return "placeholders in another order"
    if KUIT in flags and _is_xml(source) and not _is_xml(text):
        return "tags differ"
    return None


def quoted(source: str, text: str, flags: Iterable[str]) -> str:
    """A translation with its quotation marks as the format of its message wants them."""
    if "java-format" in flags and "{" in source and not _LONE.search(source):
        return _LONE.sub("''", text)
    return text


def fits_one(singular: str, plural: str, flags: Sequence[str], alone: bool) -> bool:
    """Whether a singular has the placeholders that its form needs: alone, for one only, any."""
    ours = _found(singular, flags)
    theirs = _found(plural, flags)
    # "A file" % 1 is an error in Python.
    counted = "python-format" in flags and _unnamed(ours) != _unnamed(theirs)
    return Counter(ours) == Counter(theirs) or (alone and not counted)


def number_placeholder(text: str, flags: Sequence[str]) -> str | None:
    """The placeholder of a plural that its number takes the place of, or None.

    It is the only one that is a number by its kind or name, or the only one, before a word.
    """
    found = [each for each in _found(text, flags) if each not in SIGNS]
    numbers = [each for each in found if NUMBER.fullmatch(each)]
    if not numbers and len(found) == 1 and re.search(rf"{re.escape(found[0])} [^\W\d_]", text):
        numbers = found
    return numbers[0] if len(numbers) == 1 else None


def _found(text, flags):
    """The placeholders of a text, also where no flag tells its format."""
    patterns = _patterns(flags) or [_compiled(f"{PERCENT}|{BRACES}")]
    return [each for pattern in patterns for each in _placeholders(pattern, text)]


def _patterns(flags):
    """Of the placeholders of an entry with these flags."""
    languages = [
        flag.removesuffix(ENDING)
        for flag in flags
        if flag.endswith(ENDING) and not flag.startswith(NO_FORMAT)
    ]
    return [_compiled(LANGUAGES.get(language, PERCENT)) for language in languages]


def _placeholders(pattern, text):
    """Those of a text, and signs of its format; quoted words without any are none."""
    found = pattern.findall(text)
    return [each for each in found if each[0] != "'" or re.search("[{}]", each)]


def _is_xml(text):
    """Whether the tags of a text are well-formed; & may stand for itself."""
    parser = expat.ParserCreate()
    try:
        parser.Parse(f"<kuit>{text.replace('&', '')}</kuit>".encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        return False
    return True


def _unnamed(placeholders):
    return [each for each in placeholders if not NAMED.match(each)]


_LONE = re.compile("(?<!')'(?!')")
_compiled = functools.cache(re.compile)
