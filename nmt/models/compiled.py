"""The contract of a Keras model (nmt/decoding/contract.py), each function traced once for all shapes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.models.sequence import SequenceModel, State


class CompiledModel:
    """`encode`, `take`, `advance`, `distribution`, `log_probs` of a model as `tf.function`s.

    They follow the model's weights; several threads may call them. encode: source -> memory, state,
    if not the model's own.
    """

    def __init__(
        self, model: SequenceModel, encode: Callable[[Any], tuple[State, State]] | None = None
    ):
        encode = encode or model.encode
        ids = tf.TensorSpec((None, None), tf.int32)
        rows = tf.TensorSpec((None,), tf.int32)
        k = tf.TensorSpec((), tf.int32)

        self.take = model.take
        self._encode = traced(lambda source: encode(source), [ids])
        self.log_probs = traced(
            lambda source, tokens: model.log_probs_after(*encode(source), tokens), [ids, ids]
        )
        # Only after tracing `encode` it is known which leaves there are.
        self.memory_spec, state = tf.nest.map_structure(
            lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype),
            self._encode.get_concrete_function().structured_outputs,
        )
        self._advance = traced(model.advance, [self.memory_spec, state, rows, rows, k])
        # Traced when it is first called: only ensembles and fusion need it.
        self._distribution = traced(model.distribution, [self.memory_spec, state, rows, rows])

    def encode(self, source: Any) -> tuple[State, State]:
        """source: [sentences, source_len] -> memory, state."""
        return self._encode(tf.convert_to_tensor(source, tf.int32))

    def advance(
        self, memory: State, state: State, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None, State]:
        """log_probs and ids of the k best next tokens [rows, k], attention, state."""
        return self._advance(
            memory, state, tf.convert_to_tensor(origin), tf.convert_to_tensor(tokens), k
        )

    def distribution(
        self, memory: State, state: State, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[tf.Tensor, tf.Tensor | None, State]:
        """log_probs of all tokens [rows, vocab], attention, state."""
        return self._distribution(
            memory, state, tf.convert_to_tensor(origin), tf.convert_to_tensor(tokens)
        )


def traced(function: Callable, input_signature: Sequence[Any]) -> Any:
    """A `tf.function` without autograph: no Python is to be rewritten, which takes most of the time."""
    return tf.function(function, autograph=False, input_signature=input_signature)
