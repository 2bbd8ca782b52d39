"""Cells against Keras's own layers; stacking, layer normalisation and dropout of the state."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.models.attention import ATTENTIONS
from nmt.models.cells import CELLS, layer_normalise, stack
from nmt.models.time_loop import unroll
from nmt.recipe import ModelOptions, Recipe
from nmt.recipe.options import all_options

ROWS, TIME, INPUT, UNITS = 3, 5, 4, 6
KINDS = {  # our cell, Keras's layer
    "rnn": (CELLS["rnn"], keras.layers.SimpleRNN, {}),
    "relu": (CELLS["rnn"], keras.layers.SimpleRNN, {"activation": "relu"}),
    "gru": (CELLS["gru"], keras.layers.GRU, {"reset_after": True}),
    "gru before": (CELLS["gru"], keras.layers.GRU, {"reset_after": False}),
    "lstm": (CELLS["lstm"], keras.layers.LSTM, {}),
}


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def made(name, layer_norm=False, seed=0):
    """A cell whose weights, biases and scales included, are all random."""
    kind, _, options = KINDS[name]
    cell = kind(ModelOptions(layer_norm=layer_norm, **options), UNITS)
    cell.build(INPUT)
    for n, variable in enumerate(cell.weights):
        variable.assign(numbers(*variable.shape, seed=100 * seed + n) / 2)
    return cell


def keras_layer(name):
    _, layer, options = KINDS[name]
    return layer(UNITS, return_sequences=True, return_state=True, **options)


def unrolled(cell, x, state=None, mask=None):
    """x: [rows, time, input] -> h of all positions, last state."""
    state = state or {name: tf.zeros([len(x), UNITS]) for name in cell.states}
    z = tf.transpose(cell.inputs(tf.constant(x)), [1, 0, 2])
    weights = cell.weights_of_step()
    history, state = unroll(
        lambda inputs, state, weights: cell.step(inputs[0], state, weights, mask),
        (z,),
        state,
        ["h"],
        weights,
    )
    return tf.transpose(history["h"], [1, 0, 2]).numpy(), state


@pytest.mark.parametrize("name", KINDS)
def test_a_cell_computes_what_the_layer_of_keras_does(name):
    """With the same arrays as weights, from a state that is not zero."""
    cell, layer, x = made(name), keras_layer(name), numbers(ROWS, TIME, INPUT, seed=9)
    layer.build(x.shape)
    layer.set_weights(
        [variable.numpy() for variable in (cell.kernel, cell.recurrent_kernel, cell.bias)]
    )
    start = {
        state: tf.constant(numbers(ROWS, UNITS, seed=20 + n)) for n, state in enumerate(cell.states)
    }
    expected, *last = layer(x, initial_state=list(start.values()))
    h, state = unrolled(cell, x, start)
    np.testing.assert_allclose(h, expected, atol=1e-5)
    for name, value in zip(cell.states, last, strict=True):
        np.testing.assert_allclose(state[name], value, atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_a_new_cell_starts_as_the_layer_of_keras_does(name):
    """Zero biases but for the LSTM's forget gate, orthogonal and Glorot's kernels."""
    kind, _, options = KINDS[name]
    cell, layer = kind(ModelOptions(**options), UNITS), keras_layer(name)
    cell.build(INPUT)
    layer.build((ROWS, TIME, INPUT))
    kernel, recurrent, bias = layer.get_weights()
    np.testing.assert_array_equal(cell.bias, bias)
    assert cell.kernel.shape == kernel.shape and cell.recurrent_kernel.shape == recurrent.shape
    square = cell.recurrent_kernel @ tf.transpose(cell.recurrent_kernel)
    np.testing.assert_allclose(square, np.eye(UNITS), atol=1e-5)
    assert np.abs(cell.kernel).max() <= (6 / sum(kernel.shape)) ** 0.5


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_stacked_cells_equal_the_cells_run_separately(name, layer_norm):
    cells = [made(name, layer_norm, seed) for seed in (1, 2)]
    inputs = [numbers(ROWS, TIME, INPUT, seed=seed) for seed in (3, 4)]
    z = tf.stack([cell.inputs(tf.constant(x)) for cell, x in zip(cells, inputs, strict=True)])
    weights = stack([cell.weights_of_step() for cell in cells])
    zeros = {state: tf.zeros([2, ROWS, UNITS]) for state in cells[0].states}
    history, last = unroll(
        lambda z_t, state, weights: cells[0].step(z_t[0], state, weights),
        (tf.transpose(z, [2, 0, 1, 3]),),
        zeros,
        ["h"],
        weights,
    )
    for n, (cell, x) in enumerate(zip(cells, inputs, strict=True)):
        h, state = unrolled(cell, x)
        np.testing.assert_allclose(tf.transpose(history["h"][:, n], [1, 0, 2]), h, atol=1e-6)
        for name in state:
            np.testing.assert_allclose(last[name][n], state[name], atol=1e-6)


def test_layer_normalisation_is_that_of_keras():
    x = numbers(2, ROWS, TIME, seed=5) * 7 + 3
    layer = keras.layers.LayerNormalization(epsilon=1e-5)
    np.testing.assert_allclose(layer_normalise(tf.constant(x)), layer(x), atol=1e-5)


@pytest.mark.parametrize("name", KINDS)
def test_layer_normalised_cells_treat_each_row_alone(name):
    """A row is what it is alone; the size of its inputs matters in the plain cell only."""
    x = numbers(ROWS, TIME, INPUT, seed=6) * np.float32([1, 100, 10000])[:, None, None]
    normalised, plain = made(name, layer_norm=True), made(name)
    together, _ = unrolled(normalised, x)
    for row in range(ROWS):
        np.testing.assert_allclose(
            unrolled(normalised, x[row : row + 1])[0][0], together[row], atol=1e-5
        )
    np.testing.assert_allclose(unrolled(normalised, x * 3)[0][1:], together[1:], atol=1e-3)
    for cell, other in zip(
        plain.weights, normalised.weights, strict=False
    ):  # the same but for the scales
        cell.assign(other)
    assert np.abs(unrolled(plain, x)[0] - together).max() > 0.1


@pytest.mark.parametrize("name", KINDS)
def test_a_unit_that_the_state_mask_drops_never_speaks(name):
    """A dropped unit gives nothing to the next step: its row of U can be anything."""
    cell, x = made(name), numbers(ROWS, TIME, INPUT, seed=7)
    mask = np.full((ROWS, UNITS), 1.5, np.float32)
    mask[:, 2] = 0
    before, _ = unrolled(cell, x, mask=tf.constant(mask))
    changed = cell.recurrent_kernel.numpy()
    assert np.abs(unrolled(cell, x)[0] - before).max() > 0.01
    changed[2] = 1000
    cell.recurrent_kernel.assign(changed)
    after, _ = unrolled(cell, x, mask=tf.constant(mask))
    np.testing.assert_array_equal(before, after)
    assert np.abs(unrolled(cell, x)[0] - before).max() > 0.01


def test_unroll_of_one_step_equals_the_loop():
    cell, x = made("lstm"), numbers(ROWS, TIME, INPUT, seed=8)
    h, last = unrolled(cell, x)
    state = None
    for t in range(TIME):
        one, state = unrolled(cell, x[:, t : t + 1], state)
        np.testing.assert_allclose(one[:, 0], h[:, t], atol=1e-6)
    np.testing.assert_allclose(state["c"], last["c"], atol=1e-6)


def test_recipes_may_name_every_cell_and_attention():
    choices = {name: field.metadata["choices"] for name, field, _ in all_options(Recipe())}
    assert set(choices["model.cell"]) == set(CELLS)
    assert set(choices["model.attention"]) == {*ATTENTIONS, "none"}
