"""Training text in shards: the same text and tokenizers, whole or not there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nmt
from nmt.batches import store as stores
from nmt.errors import UserError
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training import prepare
from nmt.training.prepare import training_store
from tests.fakes import messages
from tests.small_shards import BEGIN, RECIPE

# In a process of its own, as one with TensorFlow prepares alone.
SCRIPT = f"""{BEGIN}
import os, sys
begin = processes._begin

def counted(*arguments):
    print("forked", flush=True)
    begin(*arguments)

processes._begin = counted
recipe = load_recipe(sys.argv[1], ["train.threads=" + sys.argv[3]])
run = Run(sys.argv[2])
run.save_recipe(recipe)
prepare.training_store(run, recipe)
"""


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """(run, store) of the same text, in one folder and in five shards."""

    def of(name):
        run = Run(tmp_path / name)
        run.save_recipe(recipe)
        return run, training_store(run, recipe)

    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe = load_recipe(tmp_path / "recipe.toml")
    whole = of("whole")
    monkeypatch.setattr(stores, "SHARD", 13)
    monkeypatch.setattr(prepare, "CHUNK", 7)
    return whole, of("shards")


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_shards_have_the_same_text(prepared):
    (whole, one), (parts, many) = prepared
    assert (len(one.shards), len(many.shards)) == (1, 5)
    for name in ("corpus_sha256", "tokenizer_sha256", "profile_sha256", "pairs", "held_out"):
        assert getattr(parts.info, name) == getattr(whole.info, name)
    for side in (0, 1):
        assert many.text(side, range(60)) == one.text(side, range(60))


def test_a_lost_shard_is_prepared_again(prepared):
    _, (run, _) = prepared
    before = contents(run.cache)
    shutil.rmtree(run.cache / "0002")
    assert len(training_store(run, run.recipe).shards) == 5
    assert contents(run.cache) == before


def test_shards_come_back_when_a_new_beginning_fails(prepared):
    _, (run, _) = prepared
    before = contents(run.cache)
    with pytest.raises(UserError, match="no"), run.renewed():
        assert not run.cache.exists()
        stores.write_text([("other", "text")] * 30, run.cache)
        raise UserError("no")
    assert contents(run.cache) == before
    run.drop_cache()
    assert not run.cache.exists()


@pytest.mark.parametrize("shared", [0, 3])
def test_training_text_that_is_measured_on_is_told(tmp_path, shared):
    pairs = [f"the dog {n}\tder Hund {n}\n" for n in range(60)]
    (tmp_path / "train.tsv").write_text("".join(pairs))
    for n, name in enumerate(("valid.tsv", "test.tsv")):
        lines = pairs[n:shared:2] + ["another dog\tein anderer Hund\n"]
        (tmp_path / name).write_text("".join(lines).upper())
    files = [f"data.{name}={tmp_path / name}.tsv" for name in ("train", "valid", "test")]
    recipe = load_recipe(None, ["data.format=tsv", *files, "tokenizer.vocab_size=320"])
    run = Run(tmp_path / "run")
    run.save_recipe(recipe)
    with messages() as lines:
        store = training_store(run, recipe)
    told = [line for line in lines if "stand in validation or test text" in line]
    assert store.pairs == 60 and len(told) == bool(shared)
    assert not shared or "3 training pairs" in told[0]


def test_any_number_of_processes_prepares_the_same_files(tmp_path):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    texts = []
    for threads, forked in ((1, 0), (3, 6)):  # for the text, and for the ids
        folder = tmp_path / str(threads)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, tmp_path / "recipe.toml", folder, str(threads)],
            env={**os.environ, "PYTHONPATH": str(Path(nmt.__file__).parents[1])},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("forked") == forked
        files = {str(path.relative_to(folder)): data for path, data in contents(folder).items()}
        files["recipe.toml"] = re.sub(rb"threads = \d", b"", files["recipe.toml"])
        texts.append(files)
    assert texts[0] == texts[1]
    assert "cache/0002/target.ids" in texts[0]
