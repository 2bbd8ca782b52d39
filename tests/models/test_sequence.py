"""The contract of a model, for every architecture: one table of models, one property a test."""

import dataclasses
import itertools
import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.decoding.beam import beam_search
from nmt.models import kernels
from nmt.models.build import build
from nmt.models.translation import TranslationModel
from nmt.recipe import ModelOptions, Recipe
from nmt.recipe.sections import LANGUAGE_MODEL
from nmt.text.vocabulary import BOS, PAD
from tests.small_models import (
    DROPOUTS,
    MODELS,
    PLAIN,
    SMALL,
    SOURCE_VOCAB,
    VOCAB,
    compiled,
    every_model,
    every_structure,
    made,
    sentences,
    shared,
    without_dropout,
)


def tree_close(first, second, **tolerance):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_allclose(first[key], second[key], err_msg=key, **tolerance)


def gradients_of(model, source, target, training=False):
    """Loss a token and its dense gradients, one a weight."""
    with tf.GradientTape() as tape:
        loss, _, tokens = model.losses_of(source, target, training)
        loss = loss / tokens
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]


def test_the_table_has_every_choice_of_every_option():
    """A new option of `model.` must get a row.

    Numbers must come below and above their smallest useful value. Those of the language model are
    in tests/test_language.py.
    """
    for field in dataclasses.fields(ModelOptions):
        if field.name == "architecture" or field.metadata["needs"] == LANGUAGE_MODEL:
            continue
        used = {
            MODELS[name].get(field.name, SMALL.get(field.name, field.default)) for name in MODELS
        }
        if field.metadata["choices"] or field.type is bool:
            assert used == set(field.metadata["choices"] or (True, False)), field.name
        elif field.name not in SMALL or field.name == "dropout":
            assert len(used) > 1, field.name


# ---- the decoder exists once


@every_structure
def test_one_step_on_n_tokens_equals_n_steps_on_one(name):
    model, (source, target) = shared(name), sentences()
    memory, state = model.encode(source)
    hidden, attention, last = model.step(memory, state, target)
    assert (attention is None) == (model.options.attention == "none")
    if attention is not None:
        np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, atol=1e-5)
    now = state
    for position in range(target.shape[1]):
        one, look, now = model.step(memory, now, target[:, position : position + 1])
        np.testing.assert_allclose(one[:, 0], hidden[:, position], atol=1e-5)
        if attention is not None:
            np.testing.assert_allclose(look[:, 0], attention[:, position], atol=1e-5)
    tree_close(now, last, atol=1e-5)
    middle = model.step(memory, state, target[:, :3])[2]  # and windows of any size
    tree_close(model.step(memory, middle, target[:, 3:])[2], last, atol=1e-5)
    changed = model.step(memory, state, np.where(target == target[0, 1], 5, target))[0]
    assert np.abs(changed - hidden).max() > 1e-3, "the words make no difference"


@pytest.mark.parametrize("name", PLAIN)
def test_the_shapes_of_the_contract(name):
    """Leaves of memory have sentences, leaves of state rows on axis 0."""
    model, (source, target) = shared(name), sentences()
    memory, state = model.encode(source)
    assert all(leaf.shape[0] == len(source) for leaf in (*memory.values(), *state.values()))
    hidden, _, after = model.step(memory, state, target)
    assert after.keys() == state.keys()  # a leaf may grow with the tokens
    assert all(
        leaf.shape[0] == len(source) and leaf.dtype == state[key].dtype
        for key, leaf in after.items()
    )
    logits = model.project(hidden)
    assert logits.shape == (*target.shape, VOCAB)
    np.testing.assert_allclose(model((source, target)), logits, atol=1e-6)


def test_the_encoder_is_a_bidirectional_layer_of_keras():
    """Sentence by sentence, so that padding plays no part there;
    the final state is that of both ways.
    """
    model, (source, _) = shared("lstm"), sentences()
    layer = keras.layers.Bidirectional(
        keras.layers.LSTM(5, return_sequences=True, return_state=True)
    )
    layer.build((1, None, 6))
    layer.set_weights(
        [
            np.array(w)
            for cell in model.encoder.layers[0]
            for w in (cell.kernel, cell.recurrent_kernel, cell.bias)
        ]
    )
    memory, _ = model.encode(source)
    x = model.embed(model.source_embedding, source, training=False)
    final = model.encoder.read(x, tf.reduce_sum(tf.cast(source != PAD, tf.int32), 1))[1]
    for row, ids in enumerate(source):
        length = np.count_nonzero(ids != PAD)
        outputs, forward, _, backward, _ = layer(x[row : row + 1, :length])
        np.testing.assert_allclose(memory["outputs"][row, :length], outputs[0], atol=1e-5)
        np.testing.assert_allclose(final[row], np.concatenate([forward[0], backward[0]]), atol=1e-5)


def test_the_decoder_is_the_recurrence_it_claims():
    """s_i = cell(s_{i-1}, [y_{i-1}; c_{i-1}]), c_i from s_i, readout from (s_i, c_i), c_0 = 0;
    by formula.
    """
    model, (source, target) = shared("lstm"), sentences()
    decoder, memory, state = model.decoder, *model.encode(source)
    cell = keras.layers.LSTMCell(7)
    cell.build((None, 6 + 10))
    own = decoder.cells[0]
    cell.set_weights(
        [np.concatenate([own.kernel, decoder.context_kernel]), own.recurrent_kernel, own.bias]
    )
    hidden, looks, _ = model.step(memory, state, target)
    y = model.embed(model.target_embedding, target, training=False)
    query, key, bias, energy = (np.array(w) for w in decoder.attention.weights)
    h, c, context = state["h0"], state["c0"], np.zeros((len(source), 10), np.float32)
    for position in range(target.shape[1]):
        h, (_, c) = cell(np.concatenate([y[:, position], context], -1), [h, c])
        energies = (
            np.tanh((h.numpy() @ query)[:, None] + memory["outputs"].numpy() @ key + bias) @ energy
        )
        weights = np.where(source != PAD, np.exp(energies), 0)
        weights /= weights.sum(-1, keepdims=True)
        context = np.einsum("st,std->sd", weights, memory["outputs"]).astype(np.float32)
        seen = np.concatenate([h, context], -1) @ np.array(decoder.readout_kernel) + np.array(
            decoder.readout_bias
        )
        np.testing.assert_allclose(looks[:, position], weights, atol=1e-5)
        np.testing.assert_allclose(hidden[:, position], np.tanh(seen), atol=1e-5)


def test_the_transformer_is_the_formula_it_claims():
    """Its encoder and decoder from Keras's own layers, sentence by sentence,
    so that padding plays no part.
    """
    model, (source, target) = made("transformer", encoder_layers=2, tie="all"), sentences()

    def normed(x, norm):
        layer = keras.layers.LayerNormalization(epsilon=1e-5)
        layer.build((1, None, 6))
        layer.set_weights([np.array(norm.scale), np.array(norm.shift)])
        return layer(x)

    def attended(query, memory, attention, **mask):
        layer = keras.layers.MultiHeadAttention(3, 2, use_bias=False)
        layer.build((1, None, 6), (1, None, 6))
        key, value = np.split(np.array(attention.memory_kernel), 2, axis=1)
        layer.set_weights(
            [
                np.reshape(attention.query_kernel, (6, 3, 2)),
                key.reshape(6, 3, 2),
                value.reshape(6, 3, 2),
                np.reshape(attention.output_kernel, (3, 2, 6)),
            ]
        )
        return layer(query, memory, return_attention_scores=True, **mask)

    def fed(x, block):
        inner = np.maximum(
            0, normed(x, block.feed_forward_norm) @ np.array(block.inner_kernel) + block.inner_bias
        )
        return x + inner @ np.array(block.outer_kernel) + np.array(block.outer_bias)

    def placed(table, ids):
        angles = np.arange(ids.shape[1])[:, None] / 10000 ** (np.arange(3) / 3)
        return (
            model.embed(table, ids, False)
            + np.concatenate([np.sin(angles), np.cos(angles)], 1)[None]
        )

    hidden, looks, _ = model.step(*model.encode(source), target)
    for row in range(len(source)):
        x = placed(model.source_embedding, source[row : row + 1, : np.count_nonzero(source[row])])
        for block in model.encoder.blocks:
            seen = normed(x, block.attention_norm)
            x = fed(x + attended(seen, seen, block.attention)[0], block)
        x = normed(x, model.encoder.norm)
        y = placed(model.target_embedding, target[row : row + 1])
        for block in model.decoder.blocks:
            seen = normed(y, block.attention_norm)
            y += attended(seen, seen, block.attention, use_causal_mask=True)[0]
            found, scores = attended(normed(y, block.source_norm), x, block.source_attention)
            y = fed(y + found, block)
        np.testing.assert_allclose(hidden[row], normed(y, model.decoder.norm)[0], atol=1e-5)
        np.testing.assert_allclose(looks[row, :, : x.shape[1]], np.mean(scores[0], 0), atol=1e-5)


# ---- the loss; that padding does not change it: tests/models/test_update.py


@pytest.mark.parametrize("name", PLAIN)
def test_the_loss_is_a_mean_over_tokens(name):
    """Of a batch: the losses of its sentences, each alone, weighted by their tokens."""
    model, (source, target) = made(name), sentences()
    model.label_smoothing = 0.1
    together = model.losses_of(source, target, training=False)
    alone = []
    for x, y in zip(source, target, strict=True):
        alone.append(model.losses_of(x[None, x != PAD], y[None, y != PAD], training=False))
    for part, whole in zip(zip(*alone, strict=True), together, strict=True):
        np.testing.assert_allclose(sum(part), whole, rtol=1e-5)
    assert together[2] == (target[:, 1:] != PAD).sum()


@pytest.mark.parametrize("name", PLAIN)
def test_log_probs_are_those_that_the_loss_sums(name):
    model, (source, target) = shared(name), sentences()
    log_probs = model.log_probs(source, target).numpy()
    _, likelihood, _ = model.losses_of(source, target, training=False)
    np.testing.assert_allclose(-log_probs[target[:, 1:] != PAD].sum(), likelihood, rtol=1e-5)


# ---- an update


class OneHot(TranslationModel):
    """The same model with embeddings as matrix products, whose gradients are dense by nature."""

    def embed(self, table, ids, training):
        return (
            tf.one_hot(ids, table.shape[0])
            @ tf.convert_to_tensor(table)
            * self.options.embedding**0.5
        )


OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "clipped": lambda: keras.optimizers.Adam(1.0, epsilon=1.0, global_clipnorm=0.05),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=0.5),
}


@pytest.mark.parametrize(
    "name, optimizer",
    [
        ("lstm", "adam"),
        ("rnn", "adamw"),
        ("variational", "clipped"),
        ("transformer", "clipped"),
    ],
)
def test_an_update_equals_that_of_a_one_hot_embedding(name, optimizer):
    """Two updates with words that come many times, against Keras's optimizers on dense gradients.

    epsilon=1 makes Adam's step proportional to the gradient, so that wrong clipping shows.
    """
    model = made(name, **without_dropout(name))
    dense = OneHot(model.options, model.source_vocab, VOCAB, seed=3)
    for own, other in zip(dense.trainable_variables, model.trainable_variables, strict=True):
        own.assign(other)
    start = [np.array(v) for v in model.trainable_variables]
    data, plain = sentences(longest=4), OPTIMIZERS[optimizer]()
    model.compile(OPTIMIZERS[optimizer](), label_smoothing=0.1, jit_compile=False)
    dense.label_smoothing = 0.1
    for _ in range(2):
        plain.apply(gradients_of(dense, *data, training=True)[1], dense.trainable_variables)
        model.train_step(data)
    for own, other, first in zip(
        model.trainable_variables, dense.trainable_variables, start, strict=True
    ):
        moved = np.abs(other - first).max()
        np.testing.assert_allclose(
            own - first, other - first, atol=0.002 * moved + 2e-7, err_msg=own.path
        )
        assert moved > 0, own.path


def test_clipping_bounds_the_norm_of_the_whole_update():
    """Stochastic gradient descent with rate 1 moves by the clipped gradient itself."""
    model, data = made("rnn"), sentences()
    model.compile(keras.optimizers.SGD(1.0, global_clipnorm=0.1))
    before = [np.array(v) for v in model.trainable_variables]
    gradients = gradients_of(model, *data)[1]
    norm = float(tf.linalg.global_norm(gradients))
    assert norm > 0.2
    model.train_step(data)
    moved = [a - np.array(b) for a, b in zip(before, model.trainable_variables, strict=True)]
    for own, gradient in zip(moved, gradients, strict=True):
        np.testing.assert_allclose(own, gradient * 0.1 / norm, atol=1e-6)


@pytest.mark.parametrize("name", [*DROPOUTS, "transformer"])
def test_dropout_masks_are_a_function_of_seed_and_step(name):
    """The same step draws the same masks, whatever was drawn between;
    another step or seed draws others.
    """
    model, data = made(name), sentences(3, longest=3)
    model.compile(keras.optimizers.SGD(0.0))

    def loss(step, seed=3):
        model.seed = seed
        model.optimizer.iterations.assign(step)
        model.reset_metrics()
        return float(model.train_step(data)["loss"])

    first = loss(5)
    others = [loss(6), loss(7), loss(5, seed=4)]
    assert loss(5) == first
    assert len({first, *others}) == 4
    model.reset_metrics()
    loss, _, tokens = model.losses_of(*data, training=False)
    tested = float(model.test_step(data)["loss"])
    assert tested == pytest.approx(float(loss / tokens)), "dropout outside of training"


@pytest.mark.parametrize("name", ["dropout", "transformer"])
def test_no_two_steps_share_a_mask(name):
    """A step of the deepest model draws fewer masks than lie between the seeds of two steps."""
    model, data = (
        made(name, encoder_layers=8, decoder_layers=8, recurrent_dropout=0.1),
        sentences(1, longest=1),
    )
    model.compile(keras.optimizers.SGD(0.0))
    first = int(model.first_noise())
    model.noise.state.assign([model.seed, first])
    model.losses_of(*data, training=True)
    drawn = int(model.noise.state.numpy()[1]) - first
    model.optimizer.iterations.assign(1)
    assert 20 < drawn <= int(model.first_noise()) - first


def test_variational_masks_are_constant_over_a_sequence():
    """With one word repeated, embeddings after dropout are alike at all positions,
    without the option not.
    """
    ids = np.full((3, 6), 7)
    for variational in (True, False):
        model, seen = made("dropout", variational=variational), []
        model.decoder.step = lambda memory, state, y, training, seen=seen: seen.append(y.numpy())
        model.step({}, {}, ids, training=True)
        constant = np.ptp(seen[0], axis=1).max() == 0
        assert constant == variational
        assert np.any(seen[0] == 0), "no dropout"
        assert np.any(seen[0][0] != seen[0][1]), "one mask for all sentences"


# ---- saving


@every_model
def test_saved_models_come_back(name, tmp_path):
    model, (source, target) = made(name), sentences(2, longest=3)
    model.compile(keras.optimizers.Adam(0.01), label_smoothing=0.1)
    model.optimizer.build(model.trainable_variables)
    expected = model((source, target)).numpy()
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.options == model.options
    # An option that this version has no more is left out.
    config = model.get_config()
    config["options"]["former"] = 0.0
    assert type(model).from_config(config).options == model.options
    np.testing.assert_array_equal(loaded((source, target)), expected)
    assert [v.path for v in loaded.weights] == [v.path for v in model.weights]

    for variable in loaded.weights:
        variable.assign(variable.value + 1)
    loaded.load_weights(tmp_path / "model.weights.h5")
    for own, other in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(own, other, err_msg=own.path)


def test_a_model_saved_before_its_module_moved_comes_back(tmp_path):
    """The registered name decides; a file names the module that the class was in as well."""
    model, data = made("lstm"), sentences(2, longest=3)
    model.save(tmp_path / "new.keras")
    with (
        zipfile.ZipFile(tmp_path / "new.keras") as new,
        zipfile.ZipFile(tmp_path / "old.keras", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name)
            if name == "config.json":
                config = json.loads(content)
                assert config["registered_name"] == "nmt>TranslationModel"
                content = json.dumps({**config, "module": "nmt.model"})
            old.writestr(name, content)
    loaded = keras.models.load_model(tmp_path / "old.keras")
    assert type(loaded) is TranslationModel
    np.testing.assert_array_equal(loaded(data), model(data))


def test_tokens_are_counted_exactly():
    """Also beyond 2 ** 24, where float32 knows even numbers only."""
    model = made("lstm")
    model.compile(keras.optimizers.SGD(0.0))
    for tokens in (2.0**24, 1.0, 2.0):
        means = model.running_means(tf.constant(tokens), tf.constant(tokens), tf.constant(tokens))
    assert float(means["target_tokens"]) == 2**24 + 3
    assert float(means["loss"]) == pytest.approx(1)


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_the_seed_gives_the_weights(name):
    """Equal seeds, equal weights, whatever ran before; other seeds, other weights."""
    models = []
    for seed in (3, 3, 4):
        models.append(
            TranslationModel(ModelOptions(**{**SMALL, **MODELS[name]}), SOURCE_VOCAB, VOCAB, seed)
        )
        keras.random.normal((2,))
    for a, b, c in zip(*(m.trainable_variables for m in models), strict=True):
        np.testing.assert_array_equal(a, b)
        constant = len(a.shape) == 1 and a.name != "energy"  # biases and scales
        assert constant or np.any(a != c), a.path


def test_a_joint_vocabulary_begins_with_one_vector_a_piece():
    model = TranslationModel(ModelOptions(**{**SMALL, "tie": "target"}), VOCAB, VOCAB)
    np.testing.assert_array_equal(model.source_embedding, model.target_embedding)


# ---- graphs, as search calls them


@every_structure
def test_graphs_equal_the_eager_contract_row_by_row(name):
    """Two hypotheses a sentence in one call, against each hypothesis alone with its sentence;
    one trace.
    """
    model = compiled(name)
    graphs, k = model.compiled_model(), 4
    for number, count in enumerate((3, 1)):  # other shapes each time
        source, target = sentences(count, seed=number, longest=4 + number)
        memory, state = graphs.encode(source)
        tree_close(memory, model.encode(source)[0], atol=1e-5)
        rng = np.random.default_rng(number)
        tokens = np.full(count, BOS, np.int32)
        _, _, _, state = graphs.advance(memory, state, np.arange(count, dtype=np.int32), tokens, k)
        origin = np.repeat(np.arange(count, dtype=np.int32), 2)
        tokens = rng.integers(4, VOCAB, 2 * count).astype(np.int32)
        _, _, _, state = graphs.advance(memory, state, origin, tokens, k)
        origin = np.arange(2 * count, dtype=np.int32) ^ 1  # the two of a sentence change places
        tokens = rng.integers(4, VOCAB, 2 * count).astype(np.int32)
        log_probs, ids, attention, after = graphs.advance(memory, state, origin, tokens, k)
        for row, parent in enumerate(origin):
            one = model.take(memory, [row // 2])
            former = {key: leaf[parent : parent + 1] for key, leaf in state.items()}
            hidden, look, expected = model.step(one, former, tokens[row : row + 1, None])
            every = tf.nn.log_softmax(model.project(hidden)[0, 0]).numpy()
            best = np.argsort(-every)[:k]
            np.testing.assert_array_equal(ids[row], best)
            np.testing.assert_allclose(log_probs[row], every[best], atol=1e-4)
            if attention is not None:
                np.testing.assert_allclose(attention[row], look[0, 0], atol=1e-5)
            tree_close(
                {key: leaf[row] for key, leaf in after.items()},
                {key: leaf[0] for key, leaf in expected.items()},
                atol=1e-5,
                rtol=1e-5,
            )
        np.testing.assert_allclose(
            graphs.log_probs(source, target), model.log_probs(source, target), atol=3e-5
        )
    for name in ("encode", "advance", "log_probs"):
        assert graphs.functions[name].experimental_get_tracing_count() == 1


@pytest.mark.parametrize("name", PLAIN)
def test_take_picks_sentences(name):
    model, (source, _) = compiled(name), sentences()
    memory, _ = model.compiled_model().encode(source)
    taken = model.compiled_model().take(memory, np.array([2, 0], np.int32))
    tree_close(taken, {key: leaf.numpy()[[2, 0]] for key, leaf in memory.items()}, atol=0)


def test_a_beam_may_be_wider_than_the_vocabulary():
    source, _ = sentences(2)
    found = beam_search(
        compiled("lstm").compiled_model(), source, beam=VOCAB + 5, limits=[3, 3], nbest=VOCAB + 5
    )
    assert all(len(hypotheses) > VOCAB for hypotheses in found)


# ---- precision and learning


@pytest.mark.parametrize(("name", "batches"), [("lstm", 1), ("deep gru", 1), ("transformer", 3)])
def test_bfloat16_gradients_are_close_to_those_of_float32(name, batches):
    """Of every weight; with a ReLU, which rounding switches now and then, of most batches."""
    model, distances = made(name, **without_dropout(name)), []
    for seed in range(batches):
        data = sentences(seed=seed)
        _, exact = gradients_of(model, *data, training=True)
        with kernels.precision("bfloat16"):
            _, rounded = gradients_of(model, *data, training=True)
        assert all(b.dtype == tf.float32 for b in rounded)
        assert any(np.any(a != b) for a, b in zip(exact, rounded, strict=True)), (
            "bfloat16 changed nothing"
        )
        whole = float(tf.linalg.global_norm(exact))
        distances.append(
            [
                np.linalg.norm(a - b) / (np.linalg.norm(a) + 0.04 * whole)
                for a, b in zip(exact, rounded, strict=True)
            ]
        )
    for variable, distance in zip(model.trainable_variables, np.median(distances, 0), strict=True):
        assert distance < 0.25, variable.path


def test_a_transformer_learns():
    """Sixty steps on one batch, compiled for any shape;
    `precision=auto` is one of the two there are. Gradients of every model: tests/models/test_update
    """
    recipe = Recipe(model=ModelOptions(**{**SMALL, **MODELS["transformer"]}))
    model = build(recipe, VOCAB, VOCAB)
    plain = keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0)  # soon traced
    model.compile(plain, precision="auto", jit_compile=False)
    model.optimizer.build(model.trainable_variables)  # or the first step is traced twice
    assert model.precision in ("float32", "bfloat16")
    data, ids = sentences(), tf.TensorSpec((None, None), tf.int32)
    stream = tf.data.Dataset.from_generator(
        lambda: itertools.repeat(data), output_signature=(ids, ids)
    )
    losses = model.fit(stream, steps_per_epoch=20, epochs=3, verbose=0, shuffle=False).history[
        "loss"
    ]
    assert np.isfinite(losses).all() and losses[-1] < 0.9 * losses[0]
    assert len(model.optimizer.variables) > len(model.trainable_variables)
