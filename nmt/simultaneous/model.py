"""A translation model that translates a source before all of it is read.

There are two ways to the same translations. A source that is there already is encoded at once, and
a mask hides from each target position what the policy has not read yet: training, scoring and the
evaluation of test sets (`encode_waiting`). A source that is still arriving is encoded word by word
(`encode_more`); there is nothing to hide.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nmt.models import kernels
from nmt.models.compiled import CompiledModel, traced
from nmt.models.kernels import Step
from nmt.models.sequence import Encoded, State
from nmt.models.translation import TranslationModel, lengths_of
from nmt.models.update import Losses
from nmt.recipe import Recipe, reason_against_waiting
from nmt.runs.folder import Run
from nmt.runs.weights import read_weights
from nmt.simultaneous.policy import WordStarts, source_words_read
from nmt.text.vocabulary import EOS, PAD

ENCODER = "encoder_"  # what the names of the encoder's state begin with in a memory


@keras.saving.register_keras_serializable("nmt")
class WaitKModel(TranslationModel):
    """A `TranslationModel` that can stay a number of words behind its source.

    It has the same weights and arguments. `compile(wait=(least, most))` trains it so that each
    sentence draws its wait. word_starts: a `WordStarts` or its config. Raises ValueError for
    options that need the whole source.
    """

    def __init__(
        self,
        *args: Any,
        word_starts: WordStarts | dict,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        if reason := reason_against_waiting(self.options):
            raise ValueError(reason)
        if isinstance(word_starts, dict):
            word_starts = WordStarts.from_config(word_starts)
        self.word_starts = word_starts
        self.wait: tuple[int, int] | None = None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "word_starts": self.word_starts.get_config()}

    def compile(self, *args: Any, wait: tuple[int, int] | None = None, **kwargs: Any) -> None:
        """As every model. wait: least and most words to wait for; None: the whole source."""
        super().compile(*args, **kwargs)
        self.wait = wait

    # A source that is there, behind a mask.

    def encode_waiting(self, source: Any, wait: Any, training: bool = False) -> Encoded:
        """As `encode`, for a decoder that is kept behind; `step` hides what it has not read.

        wait: the words that it waits for, a number or [sentences]. The first state comes from these
        alone. Memory gets "source_word", the number of the word that each position belongs to
        [sentences, source_len]; state gets "t", the number of target words that have begun, and
        "wait", [rows] each.
        """
        # The same wait for all sentences, or one each.
        lengths = lengths_of(source)
        wait = tf.broadcast_to(wait, tf.shape(lengths))
        x = self.embed(self.source_embedding, source, training)

        # How many positions the words read before the first target word have.
        source_word = kernels.running_count(tf.gather(self.word_starts.source, source))
        first = (source_word <= source_words_read(1, wait)[:, None]) & (source != PAD)
        read_at_first = tf.reduce_sum(tf.cast(first, tf.int32), 1)

        # All positions are encoded, but the first state comes from these.
        outputs, final, _ = self.encoder.read(x, lengths, training, final_at=read_at_first)
        memory = self.decoder.remember(outputs, lengths) | {"source_word": source_word}
        state = self.decoder.initial_state(final)
        return memory, {**state, "t": tf.zeros_like(lengths), "wait": wait}

    def step(self, memory: State, state: State, tokens: Any, training: bool = False) -> Step:
        """As every model. With a memory of `encode_waiting` positions see what has been read."""
        if "source_word" not in memory:
            return super().step(memory, state, tokens, training)
        y = self.embed(self.target_embedding, tokens, training)
        wait = state["wait"]
        decoder_state = {name: leaf for name, leaf in state.items() if name not in ("t", "wait")}

        # [rows, n]: target words begun and source words read at each position.
        t = state["t"][:, None] + kernels.running_count(tf.gather(self.word_starts.target, tokens))
        words_read = source_words_read(t, wait[:, None])

        # [rows, n, source_len]; the hypotheses of a sentence share its source.
        source_word = tf.expand_dims(memory["source_word"], 1)
        words_read = tf.reshape(words_read, [tf.shape(source_word)[0], -1, 1])
        visible = tf.reshape(
            source_word <= words_read, tf.concat([tf.shape(t), tf.shape(source_word)[2:]], 0)
        )

        hidden, attention, state = self.decoder.step(
            memory, decoder_state, y, training, visible=visible
        )
        return hidden, attention, {**state, "t": t[:, -1], "wait": wait}

    def losses_of(self, source: Any, target: Any, training: bool) -> Losses:
        """As every model, behind the source if `compile` was given a wait."""
        if self.wait is None:
            return super().losses_of(source, target, training)
        wait = self.draw_wait(tf.shape(source)[0], training)
        return self.losses_after(*self.encode_waiting(source, wait, training), target, training)

    def draw_wait(self, sentences: Any, training: bool) -> Any:
        """The wait of each sentence: drawn [sentences] in training, in validation the middle."""
        if self.wait is None:
            raise ValueError("compile was given no wait")
        least, most = self.wait
        if training and most > least:
            return keras.random.randint((sentences,), least, most + 1, seed=self.noise)
        return (least + most) // 2

    # A source that is still arriving.

    def encode_more(self, source: Any, memory: State) -> Encoded:
        """Encodes the next positions of sentences: memory of all that is read, first state from it.

        source: [sentences, n], EOS at the end of a sentence only, padded right. memory: what the
        call before returned, {} at the beginning of the sentences.
        """
        lengths = lengths_of(source)
        x = self.embed(self.source_embedding, source, False)

        # The encoder goes on from its state, which the memory carries.
        initial = self.encoder.zero_state(tf.shape(source)[0])
        if memory:
            initial = {name: memory[f"{ENCODER}{name}"] for name in initial}
        outputs, final, states = self.encoder.read(x, lengths, initial=initial)

        # Its new outputs follow those before.
        new = self.decoder.remember(outputs, lengths)
        if memory:
            new = {name: tf.concat([memory[name], leaf], 1) for name, leaf in new.items()}
        # The encoder's state travels in the memory.
        encoder_state = {f"{ENCODER}{name}": leaf for name, leaf in states.items()}
        return {**new, **encoder_state}, self.decoder.initial_state(final)


class StreamingModel(CompiledModel):
    """A `WaitKModel` for sources that are still arriving, compiled."""

    def __init__(self, model: WaitKModel):
        super().__init__(model, lambda source: model.encode_more(source, {}))
        ids = tf.TensorSpec((None, None), tf.int32)
        self.functions["encode_more"] = traced(model.encode_more, [ids, self.memory_spec])

    def encode(self, source: Any, memory: State | None = None) -> Encoded:
        """As `WaitKModel.encode_more`."""
        source = tf.convert_to_tensor(source, tf.int32)
        if memory:
            return self.functions["encode_more"](source, memory)
        return self.functions["encode"](source)


class WaitKSearch(CompiledModel):
    """A `WaitKModel` kept `wait` words behind its sources, compiled, for greedy search (beam 1).

    When EOS is the best next token before the source is over, the model has nothing to say yet: it
    reads a word more and chooses again, so that no part of a source is lost.
    """

    def __init__(self, model: WaitKModel, wait: int):
        self.wait = tf.Variable(wait, dtype=tf.int32)  # can be changed without tracing anew
        super().__init__(model, lambda source: model.encode_waiting(source, self.wait))

    def advance(
        self, memory: State, state: State, origin: np.ndarray, tokens: np.ndarray, k: int
    ) -> tuple[Any, Any, np.ndarray, State]:
        """As every model, but for attention: 1 where a row has read the source, else 0."""

        def step(state):
            log_probs, ids, _, after = super(WaitKSearch, self).advance(
                memory, state, origin, tokens, k
            )
            return np.asarray(ids)[:, 0], (log_probs, ids), after

        (log_probs, ids), attention, after = self._speaking(step, memory, state, origin)
        return log_probs, ids, attention, after

    def distribution(
        self, memory: State, state: State, origin: np.ndarray, tokens: np.ndarray
    ) -> tuple[Any, np.ndarray, State]:
        """As `advance`, of all tokens."""

        def step(state):
            every, _, after = super(WaitKSearch, self).distribution(memory, state, origin, tokens)
            return np.asarray(every).argmax(1), every, after

        return self._speaking(step, memory, state, origin)

    def _speaking(self, step, memory, state, origin):
        """A step in which every row says something: its result, attention, state.

        step: gives the best token of each row, its result, and the state after it.
        """
        source_word = np.asarray(memory["source_word"])
        while True:
            # 1. The best next tokens with what has been read.
            best, result, after = step(state)
            words_read = np.asarray(source_words_read(after["t"], after["wait"]))
            source_left = words_read < source_word[:, -1]
            silent = (best == EOS) & source_left
            # 2. Done, if every row says something; its attention is what it has read.
            if not silent.any():
                has_read = source_word <= words_read[:, None]
                return result, has_read.astype(np.float32), after
            # 3. Rows that say nothing read a word more, from the state before.
            wait = np.array(state["wait"])
            wait[origin[silent]] += 1
            state = {**state, "wait": wait}


def build(recipe: Recipe, tokenizers: Any) -> WaitKModel:
    """The model of a recipe; tokenizers: (source, target)."""
    vocabs = [tokenizer.size for tokenizer in tokenizers]
    word_starts = WordStarts.of(tokenizers, recipe.data)
    return WaitKModel(recipe.model, *vocabs, recipe.train.seed, word_starts=word_starts)


def load_model(run: Run) -> WaitKModel:
    """A run's model with its weights, whatever `train.wait` was; errors as of `Run.load_model`."""
    path = run.weights_path()
    model = build(run.recipe, run.tokenizers)
    read_weights(model, path)
    return model
