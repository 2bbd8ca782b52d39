"""`nmt compare`: systems that differ in one thing each, trained on one corpus with equal budgets, and measured.

Equal are the text, the vocabulary, the updates and the pieces they see, the seed and, within a few per cent, the
number of weights: where a system would have more or fewer than the base, its layers are made narrower or wider.
Every system is an ordinary run folder, trained in a process of its own on one thread (nmt/experiments/measurement.py), as many at
a time as there are cores. Rows are kept in compare.json as they come: stopped and started again, the
comparison goes on. Scores are those of validation text; test text is never read.
"""

import dataclasses
import json
import logging
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from nmt import files
from nmt.corpora.corpus import Corpus
from nmt.errors import Failure, UserError, did_you_mean
from nmt.experiments import isolated as child
from nmt.experiments.measurement import CELLS, RECIPE, TOKENIZER
from nmt.machine import about, cores
from nmt.recipe import builtin, dump_recipe, load_recipe
from nmt.runs.folder import Run
from nmt.training.prepare import training_store

log = logging.getLogger(__name__)

RESULTS = "compare.json"


@dataclasses.dataclass(frozen=True)
class Budget:
    """One corpus, and how much training on it all systems have."""

    recipe: str  # a built-in one
    overrides: str  # of the recipe, for all systems
    transformer: str  # the shape of the Transformer but for the width of its feed-forward networks
    pairs: tuple  # training pairs of the learning curves, besides all there are
    edges: tuple  # source lengths that BLEU is told apart by, words
    chain: int  # target pieces that gradients go back over


BUDGETS = {
    "small": Budget(
        "toy",
        "data.size=4000 data.sentences=3 tokenizer.vocab_size=600 "
        "model.embedding=64 model.encoder_units=64 model.decoder_units=128 model.attention_units=64 "
        "train.steps=300 train.valid_every=150 train.warmup_steps=50 train.precision=float32",
        "model.encoder_layers=2 model.decoder_layers=2",
        pairs=(400, 1200),
        edges=(6, 12, 18, 24, 30),
        chain=24,
    ),
    "full": Budget(
        "multi30k-en-de",
        "model.embedding=128 model.encoder_units=128 model.decoder_units=256 model.attention_units=128 "
        "model.dropout=0.3 train.batch_tokens=1024 train.steps=1000 train.valid_every=200 train.average=0",
        "model.encoder_layers=4 model.decoder_layers=4",
        pairs=(1000, 3000, 10_000),
        edges=(8, 10, 12, 15, 20),
        chain=20,
    ),
}


@dataclasses.dataclass(frozen=True)
class System:
    """What a row of the table is about, how its recipe differs, and the widths that even out the weights."""

    question: str
    overrides: str = ""
    widths: tuple = ("encoder_units", "decoder_units")


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


def systems(budget):
    """All systems of a budget by name, those of the learning curves included."""
    out = dict(SYSTEMS)
    shape = BUDGETS[budget].transformer
    out["transformer"] = changed(out["transformer"], shape)
    for name in CURVES:
        for pairs in BUDGETS[budget].pairs:
            out[f"{name}-{pairs}"] = changed(out[name], f"data.pairs={pairs}", question="pairs")
    return out


def changed(system, overrides, **more):
    return dataclasses.replace(system, overrides=f"{system.overrides} {overrides}".strip(), **more)


def compare(budget, folder, only=(), overrides=()):
    """Trains and measures the systems that <folder>/compare.json lacks; returns all it then holds (a dict).

    only: names of systems; all without. overrides: of the recipe, for all systems. Raises UserError where the
    folder holds another comparison.
    """
    folder = Path(folder)
    chosen = _chosen(only, systems(budget))
    recipe = load_recipe(
        builtin(BUDGETS[budget].recipe), [*BUDGETS[budget].overrides.split(), *overrides]
    )
    found = _opened(
        folder,
        {
            "budget": budget,
            "overrides": list(overrides),
            "recipe": dump_recipe(recipe),
            "jobs": cores(),
            "machine": about(),
            "rows": {},
        },
    )
    _prepare(recipe, found, folder)
    cases = {
        name: {
            "folder": str(folder),
            "name": name,
            "overrides": system.overrides.split(),
            "widths": system.widths,
            "edges": BUDGETS[budget].edges,
        }
        for name, system in chosen.items()
        if name not in found["rows"]
    }
    started = time.monotonic()
    failures = []
    for done, (name, future) in enumerate(_measured(cases, folder, found["jobs"]), 1):
        try:
            found["rows"][name] = future.result()
        except Failure as error:  # the others are measured all the same
            failures.append(error)
            log.info(f"{name}: {error}")
            continue
        _keep(found, folder)
        left = (time.monotonic() - started) / done * (len(cases) - done) / 60
        log.info(
            f"{done} of {len(cases)}: {line(name, found['rows'][name])}; about {left:.0f} minutes left"
        )
    if failures:
        raise failures[0]
    fixed = [found["rows"].get(f"{cell}-fixed", {}) for cell in CELLS]
    if "gradients" not in found and all("bleu" in row for row in fixed):
        case = {"folder": str(folder), "chain": BUDGETS[budget].chain}
        found["gradients"] = child.run("measurement", case, folder / "gradients.log")
        _keep(found, folder)
    return found


def _chosen(only, known):
    for name in only:
        if name not in known:
            hint = did_you_mean(name, known) or f"choose from {', '.join(known)}"
            raise UserError(f"no system {name}; {hint}")
    return {name: known[name] for name in only or known}


def _opened(folder, new):
    """What the folder holds so far; UserError where it is another comparison."""
    path = folder / RESULTS
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, a folder is needed (-o)")
    if not path.exists():
        if Run(folder).holds_else():
            raise UserError(
                f"{folder} is not empty and not a comparison; choose another folder (-o)"
            )
        return new
    try:
        former = json.loads(path.read_text(encoding="utf-8"))
        if not new.keys() <= former.keys():
            raise ValueError
    except (OSError, ValueError, AttributeError):
        raise UserError(
            f"{path}: is no comparison, or damaged; choose another folder (-o)"
        ) from None
    if tomllib.loads(former["recipe"]) != tomllib.loads(new["recipe"]):
        options = " ".join(former["overrides"]) or "no options"
        raise UserError(
            f"{path} holds another comparison (budget {former['budget']}, {options}); choose another "
            "folder (-o)"
        )
    return former


def _keep(found, folder):
    with files.atomic(folder / RESULTS) as file:
        json.dump(found, file, indent=1)


def _prepare(recipe, found, folder):
    """compare.json, the recipe of the base, which the others start from, and the tokenizer that all share."""
    Corpus(recipe.data).fetch()
    _keep(found, folder)  # first of all: it makes the folder ours
    with files.atomic(folder / RECIPE) as file:
        file.write(dump_recipe(recipe))
    run = Run(folder / TOKENIZER)
    if not run.info.tokenizers:
        training_store(run, recipe)
        run.drop_cache()


def _measured(cases, folder, jobs):
    """(name, finished future of the row) of each case, as they are done."""
    pool = ThreadPoolExecutor(jobs)
    try:
        work = {
            pool.submit(child.run, "measurement", case, folder / f"{name}.log"): name
            for name, case in cases.items()
        }
        for future in as_completed(work):
            yield work[future], future
    finally:
        pool.shutdown(cancel_futures=True)  # and waits: a training that is stopped saves its state


def line(name, row):
    """A measured system in a line."""
    if "diverged" in row:
        return f"{name}: {row['diverged']}"
    return (
        f"{name}: BLEU {row['bleu']['score']:.1f}, {row['sentences_per_second']:.0f} sentences/s, trained at "
        f"{row['tokens_per_second']:,} tokens/s"
    )
