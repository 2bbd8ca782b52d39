"""What happens beside the gradient steps: progress on the screen, validation, saving.

Order in `fit`: Validation measures and records, State saves what it recorded, Progress prints it.
"""

import csv
import io
import json
import logging
import math
import re
import shutil
import signal
import sys
import threading
import time
import zipfile

import keras
import numpy as np

from nmt import files
from nmt.errors import Diverged, Failure
from nmt.evaluation import metrics
from nmt.runs.weights import read_weights, write_weights

log = logging.getLogger(__name__)

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


SNAPSHOT = re.compile(r"step-\d{7}\.weights\.h5")


class History:
    """What a training has reached; saved with its state, shared by the callbacks."""

    def __init__(self, total_steps, steps_per_epoch):
        self.total_steps = total_steps
        self.steps_per_epoch = steps_per_epoch
        self.step = 0
        self.seconds = 0.0
        self.target_tokens = 0
        self.rows = []
        self.best = None
        self.stale = 0
        self.snapshots = []

    SAVED = ("step", "seconds", "target_tokens", "rows", "best", "stale", "snapshots")

    def csv(self):
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()


class Clock(keras.callbacks.Callback):
    """Counts steps, training seconds and target tokens; stops at a loss that is not a number."""

    def __init__(self, history):
        super().__init__()
        self.history = history

    def on_epoch_begin(self, epoch, logs=None):
        self.tokens = 0
        self.interval_tokens = 0
        self.interval_seconds = 0.0

    def on_train_batch_begin(self, batch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        passed = time.perf_counter() - self.started
        new = int(logs["target_tokens"]) - self.tokens
        history = self.history
        self.tokens = int(logs["target_tokens"])
        history.step = history.step + 1
        history.seconds = history.seconds + passed
        history.target_tokens += new
        self.interval_tokens = self.interval_tokens + new
        self.interval_seconds = self.interval_seconds + passed
        if not math.isfinite(logs["loss"]):
            raise Diverged(
                f"the loss is not a number at step {history.step}; lower train.learning_rate "
                "(the last saved state and weights are untouched)"
            )


class Validation(keras.callbacks.Callback):
    """At the end of each Keras epoch: loss and quality on validation text, best weights, early stopping.

    What quality is, subclasses say. A score is the larger the better.
    """

    def __init__(self, run, recipe, history, clock, batches):
        super().__init__()
        self.run = run
        self.recipe = recipe
        self.history = history
        self.clock = clock
        self.batches = batches

    def examine(self, valid):
        """(columns of the history, score that selects weights), quickly; valid: what `evaluate` gave."""
        raise NotImplementedError

    def final_score(self):
        """The score of the model as it is now, as exactly as the recipe asks for."""
        raise NotImplementedError

    def on_epoch_end(self, epoch, logs=None):
        history = self.history
        valid = self.model.evaluate(self.batches, verbose=0, return_dict=True)
        columns, score = self.examine(valid)
        rate = self.clock.interval_tokens / max(1e-9, self.clock.interval_seconds)
        history.rows.append(
            {
                "step": history.step,
                "epoch": round(history.step / history.steps_per_epoch, 3),
                "seconds": round(history.seconds, 1),
                "target_tokens": history.target_tokens,
                "tokens_per_second": round(rate),
                "loss": round(logs["loss"], 4),
                "perplexity": round(logs["perplexity"], 3),
                "valid_loss": round(valid["loss"], 4),
                "valid_perplexity": round(valid["perplexity"], 3),
                **columns,
                "learning_rate": float(self.model.optimizer.learning_rate),
            }
        )
        logs.update({f"valid_{name}": value for name, value in valid.items()}, **columns)
        self.keep(score)

    def keep(self, score):
        """Saves the weights if they are the best so far, and as a snapshot for averaging."""
        history = self.history
        train = self.recipe.train
        if train.average > 1:
            name = f"step-{history.step:07d}"
            write_weights(self.model, self.run.path / "state" / f"{name}.weights.h5")
            history.snapshots = [*history.snapshots, name][-train.average :]
        if history.best is None or score > history.best:
            history.best = score
            history.stale = 0
            self.run.save_weights(self.model, f"best-{history.step:07d}", step=history.step)
        else:
            history.stale += 1
        if train.patience and history.stale >= train.patience:
            log.info(f"stopping: no better {self.metric} for {history.stale} validations")
            self.model.stop_training = True


class TranslationValidation(Validation):
    """BLEU and chrF of translations of `pairs`, (source, reference) each."""

    def __init__(self, *common, translator, pairs):
        super().__init__(*common)
        self.translator = translator
        self.sources, self.references = zip(*pairs, strict=True)
        self.metric = self.recipe.train.metric
        self.beam = 1 if self.recipe.train.wait else self.recipe.search.beam
        self.final_name = f"{self.metric}, beam {self.beam}"

    def examine(self, valid):
        hypotheses = self.translator.translate(self.sources, beam=1, joined=False)
        self.show(self.sources, hypotheses, self.references)
        scores = scored(hypotheses, self.references, self.recipe)
        return scores, scores[self.metric]

    def final_score(self):
        hypotheses = self.translator.translate(self.sources, beam=self.beam, joined=False)
        return scored(hypotheses, self.references, self.recipe)[self.metric]

    def show(self, sources, hypotheses, references):
        """A few translations, other ones each time; a warning when the outputs are all alike."""
        for n in range(2):
            at = (len(self.history.rows) * 2 + n) * 7919 % len(sources)
            log.info(f"  {sources[at]}\n    -> {hypotheses[at]}\n     = {references[at]}")
        common = max(map(hypotheses.count, set(hypotheses)))
        if len(hypotheses) > 3 and common > len(hypotheses) / 2:
            log.warning(f"{common} of {len(hypotheses)} validation outputs are identical")


class LanguageValidation(Validation):
    """Perplexity, with a minus: more is better."""

    metric = final_name = "perplexity"

    def __init__(self, *common, generator):
        super().__init__(*common)
        self.generator = generator

    def examine(self, valid):
        for line in self.generator.generate(count=2, length=40, seed=self.history.step):
            log.info(f"  {line}")
        return {}, -valid["perplexity"]

    def final_score(self):
        return -self.model.evaluate(self.batches, verbose=0, return_dict=True)["perplexity"]


class Rewind(keras.callbacks.Callback):
    """Each epoch reads the text from its beginning, where no state is carried over."""

    def __init__(self, history):
        super().__init__()
        self.history = history

    def on_train_batch_begin(self, batch, logs=None):
        if self.history.step % self.history.steps_per_epoch == 0:
            self.model.carried.clear()


def scored(hypotheses, references, recipe):
    """BLEU and chrF of raw outputs, as the language wants them tokenised."""
    entries = metrics.scores(recipe.data, hypotheses, references)
    return {name: entry["score"] for name, entry in entries.items()}


class State(keras.callbacks.Callback):
    """Saves all that training needs to go on bit for bit; also on ctrl-C and SIGTERM."""

    def __init__(self, run, history, minutes):
        super().__init__()
        self.run = run
        self.history = history
        self.pause = minutes * 60
        self.saved = time.monotonic()
        self.signal = None

    def __enter__(self):
        self.former = {}
        if (
            threading.current_thread() is threading.main_thread()
        ):  # only there Python lets signals be caught
            self.former = {s: signal.signal(s, self.note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        for number, handler in self.former.items():
            signal.signal(number, handler)

    def note(self, number, frame):
        """The first signal asks to stop after the step; the second does not wait."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.params["steps"]:
            return  # validation comes first: resumed from a state between the two, training would skip it
        if self.signal is not None:
            self.save()
            raise Stopped(self.signal)
        if time.monotonic() - self.saved > self.pause:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        with files.atomic(self.run.path / "history.csv") as file:
            file.write(self.history.csv())
        self.save()
        if self.signal is not None:
            raise Stopped(self.signal)

    def save(self):
        """One file, renamed into place; then snapshots that nothing needs any more go."""
        arrays = {f"{n:04d}": np.asarray(v) for n, v in enumerate(variables(self.model))}
        told = {name: getattr(self.history, name) for name in History.SAVED}
        with files.atomic(self.run.state_path, "wb") as file:
            np.savez(file, history=np.frombuffer(json.dumps(told).encode(), np.uint8), **arrays)
        for path in self.run.state_path.parent.iterdir():
            if (
                SNAPSHOT.fullmatch(path.name)
                and path.name.split(".")[0] not in self.history.snapshots
            ):
                path.unlink()
        self.saved = time.monotonic()

    def restore(self):
        """Puts model, optimizer and history where the last save left them."""
        try:
            with np.load(self.run.state_path) as saved:
                told = json.loads(saved["history"].tobytes())
                for n, variable in enumerate(variables(self.model)):
                    variable.assign(saved[f"{n:04d}"])
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise Failure(
                f"{self.run.state_path}: damaged ({error}); restore it or train anew"
            ) from None
        for name, value in told.items():
            setattr(self.history, name, value)


class Stopped(KeyboardInterrupt):
    """A signal ended training after the state was saved; `number` is the signal's."""

    def __init__(self, number):
        super().__init__()
        self.number = number


def variables(model):
    """All that an update changes: weights, the optimizer's moments and step count, a language model's state."""
    carried = model.carried.leaves.values() if hasattr(model, "carried") else ()
    return [*model.trainable_variables, *model.optimizer.variables, *carried]


def average(model, run, names):
    """Gives the model the mean of saved weights (Junczys-Dowmunt et al. 2016)."""
    sums = None
    for name in names:
        read_weights(model, run.path / "state" / f"{name}.weights.h5")
        values = [np.asarray(v, np.float64) for v in model.trainable_variables]
        sums = values if sums is None else [s + v for s, v in zip(sums, values, strict=True)]
    for variable, total in zip(model.trainable_variables, sums, strict=True):
        variable.assign((total / len(names)).astype(np.float32))


class Progress(keras.callbacks.Callback):
    """A bar on a terminal, a line an interval in a log: speed, loss, perplexity, BLEU, time left."""

    def __init__(self, history, clock, every, stream=None):
        super().__init__()
        self.history = history
        self.clock = clock
        self.every = every
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty()
        self.started = time.monotonic()
        self.first_step = history.step
        self.shown = 0.0
        self.drawn = False

    def on_train_begin(self, logs=None):
        for handler in logging.getLogger("nmt").handlers:
            handler.addFilter(self.erase)

    def on_train_end(self, logs=None):
        for handler in logging.getLogger("nmt").handlers:
            handler.removeFilter(self.erase)

    def erase(self, record=None):
        """Wipes the bar out, so that a line of the log takes its place."""
        if self.drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
            self.drawn = False
        return True

    def on_train_batch_end(self, batch, logs=None):
        history = self.history
        if self.terminal and time.monotonic() - self.shown > 0.2:
            done = history.step / history.total_steps
            bar = "█" * int(20 * done) + "░" * (20 - int(20 * done))
            line = f"\r\x1b[K{bar} {self.line(logs)}"[: 5 + shutil.get_terminal_size().columns]
            self.stream.write(line)
            self.stream.flush()
            self.drawn, self.shown = True, time.monotonic()
        elif not self.terminal and history.step % self.every == 0:
            log.info(self.line(logs))

    def on_epoch_end(self, epoch, logs=None):
        row = self.history.rows[-1]
        scores = (
            f"  BLEU {row['bleu']:.1f} (greedy)  chrF {row['chrf']:.1f}" if "bleu" in row else ""
        )
        best = "  best" if self.history.stale == 0 else ""
        log.info(f"{self.line(logs)}  valid perplexity {row['valid_perplexity']:.2f}{scores}{best}")

    def line(self, logs):
        history = self.history
        clock = self.clock
        speed = clock.interval_tokens / max(1e-9, clock.interval_seconds)
        per_step = (time.monotonic() - self.started) / max(1, history.step - self.first_step)
        left = per_step * (history.total_steps - history.step)
        best = f"  best {abs(history.best):.1f}" if history.best is not None else ""
        return (
            f"epoch {history.step / history.steps_per_epoch:.2f}  step {history.step}/{history.total_steps}"
            f"  {speed:,.0f} tokens/s  loss {logs['loss']:.3f}  perplexity {logs['perplexity']:.2f}{best}"
            f"  left {int(left) // 60}:{int(left) % 60:02d}"
        )
