"""The translation model: an encoder reads the source, a decoder writes the target."""

from typing import Any

import keras
import tensorflow as tf

from nmt.models import kernels
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
        if training and self.r_drop:
            return self._losses_of_two_passes(source, target)
        return self.losses_after(*self.encode(source, training), target, training)

    def _losses_of_two_passes(self, source, target):
        """Means over two passes with other dropout masks, and their divergence (Wu et al. 2021).

        A token's loss is (L1 + L2) / 2 + r_drop (KL(p1, p2) + KL(p2, p1)) / 4. Both passes are one
        batch.
        """
        source, target = (tf.concat([ids, ids], 0) for ids in (source, target))
        hidden, _, _ = self.step(*self.encode(source, True), target[:, :-1], True)
        labels = target[:, 1:]
        loss, likelihood, tokens = self.summed_losses(hidden, labels)
        # [2, positions, vocab], without padding.
        kept = tf.reshape(labels != PAD, [2, -1])[0]
        rows = tf.reshape(hidden, [2, -1, hidden.shape[-1]])
        rows = tf.boolean_mask(rows, kept, axis=1)
        kernel = kernels.weight(self.output_kernel)
        logits = kernels.matmul(rows, kernel, transpose_b=True)
        logits = kernels.add_bias(logits, self.output_bias)
        log_p = tf.nn.log_softmax(logits)
        # KL(p1, p2) + KL(p2, p1) of each position.
        divergence = tf.reduce_sum((tf.exp(log_p[0]) - tf.exp(log_p[1])) * (log_p[0] - log_p[1]))
        loss += self.r_drop * divergence / 2
        return loss / 2, likelihood / 2, tokens / 2

    def losses_after(self, memory: State, state: State, target: Any, training: bool) -> Losses:
        """`losses_of` sentences that are encoded already."""
        hidden, _, _ = self.step(memory, state, target[:, :-1], training)
        return self.summed_losses(hidden, target[:, 1:])


def lengths_of(ids: Any) -> Tensor:
    """Tokens of each row of ids [rows, n] that is padded right: [rows]."""
    return tf.reduce_sum(tf.cast(ids != PAD, tf.int32), 1)
