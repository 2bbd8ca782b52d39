"""The recurrent language model (Mikolov et al. 2010): a decoder without a source."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from nmt.models.kernels import Tensor
from nmt.models.recurrent import RecurrentDecoder
from nmt.models.sequence import Encoded, SequenceModel, State
from nmt.models.update import Losses
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import BOS


@keras.saving.register_keras_serializable("nmt")
class LanguageModel(SequenceModel):
    """A decoder whose state is all it knows of the text so far; its memory is empty.

    It is trained by truncated backpropagation through time: a batch is the next window of each of
    `streams` texts and begins with the state that the batch before it ended with. Gradients end at
    the border of the window. options: a `ModelOptions` or its dict.
    """

    splits_batches = False  # each row has its carried state

    def __init__(
        self,
        options: ModelOptions | dict,
        target_vocab: int,
        seed: int = 1,
        streams: int = 1,
        **kwargs: Any,
    ):
        super().__init__(options, target_vocab, seed, **kwargs)
        self.streams = streams
        hidden = self.add_output()
        without_attention = dataclasses.replace(self.options, attention="none")
        self.decoder = RecurrentDecoder(without_attention, hidden, self.noise, "decoder")
        self.decoder.build(self.options.embedding, 0)
        self.carried = Carried(self.decoder.zero_state(streams))
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "streams": self.streams}

    def encode(self, source: Any, training: bool = False) -> Encoded:
        """An empty memory, and the zero state of as many rows as `source` has, whatever its ids."""
        return {}, self.decoder.zero_state(tf.shape(source)[0])

    def step(
        self, memory: State, state: State, tokens: Any, training: bool = False
    ) -> tuple[Tensor, None, State]:
        """As every model. BOS resets the state to zero unless the model runs across sentences."""
        y = self.embed(self.target_embedding, tokens, training)
        # [rows, n]: 0 at the first position of a text.
        keep = None if self.options.across_sentences else tf.cast(tokens != BOS, tf.float32)
        return self.decoder.step(memory, state, y, training, keep)

    def losses_of(self, inputs: Any, labels: Any, training: bool) -> Losses:
        """Losses of the next window of each stream in training, else of whole texts: [rows, n]."""
        memory, state = self.encode(inputs)
        # A window goes on where the window before it ended.
        if training:
            state = self.carried.read()
        hidden, _, state = self.step(memory, state, inputs, training)
        if training:
            self.carried.write(state)
        return self.summed_losses(hidden, labels)


class Carried:
    """The state between two batches of training, in variables that are no weights of the model."""

    def __init__(self, state: State):
        self.leaves = {
            name: keras.Variable(leaf, trainable=False, name=name) for name, leaf in state.items()
        }

    def read(self) -> State:
        return {name: tf.convert_to_tensor(variable) for name, variable in self.leaves.items()}

    def write(self, state: State) -> None:
        for name, variable in self.leaves.items():
            variable.assign(state[name])

    def clear(self) -> None:
        """Back to zero, as before the first window."""
        for variable in self.leaves.values():
            variable.assign(tf.zeros_like(variable))
