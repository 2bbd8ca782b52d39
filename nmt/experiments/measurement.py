"""What the child processes of `nmt compare` do: train one system and measure it; look at gradients.

A case is a dict: `folder` of the comparison; for a system its `name`, `overrides` of the recipe of
the base, `widths` (see `evened`) and `edges`, source lengths that have a BLEU each; for the
gradients `chain`, target pieces that they go back over.
"""

import csv
import dataclasses
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nmt.corpora.corpus import Corpus
from nmt.errors import Diverged
from nmt.evaluation import metrics
from nmt.experiments import isolated
from nmt.recipe import Recipe, load_recipe
from nmt.runs.folder import Run
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS
from nmt.training.prepare import training_store

RECIPE = "recipe.toml"  # of the base, in the folder of the comparison
TOKENIZER = "tokenizer"  # a run there: with the tokenizer that all systems share
COMPARED_CELLS = ("rnn", "gru", "lstm")
CHAINS = 100  # sentences that gradients are averaged over, at most
LARGE = 2.0  # factor on the recurrent weights of the simple RNN that makes gradients explode
UPDATES = 100  # of the training that explodes
REPORTED = ("sentences", "beam", "sentences_per_second", "bleu", "chrf")


def _measure(case):
    """Trains a system in <folder>/<name>, or goes on with it, and measures it; returns its row."""
    from nmt.evaluation.report import evaluate
    from nmt.evaluation.scored_text import of_split
    from nmt.inference.load import load
    from nmt.training.train import train

    started = time.monotonic()
    folder = Path(case["folder"])
    # 1. The recipe, with as many weights as the base.
    base = recipe_of(folder)
    recipe = recipe_of(folder, case["overrides"])
    recipe, weights = evened(recipe, base, case["widths"], _vocabularies(folder))
    row = {
        "overrides": case["overrides"],
        "weights": weights,
        "widths": [getattr(recipe.model, name) for name in case["widths"]],
    }
    # 2. Training.
    try:
        run = train(recipe, folder / case["name"], export=False)
    except Diverged as error:
        return {**row, "diverged": str(error)}
    # 3. Scores of validation text. The first translations trace the graphs, which takes time.
    translator = load(run.path, engine="keras")
    translator.translate([source for source, _ in Corpus(recipe.data).held_out("valid", 10)])
    report, texts = evaluate(run, translator, of_split(run, "valid")[0])
    source, output, reference = (texts[name] for name in ("source", "output", "reference"))
    tokenize = metrics.tokenize_of(recipe.data)
    return {
        **row,
        **_training_figures(run, recipe.train.metric),
        **{name: report[name] for name in REPORTED},
        "by_length": metrics.by_length(source, output, reference, tokenize, case["edges"]),
        "memory": isolated.peak_memory(),
        "seconds": round(time.monotonic() - started),
    }


def recipe_of(folder: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of a system, its weights not yet evened out."""
    # The tokenizer is shared; the threads are those of one process of several.
    recipe = load_recipe(folder / RECIPE, overrides)
    tokenizer = dataclasses.replace(recipe.tokenizer, from_=str((folder / TOKENIZER).absolute()))
    train = dataclasses.replace(recipe.train, threads=1)
    return dataclasses.replace(recipe, tokenizer=tokenizer, train=train)


def _vocabularies(folder):
    """Sizes of the source and the target vocabulary."""
    return [tokenizer.size for tokenizer in Run(folder / TOKENIZER).tokenizers]


def evened(
    recipe: Recipe, base: Recipe, widths: Sequence[str], vocabulary_sizes: Sequence[int]
) -> tuple[Recipe, int]:
    """`recipe` with layers as wide as it takes to have the weights of `base`; how many it has.

    widths: the options of `[model]` that change, in the proportion they have.
    """
    from nmt.models.build import build

    # The others keep their proportion to the first.
    first = getattr(recipe.model, widths[0])

    def sized(width: int) -> Recipe:
        new = {name: getattr(recipe.model, name) * width // first for name in widths}
        return dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, **new))

    def weights(recipe: Recipe) -> int:
        return build(recipe, *vocabulary_sizes).count_params()

    # Matrices grow with the square of the width: three points give the parabola.
    parabola = np.polyfit([1, 2, 3], [weights(sized(width)) for width in (1, 2, 3)], 2)
    # The width whose weights are closest to those of the base.
    distances = np.abs(np.polyval(parabola, np.arange(1, 8 * first)) - weights(base))
    even = sized(1 + int(distances.argmin()))
    return even, weights(even)


def _training_figures(run, metric):
    """Pairs, steps, pieces, pieces a second without the first interval, best perplexity.

    metric: the validation metric that chose the weights.
    """
    with open(run.path / "history.csv", encoding="utf-8", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    # The first interval has the time that the start takes as well.
    first = rows[0] if len(rows) > 1 else {"target_tokens": 0, "seconds": 0}
    tokens, seconds = (rows[-1][name] - first[name] for name in ("target_tokens", "seconds"))
    # Seconds are rounded to tenths, so they may be zero.
    return {
        "pairs": run.info.pairs,
        "steps": run.info.step,
        "target_tokens": run.info.target_tokens,
        "tokens_per_second": round(tokens / max(seconds, 0.1)),
        "perplexity": max(rows, key=lambda row: row[metric])["valid_perplexity"],
    }


def _vanishing(folder, chain):
    """Norms of the gradient by steps back, relative to the first, in the fixed-vector systems.

    `start`: before training; `trained`: after it; `large`: with large recurrent weights. Geometric
    means over sentences of at least `chain` pieces, cut there.
    """
    from nmt.batches.padding import pad
    from nmt.experiments.gradients import gradient_norms
    from nmt.models.build import build

    # 1. The sentences that are long enough.
    recipe = recipe_of(folder)
    pairs = Corpus(recipe.data).held_out("valid")
    texts = zip(*Preparation(recipe).pairs(pairs), strict=True)
    tokenizers = Run(folder / TOKENIZER).tokenizers
    sources, targets = (
        tokenizer.encode(lines) for tokenizer, lines in zip(tokenizers, texts, strict=True)
    )
    long = [number for number, target in enumerate(targets) if len(target) >= chain][:CHAINS]
    source = pad([sources[number] for number in long], [], [EOS])
    target = pad([targets[number][:chain] for number in long], [BOS], [])

    def mean_norms(model: Any) -> list[float]:
        # A norm may underflow to zero, which has no logarithm.
        norms = np.maximum(gradient_norms(model, source, target), 1e-30)
        return np.exp(np.log(norms / norms[:, :1]).mean(0)).tolist()

    # 2. The norms in the system of each cell.
    norms: dict = {"sentences": len(long), "start": {}, "trained": {}}
    for cell in COMPARED_CELLS:
        run = Run.open(folder / f"{cell}-fixed")
        model = build(run.recipe, *_vocabularies(folder))
        norms["start"][cell] = mean_norms(model)
        norms["trained"][cell] = mean_norms(run.load_model())
        if cell == "rnn":
            norms["large"] = mean_norms(_enlarged(model))
    return norms


def _exploding(folder):
    """(loss, norm of the gradient) at each update of a simple RNN with large recurrent weights."""
    from nmt.batches.buckets import Batches
    from nmt.experiments.gradients import training_norms
    from nmt.models.build import build
    from nmt.training.pipeline import compiled

    recipe = Run.open(folder / "rnn-fixed").recipe
    options = recipe.train
    norms = {}
    with tempfile.TemporaryDirectory() as temporary:
        store = training_store(Run(temporary), recipe_of(folder))
        # The same start and the same batches, with clipping and without.
        for name, clip_norm in (("clipped", options.clip_norm), ("unclipped", 0.0)):
            model = _enlarged(build(recipe, *_vocabularies(folder)))
            model.start_from_frequencies(store.frequencies(model.target_vocab))
            train = dataclasses.replace(options, clip_norm=clip_norm)
            compiled(model, dataclasses.replace(recipe, train=train), options.steps)
            batches = Batches(store, options.batch_tokens, options.seed).batches_from(step=0)
            norms[name] = training_norms(model, batches, UPDATES)
    return norms


def _enlarged(model):
    """The model with recurrent weights that make its gradients grow on their way back."""
    encoder_cells = [cell for layer in model.encoder.layers for cell in layer]
    for cell in (*model.decoder.cells, *encoder_cells):
        cell.recurrent_kernel.assign(LARGE * cell.recurrent_kernel)
    return model


def run_case(case: dict) -> dict:
    """What a child process is for."""
    from nmt.machine import start_keras

    start_keras(threads=1)
    if "name" in case:
        return _measure(case)
    # Gradients of the fixed-vector systems, and of a training with and without clipping.
    folder = Path(case["folder"])
    return {**_vanishing(folder, case["chain"]), "factor": LARGE, **_exploding(folder)}


if __name__ == "__main__":
    isolated.serve(run_case)
