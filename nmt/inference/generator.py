"""What a language model does with text: writes more of it, scores lines, measures perplexity."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nmt.batches.streams import whole_texts
from nmt.decoding.sampling import Sampling, sample
from nmt.inference.batching import Ids
from nmt.inference.checks import check_lines, check_numbers
from nmt.inference.loaded import Loaded
from nmt.inference.scoring import score_ids
from nmt.recipe import Recipe
from nmt.runs import held_out
from nmt.runs.folder import Run
from nmt.text.languages import unspaced
from nmt.text.preparation import Preparation
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import EOS, UNK


class TextGenerator(Loaded):
    """Text through a `LanguageModel` and its tokenizer. `load_generator` makes one of a run."""

    def __init__(self, model: Any, tokenizers: tuple[Tokenizer, Tokenizer], recipe: Recipe):
        """tokenizers: that of the language model, twice."""
        self.model = model
        self.compiled = model.compiled_model()
        self.tokenizer = tokenizers[1]
        self.recipe = recipe
        self.preparation = Preparation(recipe, tokenizers)

    def generate(
        self,
        prompt: str = "",
        count: int = 1,
        length: int | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        seed: int = 1,
    ) -> list[str]:
        """`count` lines that begin with `prompt`, each drawn until its sentence ends.

        length: pieces after the prompt at most (default: data.max_pieces); other options as for
        `sample`.
        """
        check_lines([prompt])
        check_numbers(count=count, length=length, temperature=temperature, top_k=top_k, seed=seed)
        # Placeholders of the prompt are symbols to the model, and themselves in its lines.
        start = self.preparation.prompt(prompt)
        length = length or self.recipe.data.max_pieces
        hypotheses = sample(
            self.compiled,
            np.full((count, 1), EOS, np.int32),
            [length] * count,
            Sampling(temperature, top_k, seed),
            range(count),
            start.ids,
        )
        return [
            self.preparation.output([*start.ids, *hypothesis.ids], start.names)
            for hypothesis in hypotheses
        ]

    def score(self, lines: Iterable[str]) -> list[tuple[float, float]]:
        """(log_prob, score) of each line by itself; see `Translator.score`."""
        target_ids = []
        for line in check_lines(lines):
            names = self.preparation.names(line)
            target_ids.append(self.preparation.target_ids(line, names))
        # Of the source, which a language model does not read, only the number of rows matters.
        sources: list[list[Ids]] = [[[]]] * len(target_ids)
        return score_ids(self.compiled, sources, target_ids, self.recipe.search.length_penalty)

    def perplexity(self, lines: Sequence[str]) -> dict[str, Any]:
        """How well the model predicts lines, in order and as `lines_of` returns them.

        A token is a piece or the end of a line. A word is what white space separates, in languages
        without spaces a character; the end of a line counts as one word.
        """
        import tensorflow as tf

        # Shapes are left open, or each length of a batch would have a graph of its own.
        ids = self.tokenizer.encode(lines)
        matrix = tf.TensorSpec((None, None), tf.int32)
        losses = tf.function(
            lambda inputs, labels: self.model.losses_of(inputs, labels, training=False),
            input_signature=[matrix, matrix],
        )
        likelihoods = [float(losses(*batch)[1]) for batch in batches_of(self.recipe, ids)]
        negative_log_likelihood = math.fsum(likelihoods)

        # Perplexities by words can be compared between vocabularies.
        data = self.recipe.data
        spaced = data.tokenised or not unspaced(data.target)
        words = sum(len(line.split() if spaced else "".join(line.split())) + 1 for line in lines)
        tokens = sum(len(line) + 1 for line in ids)
        return {
            "log_likelihood": -negative_log_likelihood,
            "tokens": tokens,
            "perplexity": math.exp(negative_log_likelihood / tokens),
            "unit": "word" if spaced else "character",
            "words": words,
            "word_perplexity": math.exp(negative_log_likelihood / words),
            "unknown": sum(line.count(UNK) for line in ids),
        }


def lines_of(run: Run, split: str, limit: int | None = None) -> list[str]:
    """Lines of a split that a run keeps, as the model sees them.

    At most `limit`: spread over the split or, of running text, the first ones.
    """
    running = run.recipe.model.across_sentences
    texts = held_out.of_all(run, split, None if running else limit)
    pairs = itertools.chain(*texts.values())
    return [target for _, target in Preparation(run.recipe).pairs(pairs)][:limit]


def batches_of(recipe: Recipe, sentences: Sequence[Ids]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(inputs, labels) [rows, n] of sentences, for `LanguageModel.losses_of`.

    Each sentence is a text of its own or, where the state runs on, together they are one.
    """
    train = recipe.train
    texts = train.streams if recipe.model.across_sentences else 0
    return whole_texts(sentences, train.streams * train.bptt, texts)
