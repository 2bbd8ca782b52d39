"""Every choice of every option of `[train]` that changes an update: it trains, saves and loads."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest

from nmt.models.build import build
from nmt.recipe import ModelOptions, Recipe, TrainOptions
from nmt.training.pipeline import compiled, dataset
from tests.small_models import SMALL, VOCAB, sentences

# What an update does not depend on, as fast as it gets.
PLAIN = {"cell": "rnn", "attention": "none", "bidirectional": False}
CHOICES = [
    (field.name, choice)
    for field in dataclasses.fields(TrainOptions)
    for choice in field.metadata["choices"] or ()
    if field.name != "metric"  # which weights are kept
]
NUMBERS = itertools.chain.from_iterable(
    ((name, value) for value in values)
    for name, values in {
        "clip_norm": (0.0, 0.1),
        "label_smoothing": (0.0, 0.2),
        "warmup_steps": (0, 3),
        "weight_decay": (0.0, 0.5),
    }.items()
)


@pytest.mark.parametrize(("name", "value"), [*CHOICES, *NUMBERS])
def test_each_value_trains_saves_and_loads(name, value, tmp_path):
    more = {"optimizer": "adamw"} if name == "weight_decay" else {}
    train = TrainOptions(precision="float32", **more)
    train = dataclasses.replace(train, **{name: value})
    recipe = Recipe(model=ModelOptions(**SMALL, **PLAIN), train=train)
    model = compiled(build(recipe, VOCAB, VOCAB), recipe, total_steps=9)
    before = [np.array(weight) for weight in model.trainable_variables]
    data = sentences(2, longest=2)
    for _ in range(2):
        means = model.train_step(data)
    assert np.isfinite(float(means["loss"]))
    for old, new in zip(before, model.trainable_variables, strict=True):
        assert np.isfinite(new).all() and np.any(old != new), new.path

    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(data), model(data))


def test_the_end_of_fit_waits_for_no_tuner():
    pairs = [sentences(2, longest=2)]
    assert dataset(lambda: iter(pairs)).options().autotune.enabled is False
