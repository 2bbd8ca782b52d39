"""Language codes, and the languages that are written without spaces between words."""

UNSPACED = ("ja", "zh", "th", "lo", "km", "my")


def language(code: str) -> str:
    """The language of a code with script or region: zh of zh-Hant, ja of ja_JP."""
    return code.replace("_", "-").lower().partition("-")[0]


def unspaced(code: str) -> bool:
    """Whether a language is written without spaces."""
    return language(code) in UNSPACED


def count_words(line: str, spaced: bool) -> int:
    """About how many words a line has.

    spaced: words stand between white space; else two characters count as one word.
    """
    return len(line.split()) if spaced else len(line) // 2
