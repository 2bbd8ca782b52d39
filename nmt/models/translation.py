"""The contract of a sequence model as a `keras.Model`; the only place that maps names to classes.

    encode(source)                        -> memory, state
    step(memory, state, tokens)           -> hidden, attention, state
    project(hidden, ids)                  -> logits
    take(memory, sentences)               -> memory of those sentences
    advance(memory, state, origin, tokens, k) -> log_probs, ids, attention, state
    distribution(memory, state, origin, tokens) -> log_probs of all words, attention, state (see nmt/decoding/contract.py)

`tokens` are inputs, BOS first; output j predicts what follows token j. Leaves of `memory` have sentences on
axis 0, leaves of `state` have rows; the hypotheses of a sentence are adjacent rows. A translation model has an
encoder and a decoder; a language model is a decoder with an empty memory.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nmt.models import kernels
from nmt.models.loss import cross_entropy
from nmt.models.recurrent import RecurrentDecoder, RecurrentEncoder, drop
from nmt.models.transformer import TransformerDecoder, TransformerEncoder
from nmt.recipe import ModelOptions
from nmt.text.vocabulary import BOS, PAD


class SequenceModel(keras.Model):
    """What follows from `encode` and a decoder: the rest of the contract, the loss, an update."""

    def __init__(self, options, target_vocab, seed=1, **kwargs):
        super().__init__(**kwargs)
        if isinstance(options, dict):
            options = ModelOptions(**options)
        self.options = options
        self.target_vocab = target_vocab
        self.seed = seed
        self.precision = "float32"
        self.label_smoothing = 0.0
        self.noise = keras.random.SeedGenerator(seed)
        keras.utils.set_random_seed(seed)  # initial weights are a function of the seed
        # One initializer for both tables: a piece of a joint vocabulary begins with one vector on both sides.
        self.normal = keras.initializers.RandomNormal(stddev=options.embedding**-0.5)
        self.target_embedding = self.add_embedding(target_vocab, "target_embedding")
        self._graphs = None

    def add_embedding(self, vocab, name):
        return self.add_weight((vocab, self.options.embedding), self.normal, name=name)

    def add_output(self):
        """The weights of `project`; returns how many units it takes."""
        tied = self.options.tie != "none"
        narrow = tied or self.options.architecture == "transformer"
        hidden = self.options.embedding if narrow else self.options.decoder_units
        self.output_kernel = (
            self.target_embedding
            if tied
            else self.add_weight(
                (self.target_vocab, hidden), "glorot_uniform", name="output_kernel"
            )
        )
        self.output_bias = self.add_weight((self.target_vocab,), "zeros", name="output_bias")
        return hidden

    def get_config(self):
        return {
            "options": dataclasses.asdict(self.options),
            "target_vocab": self.target_vocab,
            "seed": self.seed,
            "name": self.name,
        }

    def build(self, input_shape=None):
        """Everything is built in `__init__`."""

    # The contract.

    def encode(self, source, training=False):
        """source: [sentences, source_len], EOS last, padded right -> memory, state of one row a sentence."""
        raise NotImplementedError

    def step(self, memory, state, tokens, training=False):
        """tokens: [rows, n] -> hidden [rows, n, units], attention [rows, n, source_len] or None, state."""
        y = self.embed(self.target_embedding, tokens, training)
        return self.decoder.step(memory, state, y, training)

    def embed(self, table, ids, training):
        """Word vectors, scaled to variance 1 (Vaswani et al. 2017, section 3.4): a table of that variance would
        be too large for the softmax it may be tied to, and small inputs leave the gates and attention idle."""
        vectors = tf.gather(table, ids) * self.options.embedding**0.5
        return drop(vectors, self.options, self.noise, training)

    def project(self, hidden, ids=None):
        """hidden: [..., units] -> logits [..., vocab], or of the words `ids` only."""
        kernel = tf.convert_to_tensor(self.output_kernel)
        bias = tf.convert_to_tensor(self.output_bias)
        if ids is not None:
            kernel = tf.gather(kernel, ids)
            bias = tf.gather(bias, ids)
        return kernels.matmul(hidden, kernel, transpose_b=True) + bias

    def take(self, memory, sentences):
        """The memory of the given sentences."""
        return {name: tf.gather(leaf, sentences) for name, leaf in memory.items()}

    def advance(self, memory, state, origin, tokens, k):
        """State of row `origin`, one step with `tokens` [rows], the k best next words: log_probs, ids [rows, k]."""
        state = {name: tf.gather(leaf, origin) for name, leaf in state.items()}
        hidden, attention, state = self.step(memory, state, tokens[:, None])
        logits = self.project(hidden[:, 0])
        best, ids = kernels.top_k(logits, tf.minimum(k, self.target_vocab))
        attention = None if attention is None else attention[:, 0]
        return best - kernels.log_sum_exp(logits), ids, attention, state

    def graphs(self):
        """The contract as graphs that serve every batch; what search calls."""
        if self._graphs is None:
            self._graphs = Graphs(self)
        return self._graphs

    def log_probs(self, source, tokens):
        """Natural log-probabilities of tokens[:, 1:] (BOS first, padded right): [sentences, n - 1]."""
        return self.log_probs_after(*self.encode(source), tokens)

    def log_probs_after(self, memory, state, tokens):
        """`log_probs` of sentences that are encoded already."""
        hidden, _, _ = self.step(memory, state, tokens[:, :-1])
        logits = self.project(hidden)
        chosen = tf.gather(logits, tokens[:, 1:], batch_dims=2)
        return chosen - kernels.log_sum_exp(logits)[..., 0]

    # Training.

    def start_from_frequencies(self, counts):
        """The output bias as log relative frequency, so that training need not begin by learning it."""
        self.output_bias.assign(
            np.log((counts + 1) / (counts.sum() + len(counts))).astype(np.float32)
        )

    def call(self, inputs, training=False):
        """(source, target inputs) -> logits [sentences, n, vocab]: for `predict` and inspection."""
        source, tokens = inputs
        memory, state = self.encode(source, training)
        return self.project(self.step(memory, state, tokens, training)[0])

    def losses_of(self, *data, training):
        """Summed loss, summed negative log-likelihood and number of target tokens (EOS counts, BOS not)."""
        raise NotImplementedError

    def summed(self, hidden, labels):
        """hidden: [rows, n, units], labels: [rows, n] -> what `losses_of` returns."""
        labels = tf.reshape(labels, [-1])
        weights = tf.cast(labels != PAD, tf.float32)
        hidden = tf.reshape(hidden, [-1, hidden.shape[-1]])
        loss, likelihood = cross_entropy(
            hidden, self.output_kernel, self.output_bias, labels, weights, self.label_smoothing
        )
        return loss, likelihood, tf.reduce_sum(weights)

    def train_step(self, data):
        """One update from a batch: gradient of the mean loss a token."""
        gradients, measured = self.gradients(data)
        self.optimizer.apply(gradients, self.trainable_variables)
        return self.measure(*measured)

    def gradients(self, data):
        """Gradients of the mean loss a token with the noise of this step, and what `losses_of` gave."""
        self.noise.state.assign(tf.stack([tf.cast(self.seed, tf.uint32), self.first_noise()]))
        with kernels.precision(self.precision), tf.GradientTape() as tape:
            loss, likelihood, tokens = self.losses_of(*data, training=True)
            mean_loss = loss / tokens
        gradients = tape.gradient(mean_loss, [v.value for v in self.trainable_variables])
        # Keras's optimizers square the rows of a sparse gradient before summing repeated ones: make it dense.
        return [tf.convert_to_tensor(g) for g in gradients], (loss, likelihood, tokens)

    def test_step(self, data):
        return self.measure(*self.losses_of(*data, training=False))

    def first_noise(self):
        """Dropout masks are a function of (seed, step), so that a resumed run draws the same ones."""
        most = 64 if self.options.architecture == "recurrent" else 128  # masks a step may draw
        return tf.cast(self.optimizer.iterations, tf.uint32) * most

    def compile(self, optimizer, label_smoothing=0.0, precision="float32", **kwargs):
        """Keras's `compile`; the loss is part of the model (nmt/models/loss.py)."""
        super().compile(optimizer=optimizer, **kwargs)
        self.label_smoothing = label_smoothing
        self.precision = kernels.detect_precision() if precision == "auto" else precision
        self.totals = {
            name: keras.metrics.Sum(name=name) for name in ("loss", "likelihood", "target_tokens")
        }

    def measure(self, loss, likelihood, tokens):
        """Running means a token: a batch counts as much as it has tokens."""
        for metric, value in zip(self.totals.values(), (loss, likelihood, tokens), strict=True):
            metric.update_state(value)
        total, likelihood, tokens = (metric.result() for metric in self.totals.values())
        return {
            "loss": total / tokens,
            "perplexity": ops.exp(likelihood / tokens),
            "target_tokens": tokens,
        }

    @property
    def metrics(self):
        return list(self.totals.values()) if getattr(self, "totals", None) else []


@keras.saving.register_keras_serializable("nmt")
class TranslationModel(SequenceModel):
    """Encoder and decoder. `options`: a `ModelOptions` or its dict."""

    def __init__(self, options, source_vocab, target_vocab, seed=1, **kwargs):
        super().__init__(options, target_vocab, seed, **kwargs)
        options = self.options
        self.source_vocab = source_vocab
        self.source_embedding = (
            self.target_embedding
            if options.tie == "all"
            else self.add_embedding(source_vocab, "source_embedding")
        )
        hidden = self.add_output()
        if options.architecture == "transformer":
            self.encoder = TransformerEncoder(options, self.noise, name="encoder")
            self.decoder = TransformerDecoder(options, self.noise, name="decoder")
        else:
            self.encoder = RecurrentEncoder(options, self.noise, name="encoder")
            self.decoder = RecurrentDecoder(options, hidden, self.noise, name="decoder")
        self.encoder.build(options.embedding)
        self.decoder.build(options.embedding, self.encoder.size)
        self.built = True

    def get_config(self):
        return {**super().get_config(), "source_vocab": self.source_vocab}

    def encode(self, source, training=False):
        """source: [sentences, source_len], EOS last, padded right -> memory, state of one row a sentence."""
        lengths = tf.reduce_sum(tf.cast(source != PAD, tf.int32), 1)
        x = self.embed(self.source_embedding, source, training)
        outputs, final, _ = self.encoder.read(x, lengths, training)
        return self.decoder.remember(outputs, lengths), self.decoder.initial_state(final)

    def losses_of(self, source, target, training):
        """Summed loss, summed negative log-likelihood and number of target tokens (EOS counts, BOS not)."""
        memory, state = self.encode(source, training)
        hidden, _, _ = self.step(memory, state, target[:, :-1], training)
        return self.summed(hidden, target[:, 1:])


@keras.saving.register_keras_serializable("nmt")
class LanguageModel(SequenceModel):
    """A recurrent language model (Mikolov et al. 2010): a decoder without a source, whose state is all it knows.

    It is trained by truncated backpropagation through time: a batch is the next window of each of `streams` texts
    and begins with the state that the batch before it ended with; gradients end at the window's border.
    """

    def __init__(self, options, target_vocab, seed=1, streams=1, **kwargs):
        super().__init__(options, target_vocab, seed, **kwargs)
        self.streams = streams
        hidden = self.add_output()
        alone = dataclasses.replace(self.options, attention="none")
        self.decoder = RecurrentDecoder(alone, hidden, self.noise, name="decoder")
        self.decoder.build(self.options.embedding, 0)
        self.carried = Carried(self.decoder.zero_state(streams))
        self.built = True

    def get_config(self):
        return {**super().get_config(), "streams": self.streams}

    def encode(self, source, training=False):
        """An empty memory, and the zero state of one row a row of `source`, which may be anything."""
        return {}, self.decoder.zero_state(tf.shape(source)[0])

    def step(self, memory, state, tokens, training=False):
        """As every model; the state becomes zero before BOS unless it is to run across sentences."""
        y = self.embed(self.target_embedding, tokens, training)
        keep = None if self.options.across_sentences else tf.cast(tokens != BOS, tf.float32)
        return self.decoder.step(memory, state, y, training, keep)

    def losses_of(self, inputs, labels, training):
        """Of a window of each stream in training, else of texts that begin with the zero state: [rows, n] each."""
        memory, state = self.encode(inputs)
        if training:
            state = self.carried.read()
        hidden, _, state = self.step(memory, state, inputs, training)
        if training:
            self.carried.write(state)
        return self.summed(hidden, labels)


class Carried:
    """A state between the batches of training: variables, but no weights, so they are not among the model's."""

    def __init__(self, state):
        self.leaves = {
            name: keras.Variable(leaf, trainable=False, name=name) for name, leaf in state.items()
        }

    def read(self):
        return {name: tf.convert_to_tensor(variable) for name, variable in self.leaves.items()}

    def write(self, state):
        for name, variable in self.leaves.items():
            variable.assign(state[name])

    def clear(self):
        """As before the first window."""
        for variable in self.leaves.values():
            variable.assign(tf.zeros_like(variable))


class Graphs:
    """`encode`, `take`, `advance`, `distribution`, `log_probs` of a model, each traced once for all shapes.

    encode: source -> memory, state, where it is not that of the model.
    """

    def __init__(self, model, encode=None):
        encode = encode or model.encode
        ids = tf.TensorSpec((None, None), tf.int32)
        self._encode = traced(lambda source: encode(source), [ids])
        self.log_probs = traced(
            lambda source, tokens: model.log_probs_after(*encode(source), tokens), [ids, ids]
        )
        self.take = model.take
        self.memory_spec, state = tf.nest.map_structure(
            lambda x: tf.TensorSpec(x.shape, x.dtype),
            self._encode.get_concrete_function().structured_outputs,
        )
        rows = tf.TensorSpec((None,), tf.int32)
        self._advance = traced(
            model.advance, [self.memory_spec, state, rows, rows, tf.TensorSpec((), tf.int32)]
        )

        def distribution(memory, state, origin, tokens):
            state = {name: tf.gather(leaf, origin) for name, leaf in state.items()}
            hidden, attention, state = model.step(memory, state, tokens[:, None])
            log_probs = tf.nn.log_softmax(model.project(hidden[:, 0]))
            return log_probs, None if attention is None else attention[:, 0], state

        # Traced when it is first called: only ensembles and fusion want all words.
        self._distribution = traced(distribution, [self.memory_spec, state, rows, rows])

    def encode(self, source):
        return self._encode(tf.convert_to_tensor(source, tf.int32))

    def advance(self, memory, state, origin, tokens, k):
        return self._advance(
            memory, state, tf.convert_to_tensor(origin), tf.convert_to_tensor(tokens), k
        )

    def distribution(self, memory, state, origin, tokens):
        """As `advance`, but log_probs of all words: [rows, vocab], attention, state."""
        return self._distribution(
            memory, state, tf.convert_to_tensor(origin), tf.convert_to_tensor(tokens)
        )


def traced(function, input_signature):
    """A `tf.function` without autograph: there is no Python to rewrite, which takes most of the time of tracing."""
    return tf.function(function, autograph=False, input_signature=input_signature)


def build(recipe, source_vocab, target_vocab):
    """The model of a recipe."""
    if recipe.language_model:
        return LanguageModel(recipe.model, target_vocab, recipe.train.seed, recipe.train.streams)
    return TranslationModel(recipe.model, source_vocab, target_vocab, recipe.train.seed)
