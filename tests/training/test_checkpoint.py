"""The state to resume from: whole, damaged, and as earlier versions wrote it."""

import itertools
import json

import numpy as np
import pytest

from nmt.errors import Failure
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training import tasks
from nmt.training.checkpoint import ResumeState
from nmt.training.history import History
from nmt.training.pipeline import compiled
from tests.damage import cut_short, empty, flip, nonsense
from tests.fakes import messages
from tests.short_run import SHORT


def resume_state(folder, recipe):
    """A new model of a run, and what restores it."""
    run = Run(folder)
    model = compiled(tasks.of(recipe).model(run.tokenizers), recipe, total_steps=32)
    return model, ResumeState(run, History(32, 16), model, minutes=1)


@pytest.mark.parametrize("damage", [cut_short, flip, empty, nonsense])
def test_a_damaged_state_is_told_in_one_line(short_copy, tiny_recipe, damage):
    model, state = resume_state(short_copy, load_recipe(tiny_recipe, SHORT))
    state.restore()
    assert state.history.step == 32 and int(model.optimizer.iterations) == 32
    path = Run(short_copy).state_path
    damage(path)
    with pytest.raises(Failure) as failure:
        state.restore()
    assert str(path) in str(failure.value) and "\n" not in str(failure.value)


def test_a_state_whose_arrays_are_numbered_is_read(short_copy, tiny_recipe):
    """As earlier versions named them: weights, then the optimizer's variables, by position."""
    model, state = resume_state(short_copy, load_recipe(tiny_recipe, SHORT))
    state.restore()
    variables = [*model.trainable_variables, *model.optimizer.variables]
    expected = [np.array(variable) for variable in variables]
    path = Run(short_copy).state_path
    with np.load(path) as saved:
        history, *arrays = (saved[name] for name in saved.files)
    assert [array.shape for array in arrays] == [value.shape for value in expected]
    np.savez(path, history=history, **{f"{n:04d}": array for n, array in enumerate(arrays)})
    for variable in variables:
        variable.assign(np.zeros(variable.shape))
    state.restore()
    assert state.history.step == 32
    for own, other in zip(variables, expected, strict=True):
        np.testing.assert_array_equal(own, other)


def test_arrays_are_found_by_name_not_by_place(short_copy, tiny_recipe):
    """Two variables of one shape cannot be confused."""
    model, state = resume_state(short_copy, load_recipe(tiny_recipe, SHORT))
    state.restore()
    expected = [np.array(variable) for variable in state.variables().values()]
    path = Run(short_copy).state_path
    with np.load(path) as saved:
        reversed_arrays = {name: saved[name] for name in reversed(saved.files)}
    np.savez(path, **reversed_arrays)
    for variable in itertools.islice(model.trainable_variables, 5):
        variable.assign(np.zeros(variable.shape))
    state.restore()
    for own, other in zip(state.variables().values(), expected, strict=True):
        np.testing.assert_array_equal(own, other)


def test_batches_that_were_cut_in_another_way_are_told(short_copy, tiny_recipe):
    _, state = resume_state(short_copy, load_recipe(tiny_recipe, SHORT))
    with messages() as lines:
        state.restore()
        before = state.history.steps_per_epoch
        assert not lines
        state.history.steps_per_epoch = before + 1
        state.restore()
        state.save()
        state.restore()
    assert [line.partition(":")[0] for line in lines] == [
        f"an epoch has {before + 1} batches, it had {before} before"
    ]


def test_what_is_saved_of_the_history_comes_back():
    history = History(32, 16, step=5, seconds=1.5, target_tokens=70, best=3.0, snapshots=["a"])
    history.rows.append({"step": 5, "loss": 0.1})
    other = History(32, 16)
    other.restore(json.loads(json.dumps(history.saved())))
    assert other == history
