"""From a corpus to ids on disk: read, clean, prepare, train the tokenizers, tokenise once."""

import functools
import hashlib
import itertools
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from nmt import files
from nmt.batches import store as stores
from nmt.corpora.corpus import pair_key
from nmt.corpora.inspection import Inspection, dropped_notes, little_text_notes
from nmt.corpora.mixture import Mixture
from nmt.errors import UserError
from nmt.processes import in_order
from nmt.recipe import Recipe
from nmt.runs import held_out
from nmt.runs.folder import Run
from nmt.text.preparation import Preparation
from nmt.text.profile import ProfileCounter
from nmt.text.tokenizer import Tokenizer
from nmt.training import tasks
from nmt.training.resume import is_trained
from nmt.windows import windows

log = logging.getLogger(__name__)

# Pairs prepared at a time.
CHUNK = 2_000
# Bytes read at a time.
BLOCK = 1 << 20

# Files whose pairs are told one by one, at most.
NAMED_FILES = 10
# From this share of characters without a piece the tokenizer of another run is the wrong one; it is
# taken from the first lines.
UNKNOWN_SHARE = 0.02
LOOKED_AT = 10_000


def training_store(run: Run, recipe: Recipe) -> stores.Store:
    """The `Store` of a run's training text and its tokenizers, made if they are not there yet.

    A language model's has the target side alone: what a translator of the same corpus learns to
    say. Raises UserError if the text is not what the run was trained on.
    """
    mixture = Mixture(recipe.data)
    stamp = mixture.stamp()
    if run.info.text == stamp and run.info.tokenizers and stores.is_complete(run.cache):
        return stores.Store(run.cache)

    # 1. The text of each corpus, cleaned and prepared.
    unit = tasks.of(recipe).unit
    readings = [Reading(mixture, number, recipe) for number in range(len(mixture.corpora))]
    counter = ProfileCounter()
    pairs = itertools.chain.from_iterable(reading.pairs(unit, counter) for reading in readings)
    count = stores.write_text(pairs, run.cache, recipe.sides)

    # 2. The same text as ever?
    fingerprint = _fingerprint(run.cache, recipe.sides)
    if run.info.corpus_sha256 != fingerprint:
        if is_trained(run):
            run.drop_cache()
            raise UserError(
                f"{run.path}: was trained on other text; choose another run folder (--run)"
            )
        run.update(corpus_sha256=fingerprint, tokenizers=None, tokenizer_sha256=None)

    # 3. The text held out, the tokenizers, and the ids.
    try:
        held_out.keep(run, mixture, scored=is_trained(run))
    except UserError:
        run.drop_cache()
        raise
    if not run.info.tokenizers:
        run.save_tokenizers(_tokenizers(run, recipe))
    if recipe.tokenizer.from_:
        _tell_unknown(run, recipe)
    if not recipe.language_model:
        run.save_profile(counter.profile())
    max_pieces = recipe.data.max_pieces
    tokenizers = run.tokenizers[-len(recipe.sides) :]
    counts = [reading.count for reading in readings]
    threads = recipe.train.threads
    store = stores.write_ids(run.cache, tokenizers, max_pieces, counts, threads)
    if count > store.pairs:
        log.info(
            f"corpus: {count - store.pairs:,} {unit} dropped: "
            f"empty or over {max_pieces} pieces a side"
        )
    if not recipe.train.from_:
        for note in little_text_notes(store.pairs, store.target_tokens, unit):
            log.info(f"note: {note}")
    run.update(pairs=store.pairs, text=stamp)
    return store


class Reading:
    """One corpus of a recipe while its training text is read, and what is told of it."""

    def __init__(self, mixture: Mixture, number: int, recipe: Recipe):
        self.mixture = mixture
        self.number = number
        self.recipe = recipe.first(number)
        self.count = 0  # pairs so far
        self.measured = 0  # of these, those that validation or test text has, too

    def pairs(self, unit: str, counter: ProfileCounter) -> Iterator[tuple[str, str]]:
        """The prepared training pairs; logs in the end what was read and dropped.

        counter: counts their sources.
        """
        dropped: Counter[str] = Counter()
        inspection = Inspection(self.recipe.data)
        raw_pairs = self.mixture.training_pairs(self.number, dropped, inspection.watch)
        raw_pairs = self._look_for_measured(raw_pairs)
        prepare = functools.partial(_prepared, Preparation(self.recipe))
        chunks = windows(raw_pairs, CHUNK)
        for pairs, counted in in_order(prepare, chunks, self.recipe.train.threads):
            counter.merge(counted)
            self.count += len(pairs)
            yield from pairs
        file_counts = self.mixture.corpora[self.number].counts
        self._tell_counts(unit, dropped, file_counts)
        notes = inspection.notes(self.recipe.sides, file_counts)
        for note in notes + dropped_notes(dropped, self.count, self.recipe.data):
            log.warning(note)

    def _look_for_measured(self, pairs):
        """Lets all pairs through, and counts those that validation or test text has, too."""
        measured = self.mixture.corpora[self.number].pairs_to_measure_on()
        if not any(measured.sizes):
            yield from pairs
            return
        for pair in pairs:
            self.measured += pair_key(pair) in measured
            yield pair

    def _tell_counts(self, unit, dropped, file_counts):
        """Logs how much text was read, what was dropped, and how much each file has."""
        several = len(self.mixture.corpora) > 1
        name = f"corpus {self.mixture.data.label(self.number)}" if several else "corpus"
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in dropped.most_common())
        log.info(
            f"{name}: {self.count:,} training {unit}" + (f"; dropped: {reasons}" if reasons else "")
        )
        if self.measured:
            log.warning(
                f"{name}: {self.measured:,} training {unit} stand in validation or test text, too: "
                "scores will say too much"
            )
        if 1 < len(file_counts) <= NAMED_FILES:
            counts = ", ".join(f"{path.name} {number:,}" for path, number in file_counts.items())
            log.info(f"{name}: read from {counts}")


def _prepared(preparation, pairs):
    """Some pairs prepared, and the counts of their sources."""
    prepared = list(preparation.pairs(pairs, more=True))
    counter = ProfileCounter()
    for source, _ in prepared:
        counter.add(source)
    return prepared, counter


def _tokenizers(run: Run, recipe: Recipe) -> tuple[Tokenizer, Tokenizer]:
    """(source, target) tokenizers: those of another run, or trained on the text of the cache.

    A model of the target side alone has its tokenizer twice.
    """
    options = recipe.tokenizer
    tokenizers: Sequence[Tokenizer]
    if options.from_:
        tokenizers = Run.open_tokenizers(options.from_)[-len(recipe.sides) :]
        for piece in recipe.data.needed_controls():
            if not tokenizers[0].control_ids([piece]):
                raise UserError(f"{options.from_}: its tokenizer has no {piece}, which is needed")
        if recipe.model.tie == "all" and tokenizers[0].digest != tokenizers[-1].digest:
            raise UserError(f"model.tie=all needs one vocabulary, but {options.from_} has two")
        return tokenizers[0], tokenizers[-1]
    log.info(f"tokenizer: training {options.kind}, {options.vocab_size:,} pieces")
    texts = [_text(run.cache, side) for side in recipe.sides]
    if options.joint:
        texts = [itertools.chain.from_iterable(zip(*texts, strict=True))]
    controls = recipe.data.needed_controls()
    tokenizers = [Tokenizer.train(text, options, controls) for text in texts]
    return tokenizers[0], tokenizers[-1]


def _tell_unknown(run: Run, recipe: Recipe) -> None:
    """A note if the tokenizer of another run has no pieces for much of the text."""
    tokenizers = run.tokenizers[-len(recipe.sides) :]
    shares = {}
    for side, tokenizer in zip(recipe.sides, tokenizers, strict=True):
        lines = itertools.islice(_text(run.cache, side), LOOKED_AT)
        share = tokenizer.share_unknown(lines)
        if share > UNKNOWN_SHARE:
            shares[side] = f"{100 * share:.0f} % of the characters of the {side} text"
    if shares:
        written = "bytes spell them" if tokenizers[-1].bytes_of_ids else "it cannot write them"
        log.warning(
            f"the tokenizer of {recipe.tokenizer.from_} has no pieces for "
            f"{' and '.join(shares.values())}: {written}, which is hard to learn; train a new run, "
            "whose tokenizer is its own, or start from a run of a related language"
        )


def _text(cache: Path, side: str) -> Iterator[str]:
    """The lines of a side, of all shards."""
    for folder in stores.shard_folders(cache):
        yield from files.lines(folder / f"{side}.txt")


def _fingerprint(cache: Path, sides: Sequence[str]) -> str:
    """One checksum over the prepared text of the sides, however it is cut into shards."""
    digests = ""
    for side in sides:
        digest = hashlib.sha256()
        for folder in stores.shard_folders(cache):
            with open(folder / f"{side}.txt", "rb") as file:
                while block := file.read(BLOCK):
                    digest.update(block)
        digests += digest.hexdigest()
    return hashlib.sha256(digests.encode()).hexdigest()
