"""What a language model does with text: measures it, scores its lines, and writes more of the kind."""

import math

from nmt.batches.streams import whole
from nmt.corpora.corpus import Corpus
from nmt.decoding.sampling import sample
from nmt.errors import UserError
from nmt.inference.translator import Translator
from nmt.text.languages import unspaced
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import UNK


class TextGenerator:
    """Text through a `model.LanguageModel` and its tokenizer."""

    def __init__(self, model, tokenizers, recipe):
        self.model = model
        self.tokenizer = tokenizers[1]
        self.recipe = recipe
        self.preparation = Preparation(recipe.data, tokenizers)
        self.scorer = Translator(model.graphs(), tokenizers, recipe)

    def generate(self, prompt="", count=1, length=None, temperature=1.0, top_k=0, seed=1):
        """`count` lines that begin with `prompt`, each drawn piece by piece until the sentence ends.

        length: pieces after the prompt, at most (default: data.max_pieces); other options as for `search.sample`.
        """
        start = self.preparation.prompt(prompt)
        length = length or self.recipe.data.max_pieces
        found = sample(self.model.graphs(), count, start.ids, length, temperature, top_k, seed)
        return [self.preparation.output([*start.ids, *more.ids], start.names) for more in found]

    def score(self, lines):
        """(log-probability, ranking score) of each line by itself; see `Translator.score`."""
        return self.scorer.score(lines, lines)

    def perplexity(self, lines):
        """How surprising lines are, in order and as `lines_of` gives them: a dict.

        A token is a piece or the end of a line. A word is what white space separates, in languages written without
        it a character; the end of a line counts as one word.
        """
        import tensorflow as tf

        ids = self.tokenizer.encode(lines)
        data = self.recipe.data
        matrix = tf.TensorSpec((None, None), tf.int32)
        losses = tf.function(
            lambda inputs, labels: self.model.losses_of(inputs, labels, training=False),
            input_signature=[matrix, matrix],
        )
        _, likelihoods, _ = zip(
            *(losses(*batch) for batch in batches_of(self.recipe, ids)), strict=True
        )
        surprise = math.fsum(map(float, likelihoods))
        spaced = not unspaced(data.target) or data.tokenised
        words = sum(len(line.split() if spaced else "".join(line.split())) + 1 for line in lines)
        tokens = sum(len(line) + 1 for line in ids)
        return {
            "log_likelihood": -surprise,
            "tokens": tokens,
            "perplexity": math.exp(surprise / tokens),
            "unit": "word" if spaced else "character",
            "words": words,
            "word_perplexity": math.exp(surprise / words),
            "unknown": sum(line.count(UNK) for line in ids),
        }


def lines_of(recipe, split, limit=None):
    """Lines of a split as the model sees them: at most `limit`, spread over it or, of running text, the first."""
    running = recipe.model.across_sentences
    pairs = Corpus(recipe.data).held_out(split, None if running else limit)
    return [target for _, target in Preparation(recipe.data).pairs(pairs)][:limit]


def batches_of(recipe, ids):
    """(inputs, labels) of sentences for `losses_of`: each by itself, or as the text that they are together."""
    train = recipe.train
    return whole(
        ids, train.streams * train.bptt, train.streams if recipe.model.across_sentences else 0
    )


def load(path, engine="auto", threads=0, overrides=()):
    """The `TextGenerator` of a run folder; arguments as those of `translate.load`."""
    from nmt.machine import start_keras
    from nmt.runs.folder import Run

    run = Run.open(path)
    if not run.recipe.language_model:
        raise UserError(f"{path}: is a translator, no language model; use nmt translate {path}")
    if overrides:
        raise UserError(f"{path}: is a language model; --lm and --lm-weight are for translators")
    if engine == "onnx":
        raise UserError(f"{path}: is a language model, which has no export")
    start_keras(threads)
    return TextGenerator(run.load_model(), run.tokenizers, run.recipe)
