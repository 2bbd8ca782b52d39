"""What the tests share: quiet TensorFlow on two threads, and a very small trained run."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")  # bit for bit means: with the same number of threads
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "2")

import pytest

TINY = """\
[data]
format = "grammar"
size = 300

[tokenizer]
vocab_size = 250
byte_fallback = false

[model]
embedding = 24
encoder_units = 24
decoder_units = 32
attention_units = 24
dropout = 0.1

[train]
epochs = 16
batch_tokens = 512
learning_rate = 1e-2
warmup_steps = 30
precision = "float32"
valid_every = 128
valid_sentences = 20
average = 2

[search]
beam = 3
"""


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory):
    """The recipe file of `tiny_run`: the generated corpus, 300 pairs, seconds to train."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_run(tiny_recipe):
    """The folder of a complete run: its translations are poor, but each line has its own. Not to be changed."""
    from nmt import config
    from nmt.train import train

    folder = tiny_recipe.parent / "tiny"
    train(config.load(tiny_recipe), folder, log=lambda line: None)
    return folder
