"""Small models of every architecture, and sentences for them; the table that tests go through."""

import functools

import numpy as np
import pytest

from nmt.batches.padding import pad
from nmt.models.translation import TranslationModel
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import BOS, EOS

SOURCE_VOCAB, VOCAB = 13, 11
SMALL = {
    "embedding": 6,
    "encoder_units": 5,
    "decoder_units": 7,
    "attention_units": 4,
    "dropout": 0.0,
}
MODELS = {
    "lstm": {},
    "gru": {"cell": "gru"},
    "rnn": {"cell": "rnn", "tie": "target"},
    "one-way": {"bidirectional": False, "tie": "target"},
    "deep lstm": {"encoder_layers": 2, "decoder_layers": 2, "tie": "all", "layer_norm": True},
    "deep gru": {"cell": "gru", "encoder_layers": 2, "decoder_layers": 2, "layer_norm": True},
    "deep rnn": {
        "cell": "rnn",
        "encoder_layers": 2,
        "decoder_layers": 3,
        "bidirectional": False,
        "layer_norm": True,
        "tie": "all",
    },
    "dropout": {"dropout": 0.3, "decoder_layers": 2},
    "variational": {
        "cell": "gru",
        "dropout": 0.3,
        "variational": True,
        "recurrent_dropout": 0.4,
        "tie": "all",
    },
    "relu": {
        "cell": "rnn",
        "activation": "relu",
        "attention": "dot",
        "decoder_units": 10,
        "residual": True,
        "encoder_layers": 2,
        "decoder_layers": 2,
    },
    "reset before": {
        "cell": "gru",
        "reset_after": False,
        "attention": "general",
        "residual": True,
        "encoder_layers": 2,
    },
    "fixed vector": {
        "attention": "none",
        "bidirectional": False,
        "reverse_source": True,
        "decoder_layers": 2,
    },
    "recurrent dropout": {"recurrent_dropout": 0.4, "decoder_layers": 2, "bidirectional": False},
    "transformer": {
        "architecture": "transformer",
        "heads": 3,
        "feed_forward": 5,
        "decoder_layers": 2,
        "dropout": 0.3,
    },
}
PLAIN = ["lstm", "deep gru", "deep rnn", "transformer"]  # where the architecture hardly matters
every_model = pytest.mark.parametrize("name", MODELS)
# Where dropout is off, these have nothing that is not in other rows: layers, cells, ties.
DROPOUTS = ["dropout", "variational", "recurrent dropout"]
STRUCTURES = [name for name in MODELS if name not in DROPOUTS]
every_structure = pytest.mark.parametrize("name", STRUCTURES)


def made(name, vocab=VOCAB, **more):
    """A model whose weights are large enough for differences to show."""
    options = ModelOptions(**{**SMALL, **MODELS[name], **more})
    source_vocab = SOURCE_VOCAB if vocab == VOCAB and options.tie != "all" else vocab
    model = TranslationModel(options, source_vocab, vocab, seed=3)
    for variable in model.trainable_variables:
        variable.assign(variable.value * 1.5 + 0.05)
    return model


@functools.cache
def shared(name):
    """`made(name)`, once for all tests; they leave it as it is."""
    return made(name)


@functools.cache
def compiled(name):
    """`made(name)` with its graphs, traced once for all tests; they may set its output bias,
    nothing else.
    """
    model = made(name)
    model.compiled_model()
    return model


def without_dropout(name):
    return {"dropout": 0.0, "recurrent_dropout": 0.0} if MODELS[name] else {}


def sentences(count=4, seed=0, longest=5, vocab=VOCAB):
    """(source, target) of different lengths, words repeated within and between sentences."""
    rng = np.random.default_rng(seed)
    ids = [
        [rng.integers(4, vocab, n).tolist() for n in rng.permutation(longest)[:count] + 1]
        for _ in range(2)
    ]
    return pad(ids[0], [], [EOS]), pad(ids[1], [BOS], [EOS])
