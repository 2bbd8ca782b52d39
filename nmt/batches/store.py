"""Ids and prepared text of the training pairs on disk: written once, then mapped into memory."""

import contextlib
import json
from array import array
from pathlib import Path

import numpy as np

from nmt import files
from nmt.errors import UserError
from nmt.recipe import SIDES
from nmt.text.vocabulary import EOS

CHUNK = 10_000  # lines tokenised at a time


class Store:
    """Token ids and prepared text of the training pairs in a folder; memory does not grow with the pairs.

    A language model's store has the target side alone. Side -1 is the target in both.
    """

    def __init__(self, folder):
        folder = Path(folder)
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        self.pairs = meta["pairs"]
        self.target_tokens = meta["target_tokens"]
        sides = [side for side in SIDES if (folder / f"{side}.ids").exists()]
        self.texts = [folder / f"{side}.txt" for side in sides]
        self.ids = []
        self.starts = []
        self.lines = []
        self.lengths = []
        for side in sides:
            self.ids.append(np.memmap(folder / f"{side}.ids", np.uint16, "r"))
            self.starts.append(np.load(folder / f"{side}.starts.npy", mmap_mode="r"))
            self.lines.append(np.load(folder / f"{side}.lines.npy", mmap_mode="r"))
            self.lengths.append(np.diff(self.starts[-1]).astype(np.int32))

    def side(self, side, rows):
        """Ids of the rows, one array each; side 0 is the source."""
        ids = self.ids[side]
        starts = self.starts[side]
        return [ids[starts[row] : starts[row + 1]] for row in rows]

    def frequencies(self, vocab):
        """How often each target piece occurs, and EOS: [vocab]."""
        counts = np.zeros(vocab, np.int64)
        for start in range(0, len(self.ids[-1]), 2**24):
            counts += np.bincount(self.ids[-1][start : start + 2**24], minlength=vocab)
        counts[EOS] += self.pairs
        return counts

    def text(self, side, rows):
        """Prepared text of the rows, read by offset."""
        out = []
        with open(self.texts[side], "rb") as file:
            for row in rows:
                file.seek(self.lines[side][row])
                out.append(file.readline().decode()[:-1])
        return out


def write_text(pairs, folder, sides=SIDES):
    """Writes prepared pairs as `source.txt` and `target.txt`, or one of them; returns how many."""
    folder = Path(folder)
    count = 0
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.ExitStack() as opened:
            out = {
                side: opened.enter_context(
                    open(folder / f"{side}.txt", "w", encoding="utf-8", newline="\n")
                )
                for side in sides
            }
            for pair in pairs:
                for side, text in zip(SIDES, pair, strict=True):
                    if side in out:
                        out[side].write(text + "\n")
                count += 1
    except OSError as error:
        raise files.write_failure(folder, error) from error
    return count


def write_ids(folder, tokenizers, max_pieces):
    """Tokenises the text files of `folder` into ids, drops pairs over `max_pieces`; returns the Store.

    tokenizers: one a side; a single one is that of the target.
    """
    folder = Path(folder)
    sides = SIDES[-len(tokenizers) :]
    starts = [array("q", [0]) for _ in sides]
    lines = [array("q") for _ in sides]  # eight bytes a number
    offsets = [0] * len(sides)
    dropped = 0
    try:
        with contextlib.ExitStack() as opened:
            out = [opened.enter_context(open(folder / f"{side}.ids", "wb")) for side in sides]
            for chunk in _chunks(*(_texts(folder / f"{side}.txt") for side in sides)):
                coded = [t.encode(texts) for t, texts in zip(tokenizers, chunk, strict=True)]
                for texts_and_ids in zip(*chunk, *coded, strict=True):
                    texts = texts_and_ids[: len(sides)]
                    ids = texts_and_ids[len(sides) :]
                    keep = all(0 < len(side) <= max_pieces for side in ids)
                    dropped += not keep
                    for side, file in enumerate(out):
                        if keep:
                            np.asarray(ids[side], np.uint16).tofile(file)
                            starts[side].append(starts[side][-1] + len(ids[side]))
                            lines[side].append(offsets[side])
                        offsets[side] += len(texts[side].encode()) + 1
        for side, name in enumerate(sides):
            np.save(folder / f"{name}.starts.npy", np.asarray(starts[side], np.int64))
            np.save(folder / f"{name}.lines.npy", np.asarray(lines[side], np.int64))
    except OSError as error:
        raise files.write_failure(folder, error) from error
    pairs = len(lines[0])
    if not pairs:
        raise UserError(
            f"no training pair has 1 to {max_pieces} pieces a side; see data.max_pieces"
        )
    meta = {"pairs": pairs, "dropped": dropped, "target_tokens": starts[-1][-1] + pairs}
    with files.atomic(folder / "meta.json") as file:
        json.dump(meta, file)
    return Store(folder)


def _texts(path):
    """The lines that `write_text` wrote, unchanged: offsets count on it."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line[:-1]


def _chunks(*iterators):
    """Lists of up to CHUNK items of each iterator, side by side."""
    chunk = [[] for _ in iterators]
    for items in zip(*iterators, strict=True):
        for part, item in zip(chunk, items, strict=True):
            part.append(item)
        if len(chunk[0]) == CHUNK:
            yield chunk
            chunk = [[] for _ in iterators]
    if chunk[0]:
        yield chunk
