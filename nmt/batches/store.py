"""Training batches: sorted by length, cut at a token budget, shuffled as batches.

Assumes a `Store`: ids of every pair in memory-mapped files, written once. A batch holds sentences of nearly
one length, so almost nothing of it is padding; which sentences of equal length share a batch, and in which
order batches come, is a function of (seed, epoch). Example, budget 12 target tokens, lengths with EOS:

    lengths 3 3 4 4 6 6 6  ->  [3 3 4] [4 6] [6 6]  ->  shuffled [6 6] [3 3 4] [4 6]
"""

import contextlib
import json
from array import array
from pathlib import Path

import numpy as np

from nmt import files
from nmt.errors import UserError
from nmt.recipe import SIDES
from nmt.text.vocabulary import BOS, EOS, PAD

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


def cut(lengths, other, budget):
    """Ends of batches over sorted `lengths`: rows * longest <= budget, at least one row.

    other: lengths of the other side in the same order; rows * longest of it <= 2 * budget.
    """
    ends = []
    start = 0
    total = len(lengths)
    while start < total:
        rows = max(1, min(budget // int(lengths[start]), total - start))
        while rows > 1:
            fits = budget // int(lengths[start + rows - 1])
            fits = min(fits, 2 * budget // int(other[start : start + rows].max()))
            if fits >= rows:
                break
            rows = max(1, min(fits, rows - 1))
        start += rows
        ends.append(start)
    return np.asarray(ends)


class Batches:
    """The batches of every epoch: `epoch(n)` gives their rows, `arrays` their padded ids."""

    def __init__(self, store, batch_tokens, seed, tokenizers=None, sampling=0.0):
        self.store = store
        self.seed = seed
        self.sampling = sampling
        self.tokenizers = tokenizers
        source, target = store.lengths
        order = np.lexsort((source, target))
        self.ends = cut(target[order] + 1, source[order] + 1, batch_tokens)

    def __len__(self):
        """Batches an epoch, the same for every epoch."""
        return len(self.ends)

    def epoch(self, number):
        """Row numbers of each batch of an epoch, in training order."""
        rng = np.random.default_rng([self.seed, number])
        source, target = self.store.lengths
        order = np.lexsort((rng.random(len(source)), source, target))
        rows = np.split(order, self.ends[:-1])
        return [rows[n] for n in rng.permutation(len(rows))]

    def arrays(self, rows, seed):
        """(source [rows, source_len] with EOS, target [rows, n + 1] from BOS to EOS), int32, padded right."""
        sides = []
        for side in (0, 1):
            if self.sampling:
                text = self.store.text(side, rows)
                sides.append(self.tokenizers[side].sample(text, self.sampling, seed + side))
            else:
                sides.append(self.store.side(side, rows))
        return pad(sides[0], [], [EOS]), pad(sides[1], [BOS], [EOS])

    def stream(self, step):
        """Endless batches from a global step on."""
        while True:
            number, skip = divmod(step, len(self))
            for rows in self.epoch(number)[skip:]:
                yield self.arrays(rows, seed=(self.seed * 1_000_003 + step * 2) % 2**32)
                step += 1


def pad(sentences, before, after):
    """One int32 matrix of sentences between `before` and `after`, padded right."""
    extra = len(before) + len(after)
    out = np.full(
        (len(sentences), max((len(s) for s in sentences), default=0) + extra), PAD, np.int32
    )
    for row, ids in zip(out, sentences, strict=True):
        row[: len(ids) + extra] = [*before, *ids, *after]
    return out
