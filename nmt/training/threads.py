"""Threads of a training: parts of a batch at the same time, threads inside of one operation."""

from nmt.machine import cores, gpus, keep_freed_memory, start_keras
from nmt.recipe import Recipe
from nmt.training.team import Team

# Parts of a batch at the same time, at most: smaller ones keep no core busy.
PARTS = 2


def parts(recipe: Recipe) -> int:
    """Into how many parts a device splits its batch; a GPU, and a language model, do not."""
    threads = recipe.train.threads or cores()
    together = recipe.model.architecture == "language_model" or gpus()
    return 1 if together else min(PARTS, threads)


def start(recipe: Recipe, team: Team | None = None) -> None:
    """Starts Keras for a training; the parts of a batch do not wait for each other's threads.

    team: gets its strategy, since TensorFlow connects processes before its first operation only.
    """
    threads = recipe.train.threads or cores()
    intra_op_threads = max(1, threads // parts(recipe))

    def connect() -> None:
        from nmt.training import devices

        if team:
            devices.connect(team)

    keep_freed_memory()
    start_keras(threads, intra_op_threads, connect if team and not team.alone else None)
    if gpus():
        import tensorflow as tf

        # Else a GPU adds up in any order, and no run is as another one to the bit.
        tf.config.experimental.enable_op_determinism()
