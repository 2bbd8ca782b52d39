"""Searches with help: what a similar pair of the memory suggests, and terms of a glossary."""

from collections.abc import Callable, Sequence

import numpy as np

from nmt.inference import memory as similar
from nmt.inference import terms
from nmt.inference.segments import Segment, Segmenter
from nmt.inference.translation import Translation

LIKE_PAIR = "like a similar pair of the memory"
# How much less probable a similar pair may make a translation, in natural logarithms a piece;
# chosen on validation text (docs/translating.md).
FALL = 0.8

Ranked = list[list[Translation]]  # the candidates of each segment


class HelpedSearch:
    """Searches segments again that something helps to translate, and takes what is better.

    search: takes segments, the phrases that are wanted of each, and the number of candidates.
    log_probs: takes sources and targets in pieces; the log-probability of each target, of the whole
    vocabulary.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        search: Callable[..., Ranked],
        log_probs: Callable[[Sequence, Sequence], Sequence[float]],
    ):
        self.segmenter = segmenter
        self.preparations = segmenter.preparations
        self.search = search
        self.log_probs = log_probs

    def use_matches(self, segments: list[Segment], ranked: Ranked) -> None:
        """Searches again what the memory has something similar of.

        A pair that would turn the meaning of the line into its own has no part in it.
        """
        numbers = [number for number, segment in enumerate(segments) if segment.similar]
        if not numbers:
            return
        again = [segments[number] for number in numbers]
        found = self.search(again, [segment.similar for segment in again])
        fits = self._fits([ranked[number] for number in numbers], again, found)
        for number, candidates, is_fit in zip(numbers, found, fits, strict=True):
            if not is_fit:
                segments[number] = segments[number]._replace(similar=())
            elif candidates[0].text != ranked[number][0].text:
                told = [_told(segments[number].match)]
                segments[number] = segments[number]._replace(
                    warnings=segments[number].warnings + told
                )
                for candidate in candidates:
                    candidate.warnings += told
                ranked[number] = _as_sure(candidates, ranked[number])

    def use_terms(self, segments: list[Segment], ranked: Ranked, nbest: int, beam: int) -> None:
        """Puts better candidates in the place of those without the terms of their segment.

        What was found without help stays. The others are searched with all terms wanted, then
        with those copied that are missing still. The best is the first one that has more
        terms and no more holes.
        """
        for copies in (False, True):
            again = self._lacking(segments, ranked, copies)
            if not again:
                return
            searched, wanted = zip(*again.values(), strict=True)
            found = self.search(searched, wanted, max(nbest, beam))
            for number, candidates in zip(again, found, strict=True):
                place = _first_better(segments[number].terms, ranked[number][0], candidates)
                if place is not None:
                    best = candidates.pop(place)
                    # What is nothing but terms has one translation.
                    others = candidates[: nbest - 1] if best.length else []
                    ranked[number] = _as_sure([best, *others], ranked[number])

    def _lacking(self, segments, ranked, copies):
        """By number of those whose best candidate lacks terms: the segment, and what is wanted.

        copies: what it lacks is copied, and the rest of its terms wanted.
        """
        again: dict[int, tuple] = {}
        for number, (segment, [best, *_]) in enumerate(zip(segments, ranked, strict=True)):
            missing = terms.missing(segment.terms, best.text)
            if not missing:
                continue
            copied = missing if copies else []
            rest = [found for found in segment.terms if found not in copied]
            phrases = terms.phrases(rest, self.preparations[0])
            searched = self.segmenter.with_copies(segment, copied) if copied else segment
            again[number] = searched, [*phrases, *segment.similar]
        return again

    def _fits(self, plain, segments, found):
        """Whether candidates that a similar pair has helped to translate their segments.

        They do not where the model finds the best of them much less probable than the one without
        help, or more probable for the source of that pair: what the line has of its own, such as a
        "not", would be lost.
        """
        helped = [
            self._pieces(segment, best) for segment, [best, *_] in zip(segments, found, strict=True)
        ]
        without = [
            self._pieces(segment, best) for segment, [best, *_] in zip(segments, plain, strict=True)
        ]
        lines = [segment.ids for segment in segments]
        pairs = [self.segmenter.whole(segment.match.source)[1] for segment in segments]
        # All three of the whole vocabulary, a search without help may be of a shortlist.
        of_line, of_pair, before = (
            np.array(log_probs)
            for log_probs in (
                self.log_probs(lines, helped),
                self.log_probs(pairs, helped),
                self.log_probs(lines, without),
            )
        )
        fall = before / _lengths(without) - of_line / _lengths(helped)
        whole = [
            best.finished and best.left_out <= former.left_out
            for [best, *_], [former, *_] in zip(found, plain, strict=True)
        ]
        return (of_line >= of_pair) & (fall <= FALL) & np.array(whole, bool)

    def _pieces(self, segment, translation):
        """The ids of a translation of a segment."""
        return self.preparations[0].target_ids(translation.text, segment.prepared.names)


def _told(match):
    """What users are told of a pair that has helped."""
    percentage = similar.percentage(match.similarity)
    return f"{LIKE_PAIR}: {percentage} %, {' '.join(match.source.split())}"


def _first_better(wanted, plain, candidates):
    """The place of the first candidate with more of the terms than `plain`, and no more holes."""
    lacking = len(terms.missing(wanted, plain.text))
    for place, each in enumerate(candidates):
        if len(terms.missing(wanted, each.text)) < lacking and each.left_out <= plain.left_out:
            return place
    return None


def _as_sure(candidates, plain):
    """Candidates that were helped, at least as sure as those found without help.

    Help makes a search choose what the model finds improbable. That says little of its worth; how
    hard the line is to translate says more.
    """
    for candidate, former in zip(candidates, plain, strict=False):
        confidences = candidate.confidence, former.confidence
        if candidate.finished and None not in confidences:
            candidate.confidence = max(confidences)
    return candidates


def _lengths(target_ids):
    """Of targets in pieces, EOS counted."""
    return np.array([len(ids) + 1 for ids in target_ids])
