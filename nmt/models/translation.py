"""The translation model: an encoder reads the source, a decoder writes the target."""

from typing import Any

import keras
import tensorflow as tf

from nmt.models.kernels import Tensor
from nmt.models.recurrent import RecurrentDecoder, RecurrentEncoder
from nmt.models.sequence import Encoded, SequenceModel, State
from nmt.models.transformer import TransformerDecoder, TransformerEncoder
from nmt.models.update import Losses
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import PAD


@keras.saving.register_keras_serializable("nmt")
class TranslationModel(SequenceModel):
    """Encoder and decoder, recurrent or Transformer. options: a `ModelOptions` or its dict."""

    encoder: Any

    def __init__(
        self,
        options: ModelOptions | dict,
        source_vocab: int,
        target_vocab: int,
        seed: int = 1,
        **kwargs: Any,
    ):
        super().__init__(options, target_vocab, seed, **kwargs)
        options = self.options
        # Embeddings and output; the order in which weights are created is that of saved weights.
        self.source_vocab = source_vocab
        if options.tie == "all":
            self.source_embedding = self.target_embedding
        else:
            self.source_embedding = self.add_embedding(source_vocab, "source_embedding")
        hidden = self.add_output()
        # Encoder and decoder.
        if options.architecture == "transformer":
            self.encoder = TransformerEncoder(options, self.noise, "encoder")
            self.decoder = TransformerDecoder(options, self.noise, "decoder")
        else:
            self.encoder = RecurrentEncoder(options, self.noise, "encoder")
            self.decoder = RecurrentDecoder(options, hidden, self.noise, "decoder")
        self.encoder.build(options.embedding)
        self.decoder.build(options.embedding, self.encoder.size)
        self.built = True

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "source_vocab": self.source_vocab}

    def encode(self, source: Any, training: bool = False) -> Encoded:
        """source: [sentences, source_len], EOS last, padded right -> memory, first state."""
        lengths = lengths_of(source)
        x = self.embed(self.source_embedding, source, training)
        outputs, final, _ = self.encoder.read(x, lengths, training)
        return self.decoder.remember(outputs, lengths), self.decoder.initial_state(final)

    def losses_of(self, source: Any, target: Any, training: bool) -> Losses:
        """Losses of pairs. target: [sentences, n + 1], from BOS to EOS."""
        return self.losses_after(*self.encode(source, training), target, training)

    def losses_after(self, memory: State, state: State, target: Any, training: bool) -> Losses:
        """`losses_of` sentences that are encoded already."""
        hidden, _, _ = self.step(memory, state, target[:, :-1], training)
        return self.summed_losses(hidden, target[:, 1:])


def lengths_of(ids: Any) -> Tensor:
    """Tokens of each row of ids [rows, n] that is padded right: [rows]."""
    return tf.reduce_sum(tf.cast(ids != PAD, tf.int32), 1)
