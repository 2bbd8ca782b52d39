"""Threads of a training: parts of a batch at the same time, threads inside of one operation."""

from nmt.machine import cores, start_keras
from nmt.recipe import Recipe

# Parts of a batch at the same time, at most: smaller ones keep no core busy.
PARTS = 2


def parts(recipe: Recipe) -> int:
    """Into how many parts a batch is split. The streams of a language model stay together."""
    threads = recipe.train.threads or cores()
    return 1 if recipe.model.architecture == "language_model" else min(PARTS, threads)


def start(recipe: Recipe) -> None:
    """Starts Keras for a training; the parts of a batch do not wait for each other's threads."""
    threads = recipe.train.threads or cores()
    start_keras(threads, intra_op_threads=max(1, threads // parts(recipe)))
