"""Importing TensorFlow without its chatter: it writes to file descriptor 2 whatever its log level says."""

import contextlib
import logging
import os
import sys


@contextlib.contextmanager
def messages_on_stderr():
    """Sends what the package logs to stderr for the block, a line a message; warnings say that they are some."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter())
    logger = logging.getLogger("nmt")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Formatter(logging.Formatter):
    def format(self, record):
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        return prefix + super().format(record)


@contextlib.contextmanager
def silence():
    """Sends file descriptor 2 to nowhere; exceptions still travel."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def start_keras(threads=0, each=0):
    """Imports Keras on TensorFlow, quietly; once it is imported, without effect.

    threads: processor threads, 0 for all; each: of so many, those that one operation may take, 0 for as many.
    """
    if "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(
        "TF_ENABLE_ONEDNN_OPTS", "1"
    )  # TensorFlow leaves it off on processors with AVX2 only
    os.environ["KERAS_BACKEND"] = "tensorflow"
    with silence():
        import tensorflow as tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(each or threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        import keras  # noqa: F401

        tf.constant(0) + 1  # the first operation greets too
