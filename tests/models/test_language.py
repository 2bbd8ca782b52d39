"""The language model: the contract, and truncated backpropagation through time."""

import dataclasses
import itertools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.batches.padding import pad
from nmt.batches.store import write_ids, write_text
from nmt.batches.streams import Streams
from nmt.decoding.beam import beam_search
from nmt.decoding.sampling import Sampling, sample
from nmt.models.language import LanguageModel
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import BOS, EOS
from tests.language_models import (
    MODELS,
    SMALL,
    VOCAB,
    close,
    every_model,
    made,
    some_models,
    texts,
)


def test_the_table_has_every_choice_of_every_option():
    for field in dataclasses.fields(ModelOptions):
        needs = str(field.metadata["needs"] or "")
        if (needs and "language_model" not in needs) or field.name == "architecture":
            continue
        used = {
            MODELS[name].get(field.name, SMALL.get(field.name, field.default)) for name in MODELS
        }
        if field.type is bool or field.metadata["choices"]:
            assert used == set(field.metadata["choices"] or (True, False)) - {"all"}, field.name
        elif field.name not in ("embedding", "decoder_units"):
            assert len(used) > 1, field.name


# ---- the contract


@every_model
def test_one_step_on_n_tokens_equals_n_steps_on_one(name):
    """Sentences begin amid the tokens: there the state starts anew, at once or step by step."""
    model, (inputs, _) = made(name), texts()
    memory, state = model.encode(inputs)
    assert memory == {} and all(
        leaf.shape == (3, 7) and not np.any(leaf) for leaf in state.values()
    )
    hidden, attention, last = model.step(memory, state, inputs)
    assert attention is None
    now = state
    for position in range(inputs.shape[1]):
        one, _, now = model.step(memory, now, inputs[:, position : position + 1])
        np.testing.assert_allclose(one[:, 0], hidden[:, position], atol=1e-5)
    close(now, last, atol=1e-5)
    middle = model.step(memory, state, inputs[:, :4])[2]  # and windows of any size
    close(model.step(memory, middle, inputs[:, 4:])[2], last, atol=1e-5)
    alone = model.step({}, model.encode(inputs[1:2, 7:])[1], inputs[1:2, 7:])[0]
    anew = np.abs(alone - hidden[1:2, 7:]).max() < 1e-5
    assert anew != model.options.across_sentences


@some_models
def test_graphs_equal_the_eager_contract_row_by_row(name):
    """What search and fusion call: rows reordered and multiplied, one trace for all shapes."""
    model, k = made(name), 4
    graphs = model.compiled_model()
    for count in (2, 4, 1):
        rng = np.random.default_rng(count)
        memory, state = graphs.encode(np.full((count, 5), EOS, np.int32))
        assert memory == {} == graphs.take(memory, np.array([0], np.int32))
        rows = np.arange(count, dtype=np.int32)
        _, _, _, state = graphs.advance(memory, state, rows, np.full(count, BOS, np.int32), k)
        origin, tokens = (
            np.repeat(rows, 3)[::-1],
            rng.integers(4, VOCAB, 3 * count).astype(np.int32),
        )
        tokens[0] = BOS
        log_probs, ids, attention, after = graphs.advance(memory, state, origin, tokens, k)
        words, looks, _ = graphs.distribution(memory, state, origin, tokens)
        assert attention is None and looks is None
        for row, parent in enumerate(origin):
            former = {key: leaf[parent : parent + 1] for key, leaf in state.items()}
            hidden, _, expected = model.step({}, former, tokens[row : row + 1, None])
            every = tf.nn.log_softmax(model.project(hidden)[0, 0]).numpy()
            np.testing.assert_allclose(words[row], every, atol=3e-5)
            np.testing.assert_array_equal(ids[row], np.argsort(-every)[:k])
            np.testing.assert_allclose(log_probs[row], np.sort(every)[::-1][:k], atol=3e-5)
            close(
                {key: leaf[row] for key, leaf in after.items()},
                {key: leaf[0] for key, leaf in expected.items()},
                atol=1e-5,
            )
    for name in ("encode", "advance"):
        assert graphs.functions[name].experimental_get_tracing_count() == 1


@some_models
def test_search_and_samples_say_what_the_model_scores(name):
    """Their log-probability is that of the whole sentence at once."""
    model = made(name)
    model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, 1.5, 0.0))
    graphs = model.compiled_model()

    def drawn(count, sampling):
        return sample(graphs, np.full((count, 1), EOS), [20] * count, sampling, range(count))

    found = [
        *beam_search(graphs, np.full((1, 1), EOS), beam=4, nbest=4)[0],
        *drawn(6, Sampling()),
    ]
    assert sum(one.finished for one in found) > 6
    for one in found:
        if one.finished:
            target = pad([one.ids], [BOS], [EOS])
            log_probs = graphs.log_probs(np.full((1, 1), EOS), target)
            assert one.log_prob == pytest.approx(float(np.sum(log_probs)), abs=1e-4)
    ((best,),) = beam_search(graphs, np.full((1, 1), EOS), beam=1, limits=[20])
    assert drawn(1, Sampling(temperature=0))[0].ids == best.ids


@some_models
def test_saved_models_come_back(name, tmp_path):
    """Without the carried state: the weights do not depend on the number of streams."""
    model, (inputs, labels) = made(name), texts()
    model.compile(keras.optimizers.Adam(0.01))
    model.train_step((inputs, labels))
    expected = model((inputs, inputs)).numpy()
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.options == model.options and loaded.streams == 3
    np.testing.assert_array_equal(loaded((inputs, inputs)), expected)
    fresh = LanguageModel(model.options, VOCAB, seed=99, streams=5)
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(fresh((inputs, inputs)), expected)
    assert not any(np.any(leaf) for leaf in fresh.carried.read().values())


# ---- truncated backpropagation through time


HALVES = (slice(0, 6), slice(6, 12))  # two windows of `texts`


def gradient(tape, loss, variables):
    """Dense gradients."""
    return [
        tf.convert_to_tensor(one)
        for one in tape.gradient(loss, [variable.value for variable in variables])
    ]


@every_model
def test_the_state_crosses_the_border_of_a_window(name):
    """The loss of the second window depends on the first, and is that of one long text."""
    model, (inputs, labels) = (
        made(name, dropout=0.0, recurrent_dropout=0.0),
        texts(seed=1),
    )
    inputs[inputs == BOS] = 4  # no sentence begins in the second window
    seconds = []
    for word in (5, 9):
        model.carried.clear()
        inputs[:, :6][inputs[:, :6] == 5] = word
        first, second = (
            model.losses_of(inputs[:, half], labels[:, half], training=True) for half in HALVES
        )
        for own, other in zip(
            zip(first, second, strict=True), model.losses_of(inputs, labels, False), strict=True
        ):
            np.testing.assert_allclose(sum(own), other, rtol=1e-5)
        seconds.append(float(second[0]))
    assert abs(seconds[0] - seconds[1]) > 1e-3, "the first window makes no difference"
    whole = model.step({}, model.encode(inputs)[1], inputs)[2]
    close(model.carried.read(), whole, rtol=1e-5, atol=1e-5)


@some_models
def test_gradients_do_not_cross_it(name):
    """Words that only the first window has get no gradient from the second's loss."""
    model, (inputs, labels) = made(name, tie="none"), texts()
    inputs = np.where(inputs == BOS, BOS, 4 + (inputs % 3) + 3 * (np.arange(12) >= 6)).astype(
        np.int32
    )
    inputs[:, 6:][inputs[:, 6:] == BOS] = 7
    with tf.GradientTape(persistent=True) as tape:
        _, cut = (
            model.losses_of(inputs[:, half], labels[:, half], training=True)[0] for half in HALVES
        )
        hidden, _, _ = model.step({}, model.encode(inputs)[1], inputs)
        undivided, _, _ = model.summed_losses(hidden[:, 6:], labels[:, 6:])
    cut, undivided = (
        np.any(gradient(tape, loss, [model.target_embedding])[0], 1) for loss in (cut, undivided)
    )
    assert not cut[4:7].any() and cut[7:10].all() and undivided[4:10].all()


@some_models
def test_a_window_as_long_as_the_text_is_full_backpropagation(name, tmp_path):
    """The gradient of an epoch's only batch, against the probabilities by their definition."""
    lines = [
        " ".join(map(str, np.random.default_rng(n).integers(4, VOCAB, 3 + n % 4))) for n in range(7)
    ]
    write_text((("", line) for line in lines), tmp_path, ("target",))
    spelled = types.SimpleNamespace(
        encode=lambda lines: [list(map(int, line.split())) for line in lines]
    )
    store, model = write_ids(tmp_path, [spelled], 9), made(name)
    streams = Streams(store, 3, 40, seed=1, shuffle=False)
    assert len(streams) == 1
    with tf.GradientTape() as tape:
        loss = model.losses_of(*next(streams.batches_from(0)), training=True)[0]
    gradients = gradient(tape, loss, model.trainable_variables)
    with tf.GradientTape() as tape:
        total = 0.0
        for part in streams.parts:
            text = [token for ids in store.ids(-1, part) for token in (BOS, *ids, EOS)]
            state = model.encode(np.zeros((1, 1)))[1]
            for token, following in itertools.pairwise(text):
                if token != EOS:
                    hidden, _, state = model.step({}, state, np.array([[token]], np.int32))
                    total -= tf.nn.log_softmax(model.project(hidden)[0, 0])[int(following)]
    np.testing.assert_allclose(loss, total, rtol=1e-5)
    expected = gradient(tape, total, model.trainable_variables)
    for variable, own, other in zip(model.trainable_variables, gradients, expected, strict=True):
        np.testing.assert_allclose(
            own, other, atol=1e-4 * max(1, np.abs(other).max()), err_msg=variable.path
        )


def test_padding_counts_for_nothing():
    model, (inputs, labels) = made("lstm"), texts()
    padded = [np.pad(side, [(0, 0), (0, 4)]) for side in (inputs, labels)]
    for own, other in zip(
        model.losses_of(inputs, labels, False), model.losses_of(*padded, False), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-6)
