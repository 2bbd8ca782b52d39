"""Threads of a training are set before TensorFlow computes anything."""

import os
import subprocess
import sys

import pytest

START = """
from nmt.recipe import Recipe
from nmt.training import threads

recipe = Recipe()
recipe.train.threads = {threads}
recipe.model.architecture = "{architecture}"
threads.start(recipe)

import tensorflow as tf

print(
    tf.config.threading.get_intra_op_parallelism_threads(),
    tf.config.threading.get_inter_op_parallelism_threads(),
    threads.parts(recipe),
)
"""


@pytest.mark.parametrize(
    ("threads", "architecture", "expected"),
    [
        # Each part of a batch has threads of its own.
        (2, "recurrent", "1 2 2"),
        (2, "language_model", "2 2 1"),
    ],
)
def test_threads_of_a_training(threads, architecture, expected):
    code = START.format(threads=threads, architecture=architecture)
    no_gpu = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=no_gpu
    )
    assert process.stdout.strip() == expected
