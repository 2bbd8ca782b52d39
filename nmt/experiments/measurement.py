"""What the child processes of `nmt compare` do: train one system and measure it; look at gradients.

A case is a dict: `folder` of the comparison; for a system its `name`, `overrides` of the recipe of the base,
`widths` (see `evened`) and `edges`, source lengths that BLEU is told apart by; for the gradients `chain`, pieces.
"""

import csv
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np

from nmt.corpora.corpus import Corpus
from nmt.errors import Diverged
from nmt.evaluation import metrics
from nmt.experiments import isolated as child
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS
from nmt.training.prepare import training_store

RECIPE = "recipe.toml"
TOKENIZER = "tokenizer"  # of a comparison: its base, and a run with what all systems share
CELLS = ("rnn", "gru", "lstm")
CHAINS = 100  # sentences that gradients are averaged over, at most
LARGE = 2.0  # factor on the recurrent weights of the simple RNN that makes gradients explode
UPDATES = 100  # of the training that explodes


def measure(case):
    """Trains a system, which may have been begun, in <folder>/<name>, and measures it; returns its row (a dict)."""
    from nmt.evaluation.report import evaluate
    from nmt.inference.load import load
    from nmt.training.train import train

    started = time.monotonic()
    folder = Path(case["folder"])
    base = recipe_of(folder)
    recipe = recipe_of(folder, case["overrides"])
    recipe, weights = evened(recipe, base, case["widths"], vocabularies(folder))
    row = {
        "overrides": case["overrides"],
        "weights": weights,
        "widths": [getattr(recipe.model, name) for name in case["widths"]],
    }
    try:
        run = train(recipe, folder / case["name"], export=False)
    except Diverged as error:
        return {**row, "diverged": str(error)}
    translator = load(run.path, engine="keras")
    lines = [source for source, _ in Corpus(recipe.data).held_out("valid", 10)]
    translator.translate(lines)  # traces the graphs
    report, outputs = evaluate(run, translator, "valid")
    tokenize = metrics.tokenize_of(recipe.data)
    return {
        **row,
        **history(run, recipe.train.metric),
        **{
            key: report[key]
            for key in ("sentences", "beam", "sentences_per_second", "bleu", "chrf")
        },
        "by_length": metrics.by_length(
            outputs["source"], outputs["output"], outputs["reference"], tokenize, case["edges"]
        ),
        "memory": child.peak(),
        "seconds": round(time.monotonic() - started),
    }


def recipe_of(folder, overrides=()):
    """The recipe of a system, its weights not yet evened out."""
    recipe = load_recipe(folder / RECIPE, overrides)
    tokenizer = dataclasses.replace(recipe.tokenizer, from_=str((folder / TOKENIZER).absolute()))
    return dataclasses.replace(
        recipe, tokenizer=tokenizer, train=dataclasses.replace(recipe.train, threads=1)
    )


def vocabularies(folder):
    """Sizes of the source and the target vocabulary."""
    return [tokenizer.size for tokenizer in Run(folder / TOKENIZER).tokenizers]


def evened(recipe, base, widths, vocab):
    """`recipe` with layers as wide as it takes to have the weights of `base`, and how many these are.

    widths: the options of `[model]` that change, in the proportion they have.
    """
    from nmt.models.build import build

    first = getattr(recipe.model, widths[0])

    def sized(width):
        new = {name: getattr(recipe.model, name) * width // first for name in widths}
        return dataclasses.replace(recipe, model=dataclasses.replace(recipe.model, **new))

    def weights(recipe):
        return build(recipe, *vocab).count_params()

    narrow = [1, 2, 3]  # three points of a parabola: matrices grow with the square of the width
    parabola = np.polyfit(narrow, [weights(sized(width)) for width in narrow], 2)
    wanted = weights(base)
    even = sized(
        min(range(1, 8 * first), key=lambda width: abs(np.polyval(parabola, width) - wanted))
    )
    return even, weights(even)


def history(run, metric):
    """What history.csv tells: pieces seen, their speed after the first interval, perplexity of the weights kept."""
    with open(run.path / "history.csv", encoding="utf-8", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    first = (
        rows[0] if len(rows) > 1 else {"target_tokens": 0, "seconds": 0}
    )  # it has the time to start as well
    tokens, seconds = (rows[-1][name] - first[name] for name in ("target_tokens", "seconds"))
    return {
        "pairs": run.info.pairs,
        "steps": run.info.step,
        "target_tokens": run.info.target_tokens,
        "tokens_per_second": round(
            tokens / max(seconds, 0.1)
        ),  # which history.csv rounds to tenths
        "perplexity": max(rows, key=lambda row: row[metric])["valid_perplexity"],
    }


def gradients(case):
    """Gradients in the decoders of the fixed-vector systems, and in a training with and without clipping."""
    folder = Path(case["folder"])
    return {**vanishing(folder, case["chain"]), "factor": LARGE, **exploding(folder)}


def vanishing(folder, chain):
    """Norms of the gradient by steps back, relative to the first: before training, after it, with large weights.

    Geometric means over sentences of at least `chain` pieces, cut there.
    """
    from nmt.batches.padding import pad
    from nmt.experiments.gradients import gradient_norms
    from nmt.models.build import build

    recipe = recipe_of(folder)
    pairs = Corpus(recipe.data).held_out("valid")
    sides = zip(*Preparation(recipe.data).pairs(pairs), strict=True)
    sources, targets = (
        t.encode(side) for t, side in zip(Run(folder / TOKENIZER).tokenizers, sides, strict=True)
    )
    long = [number for number, target in enumerate(targets) if len(target) >= chain][:CHAINS]
    source = pad([sources[number] for number in long], [], [EOS])
    target = pad([targets[number][:chain] for number in long], [BOS], [])

    def norms(model):
        found = np.maximum(gradient_norms(model, source, target), 1e-30)
        return np.exp(np.log(found / found[:, :1]).mean(0)).tolist()

    start = {}
    trained = {}
    for cell in CELLS:
        run = Run.open(folder / f"{cell}-fixed")
        model = build(run.recipe, *vocabularies(folder))
        start[cell], trained[cell] = norms(model), norms(run.load_model())
        if cell == "rnn":
            large = norms(enlarged(model))
    return {"sentences": len(long), "start": start, "trained": trained, "large": large}


def exploding(folder):
    """Loss and norm of the gradient at each update of a simple RNN with large recurrent weights."""
    from nmt.batches.buckets import Batches
    from nmt.experiments.gradients import training_norms
    from nmt.models.build import build
    from nmt.training.train import optimizer

    recipe = Run.open(folder / "rnn-fixed").recipe
    found = {}
    options = recipe.train
    with tempfile.TemporaryDirectory() as temporary:
        store = training_store(Run(temporary), recipe_of(folder))
        for name, norm in (("clipped", options.clip_norm), ("unclipped", 0.0)):
            model = enlarged(build(recipe, *vocabularies(folder)))
            model.start_from_frequencies(store.frequencies(model.target_vocab))
            model.compile(
                optimizer(dataclasses.replace(options, clip_norm=norm), options.steps),
                options.label_smoothing,
                options.precision,
                jit_compile=False,
            )
            model.optimizer.build(model.trainable_variables)
            batches = Batches(store, options.batch_tokens, options.seed).batches_from(step=0)
            found[name] = training_norms(model, batches, UPDATES)
    return found


def enlarged(model):
    """The model with recurrent weights that make its gradients grow on their way back."""
    for one in (*model.decoder.cells, *(one for layer in model.encoder.layers for one in layer)):
        one.recurrent_kernel.assign(LARGE * one.recurrent_kernel)
    return model


def part(case):
    """What a child process is for."""
    from nmt.machine import start_keras

    start_keras(threads=1)
    return measure(case) if "name" in case else gradients(case)


if __name__ == "__main__":
    child.main(part)
