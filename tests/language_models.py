"""Small language models, and texts for them; the table that tests go through."""

import numpy as np
import pytest

from nmt.models.language import LanguageModel
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import BOS, EOS

VOCAB = 11
SMALL = {"architecture": "language_model", "embedding": 6, "decoder_units": 7, "dropout": 0.0}
MODELS = {
    "lstm": {},
    "gru": {"cell": "gru", "tie": "target", "across_sentences": True},
    "reset before": {"cell": "gru", "reset_after": False, "layer_norm": True, "decoder_layers": 2},
    "relu": {"cell": "rnn", "activation": "relu", "decoder_layers": 2, "residual": True},
    "dropout": {
        "dropout": 0.3,
        "variational": True,
        "recurrent_dropout": 0.3,
    },
}
every_model = pytest.mark.parametrize("name", MODELS)
some_models = pytest.mark.parametrize("name", ["lstm", "gru"])


def made(name, streams=3, **more):
    """A model whose weights are large enough for differences to show."""
    model = LanguageModel(
        ModelOptions(**{**SMALL, **MODELS[name], **more}), VOCAB, seed=3, streams=streams
    )
    for variable in model.trainable_variables:
        variable.assign(variable.value * 1.5 + 0.05)
    return model


def texts(rows=3, n=12, seed=0):
    """Inputs: sentences in a row, BOS before each; labels: what follows, EOS after each."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(4, VOCAB, (rows, n)).astype(np.int32)
    inputs[:, 0] = BOS
    inputs[0, 5] = inputs[1, [3, 7]] = BOS
    labels = np.concatenate([inputs[:, 1:], np.full((rows, 1), EOS)], 1)
    return inputs, np.where(labels == BOS, EOS, labels).astype(np.int32)


def close(first, second, **tolerance):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_allclose(first[key], second[key], err_msg=key, **tolerance)
