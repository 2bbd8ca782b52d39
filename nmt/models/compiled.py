"""The contract of a Keras model (nmt/decoding/contract.py), traced once for all shapes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from nmt.models.kernels import Step, Tensor
from nmt.models.sequence import Encoded, SequenceModel, State


class CompiledModel:
    """`encode`, `take`, `advance`, `distribution`, `log_probs` of a model as `tf.function`s.

    They follow the model's weights; several threads may call them. encode: source -> memory, state,
    if not the model's own. functions: the `tf.function`s by name.
    """

    def __init__(self, model: SequenceModel, encode: Callable[[Any], Encoded] | None = None):
        encode = encode or model.encode
        ids = tf.TensorSpec((None, None), tf.int32)
        rows = tf.TensorSpec((None,), tf.int32)
        k = tf.TensorSpec((), tf.int32)

        def log_probs(source, tokens):
            return model.log_probs_after(*encode(source), tokens)

        self.take = model.take
        traced_encode = traced(lambda source: encode(source), [ids])
        # The other functions take memory and state, whose leaves are known once `encode` is traced.
        self.memory_spec, state = tf.nest.map_structure(
            lambda leaf: tf.TensorSpec(leaf.shape, leaf.dtype),
            traced_encode.get_concrete_function().structured_outputs,
        )
        # Traced when they are first called.
        self.functions = {
            "encode": traced_encode,
            "advance": traced(model.advance, [self.memory_spec, state, rows, rows, k]),
            "distribution": traced(model.distribution, [self.memory_spec, state, rows, rows]),
            "log_probs": traced(log_probs, [ids, ids]),
        }

    def encode(self, source: Any) -> Encoded:
        """source: [sentences, source_len] -> memory, state."""
        return self.functions["encode"](tf.convert_to_tensor(source, tf.int32))

    def advance(
        self, memory: State, state: State, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[Tensor, Tensor, Tensor | None, State]:
        """log_probs and ids of the k best next tokens [rows, k], attention, state."""
        return self._after("advance", memory, state, origin, tokens, k)

    def distribution(
        self, memory: State, state: State, origin: np.ndarray, tokens: np.ndarray
    ) -> Step:
        """log_probs of all tokens [rows, vocab], attention, state."""
        return self._after("distribution", memory, state, origin, tokens)

    def _after(self, name, memory, state, origin, tokens, *k):
        rows = tf.convert_to_tensor(origin), tf.convert_to_tensor(tokens)
        return self.functions[name](memory, state, *rows, *k)

    def log_probs(self, source: Any, tokens: Any) -> Tensor:
        """Log-probabilities of tokens[:, 1:]: [sentences, n - 1]."""
        return self.functions["log_probs"](source, tokens)


def traced(function: Callable, input_signature: Sequence[Any]) -> Any:
    """A `tf.function` without autograph, which takes time and has nothing to rewrite."""
    return tf.function(function, autograph=False, input_signature=input_signature)
