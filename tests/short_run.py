"""A training of seconds with every kind of dropout, and what two such runs are compared by."""

import csv

import h5py
import numpy as np

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
    # A cell that is traced fast: what is saved and resumed does not depend on it.
    "model.cell=rnn",
    "model.bidirectional=false",
)


def trained(recipe, folder, *overrides, callbacks=(), lines=None):
    """Trains in this process; messages are collected in `lines`."""
    with messages() as logged:
        try:
            return train(load_recipe(recipe, overrides), folder, callbacks)
        finally:
            if lines is not None:
                lines += logged


def after_step(step, act):
    """A Keras callback that calls act() after that update."""
    import keras

    class AfterStep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == step:
                act()

    return AfterStep()


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
