"""Gradients: how they vanish over the steps of a recurrence, and their norms in training."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.models.compiled import traced


def gradient_norms(model: Any, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Norms of the gradient of the last loss term with respect to earlier decoder states.

    source: [sentences, source_len]; target: [sentences, n + 1], BOS first, without padding.
    Returns [sentences, n]: column t belongs to the state that enters step n - t of n, all its parts
    together (h; c of an LSTM; the context, with attention). The loss is the negative
    log-likelihood of target[:, n]. A state reaches it through the later states only, so the norms
    tell what learning over a distance of t has to live on (Bengio et al. 1994; Pascanu et al.
    2013).
    """
    memory, state = model.encode(source)
    # 1. Decode the target, and remember the state that enters each step.
    states = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for n in range(target.shape[1] - 1):
            # Copies: apart from the steps that made them.
            state = {name: tf.identity(leaf) for name, leaf in state.items()}
            tape.watch(state)
            states.append(state)
            hidden, _, state = model.step(memory, state, target[:, n : n + 1])
        logits = model.project(hidden[:, 0])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(target[:, -1], logits)
    # 2. Norms over all parts of a state, from the last step backwards.
    gradients = tape.gradient(loss, states[::-1], unconnected_gradients="zero")
    squares = [sum(tf.reduce_sum(leaf**2, 1) for leaf in state.values()) for state in gradients]
    return tf.sqrt(tf.stack(squares, 1)).numpy()


def training_norms(
    model: Any, batches: Iterator[tuple[np.ndarray, np.ndarray]], steps: int
) -> list[tuple[float, float]]:
    """(loss a token, norm of the gradient before clipping) of each update of a compiled model.

    batches: yields (source, target), ids padded right.
    """
    ids = tf.TensorSpec((None, None), tf.int32)

    def update(source: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        gradients, (loss, _, tokens) = model.gradients((source, target))
        model.optimizer.apply(gradients, model.trainable_variables)
        return loss / tokens, tf.linalg.global_norm(gradients)

    once_for_all_shapes = traced(update, [ids, ids])
    updates = (once_for_all_shapes(*batch) for batch in itertools.islice(batches, steps))
    return [(float(loss), float(norm)) for loss, norm in updates]
