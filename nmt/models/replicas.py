"""Replicas: copies of a model on several devices, each with its part of a batch (tf.distribute).

Where a model is alone, a sum over the replicas is the number itself.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nmt.models.kernels import Tensor

SEED_STRIDE = 1_000_003  # between the seeds of the noise of two replicas


class Sum(keras.metrics.Sum):
    """A sum of numbers that all replicas have alike; Keras would add up those of the replicas."""

    def add_variable(self, *args: Any, **kwargs: Any) -> keras.Variable:
        return super().add_variable(*args, **{**kwargs, "aggregation": "only_first_replica"})


def count() -> int:
    """How many replicas compute this step."""
    context = tf.distribute.get_replica_context()
    return context.num_replicas_in_sync if context else 1


def seed(first: int) -> Tensor:
    """The seed of this replica's noise, uint32; that of the first replica is `first`."""
    own = tf.cast(first, tf.uint32)
    if count() == 1:
        return own
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return own + tf.cast(number, tf.uint32) * SEED_STRIDE


def total(values: Sequence[Tensor]) -> list[Tensor]:
    """Each value summed over the replicas."""
    if count() == 1:
        return list(values)
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, list(values))


def total_numbers(numbers: Sequence[Tensor]) -> list[Tensor]:
    """As `total`, of scalars, which travel together."""
    if count() == 1:
        return list(numbers)
    return tf.unstack(total([tf.stack(numbers)])[0])
