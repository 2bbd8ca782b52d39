"""One clear line for everything that goes wrong; nothing half-written, nothing lost."""

import itertools
import json
import os
import types
from pathlib import Path

import pytest

from nmt.corpora.formats import tfds
from nmt.errors import Failure, UserError
from nmt.recipe import load_recipe
from tests.fakes import nmt_command, tree

pytestmark = pytest.mark.usefixtures("load_once")

ROOT = Path(__file__).parents[2]
TOY = ROOT / "data" / "toy.toml"
MISTAKE = 2
FAILURE = 1


NEW = "--run=new"
# arguments ("RUN": a good run folder), stdin, exit status, what the line must name
BAD = {
    "missing recipe": (["train", "no.toml"], b"", MISTAKE, ["no.toml", "no such recipe"]),
    "folder for a recipe": (["train", "folder"], b"", MISTAKE, ["folder", "is a folder"]),
    "file for a folder": (["train", "file/x.toml", NEW], b"", MISTAKE, ["file/x.toml"]),
    "broken recipe": (["train", "broken.toml", NEW], b"", MISTAKE, ["broken.toml", "line 1"]),
    "missing corpus": (
        ["train", "own.toml", "data.train=no.{lang}", NEW],
        b"",
        MISTAKE,
        ["no.en", "no such file"],
    ),
    "folder for a corpus": (
        ["train", "own.toml", "data.format=tsv", "data.train=folder", NEW],
        b"",
        MISTAKE,
        ["folder", "is a folder"],
    ),
    "line counts": (
        ["train", "short.toml", NEW],
        b"",
        MISTAKE,
        ["short.en", "3 lines", "short.de", "2"],
    ),
    "corpus not UTF-8": (
        ["train", "own.toml", "data.train=bad.{lang}", NEW],
        b"",
        MISTAKE,
        ["bad.en", "line 2", "UTF-8"],
    ),
    "damaged gzip": (
        ["train", "own.toml", "data.train=damaged.{lang}.gz", NEW],
        b"",
        MISTAKE,
        ["damaged.en.gz", "damaged gzip"],
    ),
    "empty corpus": (
        ["train", "own.toml", "data.train=empty.{lang}", NEW],
        b"",
        MISTAKE,
        ["empty.{lang}", "no train pair"],
    ),
    "vocabulary too small": (
        ["train", TOY, "data.size=60", "tokenizer.vocab_size=30", NEW],
        b"",
        MISTAKE,
        ["tokenizer.vocab_size=30", "raise it"],
    ),
    "unknown option": (
        ["train", TOY, "train.epoch=3", NEW],
        b"",
        MISTAKE,
        ["train.epoch,", "did you mean train.epochs"],
    ),
    "two unknown options": (
        ["train", TOY, "train.epoch=3", "model.cel=gru", NEW],
        b"",
        MISTAKE,
        ["toy.toml", "train.epochs", "model.cell"],
    ),
    "option without effect": (
        ["train", TOY, "train.weight_decay=0.1", NEW],
        b"",
        MISTAKE,
        ["train.weight_decay", "train.optimizer=adamw"],
    ),
    "wrong type": (
        ["train", TOY, "train.epochs=many", NEW],
        b"",
        MISTAKE,
        ["train.epochs='many'", "whole number"],
    ),
    "no value": (
        ["train", TOY, "train.epochs", NEW],
        b"",
        MISTAKE,
        ["train.epochs", "section.key=value"],
    ),
    "another recipe's run": (
        ["train", TOY, "--run=weights"],
        b"",
        MISTAKE,
        ["weights holds another training", "data.size: 300 there, 10000 here"],
    ),
    "another folder": (
        ["train", TOY, "--run=folder"],
        b"",
        MISTAKE,
        ["folder", "not a run folder"],
    ),
    "a file for a run": (["train", TOY, "--run=file"], b"", MISTAKE, ["file", "folder"]),
    "no run to start from": (
        ["train", TOY, "train.from=no", NEW],
        b"",
        MISTAKE,
        ["no: no such run folder"],
    ),
    "no tokenizer to use": (
        ["train", TOY, "data.size=60", "tokenizer.from=no", NEW],
        b"",
        MISTAKE,
        ["no: no run folder"],
    ),
    "unreachable address": (
        ["train", "own.toml", "data.train=x.{lang}", "data.url=http://127.0.0.1:9/", NEW],
        b"",
        FAILURE,
        ["http://127.0.0.1:9/x.en", "network"],
    ),
    "unreachable package index": (
        ["fetch", ROOT / "data/default.toml"],
        b"",
        FAILURE,
        ["homeassistant", "network", "NMT_DATA"],
    ),
    "no run": (["translate", "no", "text"], b"", MISTAKE, ["no: no such run folder"]),
    "a folder that is no run": (
        ["translate", "folder", "text"],
        b"",
        MISTAKE,
        ["folder", "run.json"],
    ),
    "damaged weights": (
        ["translate", "weights", "text", "--engine=keras"],
        b"",
        FAILURE,
        ["weights", ".weights.h5", "damaged"],
    ),
    "damaged graph": (
        ["translate", "graph", "text"],
        b"",
        FAILURE,
        ["graph", "encoder.onnx", "damaged"],
    ),
    "damaged tokenizer": (
        ["translate", "tokenizer", "text"],
        b"",
        FAILURE,
        ["tokenizer.model", "damaged"],
    ),
    "confidence of a run that has none": (
        ["translate", "RUN", "--min-confidence=80", "text"],
        b"",
        MISTAKE,
        ["no confidence yet", "--split valid"],
    ),
    "damaged run.json": (["translate", "meta", "text"], b"", FAILURE, ["run.json", "damaged"]),
    "missing input": (
        ["translate", "RUN", "-i", "no.txt"],
        b"",
        MISTAKE,
        ["no.txt", "no such file"],
    ),
    "folder for an input": (
        ["translate", "RUN", "-i", "folder"],
        b"",
        MISTAKE,
        ["folder", "is a folder"],
    ),
    "input not UTF-8": (
        ["translate", "RUN", "-i", "bad.en", "-o", "new.txt"],
        b"",
        MISTAKE,
        ["bad.en", "line 2"],
    ),
    "stdin not UTF-8": (
        ["translate", "RUN", "-o", "new.txt"],
        b"a\nb\n\xe4\n",
        MISTAKE,
        ["line 3", "UTF-8"],
    ),
    "catalogue for text": (
        ["translate", "RUN", "-o", "new.po"],
        b'msgid ""\nmsgstr ""\n\nmsgid "a"\nmsgstr "b"\n',
        MISTAKE,
        ["input", "PO", "lines of text"],
    ),
    "argument not UTF-8": (["translate", "RUN", "a", "gr\udcfcn"], b"", MISTAKE, ["UTF-8"]),
    "folder for an output": (
        ["translate", "RUN", "text", "-o", "folder"],
        b"",
        MISTAKE,
        ["folder", "is a folder"],
    ),
    "output below a file": (
        ["translate", "RUN", "text", "-o", "file/x"],
        b"",
        FAILURE,
        ["cannot write file/x"],
    ),
    "two inputs": (["translate", "RUN", "text", "-i", "good.en"], b"", MISTAKE, ["--input"]),
    "n-best as text": (
        ["translate", "RUN", "text", "--nbest", "2"],
        b"",
        MISTAKE,
        ["--nbest", "--format"],
    ),
    "scores twice": (
        ["translate", "RUN", "text", "--scores", "--format", "json"],
        b"",
        MISTAKE,
        ["--scores", "json"],
    ),
    "score without a tab": (
        ["score", "RUN", "-i", "good.en"],
        b"",
        MISTAKE,
        ["good.en", "line 1", "tab"],
    ),
    "stdin to score": (["score", "RUN"], b"a\tb\nc\n", MISTAKE, ["line 2", "tab"]),
    "no run to evaluate": (["evaluate", "RUN", "no"], b"", MISTAKE, ["no: no such run folder"]),
    "a source without references": (
        ["evaluate", "RUN", "--source", "good.en"],
        b"",
        MISTAKE,
        ["--reference"],
    ),
    "references that do not pair up": (
        ["evaluate", "RUN", "--source", "short.en", "--reference", "short.de"],
        b"",
        MISTAKE,
        ["short.en has 3 lines", "short.de has 2"],
    ),
    "nothing to score": (
        ["evaluate", "RUN", "--source", "empty.en", "--reference", "empty.de"],
        b"",
        MISTAKE,
        ["empty.en", "no pair"],
    ),
    "two texts to score": (
        ["evaluate", "RUN", "--source=good.en", "--reference=good.de", "data.test=good.{lang}"],
        b"",
        MISTAKE,
        ["data.test", "--source"],
    ),
    "a text of its own and a split": (
        ["evaluate", "RUN", "data.test=good.{lang}", "--split=valid"],
        b"",
        MISTAKE,
        ["--split"],
    ),
    "options that name no text": (
        ["evaluate", "RUN", "data.format=tsv"],
        b"",
        MISTAKE,
        ["data.test"],
    ),
    "options that do not describe a text": (
        ["evaluate", "RUN", "search.beam=2"],
        b"",
        MISTAKE,
        ["search.beam=2", "[data]"],
    ),
    "a text to score without a run": (
        ["evaluate", "data.test=good.{lang}"],
        b"",
        MISTAKE,
        ["run folder is missing"],
    ),
    "a memory that is not there": (
        ["translate", "RUN", "text", "--memory=nosuch"],
        b"",
        MISTAKE,
        ["nosuch: no such file or folder"],
    ),
    "a glossary that is not there": (
        ["translate", "RUN", "text", "--glossary=no.tsv"],
        b"",
        MISTAKE,
        ["no.tsv", "no such file"],
    ),
    "a memory of no format": (
        ["translate", "RUN", "text", "--memory=old.txt"],
        b"",
        MISTAKE,
        ["old.txt", ".tmx"],
    ),
    "a glossary with a mistake": (
        ["evaluate", "RUN", "--source=good.en", "--reference=good.de", "--glossary=two.tsv"],
        b"",
        MISTAKE,
        ["two.tsv, line 2", "source TAB target"],
    ),
    "a text to score that is not there": (
        ["evaluate", "RUN", "data.test=no.tmx", "data.format=tmx"],
        b"",
        MISTAKE,
        ["no.tmx", "no such file"],
    ),
}


@pytest.mark.parametrize(
    "arguments",
    [["translate", "RUN", "text", "--glossary="], ["fill", "RUN", "a.po", "--memory", ""]],
)
def test_an_empty_path_is_a_mistake(arguments):
    done = nmt_command(*arguments)
    assert done.status == 2 and "'' names no file" in done.err and not done.out


@pytest.mark.parametrize("case", BAD)
def test_what_goes_wrong_is_one_clear_line(damaged_world, tiny_run, case):
    arguments, stdin, status, words = BAD[case]
    before = tree(damaged_world)
    done = nmt_command(*(tiny_run if a == "RUN" else a for a in arguments), stdin=stdin)
    assert done.status == status, done.err
    assert done.out == ""
    lines = done.err.splitlines()
    progress = list(itertools.takewhile(lambda line: not line.startswith("nmt: "), lines))
    assert all(line.startswith(("corpus:", "tokenizer:", "fetching ")) for line in progress)
    first, *listing = lines[len(progress) :]
    assert all(line.startswith("  ") for line in listing)
    assert first == first.rstrip()
    for word in words:
        assert word in "\n".join([first, *listing])
    assert "Traceback" not in done.err and "Error" not in done.err
    assert len(first) < 300
    assert tree(damaged_world) == before  # nothing half-written, nothing lost


def test_after_a_mistake_the_run_folder_is_free(world):
    """The mistake can be mended: the folder was not taken by the recipe that failed."""
    arguments = ["train", TOY, "data.size=60", NEW]
    assert nmt_command(*arguments, "tokenizer.vocab_size=30").status == MISTAKE
    again = nmt_command(*arguments, "tokenizer.vocab_size=31")
    assert (
        "tokenizer.vocab_size=31 is too small" in again.err and "another training" not in again.err
    )


def test_a_resumed_run_survives_a_mistake(damaged_world):
    """A corpus that has gone, or options that do not fit, take nothing from a run that exists."""
    world = damaged_world
    recipe = (world / "weights" / "recipe.toml").read_text()
    before = tree(world)
    (world / "again.toml").write_text(recipe.replace("size = 300", "size = 301"))
    done = nmt_command("train", "again.toml", "--run=weights")
    assert done.status == MISTAKE and "data.size: 300 there, 301 here" in done.err
    (world / "again.toml").unlink()
    assert tree(world) == before


def test_no_network_for_tfds(world, monkeypatch):
    fake = types.SimpleNamespace(
        is_prepared=lambda: False, url_infos={"http://127.0.0.1:9/set.tgz": None}
    )
    monkeypatch.setattr(tfds, "open_set", lambda name, folder: fake)
    (world / "set.toml").write_text(
        '[data]\nformat = "tfds"\nname = "ted_hrlr_translate/pt_to_en"\n'
    )
    before = tree(world)
    done = nmt_command("train", "set.toml", NEW)
    assert done.status == FAILURE and done.err.startswith("nmt: ted_hrlr_translate/pt_to_en: ")
    assert "127.0.0.1:9" in done.err and "network" in done.err and len(done.err.splitlines()) == 1
    assert tree(world) == before


def test_another_recipe_may_stand_in_for_one_that_cannot_be_fetched(world, monkeypatch):
    trained = []
    monkeypatch.setattr("nmt.training.train.train", lambda *arguments: trained.append(arguments))
    recipe = ROOT / "data" / "default.toml"
    done = nmt_command("train", recipe, "train.seed=2", "--run", "own", "--fallback", TOY)
    ((other, folder),) = trained
    assert (other, str(folder)) == (load_recipe(TOY), "runs/toy")
    assert done.status == 0 and "network" in done.err
    assert all(name in done.err.splitlines()[-1] for name in ("toy.toml", "default.toml"))


def test_debug_shows_where(damaged_world):
    with pytest.raises(UserError):
        nmt_command("train", "no.toml", "--debug")
    with pytest.raises(Failure):
        nmt_command("translate", "meta", "text", "--debug")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["nonsense"], "'nonsense'"),
        (["train"], "required: recipe;"),
        (["translate"], "required: run"),
        (["train", "toy.toml", "--no-such-option"], "--no-such-option"),
        (["translate", "RUN", "--bean", "3"], "did you mean --beam?"),
        (["score", "RUN", "text"], "too much: text"),
        (["translate", "RUN", "--beam", "0"], "'0' is not a whole number from 1 to 100"),
        (["translate", "RUN", "--beam", "1.5"], "'1.5' is not a whole number from 1 to 100"),
        (["translate", "RUN", "--beam", str(10**9)], "is not a whole number from 1 to 100"),
        (["translate", "RUN", "--nbest", "101"], "'101' is not a whole number from 1 to 100"),
        (["translate", "RUN", "--threads=-3"], "'-3' is not a whole number from 0 to 1,024"),
        (["generate", "RUN", "--seed", "True"], "'True' is not a whole number from 0"),
        (["translate", "RUN", "--min-confidence=101"], "'101' is not a number from 0 to 100"),
        (["generate", "RUN", "--temperature", "nan"], "'nan' is not a number from 0 to 1,000"),
        (["translate", "RUN", "--window", "x"], "'x' is not a whole number above 0"),
        (["filter", "RUN", "--share", "2"], "'2' is not a share between 0 and 1"),
        (["filter", "RUN", "--threshold", "nan"], "'nan' is not a number"),
        (["filter", "RUN", "--check", "-o", "curve.tiff"], "curve.tiff: a picture's name ends in"),
    ],
)
def test_a_misspelt_command_gets_one_line(world, arguments, said):
    done = nmt_command(*arguments)
    assert done.status == MISTAKE and done.out == ""
    assert done.err.startswith("nmt") and said in done.err and len(done.err.splitlines()) == 1


@pytest.mark.parametrize("number", range(5))
def test_options_may_stand_anywhere(world, tiny_run, babbling, number):
    arguments = [str(tiny_run), "a", "b"]
    arguments[number:number] = ["--format", "json"]
    if number == 4:
        arguments = ["--format=json", str(tiny_run), "--beam", "2", "a", "--window", "3", "b"]
    done = nmt_command("translate", *arguments)
    assert (done.status, json.loads(done.out)["source"]) == (0, "a b")
    recipe = [TOY, "model.cell=gruu", "train.epoch=3"]
    recipe[number:number] = [NEW]
    err = nmt_command("train", *recipe).err
    assert "did you mean gru?" in err and "did you mean train.epochs?" in err


# Full disks.


def no_room(*_):
    raise OSError(28, os.strerror(28))


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_full_disk(world, tiny_run, monkeypatch, babbling, name):
    before = tree(world)
    monkeypatch.setattr(os, name, no_room)
    for arguments, words in (
        (["translate", tiny_run, "text", "-o", "old.txt"], ["cannot write old.txt"]),
        (["translate", tiny_run, "text", "--attention", "a.jsonl"], ["cannot write a.jsonl"]),
        (["train", TOY, "data.size=60", NEW], ["cannot write new"]),
    ):
        done = nmt_command(*arguments)
        assert (
            done.status == FAILURE
            and done.err.startswith("nmt: ")
            and len(done.err.splitlines()) == 1
        )
        assert all(word in done.err for word in [*words, "No space left", "free some space"])
        assert tree(world) == before
