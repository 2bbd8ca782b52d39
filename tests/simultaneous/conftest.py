"""A small run that translates while its source arrives."""

import pytest

from nmt.inference.translator import Translator
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.simultaneous.model import WaitKSearch, load_model
from nmt.simultaneous.stream import StreamTranslator
from nmt.training.train import train


@pytest.fixture(scope="module")
def wait_k_run(once):
    """A run that stays 1 to 6 words behind; its translations are poor,
    but each line has its own.
    """
    recipe = load_recipe(
        None,
        [
            "data.format=grammar",
            "data.source=de",
            "data.target=en",
            "data.size=400",
            "tokenizer.vocab_size=270",
            "tokenizer.byte_fallback=false",
            "model.bidirectional=false",
            "model.embedding=24",
            "model.encoder_units=24",
            "model.decoder_units=32",
            "model.attention_units=24",
            "model.dropout=0",
            "train.epochs=5",
            "train.batch_tokens=512",
            "train.learning_rate=3e-2",
            "train.warmup_steps=10",
            "train.precision=float32",
            "train.valid_every=500",
            "train.valid_sentences=4",
            "train.average=0",
            "train.wait=1",
            "train.wait_to=6",
            "train.threads=1",
        ],
    )
    return Run(once("online", lambda folder: train(recipe, folder)))


@pytest.fixture(scope="module")
def model(wait_k_run):
    """Its `WaitKModel`."""
    return load_model(wait_k_run)


@pytest.fixture(scope="module")
def streaming(wait_k_run, model):
    """The `StreamTranslator` that waits for the given number of words."""
    run = wait_k_run
    words, whole = (
        StreamTranslator(model, run.tokenizers, run.recipe, wait, run.profile) for wait in (1, 0)
    )

    def waiting(wait):
        chosen = words if wait else whole
        chosen.wait = wait
        return chosen

    return waiting


@pytest.fixture(scope="module")
def masked(wait_k_run, model):
    """The same in batches, behind a mask: a `Translator` that waits."""
    run = wait_k_run
    translator = Translator(WaitKSearch(model, 1), run.tokenizers, run.recipe, profile=run.profile)

    def waiting(wait):
        translator.model.wait.assign(wait)
        return translator

    return waiting
