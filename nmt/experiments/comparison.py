"""`nmt compare`: systems that differ in one thing each, trained with equal budgets, and measured.

All have the same text, vocabulary, updates, pieces seen, seed and, within a few
per cent, the number of weights: where a system would have more or fewer than the base, its layers
are made narrower or wider. Every system is an ordinary run folder, trained in a process of its own
on one thread (measurement.py), as many at a time as there are cores. compare.json gets a row as
soon as a system is measured: stopped and started again, the comparison goes on. Scores are those
of validation text; test text is never read.
"""

import json
import logging
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from nmt import files
from nmt.corpora.mixture import Mixture
from nmt.errors import Failure, UserError, did_you_mean
from nmt.experiments import isolated
from nmt.experiments.measurement import COMPARED_CELLS, RECIPE, TOKENIZER
from nmt.machine import about, cores
from nmt.recipe import differences, dump_recipe, load_recipe
from nmt.recipe.library import builtin
from nmt.runs.folder import Run
from nmt.training.prepare import training_store

log = logging.getLogger(__name__)

RESULTS = "compare.json"


class Budget(NamedTuple):
    """One corpus, and how much training on it all systems have."""

    recipe: str  # a built-in one
    overrides: str  # of the recipe, for all systems
    transformer: str  # overrides of the Transformer, its layers
    pairs: tuple[int, ...]  # training pairs of the learning curves, besides all there are
    edges: tuple[int, ...]  # source words: upper bounds of the length classes, each with a BLEU
    chain: int  # target pieces back to which gradients are measured


BUDGETS = {
    "small": Budget(
        "toy",
        "data.size=4000 data.sentences=3 tokenizer.vocab_size=600 "
        "model.embedding=64 model.encoder_units=64 model.decoder_units=128 "
        "model.attention_units=64 "
        "train.steps=300 train.valid_every=150 train.warmup_steps=50 train.precision=float32",
        "model.encoder_layers=2 model.decoder_layers=2",
        pairs=(400, 1200),
        edges=(6, 12, 18, 24, 30),
        chain=24,
    ),
    "full": Budget(
        "multi30k-en-de",
        "tokenizer.vocab_size=4000 model.tie=all "
        "model.embedding=128 model.encoder_units=128 model.decoder_units=256 "
        "model.attention_units=128 model.dropout=0.3 "
        "train.batch_tokens=1024 train.steps=1000 train.valid_every=200 train.average=0",
        "model.encoder_layers=4 model.decoder_layers=4",
        pairs=(1000, 3000, 10_000),
        edges=(8, 10, 12, 15, 20),
        chain=20,
    ),
}


class System(NamedTuple):
    """A row of the table."""

    question: str  # what is compared with the base
    overrides: str = ""  # of the recipe of the base
    widths: tuple[str, ...] = ("encoder_units", "decoder_units")  # scaled until weights are even


FIXED = "model.attention=none"
ONE_WAY = "model.bidirectional=false"
SYSTEMS = {
    "lstm": System("base"),
    "gru": System("cell", "model.cell=gru"),
    "rnn": System("cell", "model.cell=rnn"),
    "lstm-one-way": System("direction", ONE_WAY),
    "lstm-2-layers": System("layers", "model.encoder_layers=2 model.decoder_layers=2"),
    "lstm-general": System("attention", "model.attention=general"),
    "lstm-dot": System("attention", "model.attention=dot"),
    "lstm-fixed": System("fixed vector", FIXED),
    "lstm-fixed-one-way": System("fixed vector", f"{FIXED} {ONE_WAY}"),
    "lstm-fixed-reversed": System("fixed vector", f"{FIXED} {ONE_WAY} model.reverse_source=true"),
    "gru-fixed": System("fixed vector", f"{FIXED} model.cell=gru"),
    "rnn-fixed": System("fixed vector", f"{FIXED} model.cell=rnn"),
    "lstm-unclipped": System("clipping", "train.clip_norm=0"),
    "rnn-unclipped": System("clipping", "model.cell=rnn train.clip_norm=0"),
    "lstm-no-dropout": System("dropout", "model.dropout=0"),
    "lstm-variational": System("dropout", "model.variational=true model.recurrent_dropout=0.2"),
    "lstm-layer-norm": System("normalisation", "model.layer_norm=true"),
    "transformer": System("architecture", "model.architecture=transformer", ("feed_forward",)),
}
CURVES = ("lstm", "transformer")  # systems that are also trained on fewer pairs


def systems(budget: str) -> dict[str, System]:
    """All systems of a budget by name, those of the learning curves included."""
    named = dict(SYSTEMS)
    # The options of the Transformer depend on the budget.
    named["transformer"] = _changed(named["transformer"], BUDGETS[budget].transformer)
    # Learning curves: the same systems, trained on fewer pairs.
    for name in CURVES:
        for pairs in BUDGETS[budget].pairs:
            fewer = _changed(named[name], f"data.pairs={pairs}")
            named[f"{name}-{pairs}"] = fewer._replace(question="pairs")
    return named


def _changed(system, overrides):
    return system._replace(overrides=f"{system.overrides} {overrides}".strip())


def compare(
    budget: str, folder: Path, only: Sequence[str] = (), overrides: Sequence[str] = ()
) -> dict:
    """Trains and measures the systems that <folder>/compare.json lacks; returns its content.

    only: names of systems, all if empty. overrides: of the recipe, for all systems. UserError where
    the folder holds another comparison; Failure, after all others were measured, where a system
    could not be.
    """
    # 1. What is to be measured, and what the folder has of it.
    chosen = _chosen(only, systems(budget))
    options = BUDGETS[budget]
    recipe = load_recipe(builtin(options.recipe), [*options.overrides.split(), *overrides])
    new = {
        "budget": budget,
        "overrides": list(overrides),
        "recipe": dump_recipe(recipe),
        "jobs": cores(),
        "machine": about(),
        "rows": {},
    }
    comparison = _opened(folder, new, recipe)
    # 2. The systems that it lacks.
    _prepare(recipe, comparison, folder)
    rows = comparison["rows"]
    missing = {name: system for name, system in chosen.items() if name not in rows}
    _measure_systems(missing, comparison, folder)
    # 3. Gradients need the trained systems with a fixed vector, one a cell.
    fixed = [rows.get(f"{cell}-fixed", {}) for cell in COMPARED_CELLS]
    if "gradients" not in comparison and all("bleu" in row for row in fixed):
        case = {"folder": str(folder), "chain": options.chain}
        comparison["gradients"] = isolated.run("measurement", case, folder / "gradients.log")
        _save(comparison, folder)
    return comparison


def _row_line(name, row):
    """A measured system in a line."""
    if "diverged" in row:
        return f"{name}: {row['diverged']}"
    return (
        f"{name}: BLEU {row['bleu']['score']:.1f}, {row['sentences_per_second']:.0f} sentences/s, "
        f"trained at {row['tokens_per_second']:,} tokens/s"
    )


def _chosen(only, named):
    """The systems to measure, by name; UserError at a name there is not."""
    for name in only:
        if name not in named:
            hint = did_you_mean(name, named) or f"choose from {', '.join(named)}"
            raise UserError(f"no system {name}; {hint}")
    return {name: named[name] for name in only or named}


def _opened(folder, new, recipe):
    """What the folder holds so far, or `new`; UserError where it is another comparison."""
    path = folder / RESULTS
    another = "choose another folder (-o)"
    # A new comparison needs a folder of its own.
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, a folder is needed (-o)")
    if not path.exists():
        if Run(folder).holds_other_files():
            raise UserError(f"{folder} is not empty and not a comparison; {another}")
        return new
    # What is there must be this comparison.
    try:
        old = json.loads(path.read_text(encoding="utf-8"))
        if not new.keys() <= old.keys():
            raise ValueError
    except (OSError, ValueError, AttributeError):
        raise UserError(f"{path}: is no comparison, or damaged; {another}") from None
    if not _is_of(old["recipe"], recipe):
        options = " ".join(old["overrides"]) or "no options"
        budget = f"budget {old['budget']}, {options}"
        raise UserError(f"{path} holds another comparison ({budget}); {another}")
    return old


def _is_of(text, recipe):
    """Whether a stored recipe trains the same; an old one lacks options that were added later."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, RECIPE)
        path.write_text(text, encoding="utf-8")
        try:
            return not differences(load_recipe(path), recipe, resumed=False)
        except UserError:
            return False


def _save(comparison, folder):
    # Whole or not at all: a kill leaves the former rows.
    with files.atomic(folder / RESULTS) as file:
        json.dump(comparison, file, indent=1)


def _prepare(recipe, comparison, folder):
    """Writes what all systems share: compare.json, the recipe of the base, and the tokenizer."""
    Mixture(recipe.data).fetch()
    _save(comparison, folder)  # first of all: it makes the folder ours
    with files.atomic(folder / RECIPE) as file:
        file.write(dump_recipe(recipe))
    # The tokenizer lies in a run without a model.
    run = Run(folder / TOKENIZER)
    if not run.info.tokenizers:
        training_store(run, recipe)
        run.drop_cache()


def _measure_systems(named, comparison, folder):
    """Adds a row for each system; once all are measured, raises the first Failure."""
    common = {"folder": str(folder), "edges": BUDGETS[comparison["budget"]].edges}
    cases = {
        name: {
            **common,
            "name": name,
            "overrides": system.overrides.split(),
            "widths": system.widths,
        }
        for name, system in named.items()
    }
    # One failure keeps no other system from being measured.
    started = time.monotonic()
    failures = []
    for done, (name, future) in enumerate(_finished(cases, folder, comparison["jobs"]), 1):
        try:
            row = future.result()
        except Failure as failure:
            failures.append(failure)
            log.info(f"{name}: {failure}")
            continue
        # A row is saved at once: whatever comes later, it is not lost.
        comparison["rows"][name] = row
        _save(comparison, folder)
        left = (time.monotonic() - started) / done * (len(cases) - done) / 60
        log.info(f"{done} of {len(cases)}: {_row_line(name, row)}; about {left:.0f} minutes left")
    if failures:
        raise failures[0]


def _finished(cases, folder, jobs):
    """(name, future of the row) of each case as soon as it is done; `jobs` run at a time."""
    pool = ThreadPoolExecutor(jobs)
    try:
        # A thread waits for its child process.
        names = {
            pool.submit(isolated.run, "measurement", case, folder / f"{name}.log"): name
            for name, case in cases.items()
        }
        for future in as_completed(names):
            yield names[future], future
    finally:
        pool.shutdown(cancel_futures=True)  # and waits: a training that is stopped saves its state
