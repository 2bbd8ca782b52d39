"""Texts in parts that can be translated: lines, and of lines that are too long segments."""

import itertools
import re
from collections.abc import Callable, Iterator

from nmt.text.messages import Part, split_message

# Within a text.
LINE_BREAK = re.compile("(\r\n|[\n\r\v\f\x85\u2028\u2029])")
# Sentences end here, words end here; a segment may also end anywhere.
SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|(?<=[。！？；])")
WORD_END = re.compile(r"\s+")


def split_lines(text: str) -> Iterator[Part]:
    """The lines of a text, and what stays: line breaks, white space around them, ICU's syntax."""
    for part in split_message(text):
        for line in LINE_BREAK.split(part.text):
            content = line.strip() if part.translated else ""
            before, _, after = line.partition(content) if content else (line, "", "")
            for each in (Part(before, False), Part(content, True), Part(after, False)):
                if each.text:
                    yield each


def split_text(text: str, fits: Callable[[str], bool]) -> list[str]:
    """Segments of a text that fit: whole sentences where they can be, else words, else halves."""
    segments = _segments(text, fits, [SENTENCE_END, WORD_END])
    return [text] if fits(text) else [segment.strip() for segment in segments if segment.strip()]


def _segments(text, fits, borders):
    if not borders:
        # A word that is too long is cut anywhere.
        half = len(text) // 2
        for part in (text[:half], text[half:]):
            yield from [part] if fits(part) or len(part) < 2 else _segments(part, fits, [])
        return
    border, *finer = borders
    ends = [0, *(match.end() for match in border.finditer(text)), len(text)]
    segment = ""
    for start, end in itertools.pairwise(ends):
        # A segment takes units until the next one does not fit.
        unit = text[start:end]
        if fits(segment + unit):
            segment += unit
        elif fits(unit):
            yield segment
            segment = unit
        else:
            yield segment
            yield from _segments(unit, fits, finer)
            segment = ""
    yield segment
