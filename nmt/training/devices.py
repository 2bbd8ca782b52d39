"""Where a training computes: one device, or several that share each batch (tf.distribute)."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from nmt.errors import Failure
from nmt.machine import silence
from nmt.recipe import Recipe
from nmt.runs.folder import Run
from nmt.training import tasks
from nmt.training.checkpoint import saved_step
from nmt.training.team import Team, advised

log = logging.getLogger(__name__)

# What TensorFlow raises in a process that has lost another one.
LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


def connect(team: Team) -> None:
    """Gives the team the strategy that shares its batches; before the first operation only.

    Failure where TensorFlow cannot connect the processes, or has computed already.
    """
    os.environ["TF_CONFIG"] = team.cluster.config()
    try:
        with silence() as stderr, team.watched(stderr):
            team.strategy = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError:
        raise Failure(
            "TensorFlow has computed already; a training on several machines needs a process of "
            "its own"
        ) from None
    except tf.errors.OpError as error:
        raise Failure(f"TensorFlow cannot connect the processes: {_first_line(error)}") from None


def strategy(recipe: Recipe, team: Team) -> tf.distribute.Strategy | None:
    """What shares the batches, of a team or of the devices of this machine; None for one device."""
    if team.strategy:
        replicas = team.strategy.num_replicas_in_sync
        log.info(f"{team.cluster.size} processes with {replicas} devices share each batch")
        return team.strategy
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    if len(devices) == 1:
        return None
    if not tasks.of(recipe).shares_batches:
        log.info(f"note: a language model trains on one of the {len(devices)} {kind}s")
        return None
    log.info(f"{len(devices)} {kind}s share each batch")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


@contextlib.contextmanager
def losses_of_others(run: Run, team: Team) -> Iterator[None]:
    """Within the block, a process that TensorFlow has lost is a Failure that names it."""
    try:
        yield
    except LOST as error:
        if team.alone:
            raise
        reason = team.reason()
        if team.guessed:  # then it may be this process that has failed
            reason += f" ({_first_line(error)})"
        raise Failure(advised(reason, saved_step(run))) from error


def scope(strategy: tf.distribute.Strategy | None) -> contextlib.AbstractContextManager[Any]:
    """Where a model is built that a strategy trains."""
    return strategy.scope() if strategy else contextlib.nullcontext()


def _first_line(error):
    """What TensorFlow says, without what follows on further lines."""
    return (str(error.message) or type(error).__name__).splitlines()[0]
