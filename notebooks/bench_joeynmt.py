"""JoeyNMT on this machine, beside `nmt bench`: the model of nmt/experiments/bench.py on Multi30k.

JoeyNMT is no dependency: give it an environment of its own, and run this file with that Python.

    python3 -m venv joey
    joey/bin/pip install torch joeynmt importlib_metadata
    joey/bin/pip install sentencepiece==0.2.0 "numpy==1.26.*"
    joey/bin/python notebooks/bench_joeynmt.py --data FOLDER --threads 1

FOLDER holds multi30k/train.en.gz and so on, as NMT_DATA does. It prints target tokens a second in
training (padding not counted, from the first update to the last, start-up excluded), peak memory,
sentences a second in greedy and beam-5 decoding, and the time of a whole process for one line. A
model of a few updates hardly ends its sentences: outputs are cut at 17 pieces, the mean length of
the references with their ends. With enough of them (--updates 500: 35 minutes) it does, and
--length 100 measures what users see.
"""

import argparse
import gzip
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

CONFIG = """\
name: bench
use_cuda: False
random_seed: 1
model_dir: {folder}/model
data:
  train: {folder}/train
  dev: {folder}/dev
  test: {folder}/test
  dataset_type: plain
  src: &side
    lang: en
    voc_file: {folder}/vocab.txt
    level: bpe
    tokenizer_type: sentencepiece
    tokenizer_cfg: {{model_file: {folder}/spm.model}}
    max_length: 100
  trg: {{<<: *side, lang: de}}
  special_symbols: {{unk_token: <unk>, unk_id: 0, pad_token: <pad>, pad_id: 1,
                     bos_token: <s>, bos_id: 2, eos_token: </s>, eos_id: 3}}
testing: {{n_best: 1, beam_size: {beam}, beam_alpha: 1.0, batch_size: {batch},
          batch_type: sentence, max_output_length: {length}, eval_metrics: [bleu]}}
training:
  optimizer: adam
  learning_rate: 0.001
  label_smoothing: 0.1
  loss: crossentropy
  scheduling: exponential
  decrease_factor: 0.99
  normalization: tokens
  clip_grad_norm: 1.0
  batch_size: 4096
  batch_type: token
  epochs: 100
  updates: {updates}
  logging_freq: 5
  validation_freq: {updates}
  early_stopping_metric: loss
  overwrite: True
model:
  tied_embeddings: True
  tied_softmax: False
  encoder: {{type: recurrent, rnn_type: lstm, embeddings: {{embedding_dim: 256}},
             hidden_size: 256, bidirectional: True, dropout: 0.3, num_layers: 1}}
  decoder: {{type: recurrent, rnn_type: lstm, embeddings: {{embedding_dim: 256}},
             hidden_size: 512, dropout: 0.3, hidden_dropout: 0.3, num_layers: 1,
             input_feeding: True, attention: bahdanau, init_hidden: bridge}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder that has multi30k/")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--length", type=int, default=17, help="pieces at which outputs are cut")
    parser.add_argument(
        "--sentences", type=int, default=200, help="test sentences that are decoded"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), args)


def measure(folder: Path, args: argparse.Namespace) -> None:
    """Trains, decodes, and prints the figures."""
    prepare(folder, Path(args.data) / "multi30k", args.sentences)
    config = folder / "config.yaml"

    def run(*arguments, beam=1, batch=32, stdin=None):
        """A JoeyNMT process: (log, seconds, peak MB)."""
        text = CONFIG.format(
            folder=folder, beam=beam, batch=batch, updates=args.updates, length=args.length
        )
        config.write_text(text, encoding="utf-8")
        number = str(args.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number}
        command = [sys.executable, "-m", "joeynmt", arguments[0], str(config), *arguments[1:]]
        with open(folder / "log", "wb") as log, open(stdin or os.devnull, "rb") as source:
            started = time.perf_counter()
            child = subprocess.Popen(
                command, stdin=source, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
            _, status, used = os.wait4(child.pid, 0)
        output = (folder / "log").read_text(encoding="utf-8", errors="replace")
        if status:
            sys.exit(f"joeynmt {arguments[0]} failed:\n{output[-2000:]}")
        return output, time.perf_counter() - started, used.ru_maxrss / 2**10

    print(f"threads {args.threads}, {args.updates} updates", flush=True)
    log, _, peak = run("train", "--skip-test")
    reported = re.findall(r"Tokens per Sec:\s*([\d.,]+\d)", log)
    rates = [float(number.replace(",", "")) for number in reported[1:]]  # the first warms up
    spread = f"({min(rates):.0f} to {max(rates):.0f}, windows of 5 updates)"
    median = statistics.median(rates)
    print(f"training            {median:8.0f} target tokens/s {spread}  peak {peak:,.0f} MB")
    for beam, batch in ((1, 32), (5, 32), (5, 1), (1, 1)):
        log, _, _ = run("test", "-o", str(folder / "out"), beam=beam, batch=batch)
        bleu = re.findall(r"bleu:\s*([\d.]+)", log)[-1]
        seconds = float(re.findall(r"Generation took ([\d.]+)\[sec\]", log)[-1])
        print(
            f"beam {beam}, batch {batch:<2}     {args.sentences / seconds:8.1f} sentences/s, "
            f"{1000 * seconds / args.sentences:.1f} ms a sentence  BLEU {bleu}",
            flush=True,
        )
    (folder / "one").write_text("A dog runs through the snow.\n", encoding="utf-8")
    times = [run("translate", beam=5, stdin=folder / "one")[1] for _ in range(3)]
    print(f"one line, whole process {statistics.median(times):.1f} s  ({datetime.now():%Y-%m-%d})")


def prepare(folder: Path, data: Path, sentences: int) -> None:
    """Plain text files, a joint SentencePiece model of 8,000 pieces and its vocabulary."""
    import sentencepiece

    splits = ("train", "train", None), ("dev", "val", 20), ("test", "test_2016_flickr", sentences)
    for name, source, count in splits:
        for lang in ("en", "de"):
            with gzip.open(data / f"{source}.{lang}.gz", "rt", encoding="utf-8") as file:
                lines = file.read().split("\n")[:-1][:count]
            (folder / f"{name}.{lang}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=[str(folder / "train.en"), str(folder / "train.de")],
        model_prefix=str(folder / "spm"),
        vocab_size=8000,
        unk_id=0,
        pad_id=1,
        bos_id=2,
        eos_id=3,
        minloglevel=2,
    )
    vocabulary = (folder / "spm.vocab").read_text(encoding="utf-8").splitlines()
    pieces = [line.split("\t")[0] for line in vocabulary]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
