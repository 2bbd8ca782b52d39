"""nmt: from parallel text to a working translator on an ordinary machine.

Reading order. From text to loss: config, corpus, text, tokenizer, batches, model (with cells, attention, rnn),
loss, train; of a language model, streams, not batches. From a line to its translation: translate, search, model,
combine (several models as one), online (before the line is complete). From a language model to text: language,
search. Around them: run (the folder a translator lives in), evaluate and metrics (scores), compare (systems side by
side), commands and __main__ (what users type).
"""

import os

# TensorFlow and Keras read these when they are imported, whoever imports them first.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow itself leaves oneDNN off on processors that have AVX2 only.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"


def load(run):
    """The translator of a run folder: `nmt.load("runs/default").translate(["Turn off the lights."])`.

    "RUN1,RUN2,..." is an ensemble (see nmt/decoding/ensemble.py).
    """
    from nmt.inference.translator import load as load_run

    return load_run(run)
