"""What the tests share: quiet TensorFlow on one thread, and a very small trained run."""

import fcntl
import gzip
import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Bit for bit means: with the same number of threads. One, as `make test` runs a process a core.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import pytest

# Rooms whose tests trace graphs.
LONG = {"training", "models", "experiments"}

TINY = """\
[data]
format = "grammar"
size = 300

[tokenizer]
vocab_size = 270
byte_fallback = false

[model]
embedding = 24
encoder_units = 24
decoder_units = 32
attention_units = 24
dropout = 0.1

[train]
epochs = 16
batch_tokens = 544
learning_rate = 1e-2
warmup_steps = 30
precision = "float32"
valid_every = 128
valid_sentences = 20
average = 2
threads = 1

[search]
beam = 3
"""

LANGUAGE = """\
[data]
format = "text"
target = "de"
train = "train.txt.gz"
held_out = 0.1

[tokenizer]
vocab_size = 140
byte_fallback = false

[model]
architecture = "language_model"
embedding = 16
decoder_units = 24
dropout = 0.1
recurrent_dropout = 0.1

[train]
epochs = 2
streams = 6
bptt = 20
learning_rate = 2e-2
warmup_steps = 5
label_smoothing = 0.0
precision = "float32"
average = 2
save_minutes = 0
"""


def pytest_collection_modifyitems(items):
    """No process is left alone with a long test at the end."""

    def order(item):
        is_first = item.get_closest_marker("first") is not None
        return not is_first, not LONG.intersection(item.path.parts)

    items.sort(key=order)


@pytest.fixture(scope="session", autouse=True)
def threads_of_tests() -> None:
    """TensorFlow keeps the threads that it has at its first operation."""
    import tensorflow as tf

    tf.constant(0) + 1


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """once(name, make): the folder that make(folder) fills, made by one process for all."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def made(name, make):
        folder, unfinished = shared / name, shared / f"{name}.unfinished"
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory):
    """The recipe file of `tiny_run`: the generated corpus, 300 pairs, seconds to train."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_run(tiny_recipe, once):
    """A complete run, not to be changed: its translations are poor, but each line has its own."""
    from nmt.recipe import load_recipe
    from nmt.training.train import train

    return once("tiny", lambda folder: train(load_recipe(tiny_recipe), folder))


@pytest.fixture(scope="session")
def short_run(tiny_recipe, once):
    """The folder of a complete run of 32 steps that nothing interrupted. Not to be changed."""
    from tests.short_run import SHORT, trained

    return once("short", lambda folder: trained(tiny_recipe, folder, *SHORT))


@pytest.fixture
def short_copy(short_run, tmp_path):
    """A copy of it, to be changed."""
    return Path(shutil.copytree(short_run, tmp_path / "copy"))


@pytest.fixture(scope="session")
def language_recipe(tmp_path_factory):
    """The recipe file of `language_run`: 160 generated lines of German, seconds to train."""
    from nmt.corpora import toy

    path = tmp_path_factory.mktemp("language") / "language.toml"
    path.write_text(LANGUAGE, encoding="utf-8")
    lines = [target for _, target in toy.generate("en-de", "train", 160)]
    path.with_name("train.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


@pytest.fixture(scope="session")
def language_run(language_recipe, once):
    """The folder of a complete run of a language model. Not to be changed."""
    from nmt.recipe import load_recipe
    from nmt.training.train import train

    return once("language", lambda folder: train(load_recipe(language_recipe), folder))


@pytest.fixture(scope="session")
def loaded():
    """Keras models by path and checksum, see `load_once`."""
    return {}


@pytest.fixture(scope="module")
def load_once(loaded):
    """The Keras model of a run is loaded, and traced, once for all modules that ask for this."""
    from nmt.runs.folder import Run

    load_model = Run.load_model

    def remembered(run):
        key = run.path, run.info.weights_sha256
        if key not in loaded:
            loaded[key] = load_model(run)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "load_model", remembered)
        yield
