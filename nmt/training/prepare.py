"""From a corpus to ids on disk: read, clean, prepare, train the tokenizers, tokenise once."""

import collections
import hashlib
import itertools
import logging

from nmt import files
from nmt.batches import store as batches
from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from nmt.runs.folder import Run
from nmt.text.preparation import Preparation
from nmt.text.tokenizer import Tokenizer
from nmt.training import tasks

log = logging.getLogger(__name__)


def training_store(run, recipe):
    """The Store of a run's training pairs and its tokenizers, made if they are not there yet.

    A language model's has the target side alone: what a translator of the same corpus learns to say.
    """
    corpus = Corpus(recipe.data)
    stamp = corpus.stamp()
    if run.info.text == stamp and run.info.tokenizers and (run.cache / "meta.json").exists():
        return batches.Store(run.cache)
    dropped = collections.Counter()
    pairs = Preparation(recipe.data).pairs(corpus.read("train", dropped))
    count = batches.write_text(pairs, run.cache, recipe.sides)
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in dropped.most_common())
    unit = tasks.of(recipe).unit
    log.info(f"corpus: {count:,} training {unit}" + (f"; dropped: {reasons}" if reasons else ""))
    fingerprint = _fingerprint(run.cache, recipe.sides)
    if run.info.corpus_sha256 is None:
        run.update(corpus_sha256=fingerprint)
    if run.info.corpus_sha256 != fingerprint:
        run.drop_cache()
        raise UserError(f"{run.path}: was trained on other text; choose another run folder (--run)")
    if not run.info.tokenizers:
        _look_at_held_out(corpus)
        run.save_tokenizers(_tokenizers(run, recipe))
    store = batches.write_ids(
        run.cache, run.tokenizers[-len(recipe.sides) :], recipe.data.max_pieces
    )
    if count > store.pairs:
        log.info(
            f"corpus: {count - store.pairs:,} {unit} dropped: "
            f"empty or over {recipe.data.max_pieces} pieces a side"
        )
    run.update(pairs=store.pairs, text=stamp)
    return store


def _look_at_held_out(corpus):
    """Raises UserError if there is no validation text: better now than when the first epoch is over."""
    next(corpus.read("valid"))
    try:
        next(corpus.read("test"))
    except UserError as error:
        log.info(f"note: nothing to evaluate on: {error}")


def _tokenizers(run, recipe):
    """(source, target) tokenizers: those of another run, or trained on the text of the cache.

    A model of the target side alone has its tokenizer twice.
    """
    options = recipe.tokenizer
    if options.from_:
        tokenizers = Run.open_tokenizers(options.from_)[-len(recipe.sides) :]
        if recipe.model.tie == "all" and tokenizers[0].digest != tokenizers[-1].digest:
            raise UserError(f"model.tie=all needs one vocabulary, but {options.from_} has two")
        return tokenizers[0], tokenizers[-1]
    log.info(f"tokenizer: training {options.kind}, {options.vocab_size:,} pieces")
    texts = [files.lines(run.cache / f"{side}.txt") for side in recipe.sides]
    if options.joint:
        texts = [itertools.chain.from_iterable(zip(*texts, strict=True))]
    tokenizers = [Tokenizer.train(text, options) for text in texts]
    return tokenizers[0], tokenizers[-1]


def _fingerprint(cache, sides):
    """One checksum over the prepared text of the sides."""
    digests = "".join(files.digest(cache / f"{side}.txt") for side in sides)
    return hashlib.sha256(digests.encode()).hexdigest()
