"""An encoder that goes on, and a mask that hides what has not been read."""

import functools
import itertools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.batches.padding import pad
from nmt.decoding.beam import beam_search
from nmt.errors import UserError
from nmt.models.attention import AdditiveAttention
from nmt.models.compiled import CompiledModel
from nmt.models.translation import TranslationModel
from nmt.recipe import DataOptions, ModelOptions, load_recipe
from nmt.simultaneous.model import WaitKModel, WaitKSearch
from nmt.simultaneous.policy import WordStarts, source_words_read
from nmt.text.vocabulary import BOS, EOS, PAD
from tests import small_models

VOCAB = 14
SMALL = {**small_models.SMALL, "bidirectional": False}
MODELS = {
    "lstm": {},
    "gru": {"cell": "gru", "attention": "general"},
    "before": {"cell": "gru", "reset_after": False, "layer_norm": True},
    "deep lstm": {"encoder_layers": 2, "decoder_layers": 2, "residual": True, "layer_norm": True},
    "deep gru": {"cell": "gru", "encoder_layers": 2},
    "deep rnn": {
        "cell": "rnn",
        "encoder_layers": 2,
        "tie": "all",
        "attention": "dot",
        "decoder_units": 5,
    },
}
every_model = pytest.mark.parametrize("name", MODELS)
every_attention = pytest.mark.parametrize("name", ["lstm", "gru", "deep rnn"])


def vocabulary(starts):
    """A tokenizer whose pieces from id 4 on begin words where `starts` has a 1."""
    pieces = ["<pad>", "<unk>", "<s>", "</s>", *("▁a" if start else "b" for start in starts)]
    return types.SimpleNamespace(size=len(pieces), piece=pieces.__getitem__)


def word_starts(source="de", target="en"):
    """Of 14 ids the even ones from 4 on begin words."""
    return WordStarts.of([vocabulary([1, 0] * 5)] * 2, DataOptions(source=source, target=target))


def made(name, source="de", target="en", **more):
    """A model of one's own, whose weights are large enough for differences to show."""
    options = ModelOptions(**{**SMALL, **MODELS[name], **more})
    model = WaitKModel(options, VOCAB, VOCAB, seed=3, word_starts=word_starts(source, target))
    for variable in model.trainable_variables:
        variable.assign(variable.value * 1.5 + 0.05)
    return model


@functools.cache
def shared(name):
    """A model that tests leave as it is."""
    return made(name)


def sentences(count=4, seed=0, longest=9):
    rng = np.random.default_rng(seed)
    ids = [
        [rng.integers(4, VOCAB, n).tolist() for n in rng.permutation(longest)[:count] + 1]
        for _ in range(2)
    ]
    return pad(ids[0], [], [EOS]), pad(ids[1], [BOS], [EOS])


def close(first, second, atol=1e-5):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_allclose(first[key], second[key], atol=atol, err_msg=key)


@every_model
def test_reading_on_equals_reading_at_once(name):
    """In bits of any length, of sentences of different lengths:
    those that have ended stay as they are.
    """
    model, (source, _) = shared(name), sentences()
    memory, state = model.encode(source)
    parts = {}
    for start, end in itertools.pairwise([0, 1, 3, 4, 7, source.shape[1]]):
        parts, now = model.encode_more(source[:, start:end], parts)
    close(now, state, 1e-4)  # layer normalisation makes much of the last bit
    close({key: parts.pop(key) for key in memory}, memory, 1e-4)
    layers, cell = model.options.encoder_layers, model.encoder.layers[0][0]
    assert parts.keys() == {
        f"encoder_{part}{layer}" for layer in range(layers) for part in cell.states
    }
    assert all(leaf.shape == (len(source), 5) for leaf in parts.values())


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "transformer", "embedding": 8},
        {"bidirectional": True},
        {"reverse_source": True},
        {"attention": "none"},
    ],
)
def test_models_that_cannot_read_on_say_so(options):
    with pytest.raises(ValueError, match="model\\."):
        made("lstm", **options)
    typed = [
        f"model.{key}={str(value).lower()}"
        for key, value in {"bidirectional": False, **options}.items()
    ]
    with pytest.raises(UserError, match="train.wait: "):
        load_recipe(None, ["data.format=grammar", "train.wait=3", *typed])


def visible(looks):
    """How many positions of the source each output position attends to."""
    return (np.asarray(looks) > 0).sum(-1).tolist()


def test_the_policy_by_hand():
    """Words of 1, 2, 1 and 3 pieces, outputs of 2, 1, 2 and 1;
    positions visible when each piece is chosen.
    """
    source, target = (
        np.array([[4, 6, 7, 4, 8, 5, 5, EOS]] * 4),
        np.array([[BOS, 4, 5, 6, 8, 9, 4]] * 4),
    )
    waits = np.array([1, 2, 3, 9], np.int32)
    expected = [[1, 1, 1, 3, 4, 4, 7], [3, 3, 3, 4, 7, 7, 8], [4, 4, 4, 7, 8, 8, 8], [8] * 7]
    model = made("lstm")
    memory, state = model.encode_waiting(source, waits)
    assert visible(model.step(memory, state, target)[1]) == expected
    for row, (first, *_) in enumerate(expected):  # the state knows the first words only
        ids = np.where(np.arange(8) < first, source[row], PAD)[None, :first]
        close(
            {key: leaf[0] for key, leaf in model.encode(ids)[1].items()},
            {key: leaf[row] for key, leaf in state.items() if key not in ("t", "wait")},
        )
    model = made("lstm", target="ja")  # a piece is a word, complete at once
    memory, state = model.encode_waiting(source, 1)
    assert visible(model.step(memory, state, target)[1][0]) == [1, 3, 4, 7, 8, 8, 8]
    model = made("lstm", source="zh", target="ja")
    memory, state = model.encode_waiting(source, 2)
    assert visible(model.step(memory, state, target)[1][0]) == [2, 3, 4, 5, 6, 7, 8]
    assert [int(source_words_read(t, 3)) for t in (0, 1, 5)] == [3, 3, 7]


@every_attention
def test_what_is_ahead_changes_nothing(name, monkeypatch):
    """Another source beyond what the policy lets position t see: the same logits up to t;
    no gradient beyond.
    """
    model, rng = shared(name), np.random.default_rng(1)
    sentence, target = (
        np.array([4, 5, 6, 8, 7, 10, 12, 4, EOS]),
        np.array([[BOS, 4, 6, 7, 8, 10, 5, 12]]),
    )
    cases = []  # wait, position, visible positions
    for wait in (1, 3):
        memory, state = model.encode_waiting(sentence[None], wait)
        looks = visible(model.step(memory, state, target)[1][0])
        cases += [(wait, t, count) for t, count in enumerate(looks) if count < len(sentence)]
    waits, positions, counts = np.array(cases, np.int32).T
    assert len(cases) > 8
    others = [
        [*sentence[:count], 2 * rng.integers(2, 7), *rng.integers(4, VOCAB, rng.integers(1, 12))]
        for count in counts
    ]
    source, targets = np.array([sentence] * len(cases)), np.repeat(target, len(cases), 0)
    upto = (np.arange(target.shape[1]) <= positions[:, None])[..., None]
    with tf.GradientTape() as tape:
        x = model.embed(model.source_embedding, source, False)
        tape.watch(x)
        monkeypatch.setattr(
            model,
            "embed",
            lambda table, ids, training: (
                x if ids is source else TranslationModel.embed(model, table, ids, training)
            ),
        )
        logits = model.project(model.step(*model.encode_waiting(source, waits), targets)[0]) * upto
    found = (
        model.project(model.step(*model.encode_waiting(pad(others, [], [EOS]), waits), targets)[0])
        * upto
    )
    np.testing.assert_allclose(found, logits, atol=1e-5)
    gradient = np.abs(tape.gradient(logits, x)).max(-1)
    np.testing.assert_array_equal(gradient > 0, np.arange(len(sentence)) < counts[:, None])


@every_attention
def test_steps_equal_the_window(name):
    model, (source, target) = shared(name), sentences()
    memory, state = model.encode_waiting(source, 2)
    hidden, looks, last = model.step(memory, state, target)
    now = state
    for position in range(target.shape[1]):
        one, look, now = model.step(memory, now, target[:, position : position + 1])
        np.testing.assert_allclose(one[:, 0], hidden[:, position], atol=1e-5)
        np.testing.assert_allclose(look[:, 0], looks[:, position], atol=1e-5)
    close(now, last)


def test_scores_under_the_mask_are_those_of_search():
    """Of the contract with any beam: each hypothesis has come its own way."""
    model, (source, _) = made("deep gru"), sentences()
    graphs = CompiledModel(model, lambda source: model.encode_waiting(source, 2))
    found = beam_search(graphs, source, beam=3, limits=[9] * len(source))
    best = [hypotheses[0].ids for hypotheses in found]
    scored = graphs.log_probs(source, pad(best, [BOS], [EOS])).numpy()
    for row, hypotheses in zip(scored, found, strict=True):
        length = len(hypotheses[0].ids) + hypotheses[0].finished
        assert hypotheses[0].log_prob == pytest.approx(row[:length].sum(), abs=1e-4)


def test_a_wait_for_all_is_no_wait():
    model, (source, target) = made("lstm"), sentences()
    np.testing.assert_allclose(
        model.log_probs_after(*model.encode_waiting(source, 50), target),
        model.log_probs(source, target),
        atol=1e-5,
    )
    whole = model.losses_of(source, target, True)
    model.wait = (50, 50)
    np.testing.assert_allclose(model.losses_of(source, target, True)[0], whole[0], rtol=1e-5)
    model.wait = (1, 1)
    assert abs(model.losses_of(source, target, True)[0] - whole[0]) > 1e-2


def test_waits_are_drawn_from_seed_and_step_in_training_only():
    model, data = made("lstm"), sentences()
    model.compile(keras.optimizers.SGD(0.0), wait=(2, 6))

    def loss(step):
        model.optimizer.iterations.assign(step)
        model.reset_metrics()
        return float(model.train_step(data)["loss"])

    assert loss(5) == loss(5) != loss(6)
    assert set(model.draw_wait(500, training=True).numpy()) == {2, 3, 4, 5, 6}
    assert model.draw_wait(500, training=False) == 4
    model.compile(keras.optimizers.SGD(0.0), wait=(3, 3))
    assert model.draw_wait(500, training=True) == 3


def test_a_saved_model_knows_where_words_begin(tmp_path):
    model, (source, target) = made("lstm", source="zh"), sentences()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for own, other in ((model.word_starts, loaded.word_starts),):
        np.testing.assert_array_equal(own.source, other.source)
        np.testing.assert_array_equal(own.target, other.target)
        assert own.unspaced == other.unspaced == (True, False)
    scores = [m.log_probs_after(*m.encode_waiting(source, 2), target) for m in (model, loaded)]
    np.testing.assert_array_equal(*scores)


def test_its_weights_are_those_of_an_ordinary_model(tmp_path):
    """A run translates whole lines with an ordinary model, however it was trained."""
    model, (source, target) = made("lstm"), sentences()
    model.save_weights(tmp_path / "model.weights.h5")
    ordinary = TranslationModel(model.options, VOCAB, VOCAB, seed=9)
    ordinary.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(
        ordinary.log_probs(source, target), model.log_probs(source, target)
    )


def test_learning_without_a_wait_has_no_mask(monkeypatch):
    """An ordinary update is what it was: no table, no leaf, no comparison in the time loop."""
    model = TranslationModel(ModelOptions(**SMALL), VOCAB, VOCAB)
    (source, target), seen = sentences(), []
    step = AdditiveAttention.step
    monkeypatch.setattr(
        AdditiveAttention, "step", lambda *args: seen.append(args[-1]) or step(*args)
    )
    model.losses_of(source, target, True)
    memory, state = model.encode(source)
    assert memory.keys() == {"outputs", "keys", "mask"} and state.keys() == {"context", "h0", "c0"}
    assert set(map(type, seen)) == {type(None)}


def test_no_translation_ends_before_its_source():
    """EOS too early means: nothing to say yet.

    A model that knows no other word reads all and says nothing.
    """
    model, (source, _) = made("lstm"), sentences(6, seed=2)
    waiting = WaitKSearch(model, 1)
    for bias in (0.5, 8.0):
        model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, bias, 0.0))
        found = [best for (best,) in beam_search(waiting, source, beam=1, want_attention=True)]
        for best in found:
            assert best.attention.shape == (len(best.ids) + best.finished, source.shape[1])
            assert (np.diff(best.attention.sum(1)) >= 0).all()
            assert not best.finished or (best.attention[-1] == 1).all(), "the source was not over"
        assert all(best.finished and not best.ids for best in found) == (bias == 8)
