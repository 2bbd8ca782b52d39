"""From hypotheses to translations: their text, and what is told and shown of it."""

from nmt.decoding.contract import Hypothesis
from nmt.inference import terms
from nmt.inference.confidence import Curve, unrated_words, word_confidence
from nmt.inference.segments import Segment
from nmt.inference.translation import Translation
from nmt.text.languages import unspaced
from nmt.text.output import has_single_spaces
from nmt.text.preparation import Preparation


class Restorer:
    """Makes translations of the hypotheses of segments.

    preparation: the first one, whose pieces hypotheses have. curve: gives them their confidence.
    """

    def __init__(self, preparation: Preparation, curve: Curve | None):
        self.preparation = preparation
        self.curve = curve

    def translation(
        self,
        segment: Segment,
        hypothesis: Hypothesis,
        attention: bool = False,
        joined: bool = True,
        words: bool = False,
    ) -> Translation:
        """A hypothesis as text, with its pieces and its words if they are asked for."""
        prepared = segment.prepared
        begun = segment.beginning
        if segment.terms and not prepared.has_text() and not begun:
            return _of_terms(segment, words)

        # 1. Its text.
        weights = hypothesis.attention
        if weights is not None:
            # Batches are padded: its columns end with those of the longest source.
            weights = weights[: len(hypothesis.ids) + 1, : len(prepared.ids) + 1]
        output = self.preparation.restored(hypothesis.ids, prepared, weights, joined, begun)
        translation = Translation(
            _trimmed(output.text, begun),
            hypothesis.log_prob,
            hypothesis.score,
            warnings=segment.warnings + output.warnings,
            repaired=output.repaired,
            left_out=output.left_out,
            finished=hypothesis.finished,
            confidence=self._confidence(hypothesis),
            length=len(hypothesis.token_log_probs),
        )

        # 2. What is told and shown of it.
        if words:
            pieces = self._written(hypothesis, prepared, begun)
            spaced = not unspaced(self.preparation.data.target)
            translation.word_confidence = word_confidence(output.text, pieces, spaced)
        if segment.terms:
            lacking = terms.missing(segment.terms, output.text)
            translation.terms = [(each.target, each not in lacking) for each in segment.terms]
            translation.warnings += [f"a term is not used: {each.target}" for each in lacking]
        if attention and weights is not None:
            source, target = self.preparation.tokenizers
            end = ["</s>"] if hypothesis.finished else []
            translation.source_pieces = [*map(source.piece, prepared.ids), "</s>"]
            translation.target_pieces = [*map(target.piece, hypothesis.ids), *end]
            translation.attention = weights
        return translation

    def _confidence(self, hypothesis):
        """The probability that a hypothesis is good: none for one that was cut."""
        if not self.curve:
            return None
        if not hypothesis.finished:
            return 0.0
        return self.curve.confidence(hypothesis.log_prob, len(hypothesis.token_log_probs))

    def _written(self, hypothesis, prepared, begun):
        """(text, log-probability) of each piece; the bytes of a character are one piece."""
        tokenizer = self.preparation.target_tokenizer
        text, ranges = tokenizer.decoded(hypothesis.ids, has_single_spaces(prepared, begun))
        log_probs = hypothesis.token_log_probs
        pieces: list[tuple[str, float]] = []
        for former, place, log_prob in zip([None, *ranges], ranges, log_probs, strict=False):
            if place == former and pieces:
                pieces[-1] = pieces[-1][0], pieces[-1][1] + log_prob
            else:
                written = prepared.line.filled(text[slice(*place)], prepared.names)
                pieces.append((written, log_prob))
        return pieces


def _of_terms(segment, words):
    """The translation of a segment that is nothing but terms."""
    text = segment.prepared.line.filled(segment.text)
    return Translation(
        text,
        word_confidence=unrated_words(text) if words else [],
        terms=[(found.target, True) for found in segment.terms],
    )


def _trimmed(text, begun):
    """A text without white space around it; what it was to begin with stays as it is."""
    if not begun:
        return text.strip()
    kept = len(begun.given)
    return text[:kept] + text[kept:].rstrip()
