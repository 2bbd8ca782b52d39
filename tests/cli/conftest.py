"""A world that commands go wrong in, and a translator that babbles."""

import itertools
import os
import shutil

import numpy as np
import pytest

import nmt.inference.translator
from nmt.corpora import toy as grammar
from nmt.decoding.contract import FromDistribution
from nmt.recipe import Recipe, TokenizerOptions
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import EOS, UNK
from tests.damage import flip


@pytest.fixture
def world(tmp_path, monkeypatch):
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
        "two.tsv": b"one\teins\ntwo\n",
        "own.toml": b'[data]\ntrain = "good.{lang}"\n',
        "broken.toml": b"[data\n",
        "short.toml": b'[data]\ntrain = "short.{lang}"\n',
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return tmp_path


@pytest.fixture(scope="module")
def damaged_runs(tmp_path_factory, tiny_run):
    """A folder with runs that each have something damaged."""
    folder = tmp_path_factory.mktemp("damaged")
    unneeded = shutil.ignore_patterns("state", "cache", "tensorboard", "held_out.*")
    for name, damaged in (
        ("weights", "*.weights.h5"),
        ("tokenizer", "*.model"),
        ("meta", "run.json"),
        ("graph", "export/encoder.onnx"),
    ):
        shutil.copytree(tiny_run, folder / name, ignore=unneeded)
        for path in (folder / name).glob(damaged):
            flip(path)
    return folder


@pytest.fixture
def damaged_world(world, damaged_runs):
    """The world with copies of them."""
    return shutil.copytree(damaged_runs, world, dirs_exist_ok=True)


class Babbler(FromDistribution):
    """A fake model that says what the tokenizer can spell: line breaks, symbols, special ids."""

    def __init__(self, vocab, likely):
        self.rng, self.vocab, self.likely = np.random.default_rng(1), vocab, likely

    def encode(self, source):
        return {"source": source}, {}

    def take(self, memory, sentences):
        return {"source": memory["source"][sentences]}

    def distribution(self, memory, state, origin, tokens):
        log_probs = self.rng.random((len(origin), self.vocab)) - 3
        log_probs[:, self.likely] += self.rng.random((len(origin), len(self.likely)))
        log_probs[:, EOS] += 2 * (self.rng.random(len(origin)) < 0.2)
        attention = np.ones((len(origin), memory["source"].shape[1])) / memory["source"].shape[1]
        return log_probs, attention, state


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

    def load(*_, to=None):
        recipe = Recipe()
        recipe.search.beam = 2
        model = Babbler(byte_tokenizer.size, likely)
        tokenizers = (byte_tokenizer, byte_tokenizer)
        translator = nmt.inference.translator.Translator(model, tokenizers, recipe)
        # The run it is said to be of does not exist, and has no corrections.
        translator.using = lambda *_: translator
        return translator

    monkeypatch.setattr("nmt.inference.load.load", load)
