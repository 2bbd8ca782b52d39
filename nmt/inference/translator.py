"""From lines to translations: prepared, split where long, searched in batches, put together."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nmt.decoding.contract import Contract
from nmt.decoding.sampling import Sampling
from nmt.errors import UserError
from nmt.inference import memory as similar
from nmt.inference.batching import KERAS_HYPOTHESES
from nmt.inference.checks import check_lines, check_numbers
from nmt.inference.confidence import Curve, unrated_words
from nmt.inference.helped import HelpedSearch
from nmt.inference.loaded import Loaded
from nmt.inference.long_lines import LINE_BREAK
from nmt.inference.restorer import Restorer
from nmt.inference.searcher import Searcher
from nmt.inference.segments import Parts, Segment, Segmenter, begins
from nmt.inference.translation import Translation, assembled
from nmt.recipe import Recipe
from nmt.runs.corrections import Corrections
from nmt.text.glossary import Glossary
from nmt.text.languages import unspaced
from nmt.text.messages import Part, split_message
from nmt.text.preparation import NO_PROFILE, Preparation
from nmt.text.profile import Profile
from nmt.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from nmt.inference.reranking import Reranker


class Alternative(NamedTuple):
    """What may follow a beginning, and how probably."""

    text: str  # a word with what stands before it, or the rest of one; "": nothing more
    probability: float


class Ready(NamedTuple):
    """Lines that are prepared: what is searched of them, and how that becomes their candidates."""

    segments: list[Any]  # each a `Segment`, or of others than translators a text
    # Takes the candidates of each segment, and gives those of each line.
    joined: Callable[[Sequence[list[Translation]]], list[list[Translation]]]


class _Line(NamedTuple):
    """A line that is prepared: its parts, its match in the memory, and what a user gave."""

    parts: Parts
    match: similar.Match | None
    corrected: Translation | None

    def joined(self, rest, asked):
        """The candidates of the line: of its segments the next of `rest`; a correction first."""
        found = [part if isinstance(part, str) else next(rest) for part in self.parts]
        candidates = assembled(found, self.match, asked.words)
        if not self.corrected:
            return candidates
        others = (each for each in candidates if each.text != self.corrected.text)
        return [self.corrected, *others][: asked.nbest]


class _Asked(NamedTuple):
    """Options of `Translator.candidates`."""

    nbest: int
    beam: int
    attention: bool
    joined: bool
    sampling: Sampling | None
    words: bool
    whole_words: bool = False


class Translator(Loaded):
    """Translates and scores lines with a model. `nmt.load` makes one of a run."""

    # How terms of the source are translated, lines that were translated before, and what users
    # gave as translations.
    glossary: Glossary | None = None
    memory: similar.Memory | None = None
    corrections: Corrections | None = None
    # Ranks what a search has found.
    reranker: "Reranker | None" = None

    def __init__(
        self,
        model: Contract,
        tokenizers: tuple[Tokenizer, Tokenizer],
        recipe: Recipe,
        threads: int = 1,
        others: Sequence[Preparation] = (),
        hypotheses_per_batch: int = KERAS_HYPOTHESES,
        profile: Profile = NO_PROFILE,
        curve: Curve | None = None,
    ):
        """threads: batches at the same time. hypotheses_per_batch: sentences times beam.

        others: preparations of members of an ensemble that make other ids of a source. Source
        pieces that are shown, and limits on lengths, are those of the first member. curve: gives
        translations their confidence.
        """
        self.model = model
        self.tokenizers = tokenizers
        self.recipe = recipe
        self.threads = threads
        self.curve = curve
        self.preparations = [Preparation(recipe, tokenizers, profile), *others]
        self.searcher = Searcher(model, tokenizers[1], recipe.search, threads, hypotheses_per_batch)

    def into(self, target: str) -> "Translator":
        """A translator into another language of the run, with the same model."""
        return self._changed(lambda recipe: recipe.into(target), "into", target)

    def first(self, number: int) -> "Translator":
        """A translator of text of another corpus of the run, by its number.

        Members of an ensemble whose corpora are others take one of the same languages; UserError
        where they have none.
        """
        data = self.recipe.data
        corpus = data.corpora()[number]

        def of_corpus(recipe: Recipe) -> Recipe:
            if recipe.data == data:
                return recipe.first(number)
            return recipe.first(recipe.number_into(corpus.target, corpus.source))

        return self._changed(of_corpus, "first", number)

    def using(
        self,
        glossary: Glossary | str | Path | None = None,
        memory: similar.Memory | str | Path | None = None,
        corrections: Corrections | str | Path | None = None,
    ) -> "Translator":
        """The same translator with these, which paths may name; None: its own.

        Translators that `into` and `first` give have none, as their languages may be others.
        memory: a TMX, PO, XLIFF or TSV file, a folder of them, or a run: its training text.
        corrections: a run, or "RUN1,RUN2,...": what users gave as translations, which is then the
        best candidate of that line.
        """
        translator = Translator.__new__(Translator)
        translator.__dict__.update(self.__dict__)
        data = self.recipe.data
        if corrections is not None and not isinstance(corrections, Corrections):
            corrections = Corrections.of(corrections, data.source, data.target)
        if self.origin:
            # Paths hold in any working directory.
            run = corrections.path.parent if corrections else None
            places = (
                os.path.abspath(each) if isinstance(each, str | Path) else each
                for each in (glossary, memory, run)
            )
            translator.origin = _loaded_and_changed, (self.origin, "using", *places)
        translator.glossary = _read_glossary(glossary, data) or self.glossary
        translator.memory = _read_memory(memory, data) or self.memory
        translator.corrections = corrections or self.corrections
        return translator

    def matches(self, line: str, limit: int = 1) -> list[similar.Match]:
        """The pairs of the memory most similar to a line, at most `limit`; empty without one."""
        return self.memory.matches(line, limit) if self.memory else []

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
        sampling: Sampling | None = None,
        words: bool = False,
        prefixes: Iterable[str] | None = None,
        whole_words: bool = False,
    ) -> list[list[Translation]]:
        """For each line up to `nbest` translations, best first.

        sampling: translations are drawn, not searched, and come in the order in which they were
        drawn, without attention. beam: hypotheses a sentence, at least `nbest` (default: the
        recipe's). joined: tokens of a tokenised corpus are put together as people write them. A
        line without any text of the source language is its own translation. Lines longer than the
        training data's are split at sentences or words; that, and what was put right in a
        translation, is told in `Translation.warnings`. Line breaks within a text stay. words: with
        `Translation.word_confidence`. What `using` adds is for searches; a correction comes first.
        prefixes: what the translations of each line begin with, letter for letter; "": anything.
        whole_words: no letter goes on with the word that a prefix ends in; for languages with
        spaces.
        Raises TypeError for a single text, UserError for options out of bounds, half characters,
        and prefixes that the model cannot write.
        """
        lines = check_lines(lines)
        check_numbers(nbest=nbest, beam=beam)
        givens = self._check_prefixes(lines, prefixes, sampling)

        beam = beam or self.recipe.search.beam
        whole_words = whole_words and not unspaced(self.recipe.data.target)
        asked = _Asked(nbest, beam, attention, joined, sampling, words, whole_words)
        ready = self._ready(asked, lines, givens)
        segments = ready.segments
        # A glossary is for searches.
        if sampling:
            segments = [segment._replace(terms=()) for segment in segments]
        return ready.joined(self._searched_with_help(asked, segments))

    # `candidates` in two steps, so that segments of several callers can be searched together.

    def ready(self, lines: Iterable[str], nbest: int = 1, words: bool = False) -> Ready:
        """Lines as `candidates` takes them, for `search`; raises what that does."""
        asked = _Asked(nbest, self.recipe.search.beam, False, True, None, words)
        lines = check_lines(lines)
        return self._ready(asked, lines, [""] * len(lines))

    def search(
        self,
        segments: Iterable[Segment],
        nbest: int = 1,
        attention: bool = False,
        words: bool = False,
    ) -> list[list[Translation]]:
        """Up to `nbest` candidates of each segment of `ready` lines, options as of `candidates`."""
        asked = _Asked(nbest, self.recipe.search.beam, attention, True, None, words)
        return self._searched_with_help(asked, list(segments))

    def alternatives(self, line: str, prefix: str = "", limit: int = 5) -> list[Alternative]:
        """The most probable next words of a translation that begins with a text, best first.

        prefix + text is the beginning with that word. The model alone is asked: glossary and
        memory change nothing. Empty where the line has nothing to translate. Raises as
        `candidates`.
        """
        check_lines([line, prefix])
        check_numbers(nbest=limit)

        def best(segments):
            ids = [segment.ids for segment in segments]
            (hypothesis,) = self.searcher.search_ids(ids)[0]
            return [[self._restorer.translation(segments[0], hypothesis)]]

        segmenter = self._segmenter
        parts = segmenter.begun(list(segmenter.parts(line)), prefix, best)
        for segment in (part for part in parts if isinstance(part, Segment)):
            begun = segment.beginning or self.preparations[0].beginning("", segment.prepared)
            if not begun.whole:
                return self._next_words(segment, begun, limit)
        return []

    def score(self, sources: Iterable[str], targets: Iterable[str]) -> list[tuple[float, float]]:
        """(log_prob, score) of each pair, as the search scores that target, before any ranking.

        Outer white space does not count. Targets of a tokenised corpus may be as people write them;
        without spaces they must be tokens. Raises as `candidates`, and UserError where sources and
        targets do not pair up.
        """
        sources = [source.strip() for source in check_lines(sources)]
        targets = [target.strip() for target in check_lines(targets)]
        if len(sources) != len(targets):
            raise UserError(
                f"{len(sources)} sources, but {len(targets)} targets: they must pair up"
            )
        segmenter = self._segmenter
        source_ids = []
        target_ids = []
        begun = {}
        for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
            prepared, ids = segmenter.whole(source)
            source_ids.append(ids)
            # A placeholder of the target is the symbol that it is in its source.
            target_ids.append(self.preparations[0].target_ids(target, prepared.names))
            if not prepared.cased.restore:
                continue
            with contextlib.suppress(UserError):  # then it is scored as it stands
                begun[number] = self.preparations[0].beginning(target, prepared, whole=True)
        # The model writes a line in capitals in its usual case, which the text does not tell.
        usual = self.searcher.written([source_ids[number] for number in begun], begun.values())
        for number, ids in zip(begun, usual, strict=True):
            target_ids[number] = ids or target_ids[number]
        return self.searcher.scores(source_ids, target_ids)

    def _changed(self, change, method, argument):
        """The same translator of other recipes. method, argument: what makes it of this one."""
        preparations = [
            Preparation(change(each.recipe), each.tokenizers, each.profile)
            for each in self.preparations
        ]
        translator = Translator(
            self.model,
            self.tokenizers,
            change(self.recipe),
            self.threads,
            preparations[1:],
            self.searcher.hypotheses_per_batch,
            self.preparations[0].profile,
            self.curve,
        )
        translator.reranker = self.reranker and self.reranker.of(translator.recipe.data)
        if self.origin:
            translator.origin = _loaded_and_changed, (self.origin, method, argument)
        translator.description = f"{self.description}, {method} {argument}"
        return translator

    def _ready(self, asked, lines, givens):
        """Lines to search. givens: what the translation of each begins with."""
        prepared = [
            self._ready_line(asked, line, given) for line, given in zip(lines, givens, strict=True)
        ]

        def joined(ranked: Sequence[list[Translation]]) -> list[list[Translation]]:
            rest = iter(ranked)
            return [each.joined(rest, asked) for each in prepared]

        segments = [part for each in prepared for part in each.parts if isinstance(part, Segment)]
        return Ready(segments, joined)

    def _ready_line(self, asked, line, given):
        """A line to search, unless its only translation is a correction."""
        corrected = None if asked.sampling else self._corrected(asked, line, given)
        if corrected and asked.nbest == 1:
            return _Line([], None, corrected)
        match = None if asked.sampling else next(iter(self.matches(line)), None)
        segmenter = self._segmenter
        parts = segmenter.with_match(line, match, given, asked.whole_words)
        best = functools.partial(self._searched_with_help, asked)
        begun = segmenter.begun(parts, given, best, asked.whole_words)
        return _Line(begun, match, corrected)

    def _corrected(self, asked, line, given):
        """What a user gave as the translation of a line, if it begins so, or None."""
        content = line.strip()
        target = self.corrections.get(content) if self.corrections else None
        # A correction is one line; only in a message line breaks mean nothing.
        if target is None or (
            LINE_BREAK.search(content) and split_message(content) == [Part(content, True)]
        ):
            return None
        before, _, after = line.partition(content)
        text = f"{before}{target}{after}"
        if not begins(text, given, asked.whole_words):
            return None
        own = unrated_words(text) if asked.words else []
        return Translation(text, confidence=1.0, word_confidence=own, corrected=True)

    def _searched_with_help(self, asked, segments):
        """Candidates of each segment.

        Those with a similar pair, or without their terms, are searched again.
        """
        search = functools.partial(self._searched, asked)
        ranked = search(segments)
        if not asked.sampling:
            helped = HelpedSearch(self._segmenter, search, self.searcher.log_probs)
            helped.use_matches(segments, ranked)
            helped.use_terms(segments, ranked, asked.nbest, asked.beam)
        return ranked

    def _searched(self, asked, segments, phrases=(), nbest=0):
        """Candidates of each segment. phrases: what is wanted of each; nbest: in place of asked."""
        nbest = nbest or asked.nbest
        if asked.sampling:
            ids = [segment.ids for segment in segments]
            drawn = self.searcher.sample_ids(ids, nbest, asked.sampling)
            return self._translations(asked, segments, drawn)
        # What is ranked anew is the whole beam; not where phrases are wanted, of which scores tell
        # nothing.
        reranker = None if phrases else self.reranker
        searched = max(nbest, asked.beam) if reranker else nbest
        nbest_lists = self.searcher.search(segments, phrases, searched, asked.beam, asked.attention)
        candidates = self._translations(asked, segments, nbest_lists)
        if reranker:
            sources = [segment.prepared.line.filled(segment.text) for segment in segments]
            texts = candidates
            if self.recipe.data.tokenised and asked.joined == reranker.reads_tokens:
                as_read = asked._replace(joined=not asked.joined)
                texts = self._translations(as_read, segments, nbest_lists)
            candidates = reranker.ranked(sources, texts, candidates)
        return [best[:nbest] for best in candidates]

    def _translations(self, asked, segments, nbest_lists):
        """The hypotheses of each segment as translations."""
        restorer = self._restorer
        return [
            [
                restorer.translation(
                    segment, hypothesis, asked.attention, asked.joined, asked.words
                )
                for hypothesis in best
            ]
            for segment, best in zip(segments, nbest_lists, strict=True)
        ]

    def _next_words(self, segment, begun, limit):
        spaced = not unspaced(self.recipe.data.target)
        found = self.searcher.next_words(segment.ids, begun, spaced, limit)
        chances: dict[str, float] = {}
        for ids, chance in found:
            text = self.preparations[0].following(list(ids), segment.prepared, begun)
            if begun.given[-1:].isspace():  # the model may write a space once more
                text = text.lstrip(" ")
            chances[text] = chances.get(text, 0.0) + chance
        ranked = sorted(chances.items(), key=lambda item: -item[1])
        return [Alternative(*item) for item in ranked[:limit]]

    @property
    def _segmenter(self):
        return Segmenter(self.preparations, self.recipe.data.max_pieces, self.glossary)

    @property
    def _restorer(self):
        return Restorer(self.preparations[0], self.curve)

    def _check_prefixes(self, lines, prefixes, sampling):
        """What each line begins with."""
        if prefixes is None:
            return [""] * len(lines)
        givens = check_lines(prefixes)
        if len(givens) != len(lines):
            raise UserError(f"{len(lines)} lines, but {len(givens)} prefixes: they must pair up")
        if sampling:
            raise UserError("prefixes and sampling exclude each other")
        return givens


# Readers are imported where they are needed, as every start of a program would pay for it.


def _read_glossary(glossary, data):
    """A glossary that a path may name."""
    if glossary is None or isinstance(glossary, Glossary):
        return glossary
    from nmt.corpora.glossary import read_glossary

    return read_glossary(glossary, data.source, data.target)


def _read_memory(memory, data):
    """A translation memory that a path may name."""
    if memory is None or isinstance(memory, similar.Memory):
        return memory
    from nmt.inference.memory_files import read_memory

    return read_memory(memory, data.source, data.target)


def _loaded_and_changed(origin, method, *arguments):
    function, of_function = origin
    return getattr(function(*of_function), method)(*arguments)
