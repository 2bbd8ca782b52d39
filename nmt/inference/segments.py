"""What of a line is searched at once: its segments, and what stands between them."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from nmt.decoding.bonus import Phrase
from nmt.decoding.next_words import is_letter
from nmt.inference import memory as similar
from nmt.inference import terms
from nmt.inference.long_lines import LINE_BREAK, SENTENCE_END, split_lines, split_text
from nmt.text.beginning import Beginning
from nmt.text.glossary import FoundTerm, Glossary
from nmt.text.preparation import Preparation, PreparedLine, has_text

SPLIT = "long, translated in parts"


class Segment(NamedTuple):
    """What is searched at once: a line, or a part of one."""

    prepared: PreparedLine  # by the first preparation
    ids: list[list[int]]  # of pieces, a list for each preparation
    warnings: list[str]  # of how it was made
    text: str  # with slots, before it was prepared
    terms: Sequence[FoundTerm] = ()
    match: similar.Match | None = None  # a similar pair of the memory
    similar: Sequence[Phrase] = ()  # what that pair suggests
    beginning: Beginning | None = None  # of its translation


Parts = list[str | Segment]  # of a line


class Segmenter:
    """Makes the segments of lines.

    preparations: all ways in which a line becomes ids. max_pieces: of a segment. glossary: whose
    terms segments have.
    """

    def __init__(
        self, preparations: Sequence[Preparation], max_pieces: int, glossary: Glossary | None
    ):
        self.preparations = preparations
        self.max_pieces = max_pieces
        self.glossary = glossary

    def whole(self, line: str) -> tuple[PreparedLine, list[list[int]]]:
        """A line that is not split, as the first preparation makes it, and its ids for each."""
        prepared = self.preparations[0].source(line)
        return prepared, self._ids(prepared, prepared.line.text)

    def parts(self, text: str) -> Iterator[str | Segment]:
        """Segments of a text, and what stands between them."""
        for part in split_lines(text):
            if part.translated:
                yield from self._segments(part.text)
            else:
                yield part.text

    def with_match(
        self, line: str, match: similar.Match | None, given: str, whole_word: bool = False
    ) -> Parts:
        """The parts of a line; what the memory has as it is stays so, if it begins as given."""
        if match and match.similarity == 1:
            before, _, after = line.partition(line.strip())
            text = f"{before}{match.target}{after}"
            if begins(text, given, whole_word):
                return [text]
        parts = list(self.parts(line))
        segments = [(n, part) for n, part in enumerate(parts) if isinstance(part, Segment)]
        # Of several segments nothing tells which one the match is like.
        if match and len(segments) == 1:
            ((place, segment),) = segments
            phrases = similar.phrases(match, self.preparations[0])
            parts[place] = segment._replace(match=match, similar=phrases)
        return parts

    def begun(self, parts: Parts, given: str, best: Callable, whole_word: bool = False) -> Parts:
        """The parts of a line, whose translation begins as given: each in order has its part of it.

        best: searches segments. whole_word: no letter goes on with what is given.
        """
        begun: Parts = []
        for number, part in enumerate(parts):
            if not given:
                return [*begun, *parts[number:]]
            if isinstance(part, Segment):
                # A translation begins with no white space.
                begun.append(given[: len(given) - len(given.lstrip())])
                given = given.lstrip()
                own = given
                if any(isinstance(later, Segment) for later in parts[number + 1 :]):
                    own = _own_part(given, part, best)
                beginning = self.preparations[0].beginning(own, part.prepared, own != given)
                is_letter_last = is_letter(beginning.text[-1:]) and not beginning.lacking
                beginning.whole_word = whole_word and own == given and is_letter_last
                part = part._replace(beginning=beginning) if own else part
                given = given[len(own) :]
            elif part.startswith(given):
                given = ""
            else:
                # What is not translated gives way to what is given.
                part, given = (part, given[len(part) :]) if given.startswith(part) else ("", given)
            begun.append(part)
        return [*begun, given] if given else begun

    def with_copies(self, segment: Segment, found: Sequence[FoundTerm]) -> Segment:
        """A segment with symbols in the place of these terms of it."""
        # Other segments of the line may be searched at the same time.
        line = copy.deepcopy(segment.prepared.line)
        text = terms.copied(line, segment.text, found)
        prepared = self.preparations[0].prepared(line, text)
        copied = self._segment(prepared, text, segment.warnings, segment.terms)
        begun = segment.beginning
        if begun:
            again = self.preparations[0].beginning(begun.given, prepared, begun.whole)
            begun = dataclasses.replace(again, whole_word=begun.whole_word)
        return copied._replace(similar=segment.similar, beginning=begun)

    def _segments(self, line):
        """The segments of a line, or the line itself where it has nothing to translate."""
        first = self.preparations[0]
        slotted = first.slotted(line)
        limit = self.max_pieces
        symbols = min(preparation.symbols for preparation in self.preparations)
        if not has_text(slotted.text):
            yield line
            return
        texts = split_text(slotted.text, lambda text: first.fits(text, limit, symbols))
        for number, text in enumerate(texts):
            if number:
                yield first.separator()
            prepared = first.prepared(slotted, text)
            if not prepared.has_text():
                yield slotted.filled(text)
                continue
            found = terms.found_in(slotted, text, self.glossary) if self.glossary else ()
            warnings = [SPLIT] if len(texts) > 1 else []
            yield self._segment(prepared, text, warnings, found)

    def _segment(self, prepared, text, warnings, found):
        return Segment(prepared, self._ids(prepared, text), warnings, text, found)

    def _ids(self, prepared, text):
        """A list for each preparation: the members of an ensemble get the same slots."""
        others = [other.prepared(prepared.line, text).ids for other in self.preparations[1:]]
        return [prepared.ids, *others]


def begins(text: str, given: str, whole_word: bool) -> bool:
    """Whether a text begins as given. whole_word: and no letter goes on with that."""
    goes_on = is_letter(given[-1:]) and is_letter(text[len(given) :][:1])
    return text.startswith(given) and not (whole_word and goes_on)


def _own_part(given, segment, best):
    """How much of a text that is given for several segments the translation of the first one is.

    Its own translation if the text begins with that; else as many sentences as the segment has.
    """
    ((own, *_),) = best([segment])
    rest = given[len(own.text) :]
    if given.startswith(own.text) and (not rest or rest[0].isspace()):
        return own.text
    line = LINE_BREAK.split(given)[0]
    sentences = len(SENTENCE_END.split(segment.text.strip()))
    ends = [match.start() for match in SENTENCE_END.finditer(line)]
    if len(ends) >= sentences:
        return line[: ends[sentences - 1]]
    # A translation has no line breaks.
    return given if line == given else line.rstrip()
