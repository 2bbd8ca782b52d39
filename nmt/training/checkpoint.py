"""The folder `state/` of a run: what training resumes from, and snapshots of weights to average."""

import contextlib
import json
import logging
import re
import signal
import threading
import time
import zipfile
from pathlib import Path
from types import FrameType
from typing import Any

import keras
import numpy as np

from nmt import files
from nmt.errors import Failure
from nmt.runs.folder import Run
from nmt.runs.weights import read_weights, write_weights
from nmt.training.cluster import ALONE
from nmt.training.history import History
from nmt.training.team import Team

log = logging.getLogger(__name__)

# Steps after which the processes of a team look whether one wants to stop, or a save is due, at
# most: each look waits for a GPU.
LOOK = 50
EPOCH = "steps_per_epoch"  # is saved to be compared
SNAPSHOT = re.compile(r"(step-\d{7})\.weights\.h5")


class Stopped(KeyboardInterrupt):
    """A signal ended training after the state was saved; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class ResumeState(keras.callbacks.Callback):
    """Saves all that training needs to go on bit for bit; also on ctrl-C and SIGTERM.

    carried: variables that an update changes beside weights and optimizer (see `Task.carried`).
    team: the processes that train together; the first one saves, and a signal to one stops all
    after the same step. As a context manager it catches the signals.
    """

    def __init__(
        self,
        run: Run,
        history: History,
        model: Any,
        minutes: float,
        carried: Any = (),
        team: Team | None = None,
    ) -> None:
        super().__init__()
        self.set_model(model)
        self.run = run
        self.history = history
        self.carried = carried
        self.team = team or Team(ALONE)
        self.pause = 60 * minutes  # seconds between saves
        self.saved_at = time.monotonic()
        self.signal: int | None = None  # the first that came
        self.stopping = False  # whether all processes know that training stops
        self.handlers: dict[int, Any] = {}  # of the signals, outside the block

    # Signals.

    def __enter__(self) -> "ResumeState":
        if threading.current_thread() is threading.main_thread():  # else Python forbids it
            for number in (signal.SIGINT, signal.SIGTERM):
                self.handlers[number] = signal.signal(number, self.note_signal)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def note_signal(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks to stop after the step; the second does not wait."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    # When to save.

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self.team.alone:
            looks = self.signal is not None or self.save_is_due()
        else:
            looks = (self.history.step + 1) % LOOK == 0
            if self.signal is not None:
                self.model.ask_to_stop()
        if looks:
            self.model.reports_losses = True

    def save_is_due(self) -> bool:
        """Whether the last save is longer ago than it should be."""
        return time.monotonic() - self.saved_at > self.pause

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not logs:  # a step of a GPU that nobody waits for
            return
        self.stopping = bool(self.signal is not None if self.team.alone else logs["asked_to_stop"])
        # Validation comes first: resumed from a state between the two, training would skip it.
        if batch + 1 == self.params["steps"]:
            return
        if self.stopping:
            self.save()
            self.stop()
        if self.save_is_due():
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.team.leads:
            with files.atomic(self.run.path / "history.csv") as file:
                file.write(self.history.csv())
        self.save()
        if self.stopping or (self.team.alone and self.signal is not None):
            self.stop()

    def stop(self) -> None:
        """Ends training once the state is saved, in whatever process."""
        with contextlib.suppress(Failure):
            self.team.settle()
        raise Stopped(self.signal or signal.SIGTERM)

    # What is saved.

    def variables(self) -> dict[str, Any]:
        """All that an update changes, by path: weights, moments and step count, what is carried."""
        model = self.model
        variables = [*model.trainable_variables, *model.optimizer.variables, *self.carried]
        return {self._path(variable): variable for variable in variables}

    def _path(self, variable: Any) -> str:
        """The variable's path without the numbers that Keras gives to the models of a process."""
        path = variable.path.replace(self.model.name, "model")
        optimizer = f"{self.model.optimizer.name}/"
        return f"optimizer/{path.removeprefix(optimizer)}" if path.startswith(optimizer) else path

    def save(self) -> None:
        """Writes one file, renamed into place; then removes snapshots that nothing needs."""
        self.saved_at = time.monotonic()
        if not self.team.leads:
            return
        entries = {**self.history.saved(), EPOCH: self.history.steps_per_epoch}
        history = np.frombuffer(json.dumps(entries).encode(), np.uint8)
        arrays: dict[str, Any] = {"history": history}
        for path, variable in self.variables().items():
            arrays[path] = np.asarray(variable)
        with files.atomic(self.run.state_path, "wb") as file:
            np.savez(file, **arrays)
        for file_path in self.run.state_path.parent.iterdir():
            snapshot = SNAPSHOT.fullmatch(file_path.name)
            if snapshot and snapshot[1] not in self.history.snapshots:
                file_path.unlink()
        self.saved_at = time.monotonic()

    def restore(self) -> None:
        """Puts model, optimizer and history where the last save left them; Failure if it cannot."""
        try:
            with np.load(self.run.state_path) as saved:
                entries = json.loads(saved["history"].tobytes())
                by_position = "0000" in saved  # how earlier versions named the arrays
                for n, (path, variable) in enumerate(self.variables().items()):
                    variable.assign(saved[f"{n:04d}" if by_position else path])
            self.history.restore(entries)
            before = entries.get(EPOCH, self.history.steps_per_epoch)
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise Failure(
                f"{self.run.state_path}: damaged ({error}); restore it or train anew"
            ) from None
        if before != self.history.steps_per_epoch:
            log.warning(
                f"an epoch has {self.history.steps_per_epoch:,} batches, it had {before:,} before: "
                "some pairs may come twice in this epoch, others not at all"
            )


def saved_step(run: Run) -> int:
    """The step that training would go on after; 0 if no state is saved."""
    try:
        with np.load(run.state_path) as saved:
            return json.loads(saved["history"].tobytes())["step"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return 0


def snapshot_path(run: Run, name: str) -> Path:
    """The file of a snapshot; name: "step-" and the step in seven digits."""
    return run.path / "state" / f"{name}.weights.h5"


def save_snapshot(run: Run, history: History, model: Any, keep: int) -> None:
    """Writes the weights as a snapshot, the last of `keep` that the history names."""
    name = f"step-{history.step:07d}"
    write_weights(model, snapshot_path(run, name))
    history.snapshots = [*history.snapshots, name][-keep:]


def average_snapshots(run: Run, history: History, model: Any) -> None:
    """Gives the model the mean of the snapshots (Junczys-Dowmunt et al. 2016)."""
    sums: list[np.ndarray] = []
    for name in history.snapshots:
        read_weights(model, snapshot_path(run, name))
        values = [np.asarray(v, np.float64) for v in model.trainable_variables]
        sums = [s + v for s, v in zip(sums, values, strict=True)] if sums else values
    for variable, total in zip(model.trainable_variables, sums, strict=True):
        variable.assign((total / len(history.snapshots)).astype(np.float32))
