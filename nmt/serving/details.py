"""What stands behind a translation: words of both sides, attention, confidence, memory, terms."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nmt.documents.units import per_cent
from nmt.inference.confidence import word_spans
from nmt.inference.memory import percentage
from nmt.inference.translation import Translation
from nmt.inference.translator import Ready, Translator
from nmt.text.difference import opcodes
from nmt.text.languages import unspaced

DIGITS = 3  # of attention

Span = tuple[int, int]  # start and end, in characters


class NextWord(NamedTuple):
    """A word that may come after a prefix, the beginning with it, and its probability."""

    text: str
    word: str
    probability: float


# No tuples: of different classes these are never equal, so that they are not searched together.
@dataclasses.dataclass(frozen=True)
class Detailed:
    """A translator whose candidates have words and attention."""

    translator: Translator

    def ready(self, lines: Sequence[str], nbest: int = 1) -> Ready:
        """As those of the translator."""
        return self.translator.ready(lines, nbest, words=True)

    def search(self, segments: Sequence[Any], nbest: int = 1) -> list[list[Translation]]:
        """As those of the translator."""
        return self.translator.search(segments, nbest, attention=True, words=True)


@dataclasses.dataclass(frozen=True)
class Begun:
    """A translator whose candidates begin with prefixes, one with each, and have what others have.

    whole_word: no letter goes on with the word that a prefix ends in.
    """

    translator: Translator
    prefixes: Sequence[str]
    whole_word: bool

    def ready(self, lines: Sequence[str], nbest: int = 1) -> Ready:
        """Each line as a whole."""
        return Ready(list(lines), list)

    def search(self, lines: Sequence[str], nbest: int = 1) -> list[list[Translation]]:
        """Of each line the best translation for each prefix, in their order."""
        return [self._begun(line) for line in lines]

    def _begun(self, line):
        found = self.translator.candidates(
            [line] * len(self.prefixes),
            attention=True,
            words=True,
            prefixes=self.prefixes,
            whole_words=self.whole_word,
        )
        return [best for best, *_ in found]


@dataclasses.dataclass(frozen=True)
class NextWords:
    """A translator whose candidates are the words that may come after a prefix."""

    translator: Translator
    prefix: str

    def ready(self, lines: Sequence[str], nbest: int = 1) -> Ready:
        """Each line as a whole."""
        return Ready(list(lines), list)

    def search(self, lines: Sequence[str], nbest: int = 1) -> list[list[NextWord]]:
        """Up to `nbest` words for each line, the most probable first."""
        return [self._next_words(line, nbest) for line in lines]

    def _next_words(self, line, limit):
        return [
            NextWord(self.prefix + each.text, each.text.strip(), each.probability)
            for each in self.translator.alternatives(line, self.prefix, limit)
            if each.text.strip()
        ]


def segments(
    text: str, units: Sequence[tuple[str, Translation]], source: str, target: str
) -> list[dict[str, Any]]:
    """Of each unit of a text, in order: its words on both sides, and what is known of it.

    units: with the translation that was put in their place. source, target: codes. Places are
    counted in characters (code points) of the text and of its translation. Attention is
    [target words, source words]; a row sums to at most 1, as the end of the source has a share.
    """
    found = []
    end = 0  # in the text
    moved = 0  # from there to the same place of the translation
    for unit, translation in units:
        start = text.index(unit, end) + len(unit) - len(unit.lstrip())
        unit = unit.strip()
        begin = start + moved
        end = start + len(unit)
        written = translation.text.strip()
        moved = begin + len(written) - end
        sides = _sides(unit, written, translation, source, target)
        found.append(
            {
                "source": _side(start, unit, sides[0]),
                "target": _side(begin, written, sides[1]),
                "attention": sides[2],
                "wordConfidence": sides[3],
                **_known(translation),
            }
        )
    return found


def _side(start, text, words):
    return {
        "start": start,
        "end": start + len(text),
        "words": [[start + first, start + last] for first, last in words],
    }


def _known(translation):
    """What is known of a whole translation; nothing of it where the run does not tell."""
    match = translation.match
    return {
        "confidence": per_cent(translation),
        "corrected": translation.corrected,
        "matches": [
            {
                "source": match.source,
                "target": match.target,
                "similarity": percentage(match.similarity),
            }
        ]
        if match
        else [],
        "terms": [{"target": term, "used": used} for term, used in translation.terms],
        "warnings": translation.warnings,
    }


def _sides(unit, written, translation, source, target):
    """(words of the source, of the target, attention, confidence of each word of the target)."""
    # Pieces begin with the white space before their word, also at the start.
    unit, written = f" {unit}", f" {written}"
    source_pieces = _of_places(unit, translation.source_pieces)
    target_pieces = _of_places(written, translation.target_pieces)
    source_words = list(word_spans(unit, source_pieces, not unspaced(source)))
    sure = translation.word_confidence
    if sure:
        target_words = list(_found(written, [word for word, _ in sure]))
    else:
        target_words = list(word_spans(written, target_pieces, not unspaced(target)))
    confidence = [probability for _, probability in sure] or [None] * len(target_words)
    attention: list[list[float]] = []
    if translation.attention is not None:
        rows = _membership(written, target_words, target_pieces, translation.target_pieces)
        columns = _membership(unit, source_words, source_pieces, translation.source_pieces)
        # The mean over the pieces of a target word, the sum over those of a source word.
        rows /= np.maximum(1, rows.sum(1, keepdims=True))
        attention = (rows @ translation.attention @ columns.T).round(DIGITS).tolist()
    return (
        [(start - 1, end - 1) for start, end in source_words],
        [(start - 1, end - 1) for start, end in target_words],
        attention,
        [None if each is None else round(100 * each) for each in confidence],
    )


def _of_places(text, pieces):
    """The number of the piece that each character comes from, or None."""
    written = "".join(pieces).replace("▁", " ")
    numbers = [number for number, piece in enumerate(pieces) for _ in piece]
    of_places: list[int | None] = [None] * len(text)
    if not written:
        return of_places
    for kind, start, end, first, last in opcodes(text, written):
        if kind == "equal" or kind == "replace":
            # A symbol stands for all of its placeholder.
            for place in range(start, end):
                written_at = first + (place - start) * (last - first) // (end - start)
                of_places[place] = numbers[written_at]
    return of_places


def _found(text: str, words: Sequence[str]) -> Iterator[Span]:
    """Where each of these words of a text is, in their order."""
    end = 0
    for word in words:
        start = text.index(word, end)
        end = start + len(word)
        yield start, end


def _membership(text, words, of_places, pieces):
    """[words, pieces]: 1.0 where a piece, or white space before it, belongs to a word."""
    belongs = np.zeros((len(words), len(pieces)))
    for row, (start, end) in enumerate(words):
        first = start - 1 if text[start - 1].isspace() else start
        own = [number for number in of_places[first:end] if number is not None]
        belongs[row, own] = 1
    return belongs
