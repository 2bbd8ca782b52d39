"""What a training has reached: counted at each step, saved, shared by the callbacks."""

import csv
import dataclasses
import io
import math
import time
from typing import Any

import keras

from nmt.errors import Diverged

COLUMNS = (
    "step",
    "epoch",
    "seconds",
    "target_tokens",
    "tokens_per_second",
    "loss",
    "perplexity",
    "valid_loss",
    "valid_perplexity",
    "bleu",
    "chrf",
    "learning_rate",
)
# What is saved with the state to resume from.
SAVED = ("step", "seconds", "target_tokens", "rows", "best", "stale", "snapshots")


@dataclasses.dataclass
class History:
    """Progress of a training. An interval is the time between two validations."""

    total_steps: int
    steps_per_epoch: int
    step: int = 0  # updates done
    seconds: float = 0.0  # in training steps, without validations
    target_tokens: int = 0  # trained on, EOS counted
    rows: list[dict] = dataclasses.field(default_factory=list)  # of history.csv, one a validation
    best: float | None = None  # best score of a validation
    stale: int = 0  # validations since then
    snapshots: list[str] = dataclasses.field(default_factory=list)  # names, to be averaged
    interval_tokens: int = 0
    interval_seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Target tokens a second in this interval."""
        return self.interval_tokens / max(1e-9, self.interval_seconds)

    def saved(self) -> dict[str, Any]:
        """The entries to save; `restore` takes them back."""
        return {name: getattr(self, name) for name in SAVED}

    def restore(self, entries: dict[str, Any]) -> None:
        """Puts the history where it was when `entries` were saved."""
        for name in SAVED:
            setattr(self, name, entries[name])

    def csv(self) -> str:
        """The content of history.csv."""
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()


class Clock(keras.callbacks.Callback):
    """Counts steps, seconds and target tokens; Diverged where the loss is not a number.

    every: steps between two looks at the losses. Each look waits for a GPU to end what it has.
    """

    def __init__(self, history: History, every: int = 1) -> None:
        super().__init__()
        self.history = history
        self.every = every

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.history.interval_tokens = 0
        self.history.interval_seconds = 0.0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        is_last = batch + 1 == self.params["steps"]
        self.model.reports_losses = is_last or (self.history.step + 1) % self.every == 0
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        seconds = time.perf_counter() - self.started
        history = self.history
        history.step += 1
        history.seconds += seconds
        history.interval_seconds += seconds
        if not logs:
            return
        tokens = int(logs["target_tokens"]) - history.interval_tokens  # logs sum up the interval
        history.target_tokens += tokens
        history.interval_tokens += tokens
        if not math.isfinite(logs["loss"]):
            raise Diverged(
                f"the loss is not a number at step {history.step}; lower train.learning_rate "
                "(the last saved state and weights are untouched)"
            )


class Rewind(keras.callbacks.Callback):
    """Clears the carried state of a language model where an epoch begins."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self.history = history

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self.history.step % self.history.steps_per_epoch == 0:
            self.model.carried.clear()
