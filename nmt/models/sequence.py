"""What every sequence model has: embedding, output layer, the contract from `encode` and a decoder.

    encode(source)                              -> memory, state
    step(memory, state, tokens)                 -> hidden, attention, state
    project(hidden)                             -> logits
    take(memory, sentences)                     -> memory of those sentences
    advance(memory, state, origin, tokens, k)   -> log_probs, ids, attention, state
    distribution(memory, state, origin, tokens) -> log_probs, attention, state
    log_probs(source, tokens)                   -> log_probs

`tokens` are inputs, BOS first; output j predicts what follows token j. Leaves of `memory` have
sentences on axis 0, leaves of `state` have rows. The hypotheses of a sentence are adjacent rows.
What search and scoring call of this is described in nmt/decoding/contract.py.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nmt.models import kernels
from nmt.models.kernels import Step, Tensor, Tensors
from nmt.models.loss import cross_entropy
from nmt.models.recurrent import drop
from nmt.models.update import Losses, TrainableModel
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import PAD

if TYPE_CHECKING:
    from nmt.models.compiled import CompiledModel

State = Tensors  # of a decoder, or a memory: leaves by name
Encoded = tuple[State, State]  # memory, first state


class SequenceModel(TrainableModel):
    """A model of target sequences. A subclass sets `decoder` and defines `encode` and `losses_of`.

    options: a `ModelOptions` or its dict. Initial weights are a function of the seed.
    """

    decoder: Any

    def __init__(
        self, options: ModelOptions | dict, target_vocab: int, seed: int = 1, **kwargs: Any
    ):
        super().__init__(seed, **kwargs)
        if isinstance(options, dict):
            # Models that were saved by other versions have options of theirs.
            names = {field.name for field in dataclasses.fields(ModelOptions)}
            options = ModelOptions(**{name: options[name] for name in names & options.keys()})
        self.options = options
        self.target_vocab = target_vocab
        keras.utils.set_random_seed(seed)
        # One initializer for both tables: a piece of a joint vocabulary begins with one vector on
        # both sides.
        stddev = self.options.embedding**-0.5
        self.embedding_initializer = keras.initializers.RandomNormal(stddev=stddev)
        self.target_embedding = self.add_embedding(target_vocab, "target_embedding")
        self._compiled_model: CompiledModel | None = None

    def get_config(self) -> dict[str, Any]:
        return {
            "options": dataclasses.asdict(self.options),
            "target_vocab": self.target_vocab,
            "seed": self.seed,
            "name": self.name,
        }

    def build(self, input_shape: Any = None) -> None:
        """Everything is built in `__init__`."""

    # Embedding and output layer.

    def add_embedding(self, vocab: int, name: str) -> keras.Variable:
        """A table of word vectors, [vocab, embedding]."""
        shape = (vocab, self.options.embedding)
        return self.add_weight(shape, self.embedding_initializer, name=name)

    def embed(self, table: keras.Variable, ids: Any, training: bool) -> Tensor:
        """Word vectors [..., embedding] of ids [...], scaled to variance 1.

        As Vaswani et al. 2017, section 3.4. A table of that variance would be too large for the
        softmax it may be tied to, and small inputs leave the gates and attention idle.
        """
        vectors = tf.gather(table, ids) * self.options.embedding**0.5
        return drop(vectors, self.options, self.noise, training)

    def add_output(self) -> int:
        """The weights of `project`, with `tie` the target embedding; returns their units."""
        # A tied output must have the units of the embedding; so has a transformer anyway.
        tied = self.options.tie != "none"
        if tied or self.options.architecture == "transformer":
            hidden = self.options.embedding
        else:
            hidden = self.options.decoder_units
        if tied:
            self.output_kernel = self.target_embedding
        else:
            shape = (self.target_vocab, hidden)
            self.output_kernel = self.add_weight(shape, "glorot_uniform", name="output_kernel")
        self.output_bias = self.add_weight((self.target_vocab,), "zeros", name="output_bias")
        return hidden

    def start_from_frequencies(self, counts: np.ndarray) -> None:
        """Sets the output bias to log relative frequencies, so that training need not learn it.

        counts: [target_vocab], how often each token occurs.
        """
        # Add-one smoothing: a token that does not occur keeps a finite bias.
        frequencies = (counts + 1) / (counts.sum() + len(counts))
        self.output_bias.assign(np.log(frequencies).astype(np.float32))

    def project(self, hidden: Any) -> Tensor:
        """hidden: [..., units] -> logits [..., vocab]."""
        kernel = tf.convert_to_tensor(self.output_kernel)
        return kernels.matmul(hidden, kernel, transpose_b=True) + self.output_bias

    def summed_losses(self, hidden: Tensor, labels: Tensor) -> Losses:
        """hidden: [rows, n, units], labels: [rows, n] -> what `losses_of` returns."""
        # All positions of the batch in one axis.
        labels = tf.reshape(labels, [-1])
        counts = labels != PAD
        hidden = tf.reshape(hidden, [-1, hidden.shape[-1]])
        loss, likelihood = cross_entropy(
            hidden, self.output_kernel, self.output_bias, labels, counts, self.label_smoothing
        )
        return loss, likelihood, tf.reduce_sum(tf.cast(counts, tf.float32))

    def call(self, inputs: tuple[Any, Any], training: bool = False) -> Tensor:
        """(source, target inputs) -> logits [rows, n, vocab]; for `predict` and inspection."""
        source, tokens = inputs
        hidden, _, _ = self.step(*self.encode(source, training), tokens, training)
        return self.project(hidden)

    # The contract.

    def encode(self, source: Any, training: bool = False) -> Encoded:
        """source: [sentences, source_len], EOS last, padded right -> memory, first state."""
        raise NotImplementedError

    def step(self, memory: State, state: State, tokens: Any, training: bool = False) -> Step:
        """tokens: [rows, n] -> hidden [rows, n, units], attention [rows, n, source_len], state.

        attention is None without it.
        """
        y = self.embed(self.target_embedding, tokens, training)
        return self.decoder.step(memory, state, y, training)

    def take(self, memory: State, sentences: Any) -> State:
        """The memory of the sentences with these indices, or the state of these rows."""
        return {name: tf.gather(leaf, sentences) for name, leaf in memory.items()}

    def advance(
        self, memory: State, state: State, origin: Any, tokens: Any, k: Any
    ) -> tuple[Tensor, Tensor, Tensor | None, State]:
        """Row i goes on from row origin[i] of `state` with tokens[i].

        Returns log-probabilities and ids of the k best next tokens [rows, k], best first; attention
        [rows, source_len] or None; state.
        """
        logits, attention, state = self._next_logits(memory, state, origin, tokens)
        best, ids = kernels.top_k(logits, tf.minimum(k, self.target_vocab))
        return best - kernels.log_sum_exp(logits), ids, attention, state

    def distribution(self, memory: State, state: State, origin: Any, tokens: Any) -> Step:
        """As `advance`, with log-probabilities of all tokens: [rows, vocab], attention, state."""
        logits, attention, state = self._next_logits(memory, state, origin, tokens)
        return tf.nn.log_softmax(logits), attention, state

    def _next_logits(self, memory, state, origin, tokens):
        # Rows of the state follow their hypotheses.
        hidden, attention, state = self.step(memory, self.take(state, origin), tokens[:, None])
        attention = None if attention is None else attention[:, 0]
        return self.project(hidden[:, 0]), attention, state

    def log_probs(self, source: Any, tokens: Any) -> Tensor:
        """Log-probabilities [sentences, n - 1] of tokens[:, 1:]; BOS first, padded right."""
        return self.log_probs_after(*self.encode(source), tokens)

    def log_probs_after(self, memory: State, state: State, tokens: Any) -> Tensor:
        """`log_probs` of sentences that are encoded already."""
        hidden, _, _ = self.step(memory, state, tokens[:, :-1])
        # The log-softmax at the chosen tokens only.
        logits = self.project(hidden)
        chosen = tf.gather(logits, tokens[:, 1:], batch_dims=2)
        return chosen - kernels.log_sum_exp(logits)[..., 0]

    def compiled_model(self) -> "CompiledModel":
        """The contract, traced: what search calls. It is made once and follows the weights."""
        from nmt.models.compiled import CompiledModel

        if self._compiled_model is None:
            self._compiled_model = CompiledModel(self)
        return self._compiled_model
