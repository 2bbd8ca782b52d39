"""Validation after each interval: loss, quality of outputs, best weights, early stopping."""

import functools
import itertools
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from nmt.batches.padding import cut, pad
from nmt.corpora.cleaning import Pair
from nmt.errors import UserError
from nmt.evaluation import metrics
from nmt.evaluation.calibration import Fit, fit_translations
from nmt.inference.generator import TextGenerator, batches_of, lines_of
from nmt.inference.translation import Translation
from nmt.inference.translator import Translator
from nmt.models.compiled import traced
from nmt.recipe import Recipe
from nmt.runs import held_out
from nmt.runs.folder import Run
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS
from nmt.training.checkpoint import save_snapshot
from nmt.training.history import History
from nmt.training.pipeline import Batch

log = logging.getLogger(__name__)

MAX_PAIRS = 1000  # validation loss and perplexity are measured on at most this many pairs
LENGTHS = 2  # validation text may be this many times as long as training text
SHOWN = 2  # translations shown at each validation
SPREAD = 7919  # a prime, so that other sentences are shown each time


class Final(NamedTuple):
    """What a training ends with: the score of the model, and how its confidence is fitted."""

    score: float
    fit: Fit | None = None


class Validation(keras.callbacks.Callback):
    """At the end of each Keras epoch: measures, records, keeps the best weights, stops early.

    Subclasses say what a score is; the larger, the better.
    """

    metric: str  # name of the score in messages
    final_name: str  # name of the final score in messages

    def __init__(self, run: Run, recipe: Recipe, history: History, batches: list[Batch]) -> None:
        super().__init__()
        self.run = run
        self.recipe = recipe
        self.history = history
        self.batches = batches
        self.losses_of: Any = None  # of the model, once it is traced

    def examine(self, valid: dict[str, float]) -> tuple[dict[str, float], float]:
        """A cheap measurement: columns for the history, and the score that selects weights.

        valid: what `evaluate` returned.
        """
        raise NotImplementedError

    def final(self) -> Final:
        """The score of the model as it is now, with the beam of the recipe, and its curve."""
        raise NotImplementedError

    def evaluate(self) -> dict[str, float]:
        """Loss and perplexity of the model as it is now.

        Not by Keras's `evaluate`, in which all devices and processes would take part.
        """
        if self.losses_of is None:
            ids = tf.TensorSpec((None, None), tf.int32)
            losses_of = functools.partial(self.model.losses_of, training=False)
            self.losses_of = traced(losses_of, [ids, ids])
        losses = np.array([self.losses_of(*batch) for batch in self.batches], np.float64)
        loss, likelihood, tokens = losses.sum(0).tolist()
        return {"loss": loss / tokens, "perplexity": float(np.exp(likelihood / tokens))}

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        history = self.history
        valid = self.evaluate()
        columns, score = self.examine(valid)
        history.rows.append(
            {
                "step": history.step,
                "epoch": round(history.step / history.steps_per_epoch, 3),
                "seconds": round(history.seconds, 1),
                "target_tokens": history.target_tokens,
                "tokens_per_second": round(history.tokens_per_second),
                "loss": round(logs["loss"], 4),
                "perplexity": round(logs["perplexity"], 3),
                "valid_loss": round(valid["loss"], 4),
                "valid_perplexity": round(valid["perplexity"], 3),
                **columns,
                "learning_rate": float(self.model.optimizer.learning_rate),
            }
        )
        logs.update({f"valid_{name}": value for name, value in valid.items()}, **columns)
        self.keep_or_stop(score)

    def keep_or_stop(self, score: float) -> None:
        """Saves the weights if they are the best so far, and as a snapshot for averaging.

        Stops training after train.patience validations without a better score.
        """
        history = self.history
        train = self.recipe.train
        if train.average > 1:
            save_snapshot(self.run, history, self.model, train.average)
        if history.best is None or score > history.best:
            history.best = score
            history.stale = 0
            self.run.save_weights(self.model, f"best-{history.step:07d}", step=history.step)
        else:
            history.stale += 1
        if train.patience and history.stale >= train.patience:
            log.info(f"stopping: no better {self.metric} for {history.stale} validations")
            self.model.stop_training = True


class TranslationValidation(Validation):
    """BLEU and chrF of translations; of several texts the mean, by their numbers of sentences.

    texts: (translator, pairs), pairs (source, reference) each. beam: of the final score; 1 (greedy)
    at each validation.
    """

    def __init__(
        self, *common: Any, texts: Sequence[tuple[Translator, list[Pair]]], beam: int
    ) -> None:
        super().__init__(*common)
        self.texts = texts
        self.pairs = [pair for _, pairs in texts for pair in pairs]
        self.beam = beam
        self.metric = self.recipe.train.metric
        self.final_name = f"{self.metric}, beam {beam}"

    def examine(self, valid: dict[str, float]) -> tuple[dict[str, float], float]:
        outputs = [[each.text for each in own] for own in self.translations(beam=1)]
        self.show([hypothesis for hypotheses in outputs for hypothesis in hypotheses])
        scores = self.scores(outputs)
        return scores, scores[self.metric]

    def final(self) -> Final:
        translations = self.translations(self.beam)
        outputs = [[each.text for each in own] for own in translations]
        score = self.scores(outputs)[self.metric]
        # What stays behind its source is searched in another way than `translate` searches.
        if self.recipe.train.wait:
            return Final(score)
        together = list(itertools.chain.from_iterable(translations))
        return Final(score, fit_translations(together, [target for _, target in self.pairs]))

    def translations(self, beam: int) -> list[list[Translation]]:
        """Raw outputs for each text."""
        return [
            [
                best
                for best, *_ in translator.candidates(
                    [source for source, _ in pairs], beam=beam, joined=False
                )
            ]
            for translator, pairs in self.texts
        ]

    def scores(self, outputs: list[list[str]]) -> dict[str, float]:
        """BLEU and chrF of raw outputs, as the languages want them tokenised."""
        sums: Counter[str] = Counter()
        for (translator, pairs), hypotheses in zip(self.texts, outputs, strict=True):
            references = [reference for _, reference in pairs]
            entries = metrics.scores(translator.recipe.data, hypotheses, references)
            sums.update({name: entry["score"] * len(pairs) for name, entry in entries.items()})
        return {name: total / len(self.pairs) for name, total in sums.items()}

    def show(self, hypotheses: list[str]) -> None:
        """Logs a few translations, other ones each time, and a warning if most are the same."""
        for n in range(SHOWN):
            number = (len(self.history.rows) * SHOWN + n) * SPREAD % len(self.pairs)
            source, reference = self.pairs[number]
            log.info(f"  {source}\n    -> {hypotheses[number]}\n     = {reference}")
        most_common = max(map(hypotheses.count, set(hypotheses)))
        if len(hypotheses) > 3 and most_common > len(hypotheses) / 2:
            log.warning(f"{most_common} of {len(hypotheses)} validation outputs are identical")


class LanguageValidation(Validation):
    """Perplexity; its negative is the score."""

    metric = final_name = "perplexity"

    def __init__(self, *common: Any, generator: TextGenerator) -> None:
        super().__init__(*common)
        self.generator = generator

    def examine(self, valid: dict[str, float]) -> tuple[dict[str, float], float]:
        for line in self.generator.generate(count=SHOWN, length=40, seed=self.history.step):
            log.info(f"  {line}")
        return {}, -valid["perplexity"]

    def final(self) -> Final:
        return Final(-self.evaluate()["perplexity"])


def line_batches(run: Run) -> Iterator[Batch]:
    """Yields (inputs, labels) of the validation text of a language model, [rows, n] each."""
    encoded = run.tokenizers[1].encode(lines_of(run, "valid", MAX_PAIRS))
    limit = LENGTHS * run.recipe.data.max_pieces
    return batches_of(run.recipe, [ids for ids in encoded if len(ids) <= limit])


def pair_batches(run: Run) -> Iterator[Batch]:
    """Yields (source [rows, source_len], target [rows, n]) of the validation pairs, padded right.

    UserError if no pair is short enough.
    """
    # Ids of both sides, without empty sources and too long pairs, sorted by length.
    recipe = run.recipe
    tokenizers = run.tokenizers
    limit = LENGTHS * recipe.data.max_pieces
    ids = []
    for number, raw_pairs in held_out.of_all(run, "valid", MAX_PAIRS).items():
        preparation = Preparation(recipe.first(number), tokenizers)
        sides = zip(*preparation.pairs(raw_pairs), strict=True)
        encoded = [t.encode(side) for t, side in zip(tokenizers, sides, strict=True)]
        ids += [
            ([*preparation.controls, *source], target)
            for source, target in zip(*encoded, strict=True)
            if 0 < len(source) <= limit and len(target) <= limit
        ]
    if not ids:
        raise UserError(
            f"no validation pair has at most {limit} pieces a side; give others as data.valid"
        )
    ids.sort(key=lambda pair: (len(pair[1]), len(pair[0])))

    # Batches of about train.batch_tokens.
    source_lengths = np.array([len(source) + 1 for source, _ in ids])
    target_lengths = np.array([len(target) + 1 for _, target in ids])
    ends = cut(target_lengths, source_lengths, recipe.train.batch_tokens)
    for start, end in itertools.pairwise([0, *ends]):
        sources, targets = zip(*ids[start:end], strict=True)
        yield pad(sources, [], [EOS]), pad(targets, [BOS], [EOS])
