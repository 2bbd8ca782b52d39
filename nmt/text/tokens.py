"""Corpora of tokenised text (`data.preprocess=tokens`): text as people write it to tokens and back.

English and its like are lower-cased, with spaces between tokens. Of a language without spaces
the model reads a source as people write it, so its spaces are dropped.
"""

import re

from nmt.text.languages import unspaced
from nmt.text.placeholders import PLACEHOLDER

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


def tokenise(line: str, code: str) -> str:
    """A raw or tokenised line in the form that the model of a tokenised corpus reads.

    code: language code. Placeholders stay as they are.
    """
    if unspaced(code):
        return join_unspaced(line)
    tokens: list[str] = []
    for n, segment in enumerate(PLACEHOLDER.split(line)):
        # `split` returns the placeholders in between, as they are a group.
        placeholder = n % 2
        tokens += [segment] if placeholder else re.findall(_TOKEN, segment.lower())
    return " ".join(tokens)


def detokenise(line: str, code: str) -> str:
    """Tokens of an output joined as people write them; placeholders stay as they are.

    code: language code.
    """
    return join_unspaced(line) if unspaced(code) else _between_placeholders(_join_spaced, line)


def join_unspaced(line: str) -> str:
    """Drops spaces beside characters of languages written without them: 犬 が い る -> 犬がいる."""
    return _between_placeholders(_join_letters, line)


def _join_spaced(text):
    return re.sub(r" (?=[.,;:!?)\]}%]|'\w)|(?<=[(\[{]) ", "", text)


def _join_letters(text):
    return re.sub(r"(?<=[^\x00-\u024F]) +|(?<! ) +(?=[^\x00-\u024F])", "", text)


def _between_placeholders(change, line):
    """The line with what stands between its placeholders changed."""
    segments = PLACEHOLDER.split(line)
    segments[::2] = map(change, segments[::2])
    return "".join(segments)
