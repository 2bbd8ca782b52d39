"""Every option of [train], [tokenizer] and [search] trains, saves and loads."""

import dataclasses
import tomllib

import numpy as np
import pytest

from nmt.inference.load import load, load_generator
from nmt.recipe import SearchOptions, TokenizerOptions, TrainOptions, load_recipe
from nmt.runs.folder import Run
from nmt.training.train import train

TINY = """\
[data]
format = "grammar"
size = 50

[tokenizer]
vocab_size = 140
byte_fallback = false

[model]
cell = "rnn"
bidirectional = false
embedding = 8
encoder_units = 8
decoder_units = 8
attention_units = 8

[train]
steps = 2
average = 0
valid_sentences = 3
threads = 1
"""
# Each trains two steps. A row may name the runs of the rows before it.
ROWS = {
    "adamw, wait-k": (
        "train.optimizer=adamw",
        "train.weight_decay=0.1",
        "train.decay=inverse_sqrt",
        "train.learning_rate=1e-2",
        "train.warmup_steps=1",
        "train.clip_norm=0",
        "train.label_smoothing=0",
        "train.precision=float32",
        "train.metric=chrf",
        "train.seed=7",
        "train.batch_tokens=256",
        "train.log_every=1",
        "train.wait=1",
        "train.wait_to=3",
        "train.save_minutes=0",
        "tokenizer.kind=bpe",
        "tokenizer.vocab_size=120",
        "tokenizer.normalization=nfkc",
        "tokenizer.character_coverage=0.99",
        "search.beam=2",
        "search.length_penalty=0.5",
        "search.max_ratio=1",
        "search.max_extra=3",
    ),
    "bfloat16": (
        "train.precision=bfloat16",
        "train.decay=none",
        "train.patience=1",
        "train.valid_every=1",
        "train.average=2",
        "tokenizer.kind=unigram",
        "tokenizer.joint=false",
        "tokenizer.byte_fallback=true",
        "tokenizer.vocab_size=420",
        "tokenizer.normalization=none",
    ),
    "epochs, parts of batches": (
        "train.steps=0",
        "train.epochs=1",
        "train.batch_tokens=3000",
        "train.threads=2",
    ),
    "language model": (
        "model.architecture=language_model",
        "train.streams=3",
        "train.bptt=50",
        "tokenizer.from=RUN epochs, parts of batches",
    ),
    "another vocabulary": (
        "train.from=RUN epochs, parts of batches",
        "tokenizer.own=true",
        "tokenizer.vocab_size=130",
    ),
    "reverse": ("data.source=de", "data.target=en", "train.steps=1"),
    "fine-tuned, fused and ranked": (
        "train.from=RUN epochs, parts of batches",
        "train.corrections=3",
        "search.lm=RUN language model",
        "search.lm_weight=0.3",
        "search.reverse=RUN reverse",
        "search.reverse_weight=0.5",
    ),
}


@pytest.fixture(scope="module")
def run_of(once, tmp_path_factory):
    """run_of(name): the recipe of a row and its run, which is trained once."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY)

    def made(name):
        overrides = []
        for option in ROWS[name]:
            before, is_run, other = option.partition("RUN ")
            overrides.append(f"{before}{made(other)[1].path}" if is_run else option)
        recipe = load_recipe(path, overrides)
        return recipe, Run(once(name, lambda folder: train(recipe, folder, export=False)))

    return made


def test_the_table_has_every_option_and_choice():
    used = {}
    for section, options in tomllib.loads(TINY).items():
        for name, value in options.items():
            used[f"{section}.{name}"] = {value}
    for row in ROWS.values():
        for option in row:
            name, _, value = option.partition("=")
            used.setdefault(name, set()).add(value)
    sections = {"train": TrainOptions, "tokenizer": TokenizerOptions, "search": SearchOptions}
    for section, options in sections.items():
        for field in dataclasses.fields(options):
            name = f"{section}.{field.name.removesuffix('_')}"
            assert name in used, name
            choices = set(field.metadata["choices"] or ()) - {field.default}
            assert choices <= used[name], name


@pytest.mark.parametrize("name", ROWS)
def test_every_option_trains_saves_and_loads(run_of, name):
    recipe, run = run_of(name)
    assert run.info.complete and 1 <= run.info.step <= 2
    recorded = Run(run.path).recipe
    assert recorded.train == recipe.train and recorded.search == recipe.search
    if name == "language model":
        assert np.isfinite(load_generator(run.path).perplexity(["Der Hund."])["perplexity"])
    else:
        assert len(load(run.path, engine="keras").translate(["The boy reads a book."])) == 1
