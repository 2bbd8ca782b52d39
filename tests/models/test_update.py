"""The gradients of training: those of the plain time loop, whatever part of the batch is where."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.models import kernels, time_loop
from nmt.models.language import LanguageModel
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import PAD
from nmt.training.optimizers import Adam, AdamW
from tests import language_models
from tests.small_models import every_structure, made, sentences, without_dropout

IDS = tf.TensorSpec((None, None), tf.int32)
# As in training, both ways and in two layers; the others go step by step, which is sooner done.
TRACED = ["lstm", "reset before"]


def gradients_of(model, batch):
    """Of the mean loss a token, and the losses; the weights are no constants of the time loop."""
    with tf.GradientTape() as tape:
        losses = model.losses_of(*batch, training=False)
        mean = losses[0] / losses[2]
    gradients = tape.gradient(mean, [v.value for v in model.trainable_variables])
    return [tf.convert_to_tensor(gradient).numpy() for gradient in gradients], losses


def wider(ids, extra=3):
    """With more padding."""
    return np.pad(ids, [(0, 0), (0, extra)], constant_values=PAD)


def traced(model):
    """model.gradients as a function that is traced once for batches of all shapes."""
    return tf.function(model.gradients, [(IDS, IDS)], autograph=False)


def assert_same(own, expected):
    for each, other in zip(own, expected, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-4, atol=1e-5)


@every_structure
def test_gradients_are_those_of_a_loop_that_weights_change_in(name):
    """Whatever the padding."""
    model = made(name, **without_dropout(name))
    model.compile(keras.optimizers.SGD(), label_smoothing=0.1)
    source, target = sentences(3, longest=3)
    expected, expected_losses = gradients_of(model, (source, target))
    for variable, gradient in zip(model.trainable_variables, expected, strict=True):
        assert np.any(gradient), f"{variable.path} has no gradient"
    function = traced(model) if name in TRACED else model.gradients
    for batch in ((source, target), (wider(source), wider(target, 2))):
        own, losses = function(batch)
        assert_same(own, expected)
        np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.parametrize("has_avx512", [False, True])
@pytest.mark.parametrize("devices", [[], ["a GPU"]])
def test_gradients_do_not_depend_on_the_device(name, has_avx512, devices, monkeypatch):
    model = made(name, **without_dropout(name))
    model.compile(keras.optimizers.SGD())
    batch = sentences(3, longest=3)
    expected, _ = gradients_of(model, batch)
    monkeypatch.setattr(kernels, "has_avx512", lambda: has_avx512)
    monkeypatch.setattr(time_loop, "gpus", lambda: devices)
    assert_same(traced(model)(batch)[0], expected)


# Which rows are together does not matter to a cell, but how its weights get their gradients.
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rnn", {}),
        ("transformer", {}),
        ("gru", {"bidirectional": False}),
        ("lstm", {"bidirectional": False, "layer_norm": True}),
    ],
)
def test_parts_of_a_batch_have_the_gradients_of_the_whole(name, options):
    model = made(name, **options, **without_dropout(name))
    model.compile(keras.optimizers.SGD(), parts=1)
    source, target = sentences(3, longest=4)
    expected, losses = model.gradients((source, target))
    # More than sentences: one is empty.
    for parts in (2, 4):
        model.compile(keras.optimizers.SGD(), parts=parts)
        own, own_losses = model.gradients((source, target))
        assert_same(own, expected)
        np.testing.assert_allclose(own_losses, losses, rtol=1e-5)


def test_parts_in_bfloat16_are_as_close_to_float32_as_the_whole():
    model = made("lstm", **without_dropout("lstm"))
    batch = sentences(6, longest=4)
    gradients = {}
    for precision, parts in (("float32", 1), ("bfloat16", 1), ("bfloat16", 2)):
        model.compile(keras.optimizers.SGD(), precision=precision, parts=parts)
        summed, _ = model.gradients(batch)
        gradients[precision, parts] = np.concatenate([np.ravel(each) for each in summed])
    exact, *rounded = gradients.values()
    whole, parted = (np.linalg.norm(each - exact) for each in rounded)
    assert 0 < parted < 1.5 * whole


@pytest.mark.parametrize("name", ["variational", "recurrent dropout", "dropout"])
def test_gradients_with_dropout_are_the_slope_of_the_loss(name):
    model = made(name)
    model.compile(keras.optimizers.SGD())
    batch = sentences(3, longest=4)
    gradients, _ = model.gradients(batch)
    variables = model.trainable_variables
    start = [np.array(variable) for variable in variables]
    rng = np.random.default_rng(1)
    # Random directions through all weights at once.
    for _ in range(2):
        directions = [rng.standard_normal(value.shape).astype(np.float32) for value in start]
        losses = []
        for side in (1, -1):
            for variable, value, direction in zip(variables, start, directions, strict=True):
                variable.assign(value + side * 2e-3 * direction)
            # The same masks once more.
            model.noise.state.assign([model.seed, int(model.first_noise())])
            loss, _, tokens = model.losses_of(*batch, training=True)
            losses.append(float(loss / tokens))
        slope = (losses[0] - losses[1]) / 4e-3
        pairs = zip(gradients, directions, strict=True)
        expected = sum(np.sum(gradient * direction) for gradient, direction in pairs)
        np.testing.assert_allclose(expected, slope, rtol=0.02, atol=2e-3)


def test_streams_of_a_language_model_are_not_split():
    options = ModelOptions(**language_models.SMALL)
    model = LanguageModel(options, language_models.VOCAB, streams=2)
    model.compile(keras.optimizers.SGD(), parts=2)
    assert model.parts == 1


@pytest.mark.parametrize(
    ("fused", "plain"), [(Adam, keras.optimizers.Adam), (AdamW, keras.optimizers.AdamW)]
)
def test_the_update_of_one_operation_is_that_of_keras(fused, plain):
    rng = np.random.default_rng(2)
    start = [rng.standard_normal(shape).astype(np.float32) for shape in ((3, 4), (5,))]
    results = []
    for kind in (fused, plain):
        variables = [keras.Variable(value) for value in start]
        optimizer = kind(learning_rate=0.1, global_clipnorm=1.0)
        steps = np.random.default_rng(3)
        for _ in range(20):
            optimizer.apply(
                [tf.constant(steps.standard_normal(v.shape), tf.float32) for v in start], variables
            )
        results.append([*map(np.asarray, variables), *map(np.asarray, optimizer.variables)])
    for own, other in itertools.zip_longest(*results):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


def test_keras_calls_what_several_replicas_need_in_another_way(monkeypatch):
    """They are private. Under another name Keras's own would sum, or average, and not say so."""
    model, called = made("lstm"), set()
    hooks = {"_maybe_symbolic_build": type(model), "_all_reduce_sum_gradients": Adam}

    def noting(name, own):
        return lambda *arguments, **options: called.add(name) or own(*arguments, **options)

    for name, owner in hooks.items():
        monkeypatch.setattr(owner, name, noting(name, getattr(owner, name)))
    model.compile(Adam(0.1), run_eagerly=True)
    model.fit(*sentences(), verbose=0)
    assert called == hooks.keys()
