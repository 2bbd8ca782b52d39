"""Lines longer than those of the training data are split: at sentences, else words, else pieces."""

import re

from nmt.text.tokenizer import Tokenizer

SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|(?<=[。！？；])")


def split_line(line: str, tokenizer: Tokenizer, limit: int) -> list[list[int]]:
    """Ids of the segments of a line, each of at most `limit` pieces."""
    segments = []
    current: list[int] = []
    for sentence in SENTENCE_END.split(line):
        # A sentence stays whole where it can; else its words are the units.
        whole = tokenizer.encode([sentence])[0]
        units = [whole] if len(whole) <= limit else tokenizer.encode(sentence.split())
        for unit in units:
            # A unit longer than a segment is cut anywhere.
            for start in range(0, len(unit), limit):
                ids = unit[start : start + limit]
                # A segment takes units until the next one does not fit.
                if len(current) + len(ids) > limit:
                    segments.append(current)
                    current = []
                current = current + ids
    return [segment for segment in [*segments, current] if segment]
