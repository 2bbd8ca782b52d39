"""Marian's CPU training on this machine, beside `nmt bench`: an LSTM of the same size on Multi30k.

Marian is no dependency: give it an environment of its own, and run this file with that Python.

    python3 -m venv marian
    marian/bin/pip install pymarian sentencepiece
    marian/bin/python notebooks/bench_marian.py --data FOLDER --threads 1

FOLDER holds multi30k/train.en.gz and so on, as NMT_DATA does. It prints target tokens a second
(padding not counted, start-up and the first updates excluded) and peak memory. Text and pieces are
those of bench_joeynmt.py. Marian has one size for all its cells: with 384 units its model of type
s2s has about the weights of the reference model (256 units a direction, 512 in the decoder).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from bench_joeynmt import prepare

# The model and its training as in nmt/experiments/bench.py, where Marian has the same. Words decide
# how large a batch is; it may take 4,000 MB.
OPTIONS = """\
--type s2s --enc-cell lstm --dec-cell lstm --enc-depth 1 --dec-depth 1
--dim-emb 256 --dim-rnn {units} --dropout-rnn 0.3 --label-smoothing 0.1
--optimizer adam --clip-norm 1 --max-length 100
--mini-batch 4000 --mini-batch-words {tokens} -w 4000 --cpu-threads {threads}
--seed 1 --after-batches {updates} --disp-freq {window}u
-t train.en.pieces train.de.pieces -v vocab.yml vocab.yml --dim-vocabs {pieces} {pieces}
-m model.npz
"""
WINDOW = 5  # updates of which Marian prints the speed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder that has multi30k/")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--tokens", type=int, default=2048, help="target tokens a batch")
    parser.add_argument("--units", type=int, default=384)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), args)


def measure(folder: Path, args: argparse.Namespace) -> None:
    """Trains, and prints the figures."""
    # 1. The training text in pieces, and their numbers as Marian wants them.
    prepare(folder, Path(args.data) / "multi30k", sentences=20)
    pieces = in_pieces(folder)
    numbers = {piece: number for number, piece in enumerate(pieces)}
    vocabulary = "".join(
        f"{json.dumps(piece, ensure_ascii=False)}: {number}\n" for piece, number in numbers.items()
    )
    (folder / "vocab.yml").write_text(vocabulary, encoding="utf-8")

    # 2. Train. Marian writes its messages to stderr.
    options = OPTIONS.format(**vars(args), pieces=len(pieces), window=WINDOW).split()
    command = [sys.executable, "-m", "pymarian", "train", *options]
    with open(folder / "log", "wb") as log:
        child = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
    output = (folder / "log").read_text(encoding="utf-8", errors="replace")
    if status:
        sys.exit(f"pymarian train failed:\n{output[-2000:]}")

    # 3. The speed of each window but the first, which begins with the start.
    rates = [float(rate.replace(",", "")) for rate in re.findall(r"([\d.,]+) words/s", output)][1:]
    spread = f"({min(rates):.0f} to {max(rates):.0f}, windows of {WINDOW} updates)"
    print(
        f"training {statistics.median(rates):,.0f} target tokens/s {spread}, "
        f"{args.threads} threads, peak {used.ru_maxrss / 2**10:,.0f} MB  "
        f"({datetime.now():%Y-%m-%d})"
    )


def in_pieces(folder: Path) -> list[str]:
    """Writes the training text as pieces with spaces between; the pieces, special ones first."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    for lang in ("en", "de"):
        lines = (folder / f"train.{lang}").read_text(encoding="utf-8").splitlines()
        encoded = processor.encode(lines, out_type=str)
        text = "".join(" ".join(pieces) + "\n" for pieces in encoded)
        (folder / f"train.{lang}.pieces").write_text(text, encoding="utf-8")
    pieces = [processor.id_to_piece(number) for number in range(len(processor))]
    special = {"<unk>", "<pad>", "<s>", "</s>"}
    return ["</s>", "<unk>", *(piece for piece in pieces if piece not in special)]


if __name__ == "__main__":
    main()
