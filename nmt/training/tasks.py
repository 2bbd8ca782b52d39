"""What differs between training a translator and training a language model.

`of(recipe)` chooses; nearly all else in this room asks the task, which knows wait-k training, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nmt.errors import UserError
from nmt.recipe import ModelOptions, Recipe, reason_against_waiting
from nmt.runs import held_out
from nmt.runs.folder import Run

if TYPE_CHECKING:
    import keras

    from nmt.batches.buckets import Batches
    from nmt.batches.store import Store
    from nmt.batches.streams import Streams
    from nmt.training.history import History
    from nmt.training.validation import Validation


class Task:
    """How a recipe's kind of model is trained. tokenizers: always (source, target)."""

    unit: str  # what the training text consists of, in messages
    usage: str  # how to use the trained run, for its folder
    shares_batches = True  # whether several devices can each have a part of a batch

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def check_parent(self, model: ModelOptions) -> None:
        """UserError where the model of the parent run cannot be trained on as the recipe asks."""

    def batches(self, store: Store, tokenizers: Any) -> Batches | Streams:
        """The training batches of every epoch."""
        raise NotImplementedError

    def model(self, tokenizers: Any) -> Any:
        """The Keras model with new weights."""
        raise NotImplementedError

    def compile_options(self) -> dict[str, Any]:
        """Options of `compile` that only this task has."""
        return {}

    def carried(self, model: Any) -> list[keras.Variable]:
        """Variables beside weights and optimizer that a resumed training needs."""
        return []

    def callbacks(self, history: History) -> list[keras.callbacks.Callback]:
        """Callbacks that only this task has."""
        return []

    def validation(self, run: Run, history: History, model: Any) -> Validation:
        """The callback that measures the model on validation text."""
        raise NotImplementedError

    def write_lexicon(self, run: Run, store: Store) -> None:
        """Writes what an export takes from the training text, if anything."""


class TranslationTask(Task):
    """Pairs of sentences; BLEU or chrF selects the weights."""

    unit = "pairs"
    usage = "translate with: make translate RUN={}"

    def check_parent(self, model: ModelOptions) -> None:
        if self.recipe.train.wait and (reason := reason_against_waiting(model)):
            raise UserError(f"{self.recipe.train.from_}: train.wait: {reason}")

    def batches(self, store: Store, tokenizers: Any) -> Batches:
        from nmt.batches.buckets import Batches
        from nmt.corpora.mixture import weights

        train = self.recipe.train
        data = self.recipe.data
        controls = [data.first(number).controls() for number in range(len(data.corpora()))]
        return Batches(
            store,
            train.batch_tokens,
            train.seed,
            tokenizers,
            weights(data, store.corpora),
            [tokenizers[0].control_ids(pieces) for pieces in controls],
            data.variation,
        )

    def model(self, tokenizers: Any) -> Any:
        if self.recipe.train.wait:
            from nmt.simultaneous.model import build as build_wait_k

            return build_wait_k(self.recipe, tokenizers)
        from nmt.models.build import build

        return build(self.recipe, *(tokenizer.size for tokenizer in tokenizers))

    def compile_options(self) -> dict[str, Any]:
        train = self.recipe.train
        return {"wait": (train.wait, max(train.wait, train.wait_to))} if train.wait else {}

    def validation(self, run: Run, history: History, model: Any) -> Validation:
        from nmt.inference.translator import Translator
        from nmt.simultaneous.model import WaitKSearch
        from nmt.training.validation import TranslationValidation, pair_batches

        recipe = self.recipe
        texts = held_out.of_all(run, "valid", recipe.train.valid_sentences)
        if recipe.train.wait:
            searched = WaitKSearch(model, model.draw_wait(0, training=False))
            beam = 1  # streams are translated greedily
        else:
            searched = model.compiled_model()
            beam = recipe.search.beam
        return TranslationValidation(
            run,
            recipe,
            history,
            list(pair_batches(run)),
            texts=[
                (
                    Translator(searched, run.tokenizers, recipe.first(number), profile=run.profile),
                    pairs,
                )
                for number, pairs in texts.items()
            ],
            beam=beam,
        )

    def write_lexicon(self, run: Run, store: Store) -> None:
        from nmt.engine import lexicon

        # The pairs of each target language, by its control piece.
        starts = np.cumsum([0, *store.corpora]).tolist()
        languages: dict[int, list[range]] = {}
        for corpus, start, end in zip(
            self.recipe.data.corpora(), starts[:-1], starts[1:], strict=True
        ):
            for control in run.tokenizers[0].control_ids([f"<2{corpus.target}>"]):
                languages.setdefault(control, []).append(range(start, end))
        lexicon.write(run.path / "lexicon.npz", store, *run.tokenizers, languages)


class LanguageTask(Task):
    """Running text, by truncated backpropagation through time; perplexity selects the weights."""

    unit = "sentences"
    usage = "have it write with: .venv/bin/nmt generate {}"
    shares_batches = False  # the state that each stream carries is in one place

    def batches(self, store: Store, tokenizers: Any) -> Streams:
        from nmt.batches.streams import Streams

        train = self.recipe.train
        shuffle = not self.recipe.model.across_sentences
        return Streams(store, train.streams, train.bptt, train.seed, shuffle)

    def model(self, tokenizers: Any) -> Any:
        from nmt.models.build import build

        return build(self.recipe, *(tokenizer.size for tokenizer in tokenizers))

    def carried(self, model: Any) -> list[keras.Variable]:
        return list(model.carried.leaves.values())

    def callbacks(self, history: History) -> list[keras.callbacks.Callback]:
        from nmt.training.history import Rewind

        return [Rewind(history)]

    def validation(self, run: Run, history: History, model: Any) -> Validation:
        from nmt.inference.generator import TextGenerator
        from nmt.training.validation import LanguageValidation, line_batches

        return LanguageValidation(
            run,
            self.recipe,
            history,
            list(line_batches(run)),
            generator=TextGenerator(model, run.tokenizers, self.recipe),
        )


def of(recipe: Recipe) -> Task:
    """The task of a recipe."""
    return LanguageTask(recipe) if recipe.language_model else TranslationTask(recipe)
