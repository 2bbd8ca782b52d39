"""Corpora of tokenised text (`data.preprocess=tokens`): text as people write it to tokens and back.

English and its like are lower-cased, with spaces between tokens. Of a language without spaces
the model reads a source as people write it, so its spaces are dropped.
"""

import re

from nmt.text.languages import unspaced

# A text: it is compiled when it is first needed, as every start would pay for it.
_TOKEN = (
    # Abbreviations: u.s. mr.
    r"(?i)(?:[a-z]\.){2,}"
    r"|(?:mr|mrs|ms|dr|st)\."
    # Numbers: 1,000
    r"|\d[\d.,:]*\d"
    r"|\.\.\.|''"
    # Clitics, words, other characters: 's
    r"|'\w+"
    r"|\w+(?:-\w+)*"
    r"|[^\w\s]"
)


# Beside these, spaces are the text's own: Latin text, symbols and slots (nmt/text/symbols.py).
_SPACED = "\x00-\u024f\ue000-\uf8ff\U000f0000-\U0010ffff"


def tokenise(line: str, code: str) -> str:
    """A raw or tokenised line in the form that the model of a tokenised corpus reads.

    code: language code. The line has symbols or slots in place of what is copied.
    """
    if unspaced(code):
        return join_unspaced(line)
    return " ".join(re.findall(_TOKEN, line.lower()))


def detokenise(line: str, code: str) -> str:
    """Tokens of an output, with symbols or slots, joined as people write them.

    code: language code.
    """
    if unspaced(code):
        return join_unspaced(line)
    return re.sub(r" (?=[.,;:!?)\]}%]|'\w)|(?<=[(\[{]) ", "", line)


def join_unspaced(line: str) -> str:
    """Drops spaces beside characters of languages written without them: 犬 が い る -> 犬がいる."""
    return re.sub(f"(?<=[^{_SPACED}]) +|(?<! ) +(?=[^{_SPACED}])", "", line)
