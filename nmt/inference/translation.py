"""A translation of a line, and how those of its segments become one."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from nmt.inference import memory as similar
from nmt.inference.confidence import WordConfidence, unrated_words


@dataclasses.dataclass
class Translation:
    """One candidate for a line."""

    text: str
    log_prob: float = 0.0  # summed natural log-probability, EOS included
    score: float = 0.0  # what candidates are ranked by
    # With attention=True, unless the line was split: its pieces, and [target, source pieces].
    source_pieces: list[str] = dataclasses.field(default_factory=list)
    target_pieces: list[str] = dataclasses.field(default_factory=list)
    attention: np.ndarray | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)  # what the user should know
    # By group of spans (placeholder, tag, number, ...): how many were put right after the search.
    repaired: Counter[str] = dataclasses.field(default_factory=Counter)
    left_out: int = 0  # copies too many that have left a hole
    finished: bool = True  # False: cut at the length limit
    # Probability that it is good (inference/confidence.py), of a line in parts that of the worst
    # one; None without a curve, and for a line that has nothing to translate.
    confidence: float | None = None
    length: int = 0  # in pieces, EOS counted
    # With words=True: each word and its probability, None for what was copied beside the model.
    word_confidence: WordConfidence = dataclasses.field(default_factory=list)
    # Of a glossary: the term of each place of the source, and whether the translation has it.
    terms: list[tuple[str, bool]] = dataclasses.field(default_factory=list)
    # Of a translation memory: the pair most similar to the line; of similarity 1.0 its target.
    match: similar.Match | None = None
    corrected: bool = False  # a user gave it

    @property
    def known(self) -> bool:
        """Whether it is what people gave: a correction, or the target of a memory."""
        return self.corrected or (self.match is not None and self.match.similarity == 1)


def assembled(
    parts: Sequence[str | list[Translation]],
    match: similar.Match | None = None,
    words: bool = False,
) -> list[Translation]:
    """Candidates of a line, rank by rank: of texts, and of the candidates of its segments."""
    segments = [part for part in parts if not isinstance(part, str)]
    candidates = []
    for rank in range(max(map(len, segments), default=1)):
        # A segment with fewer candidates repeats its last one.
        chosen = [
            part if isinstance(part, str) else part[min(rank, len(part) - 1)] for part in parts
        ]
        candidates.append(dataclasses.replace(_concatenated(chosen, words), match=match))
    return candidates


def _concatenated(parts, with_words):
    """The translation of a line from texts and those of its segments; its score is their mean."""
    translations = [part for part in parts if not isinstance(part, str)]
    text = "".join(part if isinstance(part, str) else part.text for part in parts)
    words = _words(parts) if with_words else []
    if len(translations) == 1:
        return dataclasses.replace(translations[0], text=text, word_confidence=words)
    confidences = [part.confidence for part in translations if part.confidence is not None]
    whole = Translation(text, confidence=min(confidences, default=None), word_confidence=words)
    for part in translations:
        whole.log_prob += part.log_prob
        whole.length += part.length
        whole.score += part.score / len(translations)
        whole.finished &= part.finished
        whole.warnings += [each for each in part.warnings if each not in whole.warnings]
        whole.repaired += part.repaired
        whole.left_out += part.left_out
        whole.terms += part.terms
    return whole


def _words(parts):
    """The words of all parts."""
    words: WordConfidence = []
    for part in parts:
        words += unrated_words(part) if isinstance(part, str) else part.word_confidence
    return words
