"""From the ids of sources to hypotheses: searched, drawn and scored in batches of one length."""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from nmt.decoding.beam import beam_search
from nmt.decoding.bonus import Bonus, Phrase, Wanted
from nmt.decoding.characters import Characters
from nmt.decoding.contract import Contract, Hypothesis
from nmt.decoding.next_words import Words, next_words
from nmt.decoding.prefix import Prefix, Spelling
from nmt.decoding.sampling import Sampling, sample
from nmt.errors import UserError
from nmt.inference.batching import Ids, in_batches, source_matrices
from nmt.inference.scoring import score_ids
from nmt.inference.segments import Segment
from nmt.recipe import SearchOptions
from nmt.text.beginning import Beginning
from nmt.text.tokenizer import Tokenizer


class Searcher:
    """What a `Translator` asks its model.

    target: the tokenizer of translations. threads: batches at the same time. hypotheses_per_batch:
    sentences times beam.
    """

    def __init__(
        self,
        model: Contract,
        target: Tokenizer,
        options: SearchOptions,
        threads: int,
        hypotheses_per_batch: int,
    ):
        self.model = model
        self.target = target
        self.options = options
        self.threads = threads
        self.hypotheses_per_batch = hypotheses_per_batch
        self._spellings: dict[Callable[[str], str], Spelling] = {}
        self._words: dict[tuple[Spelling, bool], Words] = {}
        self.characters = (
            Characters(target.bytes_of_ids, target.size) if target.bytes_of_ids else None
        )

    def search(
        self,
        segments: Sequence[Segment],
        phrases: Sequence[Sequence[Phrase]],
        nbest: int,
        beam: int,
        attention: bool,
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each segment; equal ones are searched once.

        phrases: what is wanted of each, if anything is.
        """
        first: dict[tuple, int] = {}
        numbers = []
        for number, segment in enumerate(segments):
            wanted = tuple((tuple(p.forms), *p[1:]) for p in phrases[number]) if phrases else ()
            begun = segment.beginning and segment.beginning.key()
            key = tuple(map(tuple, segment.ids)), segment.prepared.copies(), wanted, begun
            numbers.append(first.setdefault(key, number))
        places = {number: place for place, number in enumerate(first.values())}
        distinct = [segments[number] for number in places]
        found = self.search_ids(
            [segment.ids for segment in distinct],
            nbest,
            beam,
            [attention or segment.prepared.copies() for segment in distinct],
            [Wanted(phrases[number]) for number in places] if phrases else None,
            [self._prefix(segment.beginning) for segment in distinct],
        )
        return [found[places[number]] for number in numbers]

    def search_ids(
        self,
        source_ids: Sequence[Sequence[Ids]],
        nbest: int = 1,
        beam: int | None = None,
        attention: bool | Sequence[bool] = False,
        wanted: Sequence[Wanted] | None = None,
        prefixes: Sequence[Prefix | None] | None = None,
    ) -> list[list[Hypothesis]]:
        """Of ids without EOS, of each source a list for each preparation, its `nbest` hypotheses.

        attention: of all sources, or of each by itself. wanted: phrases of each translation.
        """
        options = self.options
        beam = max(beam or options.beam, nbest)
        attended = [attention] * len(source_ids) if isinstance(attention, bool) else attention

        def search(numbers: list[int]) -> list:
            batch = [source_ids[number] for number in numbers]
            limits = self._limits(batch)
            begun = None
            if prefixes and any(prefixes[number] for number in numbers):
                anything = Prefix("", self._spelling(str))
                begun = [prefixes[number] or anything for number in numbers]
                # As much more as of any output.
                fewest = [prefix.fewest + options.max_extra for prefix in begun]
                limits = [*map(max, limits, fewest)]
            source = source_matrices(batch)
            want_attention = any(attended[number] for number in numbers)
            return beam_search(
                self.model,
                source,
                beam,
                options.length_penalty,
                limits,
                nbest,
                want_attention,
                self.characters,
                Bonus([wanted[number] for number in numbers]) if wanted else None,
                begun,
            )

        lengths = [len(ids[0]) for ids in source_ids]
        return in_batches(search, lengths, max(1, self.hypotheses_per_batch // beam), self.threads)

    def sample_ids(
        self, source_ids: Sequence[Sequence[Ids]], count: int, sampling: Sampling
    ) -> list[list[Hypothesis]]:
        """`count` draws for each source, as `search_ids` takes them."""

        def draw(numbers: list[int]) -> list:
            # Each as often as it is drawn, side by side.
            batch = [source_ids[number] for number in numbers for _ in range(count)]
            keys = [
                zlib.crc32(np.asarray(ids[0], np.int32).tobytes()) * count + n % count
                for n, ids in enumerate(batch)
            ]
            source = source_matrices(batch)
            drawn = sample(self.model, source, self._limits(batch), sampling, keys)
            for hypothesis in drawn:
                length = len(hypothesis.ids) + hypothesis.finished
                hypothesis.score /= max(1, length) ** self.options.length_penalty
            return [drawn[n : n + count] for n in range(0, len(drawn), count)]

        lengths = [len(ids[0]) for ids in source_ids]
        return in_batches(draw, lengths, max(1, self.hypotheses_per_batch // count), self.threads)

    def next_words(
        self, source_ids: Sequence[Ids], begun: Beginning, spaced: bool, limit: int
    ) -> list[tuple[tuple[int, ...], float]]:
        """The words that may follow a beginning, and how probably, as `decoding.next_words`.

        source_ids: of one source. spaced: words are what white space separates.
        """
        words = self._words_of(self._spelling(begun.form), spaced)
        source = source_matrices([source_ids])
        return next_words(self.model, source, self._prefix(begun), words, self.characters, limit)

    def written(
        self, source_ids: Sequence[Sequence[Ids]], texts: Iterable[Beginning]
    ) -> list[list[int] | None]:
        """The ids in which a model would write the whole of each text; None where it cannot."""
        found: list[list[int] | None] = [None] * len(source_ids)
        possible = {}
        for number, text in enumerate(texts):
            with contextlib.suppress(UserError):
                possible[number] = self._prefix(text)
        batch = [source_ids[number] for number in possible]
        hypotheses = self.search_ids(batch, prefixes=[*possible.values()])
        for number, (best, *_) in zip(possible, hypotheses, strict=True):
            found[number] = best.ids if best.finished else None
        return found

    def scores(
        self, source_ids: Sequence[Sequence[Ids]], target_ids: Sequence[Ids]
    ) -> list[tuple[float, float]]:
        """(log_prob, score) of each target, of the whole vocabulary; see `score_ids`."""
        penalty = self.options.length_penalty
        size = self.hypotheses_per_batch
        return score_ids(self.model, source_ids, target_ids, penalty, self.threads, size)

    def log_probs(
        self, source_ids: Sequence[Sequence[Ids]], target_ids: Sequence[Ids]
    ) -> list[float]:
        """The log-probability of each target, of the whole vocabulary."""
        return [log_prob for log_prob, _ in self.scores(source_ids, target_ids)]

    def _limits(self, sources):
        """The most pieces of each output. sources: of each its ids, a list for each preparation."""
        options = self.options
        return [int(options.max_ratio * len(ids[0])) + options.max_extra for ids in sources]

    def _prefix(self, beginning):
        """What a search takes of the beginning of a translation."""
        if beginning is None:
            return None
        symbols = zip(self.target.symbol_ids, beginning.names, strict=False)
        endings = {id: beginning.form(copied.text) for id, copied in symbols}
        spelling = self._spelling(beginning.form)
        following = self._words_of(spelling, True).ending if beginning.whole_word else ()
        prefix = Prefix(beginning.written(), spelling, endings, beginning.whole, following)
        if not prefix.is_possible:
            unknown = set(beginning.text).difference(self.target.alphabet)
            shown = " ".join(sorted(unknown)) or beginning.text
            raise UserError(
                f"the beginning {beginning.given!r} cannot be written: the model has no pieces "
                f"for: {shown}"
            )
        return prefix

    def _words_of(self, spelling, spaced):
        if (spelling, spaced) not in self._words:
            self._words[spelling, spaced] = Words(spelling.writings, spaced)
        return self._words[spelling, spaced]

    def _spelling(self, form):
        if form not in self._spellings:
            target = self.target
            self._spellings[form] = Spelling(
                target.writings(form), target.spaced, not target.keeps_spaces
            )
        return self._spellings[form]
