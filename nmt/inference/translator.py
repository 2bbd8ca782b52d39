"""From lines to translations: prepared, split where long, searched in batches, put together."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nmt.decoding.beam import beam_search
from nmt.decoding.characters import Characters
from nmt.decoding.contract import Contract, Hypothesis
from nmt.errors import UserError
from nmt.inference.batching import KERAS_HYPOTHESES, Ids, in_batches, source_matrices
from nmt.inference.checks import check_lines, check_numbers
from nmt.inference.loaded import Loaded
from nmt.inference.long_lines import split_line
from nmt.inference.scoring import score_ids
from nmt.recipe import Recipe
from nmt.text.preparation import Preparation
from nmt.text.tokenizer import Tokenizer


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


class Segment(NamedTuple):
    """What is searched at once: a line, or a part of a long one."""

    line: int  # its number
    ids: list[list[int]]  # of pieces, a list for each preparation
    names: list[str]  # of placeholders, see `PreparedLine`


class Translator(Loaded):
    """Translates and scores lines with a model. `nmt.load` makes one of a run."""

    def __init__(
        self,
        model: Contract,
        tokenizers: tuple[Tokenizer, Tokenizer],
        recipe: Recipe,
        threads: int = 1,
        others: Sequence[Preparation] = (),
        hypotheses_per_batch: int = KERAS_HYPOTHESES,
    ):
        """threads: batches at the same time. hypotheses_per_batch: sentences times beam.

        others: preparations of members of an ensemble that make other ids of a source. Source
        pieces that are shown, and limits on lengths, are those of the first member.
        """
        self.model = model
        self.tokenizers = tokenizers
        self.recipe = recipe
        self.threads = threads
        self.hypotheses_per_batch = hypotheses_per_batch
        self.preparations = [Preparation(recipe.data, tokenizers), *others]
        target = tokenizers[1]
        self.characters = (
            Characters(target.bytes_of_ids, target.size) if target.bytes_of_ids else None
        )

    def translate(
        self, lines: Iterable[str], beam: int | None = None, joined: bool = True
    ) -> list[str]:
        """The best translation of each line, in order; options as for `candidates`."""
        return [best.text for best, *_ in self.candidates(lines, beam=beam, joined=joined)]

    def candidates(
        self,
        lines: Iterable[str],
        nbest: int = 1,
        beam: int | None = None,
        attention: bool = False,
        joined: bool = True,
    ) -> list[list[Translation]]:
        """For each line up to `nbest` translations, best first.

        beam: hypotheses a sentence, at least `nbest` (default: the recipe's). joined: tokens of a
        tokenised corpus are put together as people write them. A line that is blank, or of which
        the tokenizer keeps nothing, is its own translation. Lines longer than the training data's
        are split at sentences or words, with a warning in `Translation.warnings`.
        Raises TypeError for a single text, UserError for options out of bounds and half characters.
        """
        lines = check_lines(lines)
        check_numbers(nbest=nbest, beam=beam)

        # 1. Prepare the lines, and split long ones.
        segments = [
            segment for number, line in enumerate(lines) for segment in self._segments(number, line)
        ]
        # 2. Search all segments.
        nbest_lists = self.search_ids([segment.ids for segment in segments], nbest, beam, attention)
        # 3. Back to text.
        parts_of_line: list[list] = [[] for _ in lines]
        for segment, hypotheses in zip(segments, nbest_lists, strict=True):
            ranked = [self._translation(segment, hypothesis, joined) for hypothesis in hypotheses]
            parts_of_line[segment.line].append(ranked)
        # 4. Put the segments of each line together.
        separator = self.preparations[0].separator(joined)
        return [
            _assembled(line, parts, separator)
            for line, parts in zip(lines, parts_of_line, strict=True)
        ]

    def score(self, sources: Iterable[str], targets: Iterable[str]) -> list[tuple[float, float]]:
        """(log_prob, score) of each pair, as `candidates` would score that target.

        Targets of a tokenised corpus may be as people write them; without spaces they must be
        tokens. Raises as `candidates`, and UserError where sources and targets do not pair up.
        """
        sources = check_lines(sources)
        targets = check_lines(targets)
        if len(sources) != len(targets):
            raise UserError(
                f"{len(sources)} sources, but {len(targets)} targets: they must pair up"
            )
        source_ids = []
        target_ids = []
        for source, target in zip(sources, targets, strict=True):
            prepared = self._prepared(source)
            source_ids.append([each.ids for each in prepared])
            # A placeholder of the target is the symbol that it is in its source.
            target_ids.append(self.preparations[0].target_ids(target, prepared[0].names))
        penalty = self.recipe.search.length_penalty
        size = self.hypotheses_per_batch
        return score_ids(self.model, source_ids, target_ids, penalty, self.threads, size)

    def search_ids(
        self,
        source_ids: Sequence[Sequence[Ids]],
        nbest: int = 1,
        beam: int | None = None,
        attention: bool = False,
    ) -> list[list[Hypothesis]]:
        """As `candidates`, of ids without EOS; of each source a list for each preparation."""
        options = self.recipe.search
        beam = max(beam or options.beam, nbest)

        def search(numbers: list[int]) -> list:
            batch = [source_ids[number] for number in numbers]
            limits = [int(options.max_ratio * len(ids[0])) + options.max_extra for ids in batch]
            source = source_matrices(batch)
            return beam_search(
                self.model,
                source,
                beam,
                options.length_penalty,
                limits,
                nbest,
                attention,
                self.characters,
            )

        lengths = [len(ids[0]) for ids in source_ids]
        return in_batches(search, lengths, max(1, self.hypotheses_per_batch // beam), self.threads)

    def _prepared(self, line):
        """The line as each preparation makes it."""
        return [preparation.source(line) for preparation in self.preparations]

    def _segments(self, number, line):
        """What is searched for a line; nothing where it is its own translation."""
        prepared = self._prepared(line)
        first = prepared[0]
        limit = self.recipe.data.max_pieces
        if not line.strip() or not first.ids:
            return []
        if len(first.ids) <= limit:
            return [Segment(number, [each.ids for each in prepared], first.names)]
        # The members of an ensemble get the same segments, each in its own pieces.
        segments = []
        for ids in split_line(first.text, self.tokenizers[0], limit):
            text = self.tokenizers[0].decode(ids)
            others = [other.segment_ids(text) for other in self.preparations[1:]]
            segments.append(Segment(number, [ids, *others], first.names))
        return segments

    def _translation(self, segment, hypothesis, joined):
        """A hypothesis as text, with its pieces if it has attention."""
        text = self.preparations[0].output(hypothesis.ids, segment.names, joined)
        translation = Translation(text, hypothesis.log_prob, hypothesis.score)
        if hypothesis.attention is not None:
            source = [*map(self.tokenizers[0].piece, segment.ids[0]), "</s>"]
            target = [*map(self.tokenizers[1].piece, hypothesis.ids)]
            if hypothesis.finished:
                target.append("</s>")
            translation.source_pieces = source
            translation.target_pieces = target
            # Batches are padded: its columns end with those of the longest source.
            translation.attention = hypothesis.attention[: len(target), : len(source)]
        return translation


def _assembled(line, parts, separator):
    """Candidates of a line from those of its segments, rank by rank."""
    if not parts:
        return [Translation(line)]
    # White space at the ends of the line stays.
    before, _, after = line.partition(line.strip())
    candidates = []
    for rank in range(max(map(len, parts))):
        # A segment with fewer candidates repeats its last one.
        chosen = [ranked[min(rank, len(ranked) - 1)] for ranked in parts]
        whole = chosen[0] if len(chosen) == 1 else _concatenated(chosen, separator)
        whole.text = before + whole.text.strip() + after
        candidates.append(whole)
    return candidates


def _concatenated(parts, separator):
    """The translation of a line from those of its segments; its score is their mean."""
    return Translation(
        separator.join(part.text for part in parts),
        sum(part.log_prob for part in parts),
        sum(part.score for part in parts) / len(parts),
        warnings=["long, translated in parts"],
        repaired=sum((part.repaired for part in parts), Counter()),
    )
