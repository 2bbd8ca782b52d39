"""How text becomes what a model sees, and back: in training, scoring, search and streams."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from nmt.text.languages import unspaced
from nmt.text.placeholders import SYMBOLS, protect, protect_more, restore, with_symbols
from nmt.text.tokens import detokenise, tokenise

if TYPE_CHECKING:
    from nmt.recipe import DataOptions


class PreparedLine(NamedTuple):
    """A line as the model sees it."""

    # With symbols for placeholders and, of a tokenised corpus, its tokens.
    text: str
    # Its pieces, without BOS and EOS.
    ids: list[int]
    # The placeholders that the symbols stand for, in the order of SYMBOLS.
    names: list[str]


class Preparation:
    """A line to ids and back, for one recipe.

    Two preparations are equal if they make the same ids of any source: members of an ensemble
    that are equal share them.
    """

    def __init__(self, data: DataOptions, tokenizers: Any = (None, None)):
        """tokenizers: (source, target), which `pair`, `pairs` and `detokenised` do not need."""
        self.data = data
        self.source_tokenizer, self.target_tokenizer = tokenizers
        # Lines of a text without translations are no source: they are not tokenised as one.
        tokenised = data.tokenised and data.format != "text"
        self._source_code = data.source if tokenised else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Preparation) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self):
        return self.source_tokenizer, self._source_code

    # Towards the model.

    def pair(self, source: str, target: str) -> tuple[str, str]:
        """A pair of the corpus as text for the tokenizers; targets are in their form already.

        In the target only those placeholders become symbols that the source has too.
        """
        text, names = protect(self._tokenised_source(source))
        return text, with_symbols(target, names)

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Each `pair` of many."""
        return itertools.starmap(self.pair, pairs)

    def source(self, line: str) -> PreparedLine:
        """A line to translate."""
        text, names = protect(self._tokenised_source(line))
        return PreparedLine(text, _encoded(self.source_tokenizer, text), names)

    def segment_ids(self, text: str) -> list[int]:
        """Ids of a segment of a source whose placeholders are symbols already."""
        return _encoded(self.source_tokenizer, self._tokenised_source(text))

    def target_ids(self, target: str, names: list[str]) -> list[int]:
        """Ids of a translation to score. names: the placeholders of its source.

        Of a tokenised corpus it may be as people write it; without spaces it must be tokens.
        """
        if self.data.tokenised and not unspaced(self.data.target):
            target = tokenise(target, self.data.target)
        return _encoded(self.target_tokenizer, with_symbols(target, names))

    def prompt(self, text: str) -> PreparedLine:
        """What a language model continues. Placeholders it adds are named {n}, n their number."""
        prepared, names = protect(text)
        names += [f"{{{n}}}" for n in range(len(names), len(SYMBOLS))]
        return PreparedLine(prepared, _encoded(self.target_tokenizer, prepared), names)

    # Back to text.

    def output(self, ids: list[int], names: list[str], for_people: bool = True) -> str:
        """Text of the target ids, with the placeholders of its source.

        for_people: tokens of a tokenised corpus are joined.
        """
        line = restore(self.target_tokenizer.decode(ids), names)
        return self.detokenised(line) if for_people else line

    def detokenised(self, line: str) -> str:
        """A target of the corpus as people write it."""
        return detokenise(line, self.data.target) if self.data.tokenised else line

    def separator(self, for_people: bool = True) -> str:
        """What stands between the translations of the segments of a long line."""
        return "" if for_people and unspaced(self.data.target) else " "

    def _tokenised_source(self, line):
        return line if self._source_code is None else tokenise(line, self._source_code)


class IncrementalSource:
    """The words of one arriving line. A placeholder must arrive whole."""

    def __init__(self, preparation: Preparation):
        self.preparation = preparation
        # The placeholders that have arrived.
        self.names: list[str] = []

    def ids(self, text: str) -> list[int]:
        """Ids of the next text of the line."""
        tokenised = self.preparation._tokenised_source(text)
        return _encoded(self.preparation.source_tokenizer, protect_more(tokenised, self.names))

    def is_early(self, token: int) -> bool:
        """Whether a target id is the symbol of a placeholder that has not arrived."""
        piece = self.preparation.target_tokenizer.piece(token)
        return piece in SYMBOLS[len(self.names) :]


def _encoded(tokenizer, text):
    return tokenizer.encode([text])[0]
