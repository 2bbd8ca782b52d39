"""The commands: a filter that keeps lines, and one clear line for everything that goes wrong."""

import itertools
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import nmt.evaluation.report
import nmt.inference.load
import nmt.inference.translator
import nmt.runs.folder
import nmt.runs.weights
import nmt.training.train
from nmt.corpora import toy as grammar
from nmt.corpora.corpus import Corpus
from nmt.corpora.formats import tfds
from nmt.errors import Failure, UserError
from nmt.recipe import Recipe, TokenizerOptions, dump_recipe, load_recipe
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import EOS, UNK
from tests.fakes import nmt_command

pytestmark = pytest.mark.usefixtures("load_once")

ROOT = Path(__file__).parents[2]
TOY = ROOT / "data" / "toy.toml"
SOURCES = [source for source, _ in grammar.generate("en-de", "test", 40)]


def tree(folder):
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def world(tmp_path, monkeypatch, tiny_run):
    """A working directory with files of all sorts; nothing that could reach a network."""
    monkeypatch.chdir(tmp_path)
    for name in ("NMT_DATA", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    for name, content in {
        "good.en": b"one\ntwo\nthree\n",
        "good.de": b"eins\nzwei\ndrei\n",
        "short.en": b"one\ntwo\nthree\n",
        "short.de": b"eins\nzwei\n",
        "bad.en": b"one\ntw\xff\nthree\n",
        "bad.de": b"eins\nzwei\ndrei\n",
        "empty.en": b"",
        "empty.de": b"",
        "damaged.en.gz": b"\x1f\x8bxx",
        "damaged.de.gz": b"",
        "folder/note.txt": b"not a run",
        "file": b"x",
        "old.txt": b"kept\n",
        "own.toml": b'[data]\ntrain = "good.{lang}"\n',
        "broken.toml": b"[data\n",
        "short.toml": b'[data]\ntrain = "short.{lang}"\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    for name, damaged in (
        ("weights", "*.weights.h5"),
        ("tokenizer", "*.model"),
        ("meta", "run.json"),
        ("graph", "export/encoder.onnx"),
    ):
        shutil.copytree(tiny_run, tmp_path / name)
        for path in (tmp_path / name).glob(damaged):
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(content)
    return tmp_path


MISTAKE, FAILURE = 2, 1
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
    "three runs": (["evaluate", "a", "b", "c"], b"", MISTAKE, ["two"]),
    "no run to evaluate": (["evaluate", "RUN", "no"], b"", MISTAKE, ["no: no such run folder"]),
}


@pytest.mark.parametrize("case", BAD)
def test_what_goes_wrong_is_one_clear_line(world, tiny_run, case):
    arguments, stdin, status, words = BAD[case]
    before = tree(world)
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
    assert tree(world) == before  # nothing half-written, nothing lost


def test_after_a_mistake_the_run_folder_is_free(world):
    """The mistake can be mended: the folder was not taken by the recipe that failed."""
    arguments = ["train", TOY, "data.size=60", NEW]
    assert nmt_command(*arguments, "tokenizer.vocab_size=30").status == MISTAKE
    again = nmt_command(*arguments, "tokenizer.vocab_size=31")
    assert (
        "tokenizer.vocab_size=31 is too small" in again.err and "another training" not in again.err
    )


def test_a_resumed_run_survives_a_mistake(world):
    """A corpus that has gone, or options that do not fit, take nothing from a run that exists."""
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
    monkeypatch.setattr(nmt.training.train, "train", lambda *arguments: trained.append(arguments))
    recipe = ROOT / "data" / "default.toml"
    done = nmt_command("train", recipe, "train.seed=2", "--run", "own", "--fallback", TOY)
    ((other, folder),) = trained
    assert (other, str(folder)) == (load_recipe(TOY), "runs/toy")
    assert done.status == 0 and "network" in done.err
    assert all(name in done.err.splitlines()[-1] for name in ("toy.toml", "default.toml"))


def test_debug_shows_where(world):
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
        (["translate", "RUN", "--beam", "0"], "'0' is not a whole number above 0"),
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


def test_weights_are_not_begun_without_room(tmp_path, monkeypatch):
    """HDF5 may take the whole process down when the disk fills up under it."""
    begun = []
    model = types.SimpleNamespace(count_params=lambda: 10**6, save_weights=begun.append)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=3 * 10**6))
    with pytest.raises(Failure, match=r"cannot write .*best\.weights\.h5: No space left"):
        nmt.runs.weights.write_weights(model, tmp_path / "run" / "best.weights.h5")
    assert begun == [] and tree(tmp_path) == {}


@pytest.mark.parametrize(
    "message",
    [
        "[Errno 28] Can't write data (file write failed: time = now,\nfilename = x)",
        "Unable to\nwrite",
    ],
)
def test_weights_that_cannot_be_written(tmp_path, message):
    """h5py explains itself on many lines."""

    def save_weights(path):
        Path(path).write_bytes(b"half")
        raise OSError(message)

    model = types.SimpleNamespace(count_params=lambda: 10, save_weights=save_weights)
    with pytest.raises(Failure) as caught:
        nmt.runs.weights.write_weights(model, tmp_path / "best.weights.h5")
    assert len(str(caught.value).splitlines()) == 1 and "best.weights.h5" in str(caught.value)
    assert tree(tmp_path) == {}


# A filter.


class Babbler:
    """A fake model that says what the tokenizer can spell: line breaks, symbols, special ids."""

    rows = 64

    def __init__(self, vocab, likely):
        self.rng, self.vocab, self.likely = np.random.default_rng(1), vocab, likely

    def encode(self, source):
        return {"source": source}, {}

    def take(self, memory, sentences):
        return {"source": memory["source"][sentences]}

    def advance(self, memory, state, origin, tokens, k):
        shape = len(origin), k
        ids = np.where(
            self.rng.random(shape) < 0.5,
            self.rng.choice(self.likely, shape),
            self.rng.integers(self.vocab, size=shape),
        )
        ids[:, 0] = np.where(self.rng.random(len(origin)) < 0.2, EOS, ids[:, 0])
        attention = np.ones((len(origin), memory["source"].shape[1])) / memory["source"].shape[1]
        return -np.cumsum(self.rng.random(shape) + 0.1, 1), ids, attention, state


@pytest.fixture(scope="module")
def byte_tokenizer():
    lines = itertools.chain.from_iterable(grammar.generate("en-de", "train", 200))
    return Tokenizer.train(lines, TokenizerOptions(vocab_size=500))


@pytest.fixture
def babbling(monkeypatch, byte_tokenizer):
    """Commands load a translator without Keras that babbles."""
    pieces = {byte_tokenizer.piece(i): i for i in range(byte_tokenizer.size)}
    likely = [
        pieces["<0x0A>"],
        pieces["<0x0D>"],
        pieces["\ue000"],
        pieces["\ue00b"],
        pieces["▁"],
        UNK,
    ]

    def load(*_):
        recipe = Recipe()
        recipe.search.beam = 2
        model = Babbler(byte_tokenizer.size, likely)
        return nmt.inference.translator.Translator(model, (byte_tokenizer, byte_tokenizer), recipe)

    monkeypatch.setattr(nmt.inference.load, "load", load)


ODD = [
    "\0",
    "\x01",
    "\x1b[31m",
    "\x1f",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\r",
    "\t",
    " ",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u3000",
    "\xa0",
    "e\u0301",
    "😀",
    "👨‍👩‍👧",
    "犬がいます。",
    "ß",
    "{name}",
    "%s",
    "<b>",
    "</b>",
    "https://a.b/c",
    "\ue000",
    "\ue00b",
    "\uf8ff",
    "\u202e",
    "\U0010ffff",
    "﷽",
    "①",
    "x" * 150,
    ".",
    "!",
    "。",
    "\x0b",
    "\x0c",
    "\x1c",
    "\ufffd",
    "\ufffe",
    "a",
    "dog",
    "The dog sees a cat. ",
]


def odd_lines(count, seed):
    """Lines of any Unicode but surrogates and \\n, with no \\r at the end."""
    rng = random.Random(seed)

    def character():
        code = rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x110000)])
        return chr(code) if not 0xD800 <= code < 0xE000 else "?"

    for _ in range(count):
        kind = rng.random()
        if kind < 0.1:
            line = "".join(
                rng.choice(" \t\u3000\x85\u2028\xa0\x1f\r") for _ in range(rng.randrange(4))
            )
        elif kind < 0.6:
            line = "".join(
                rng.choice(ODD) + rng.choice(["", " "]) for _ in range(rng.randint(1, 4))
            )
        else:
            line = "".join(character() for _ in range(rng.randint(1, 6)))
        yield line.rstrip("\r")


def check_filter(run, count, *arguments):
    lines, rng = list(odd_lines(count, seed=count)), random.Random(1)
    stdin = "".join(line + rng.choice(["\n", "\r\n"]) for line in lines)
    done = nmt_command("translate", run, *arguments, stdin=stdin)
    assert done.status == 0
    *out, last = done.out.split("\n")
    assert len(out) == count and last == ""
    blank = [
        (line, translated) for line, translated in zip(lines, out, strict=True) if not line.strip()
    ]
    assert len(blank) > count / 50 and all(line == translated for line, translated in blank)
    assert all(line.startswith("warning: ") for line in done.err.splitlines())


def test_a_line_is_a_line_for_any_text(tiny_run):
    check_filter(tiny_run, 2000, "--beam", 1)


def test_a_line_is_a_line_for_any_output(babbling):
    check_filter("any", 1999)


def test_json_of_any_text(babbling):
    lines = list(odd_lines(300, seed=5))
    done = nmt_command("translate", "any", "--format", "json", "--nbest", 2, stdin="\n".join(lines))
    assert [json.loads(line)["source"] for line in done.out.split("\n")[:-1]] == lines


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (b"", 0),
        (b"\n", 1),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\nb", 2),
        (b"a\n\n", 2),
        (b"\r\n\r\n", 2),
        (b"a\rb\n", 1),
        ("\ufeffa\u2028b\x85c\n".encode(), 1),
    ],
)
def test_lines_are_split_at_newlines_only(babbling, stdin, expected):
    assert nmt_command("translate", "any", stdin=stdin).out.count("\n") == expected


def test_a_very_long_line_is_translated_with_a_warning(babbling):
    for line in ("word" * 25_000, "a few words and more, " * 4_545, "犬。" * 50_000):
        done = nmt_command("translate", "any", "--beam", 1, stdin=f"short\n{line}\n")
        assert done.status == 0
        first, second, end = done.out.split("\n")
        assert end == "" and len(second) > 20 * len(first) and len(second) > 1000
        (warning,) = done.err.splitlines()
        assert warning.startswith("warning: ") and "line 2" in warning and "long" in warning


def test_the_warning_of_a_long_line_counts_from_the_first_line(babbling):
    done = nmt_command("translate", "any", "--window", 2, stdin="\n\n\n\n" + "word " * 500 + "\n")
    assert "line 5" in done.err and len(done.err.splitlines()) == 1


def test_text_may_be_an_argument(babbling, world):
    for arguments, sources in (
        (["a", "b  c"], ["a b  c"]),
        (["a\nb"], ["a", "b"]),
        ([" "], [" "]),
        (["--", "-1", "--x"], ["-1 --x"]),
        (["größe", "犬"], ["größe 犬"]),
    ):
        done = nmt_command("translate", "any", "--format", "json", *arguments, stdin=b"not read\n")
        assert [json.loads(line)["source"] for line in done.out.splitlines()] == sources


# With a model.


def test_stdout_has_translations_only(tiny_run):
    done = nmt_command("translate", tiny_run, "{name} sees a dog.")
    assert done.status == 0 and done.out.count("\n") == 1 and done.err == ""


def test_formats_agree(tiny_run, tmp_path):
    stdin = "\n".join(["", *SOURCES[:6], "  ", "\u200b", " indented {n} "]) + "\n"
    sources = stdin.split("\n")[:-1]

    def run(*arguments):
        done = nmt_command("translate", tiny_run, *arguments, stdin=stdin)
        assert done.status == 0 and done.err == ""
        return done.out.split("\n")[:-1]

    texts = run()
    assert len(set(texts)) > 6  # a model whose lines differ, or this shows nothing
    assert (texts[0], texts[7], texts[8]) == ("", "  ", "\u200b") and texts[9][0] == texts[9][
        -1
    ] == " "

    found = [json.loads(line) for line in run("--format", "json", "--nbest", 3)]
    assert [line["source"] for line in found] == sources
    assert [line["translations"][0]["translation"] for line in found] == texts
    for line in found:
        scores = [one["score"] for one in line["translations"]]
        assert all(set(one) == {"translation", "log_prob", "score"} for one in line["translations"])
        assert 1 <= len(scores) <= 3 and all(one["log_prob"] <= 0 for one in line["translations"])
    assert [len(line["translations"]) for line in found[1:7]] == [3] * 6
    assert [line["translations"] for line in (found[0], found[7])] == [
        [{"translation": text, "log_prob": 0.0, "score": 0.0}] for text in ("", "  ")
    ]

    rows = [row.split("\t", 4) for row in run("--format", "tsv", "--nbest", 3)]
    expected = [
        (n, rank, one)
        for n, line in enumerate(found, 1)
        for rank, one in enumerate(line["translations"], 1)
    ]
    assert [(int(n), int(rank), text) for n, rank, _, _, text in rows] == [
        (n, rank, one["translation"]) for n, rank, one in expected
    ]
    np.testing.assert_allclose(
        [[float(row[2]), float(row[3])] for row in rows],
        [[one["log_prob"], one["score"]] for *_, one in expected],
        atol=1e-3,
    )

    scored = [
        line.split("\t", 2) for line in run("--scores", "--attention", str(tmp_path / "a.jsonl"))
    ]
    assert [text for *_, text in scored] == texts
    attention = [
        json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["source"] for line in attention] == sources
    assert [line["translation"] for line in attention] == texts
    assert attention[0]["attention"] is None and attention[8]["attention"] is None
    for line in attention[1:7]:
        weights = np.array(line["attention"])
        assert weights.shape == (len(line["target_pieces"]), len(line["source_pieces"]))
        assert line["source_pieces"][-1] == "</s>" and "</s>" not in line["target_pieces"][:-1]
        np.testing.assert_allclose(weights.sum(1), 1, atol=0.01)


def test_nbest_alone_widens_the_beam(tiny_run):
    done = nmt_command(
        "translate", tiny_run, SOURCES[0], "--nbest", 6, "--beam", 2, "--format", "tsv"
    )
    assert [row.split("\t")[1] for row in done.out.splitlines()] == list("123456")


def test_one_line_at_a_time_gives_the_same_text(tiny_run):
    stdin = "\n".join([*SOURCES[:10], "", "{name} and %s"])
    together, alone, three = (
        nmt_command("translate", tiny_run, "--engine=keras", *window, stdin=stdin).out
        for window in ([], ["--window", 1], ["--window", 3])
    )
    assert together == alone == three


def test_score_reproduces_what_translate_printed(tiny_run, tmp_path):
    """Where the output has an end and the segmentation that the tokenizer would choose."""
    path = str(tmp_path / "attention.jsonl")
    done = nmt_command(
        "translate",
        tiny_run,
        "--engine=keras",
        "--format",
        "tsv",
        "--attention",
        path,
        stdin="\n".join(SOURCES),
    )
    rows = [row.split("\t", 4) for row in done.out.splitlines()]
    pieces = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    scored = nmt_command(
        "score",
        tiny_run,
        "--engine=keras",
        stdin="".join(f"{source}\t{row[4]}\n" for source, row in zip(SOURCES, rows, strict=True)),
    )
    assert scored.status == 0 and scored.out.count("\n") == len(rows)
    compared, target = 0, nmt.runs.folder.Run.open(tiny_run).tokenizers[1]
    for row, line, again in zip(rows, pieces, scored.out.splitlines(), strict=True):
        canonical = [target.piece(i) for i in target.encode([row[4]])[0]]
        if [*canonical, "</s>"] == line["target_pieces"]:
            compared += 1
            np.testing.assert_allclose(
                np.float64(again.split("\t")), np.float64(row[2:4]), atol=1e-3
            )
    assert compared >= 5
    (tmp_path / "pairs.tsv").write_text(
        "".join(f"{s}\t{r[4]}\n" for s, r in zip(SOURCES, rows, strict=True))
    )
    assert (
        nmt_command("score", tiny_run, "--engine=keras", "-i", tmp_path / "pairs.tsv").out
        == scored.out
    )


# Files.


def test_files_in_and_out(babbling, world):
    (world / "in.txt").write_bytes("Größe\r\n\n犬\n".encode())
    done = nmt_command("translate", "any", "-i", "in.txt", "-o", "sub/out.json", "--format", "json")
    assert (done.status, done.out, done.err) == (0, "", "")
    lines = (world / "sub/out.json").read_bytes().decode().split("\n")
    assert [json.loads(line)["source"] for line in lines[:-1]] == ["Größe", "", "犬"]
    assert [path.name for path in (world / "sub").iterdir()] == ["out.json"]


@pytest.mark.parametrize("arguments", [["-i", "bad.en"], []])
def test_an_output_is_whole_or_not_there(babbling, world, arguments):
    """Input that is bad in the middle, after windows that were translated."""
    before, stdin = tree(world), (world / "bad.en").read_bytes()
    for out in ("new.txt", "old.txt"):
        done = nmt_command(
            "translate",
            "any",
            *arguments,
            "--window",
            1,
            "-o",
            out,
            "--attention",
            "new.jsonl",
            stdin=stdin,
        )
        assert done.status == MISTAKE and "line 2" in done.err and len(done.err.splitlines()) == 1
        assert tree(world) == before


def test_an_output_need_not_be_a_plain_file(babbling, world):
    """A pipe or a device is written to, not replaced by a file; nor is a link."""
    os.mkfifo(world / "pipe")
    reader = os.open(world / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert nmt_command("translate", "any", "a", "--format", "json", "-o", "pipe").status == 0
        assert json.loads(os.read(reader, 10_000))["source"] == "a"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(os.stat(world / "pipe").st_mode)
    (world / "link").symlink_to("old.txt")
    assert nmt_command("translate", "any", "a", "--format", "json", "-o", "link").status == 0
    assert (world / "link").is_symlink() and json.loads((world / "old.txt").read_text())[
        "source"
    ] == "a"


def test_the_report_that_is_there_is_shown_only_if_it_answers(world, tiny_run, monkeypatch):
    calls, run = [], world / "run"
    shutil.copytree(tiny_run, run)
    part = {"score": 1.0, "interval": [0.5, 1.5], "signature": "s", "brevity": 1.0}
    report = {
        "split": "test",
        "beam": 3,
        "weights": nmt.runs.folder.Run.open(run).info.weights,
        "sentences": 5,
        "source": "en",
        "target": "de",
        "sentences_per_second": 1.0,
        "bleu": part,
        "chrf": part,
        "text": Corpus(load_recipe(run / "recipe.toml").data).stamp(),
        "by_length": [],
        "placeholders": {"in_sources": 0, "lost": 0},
    }
    (run / "report.json").write_text(json.dumps(report))

    def fake(run, translator, split="test", beam=None, *_):
        calls.append((split, beam))
        return {**report, "split": split, "beam": beam or 3}, []

    monkeypatch.setattr(nmt.evaluation.report, "evaluate", fake)
    monkeypatch.setattr(nmt.evaluation.report, "write_report", lambda *_: None)
    monkeypatch.setattr(nmt.evaluation.report, "compare", lambda *_: {})
    monkeypatch.setattr(nmt.inference.load, "load", lambda *_: None)
    for arguments, expected in (
        (["--once"], []),
        ([], [("test", None)]),
        (["--once", "--split", "valid"], [("valid", None)]),
        (["--once", "--beam", 1], [("test", 1)]),
        (["--once", "--beam", 3], []),
        ([str(run)], [("test", None)] * 2),
    ):
        calls.clear()
        done = nmt_command("evaluate", run, *arguments)
        assert done.status == 0 and calls == expected, arguments
        assert ("valid" if "valid" in arguments else "test") in done.out.splitlines()[0]
    for more in (["--memory"], ["--engine", "onnx"], [str(run)]):
        assert nmt_command("evaluate", run, "--once", *more).status == MISTAKE
    (run / "report.json").write_text(json.dumps({**report, "beam": 1}))
    calls.clear()
    assert nmt_command("evaluate", run, "--once").status == 0 and calls == [("test", None)]


@pytest.mark.parametrize(
    "arguments", [["evaluate"], ["evaluate", "--split", "valid"], ["filter", "--check"]]
)
def test_a_corpus_that_is_not_there_is_fetched(world, tiny_run, monkeypatch, arguments):
    """A run may be scored on another machine than the one that trained it."""
    run, asked = world / "moved", []
    shutil.copytree(tiny_run, run)
    own = load_recipe(
        run / "recipe.toml", ["data.format=tfds", "data.name=ted_hrlr_translate/pt_to_en"]
    )
    (run / "recipe.toml").write_text(dump_recipe(own), encoding="utf-8")

    def fetch(corpus):
        asked.append(corpus.data.name)
        raise Failure("no network")

    monkeypatch.setattr(Corpus, "fetch", fetch)
    done = nmt_command(arguments[0], run, *arguments[1:])
    assert (done.status, done.err.splitlines()[-1]) == (FAILURE, "nmt: no network")
    assert asked == ["ted_hrlr_translate/pt_to_en"]


# Processes.

ECHO = """
import sys
import nmt.inference.load
import nmt.inference.translator
class Echo:
    def candidates(self, window, *_, **__):
        return [[nmt.inference.translator.Translation(line)] for line in window]
nmt.inference.load.load = lambda *_: Echo()
from nmt.__main__ import main
sys.exit(main())
"""


def process(*arguments, **options):
    """A command in a process of its own; `ECHO` gives one without a model."""
    options = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        **options,
    }
    options["env"] = {**os.environ, "PYTHONPATH": str(ROOT), **options.get("env", {})}
    return subprocess.Popen([sys.executable, *map(str, arguments)], **options)


@pytest.mark.parametrize("attention", [[], ["--attention", "a.jsonl"]])
def test_a_reader_that_has_enough(tmp_path, attention):
    """As in `| head -1`."""
    lines = tmp_path / "lines.txt"
    lines.write_text("hello there\n" * 200_000)
    with open(lines, "rb") as stdin:
        command = process("-c", ECHO, "translate", "any", *attention, stdin=stdin, cwd=tmp_path)
        assert command.stdout.readline() == b"hello there\n"
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() in (0, -signal.SIGPIPE)
    assert set(tree(tmp_path)) == {"lines.txt"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_stdout_on_a_full_disk():
    with open("/dev/full", "wb") as full:
        command = process("-c", ECHO, "translate", "any", "hello", stdout=full)
        _, err = command.communicate()
    assert command.returncode == FAILURE
    assert b"No space left" in err and len(err.splitlines()) == 1


def test_no_stdin_is_needed_for_arguments():
    closing = (
        "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = process("-c", closing, "-c", ECHO, "translate", "any", "hello")
    assert command.communicate() == (b"hello\n", b"") and command.returncode == 0


C_LOCALE = {
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "",
}


def test_utf8_whatever_the_locale(tmp_path):
    text = "Größe\u2028 犬 😀 \x85"
    (tmp_path / "größe.txt").write_text(text + "\r\n", encoding="utf-8")
    command = process("-c", ECHO, "translate", "any", stdin=subprocess.PIPE, env=C_LOCALE)
    assert command.communicate(text.encode())[0].decode() == text + "\n"
    command = process("-c", ECHO, "translate", "any", "Größe", "犬", env=C_LOCALE)
    assert command.communicate()[0].decode() == "Größe 犬\n"
    command = process(
        "-c",
        ECHO,
        "translate",
        "any",
        "-i",
        "größe.txt",
        "-o",
        "犬.txt",
        env=C_LOCALE,
        cwd=tmp_path,
    )
    assert command.communicate() == (b"", b"")
    assert (tmp_path / "犬.txt").read_text(encoding="utf-8") == text + "\n"


def test_a_model_whatever_the_locale_and_the_folder(tiny_run, tmp_path):
    """A run folder that was moved, opened from elsewhere, translates alike in a fresh process."""
    moved = tmp_path / "Größe 犬"
    shutil.copytree(tiny_run, moved)
    text = SOURCES[0] + "\n{größe}\n"
    here = nmt_command("translate", tiny_run, stdin=text)
    command = process("-m", "nmt", "translate", moved, stdin=subprocess.PIPE, env=C_LOCALE, cwd="/")
    out, err = command.communicate(text.encode())
    assert (command.returncode, err.decode(), out.decode()) == (0, "", here.out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["translate", "--help"],
        ["--version"],
        ["train", "no.toml"],
        ["translate", "no-run", "--stream"],
    ],
)
def test_help_and_mistakes_need_no_tensorflow(arguments):
    code = """
import sys, time
from nmt.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
heavy = [name for name in ("tensorflow", "keras", "sacrebleu") if name in sys.modules]
print(heavy, time.process_time())
"""
    out, err = process("-c", code, *arguments).communicate()
    heavy, _, seconds = out.decode().splitlines()[-1].rpartition(" ")
    assert heavy == "[]" and float(seconds) < 1
    assert err.count(b"\n") == (arguments[-1] in ("no.toml", "--stream"))
    if arguments == ["--help"]:
        names = "train", "translate", "evaluate", "score", "filter", "fetch", "options"
        assert all(f"  {name} " in out.decode() for name in names)
