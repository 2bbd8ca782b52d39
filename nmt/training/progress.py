"""Progress on the screen: a bar on a terminal, a line every few steps in a log."""

import logging
import shutil
import sys
import time

import keras

from nmt.training.history import History

log = logging.getLogger(__name__)

REDRAW_SECONDS = 0.2
# The first steps trace the graph; the next ones tell how long the training takes.
TRACED = 5
TIMED = 20
LONG_MINUTES = 60
BAR_WIDTH = 20


class Progress(keras.callbacks.Callback):
    """Shows speed, loss, perplexity, best score and the time left.

    every: steps between lines. length: the option that a shorter training needs.
    """

    def __init__(self, history: History, every: int, length: str) -> None:
        super().__init__()
        self.history = history
        self.every = every
        self.length = length
        self.timed_from: tuple[int, float] | None = None  # steps and seconds
        self.estimated = False
        self.terminal = sys.stderr.isatty()
        self.started = time.monotonic()
        self.first_step = history.step
        self.drawn_at = 0.0
        self.bar_is_drawn = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        for handler in logging.getLogger("nmt").handlers:
            handler.addFilter(self.erase_bar)

    def on_train_end(self, logs: dict | None = None) -> None:
        for handler in logging.getLogger("nmt").handlers:
            handler.removeFilter(self.erase_bar)

    def erase_bar(self, record: logging.LogRecord | None = None) -> bool:
        """Lets a line of the log take the place of the bar; a filter that lets all through."""
        if self.bar_is_drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.bar_is_drawn = False
        return True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if not logs:  # a step of a GPU that nobody waits for
            return
        steps = self.history.step - self.first_step
        if self.timed_from is None:
            if steps >= TRACED:
                self.timed_from = self.history.step, self.history.seconds
        elif not self.estimated and steps >= TRACED + TIMED:
            self.estimated = True
            log.info(self.estimate(*self.timed_from))
        if not self.terminal:
            if self.history.step % self.every == 0:
                log.info(self.line(logs))
        elif time.monotonic() - self.drawn_at > REDRAW_SECONDS:
            self.draw_bar(logs)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        row = self.history.rows[-1]
        scores = ""
        if "bleu" in row:
            scores = f"  BLEU {row['bleu']:.1f} (greedy)  chrF {row['chrf']:.1f}"
        best = "  best" if self.history.stale == 0 else ""
        perplexity = f"valid perplexity {row['valid_perplexity']:.2f}"
        log.info(f"{self.line(logs)}  {perplexity}{scores}{best}")

    def draw_bar(self, logs: dict) -> None:
        """Draws the bar and `line`, cut at the width of the terminal."""
        full = int(BAR_WIDTH * self.history.step / self.history.total_steps)
        bar = "█" * full + "░" * (BAR_WIDTH - full)
        clear = "\r\x1b[K"
        line = f"{clear}{bar} {self.line(logs)}"
        sys.stderr.write(line[: len(clear) + 1 + shutil.get_terminal_size().columns])
        sys.stderr.flush()
        self.bar_is_drawn = True
        self.drawn_at = time.monotonic()

    def estimate(self, first_step: int, first_seconds: float) -> str:
        """How long the training will take, by the steps since that one."""
        history = self.history
        per_step = (history.seconds - first_seconds) / (history.step - first_step)
        steps = history.total_steps - history.step
        minutes = max(1, round(steps * per_step / 60))
        unit = "minute" if minutes == 1 else "minutes"
        line = f"time: about {minutes:,} {unit} to go for {steps:,} steps, without validations"
        if minutes > LONG_MINUTES:
            line += (
                f"; shorter: a lower train.{self.length}, a smaller model (model.encoder_units, "
                "model.decoder_units), fewer pairs (data.pairs)"
            )
        return line

    def line(self, logs: dict) -> str:
        """Where the training is; logs: Keras's, of the interval so far."""
        history = self.history
        elapsed = time.monotonic() - self.started
        per_step = elapsed / max(1, history.step - self.first_step)
        left = int(per_step * (history.total_steps - history.step))
        best = "" if history.best is None else f"  best {abs(history.best):.1f}"
        return (
            f"epoch {history.step / history.steps_per_epoch:.2f}"
            f"  step {history.step}/{history.total_steps}"
            f"  {history.tokens_per_second:,.0f} tokens/s"
            f"  loss {logs['loss']:.3f}  perplexity {logs['perplexity']:.2f}{best}"
            f"  left {left // 60}:{left % 60:02d}"
        )
