"""What is shown of a training in progress."""

import contextlib
import itertools
from signal import SIGTERM

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt.runs.folder import Run
from nmt.training.checkpoint import ResumeState, Stopped
from nmt.training.cluster import ALONE, Cluster
from nmt.training.history import Clock, History
from nmt.training.pipeline import endless
from nmt.training.progress import TIMED, TRACED, Progress
from nmt.training.stages import Stages
from nmt.training.team import Team
from tests.fakes import messages
from tests.small_models import made, sentences


@pytest.mark.parametrize(
    ("first_step", "seconds", "expected"),
    [
        (0, 0.1, "time: about 5 minutes to go for 2,975 steps, without validations"),
        (2915, 0.1, "time: about 1 minute to go for 60 steps, without validations"),
        (0, 2.0, "without validations; shorter: a lower train.epochs, a smaller model"),
    ],
)
def test_minutes_are_told_once_after_the_first_steps(first_step, seconds, expected):
    history = History(total_steps=3000, steps_per_epoch=300, step=first_step)
    progress = Progress(history, every=10_000, length="epochs")
    progress.terminal = False
    with messages() as logged:
        for step in range(TRACED + TIMED + 30):
            history.step += 1
            # The first step traces the graph, which tells nothing of the others.
            history.seconds += seconds + 60 * (step == 0)
            progress.on_train_batch_end(0, {"loss": 1.0, "perplexity": 2.0})
    (line,) = logged
    assert expected in line
    assert ("shorter" in line) == (seconds > 1)


def test_the_last_line_of_a_training_says_where_its_time_went(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    stages = Stages()
    with stages.stage("text"):
        now += 41
    with pytest.raises(KeyboardInterrupt), stages.stage("steps"):
        now += 100.6
        raise KeyboardInterrupt
    with stages.stage("text"):
        now += 2
    stages.move(40.6, "steps", "validation")
    assert stages.line() == "time: text 0:43, steps 1:00, validation 0:41; 2:24 in all"


def test_losses_need_not_be_looked_at_after_every_step():
    """Each look waits for a GPU; the last step of an interval has one, so that nothing is lost."""
    model, batch, seen = made("fixed vector"), sentences(), []
    model.compile(keras.optimizers.SGD(), run_eagerly=True)
    history = History(total_steps=5, steps_per_epoch=5)
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda _, logs: seen.append(bool(logs))
    )
    data = endless(lambda: itertools.repeat(batch), model.distribute_strategy)
    model.fit(data, steps_per_epoch=5, verbose=0, callbacks=[Clock(history, every=2), look])
    assert seen == [False, True, False, True, True]
    assert history.step == 5
    assert history.target_tokens == 5 * np.count_nonzero(batch[1][:, 1:])


@pytest.mark.parametrize(
    ("cluster", "signal", "minutes", "saves", "last"),
    [
        (ALONE, SIGTERM, 1000, [2], 2),
        (ALONE, None, 0, [1, 2, 3, 4, 5], 6),
        (Cluster(("a:1", "b:2"), 0), SIGTERM, 1000, [3], 3),
        (Cluster(("a:1", "b:2"), 0), None, 0, [3], 6),
    ],
)
def test_what_must_not_wait_is_looked_at_between(
    cluster, signal, minutes, saves, last, monkeypatch, tmp_path
):
    """A signal, and a save that is due; several processes look after the same steps."""
    monkeypatch.setattr("nmt.training.checkpoint.LOOK", 3)
    model, batch, saved = made("fixed vector"), sentences(), []
    model.compile(keras.optimizers.SGD(), run_eagerly=True)
    if cluster.size > 1:
        model.asked_to_stop = tf.Variable(0.0, trainable=False)
    history = History(total_steps=6, steps_per_epoch=6)
    state = ResumeState(Run(tmp_path), history, model, minutes, team=Team(cluster))
    monkeypatch.setattr(state, "save", lambda: saved.append(history.step))

    def come(step, logs):
        if signal and not step:
            state.note_signal(signal, None)

    coming = keras.callbacks.LambdaCallback(on_train_batch_end=come)
    data = endless(lambda: itertools.repeat(batch), model.distribute_strategy)
    stops = pytest.raises(Stopped) if signal else contextlib.nullcontext()
    with stops:
        beside = [Clock(history, every=1000), state, coming]
        model.fit(data, steps_per_epoch=6, verbose=0, callbacks=beside)
    assert saved[: len(saves)] == saves
    assert history.step == last
