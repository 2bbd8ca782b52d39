"""A training of seconds with every kind of dropout, and what two such runs are compared by."""

import contextlib
import csv
import dataclasses

import h5py
import numpy as np
import pytest

from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training.train import train
from tests.fakes import messages

LINES = ["The boy reads a book.", "We found a fresh egg in the park.", "Where are my two cats?"]
# Of the tiny recipe: 16 batches an epoch. As the rate does not decay, more epochs change nothing
# in the ones before them.
SHORT = (
    "train.epochs=2",
    "train.valid_every=0",
    "train.valid_sentences=8",
    "train.save_minutes=0",
    "train.decay=none",
    "model.recurrent_dropout=0.1",
    # What is traced fast: what is saved and resumed does not depend on it.
    "model.cell=rnn",
    "model.bidirectional=false",
    "model.attention=none",
)


# Options of [train] that the graphs of an update do not depend on.
BESIDE = {"epochs", "steps", "batch_tokens", "valid_every", "valid_sentences", "metric"}
BESIDE |= {"patience", "average", "save_minutes", "log_every", "from_", "corrections"}
_traced = {}  # by kind: a model, and its numbers when it was new


def trained(recipe, folder, *overrides, callbacks=(), lines=None, anew=False):
    """Trains in this process; messages are collected in `lines`.

    anew: with a model of its own, as where a function that is traced was replaced.
    """
    with messages() as logged, contextlib.nullcontext() if anew else traced_once():
        try:
            return train(load_recipe(recipe, overrides), folder, callbacks)
        finally:
            if lines is not None:
                lines += logged


@contextlib.contextmanager
def traced_once():
    """In the block, trainings of one kind share a model: tracing is most of a short training.

    Each begins with the weights and moments of a new model, and has all else from its run folder.
    """
    from nmt.training import fit
    from nmt.training.tasks import TranslationTask

    new_model, new_compiled = TranslationTask.model, fit.compiled
    kind = ""

    def model(task, tokenizers):
        nonlocal kind
        train = task.recipe.train
        options = dataclasses.asdict(train).items()
        graphs = {name: value for name, value in options if name not in BESIDE}
        kind = repr((task.recipe.model, graphs, [each.size for each in tokenizers]))
        # Such a rate depends on the number of steps, such a model on the tokenizers.
        if train.decay == "linear" or train.wait:
            kind = ""
        return _traced[kind][0] if kind in _traced else new_model(task, tokenizers)

    def variables_of(model):
        return [*model.trainable_variables, *model.optimizer.variables]

    def compiled(model, recipe, total_steps, **options):
        if kind in _traced:
            for variable, number in zip(variables_of(model), _traced[kind][1], strict=True):
                variable.assign(number)
            return model
        new_compiled(model, recipe, total_steps, **options)
        if kind:
            _traced[kind] = model, [np.array(variable) for variable in variables_of(model)]
        return model

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TranslationTask, "model", model)
        patch.setattr(fit, "compiled", compiled)
        yield


def after_step(step, act):
    """A Keras callback that calls act() after that update."""
    import keras

    class AfterStep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == step:
                act()

    return AfterStep()


def at_the_beginning(act):
    """A Keras callback that calls act() when all is ready for the first step."""
    import keras

    return keras.callbacks.LambdaCallback(on_train_begin=lambda logs: act())


def after_validation(act):
    """A Keras callback that calls act() after each validation, when its state is saved."""
    import keras

    return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: act())


def interrupt():
    """As ctrl-C that nobody catches."""
    raise KeyboardInterrupt


def arrays(folder):
    """All numbers of a run: its weights, and what it resumes from."""
    numbers = {}
    run = Run(folder)

    def take(name, item):
        if hasattr(item, "shape"):
            numbers[name] = item[()]

    with h5py.File(run.path / run.info.weights) as file:
        file.visititems(take)
    with np.load(run.state_path) as state:
        numbers.update({f"state/{name}": state[name] for name in state.files if name != "history"})
    return numbers


def assert_same_numbers(folder, other):
    """Bit for bit the same weights and moments."""
    first, second = arrays(folder), arrays(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def assert_same_run(folder, other):
    """The same numbers, and the same way to them."""
    assert_same_numbers(folder, other)
    first, second = Run(folder).info, Run(other).info
    for name in ("step", "epochs", "target_tokens", "weights", "complete"):
        assert getattr(first, name) == getattr(second, name), name
    assert first.corpus_sha256 == second.corpus_sha256
    assert first.tokenizer_sha256 == second.tokenizer_sha256
    columns = ("step", "valid_loss", "bleu", "chrf")
    measured = [
        [[row[column] for column in columns] for row in history(each)] for each in (folder, other)
    ]
    assert measured[0] == measured[1]


def history(folder):
    """The rows of history.csv."""
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    """Names of all files but TensorBoard's."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in names if not name.startswith("tensorboard"))
