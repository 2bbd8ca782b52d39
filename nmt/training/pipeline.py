"""What Keras's `fit` is given: batches as a tf.data pipeline, the optimizer, a compiled model."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.batches.padding import parts
from nmt.recipe import Recipe, TrainOptions
from nmt.training import threads
from nmt.training.optimizers import Adam, AdamW
from nmt.training.schedule import WarmUp

Batch = tuple[np.ndarray, np.ndarray]  # two int32 matrices of ids, [rows, n] each


def dataset(batches: Callable[[], Iterator[Batch]]) -> tf.data.Dataset:
    """A pipeline over the batches that a call gives; one signature for all, so one trace."""
    ids = tf.TensorSpec((None, None), tf.int32)
    data = tf.data.Dataset.from_generator(batches, output_signature=(ids, ids)).prefetch(4)
    # There is nothing to tune, and `fit` would end when the tuner wakes: up to a minute later.
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.with_options(options)


def endless(batches: Callable[[], Iterator[Batch]], strategy: tf.distribute.Strategy) -> Any:
    """As `dataset`, for the replicas of a strategy: each has its part of every batch."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return dataset(batches)

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
        own = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * own
        numbers = range(first, first + own)
        # Else the replicas ask each other at each step whether there is more.
        infinite = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return dataset(lambda: parts(batches(), numbers, replicas)).apply(infinite)

    return strategy.distribute_datasets_from_function(pipeline)


def optimizer(options: TrainOptions, total_steps: int) -> keras.optimizers.Optimizer:
    """Adam or AdamW with warm-up, decay, and clipping by global norm."""
    schedule = WarmUp(options.learning_rate, options.warmup_steps, total_steps, options.decay)
    common = {"learning_rate": schedule, "global_clipnorm": options.clip_norm or None}
    if options.optimizer == "adamw":
        return AdamW(weight_decay=options.weight_decay, **common)
    return Adam(**common)


def compiled(model: Any, recipe: Recipe, total_steps: int, **options: Any) -> Any:
    """The model, compiled as the recipe says, with moments; options: more for its `compile`."""
    train = recipe.train
    model.compile(
        optimizer(train, total_steps),
        train.label_smoothing,
        train.precision,
        threads.parts(recipe),
        jit_compile=False,
        **options,
    )
    model.optimizer.build(model.trainable_variables)
    return model
