"""Candidates ranked anew by a run of the reverse direction (Yee et al. 2019, noisy channel).

A search prefers what is probable in the target language, and may leave out or change what the
source says. A run that translates back finds the source improbable then.
"""

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nmt.inference.directions import reverse_of
from nmt.inference.translation import Translation

if TYPE_CHECKING:
    from nmt.inference.translator import Translator
    from nmt.recipe import DataOptions, SearchOptions


class Reranker:
    """score = own score + reverse_weight * score of the source, given the candidate.

    Both are log-probabilities by length, as `length_penalty` of either run has it.
    """

    def __init__(self, reverse: "Translator", options: "SearchOptions", data: "DataOptions"):
        """reverse: the translator of `options.reverse`. data: of the candidates.

        UserError if none of its corpora is of the reverse direction.
        """
        self._loaded = reverse
        self._options = options
        self.reverse = reverse_of(data, reverse, f"search.reverse: {options.reverse}")

    @property
    def reads_tokens(self) -> bool:
        """Whether the reverse run reads a tokenised corpus."""
        return self.reverse.recipe.data.tokenised

    def of(self, data: "DataOptions") -> "Reranker":
        """The same for candidates of another corpus."""
        return Reranker(self._loaded, self._options, data)

    def ranked(
        self,
        sources: Sequence[str],
        texts: Sequence[Sequence[Translation]],
        candidates: Sequence[Sequence[Translation]],
    ) -> list[list[Translation]]:
        """The candidates of each source, best first, with their new scores.

        texts: the same ones, as the reverse run reads them.
        """
        pairs = [
            (text.text, source)
            for source, of_source in zip(sources, texts, strict=True)
            for text in of_source
        ]
        scores = iter(
            self.reverse.score([text for text, _ in pairs], [source for _, source in pairs])
        )
        for candidate in itertools.chain.from_iterable(candidates):
            _, score = next(scores)
            candidate.score += self._options.reverse_weight * score
        # As in the search, what was cut comes last; of equal ones the first stays first.
        return [sorted(each, key=lambda one: (not one.finished, -one.score)) for each in candidates]
