"""Token ids and prepared text of the training pairs on disk: written once, then mapped into memory.

Files of each side, source and target (a language model has the target alone):

    source.txt        prepared text, a line a pair, also of pairs that are dropped
    source.ids        token ids of the pairs, one after the other, 16 bits each
    source.starts.npy where each pair begins in source.ids, and where the last one ends
    source.lines.npy  where the line of each pair begins in source.txt, bytes
    meta.json         numbers of pairs, in all and of each corpus; written last
"""

import contextlib
import itertools
import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from nmt import files
from nmt.batches.padding import Ids
from nmt.errors import UserError
from nmt.recipe import SIDES
from nmt.text.vocabulary import EOS

# Pairs tokenised at a time.
CHUNK = 10_000
# Ids counted at a time.
COUNTED = 2**24


class Encoder(Protocol):
    """What a tokenizer does here."""

    def encode(self, lines: list[str]) -> list[list[int]]: ...


class StoredSide:
    """One side of all pairs; its files are mapped into memory."""

    def __init__(self, folder: Path, name: str):
        self.path = folder / f"{name}.txt"
        self.ids = np.memmap(folder / f"{name}.ids", np.uint16, "r")
        self.starts = np.load(folder / f"{name}.starts.npy", mmap_mode="r")
        self.lines = np.load(folder / f"{name}.lines.npy", mmap_mode="r")
        # Tokens of each pair.
        self.lengths = np.diff(self.starts).astype(np.int32)


class Store:
    """Token ids and prepared text of the training pairs; memory does not grow with the pairs.

    Side 0 is the source, 1 the target. The target is also side -1, the only one that the store of
    a language model has.
    """

    def __init__(self, folder: Path):
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        self.pairs: int = meta["pairs"]
        # Of each corpus; the pairs of one follow those of another.
        self.corpora: list[int] = meta.get("corpora", [self.pairs])
        # With EOS.
        self.target_tokens: int = meta["target_tokens"]
        stored = [side for side in SIDES if (folder / f"{side}.ids").exists()]
        self.sides = [StoredSide(folder, side) for side in stored]
        # Without BOS and EOS.
        self.lengths = [side.lengths for side in self.sides]

    def ids(self, side: int, pair_ids: Ids) -> list[np.ndarray]:
        """Token ids of the pairs, one array each."""
        ids = self.sides[side].ids
        starts = self.sides[side].starts
        return [ids[starts[pair] : starts[pair + 1]] for pair in pair_ids]

    def text(self, side: int, pair_ids: Ids) -> list[str]:
        """Prepared text of the pairs."""
        texts = []
        lines = self.sides[side].lines
        # Bytes, as the places of the lines are.
        with open(self.sides[side].path, "rb") as file:
            for pair in pair_ids:
                file.seek(lines[pair])
                texts.append(file.readline().decode()[:-1])
        return texts

    def frequencies(self, vocab: int) -> np.ndarray:
        """How often each target token occurs, EOS too: int64 [vocab]."""
        counts = np.zeros(vocab, np.int64)
        ids = self.sides[-1].ids
        # By parts: counting copies the ids into memory.
        for start in range(0, len(ids), COUNTED):
            counts += np.bincount(ids[start : start + COUNTED], minlength=vocab)
        counts[EOS] += self.pairs
        return counts


def write_text(pairs: Iterable[tuple[str, str]], folder: Path, sides: Sequence[str] = SIDES) -> int:
    """Writes prepared pairs as `source.txt` and `target.txt`, or the latter; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    try:
        with contextlib.ExitStack() as stack:
            outputs = []
            for side in sides:
                path = folder / f"{side}.txt"
                outputs.append(stack.enter_context(open(path, "w", encoding="utf-8", newline="\n")))
            # A single output is that of the target.
            for pair in pairs:
                count += 1
                for output, line in zip(outputs, pair[-len(sides) :], strict=True):
                    output.write(f"{line}\n")
    except OSError as error:
        raise files.write_failure(folder, error) from error
    return count


class SideWriter:
    """Writes the ids of one side into an open file and notes where each pair begins."""

    def __init__(self, file: BinaryIO):
        self.file = file
        # Eight bytes a number.
        self.starts = array("q", [0])
        self.lines = array("q")
        # Of the next line in the text, bytes.
        self.offset = 0

    def write(self, line: str, ids: Sequence[int], fits: bool) -> None:
        """Writes the ids of the next line, if its pair fits."""
        if fits:
            np.asarray(ids, np.uint16).tofile(self.file)
            self.starts.append(self.starts[-1] + len(ids))
            self.lines.append(self.offset)
        self.offset += len(line.encode()) + 1

    def save_places(self, folder: Path, side: str) -> None:
        """Writes where the pairs begin."""
        np.save(folder / f"{side}.starts.npy", np.asarray(self.starts, np.int64))
        np.save(folder / f"{side}.lines.npy", np.asarray(self.lines, np.int64))


def write_ids(
    folder: Path,
    tokenizers: Sequence[Encoder],
    max_pieces: int,
    corpora: Sequence[int] | None = None,
) -> Store:
    """Tokenises the text files of a folder, drops pairs with a side over `max_pieces` or empty.

    tokenizers: one a side; a single one is that of the target. corpora: pairs of each corpus in the
    text files, if there are several. Raises UserError if no pair is left.
    """
    sides = SIDES[-len(tokenizers) :]
    # 1. Ids and where they begin, some pairs at a time: memory stays flat.
    try:
        with contextlib.ExitStack() as stack:
            paths = (folder / f"{side}.ids" for side in sides)
            writers = [SideWriter(stack.enter_context(open(path, "wb"))) for path in paths]
            texts = (_lines(folder / f"{side}.txt") for side in sides)
            pairs = zip(*texts, strict=True)
            total = 0
            written = [0]  # pairs at the end of each corpus
            for corpus in [None] if corpora is None else corpora:
                rest = itertools.islice(pairs, corpus)
                while chunk := list(itertools.islice(rest, CHUNK)):
                    _write_chunk(chunk, writers, tokenizers, max_pieces)
                    total += len(chunk)
                written.append(len(writers[-1].lines))
        for writer, side in zip(writers, sides, strict=True):
            writer.save_places(folder, side)
    except OSError as error:
        raise files.write_failure(folder, error) from error

    # 2. The file that makes the store complete comes last.
    target = writers[-1]
    count = len(target.lines)
    if not count:
        raise UserError(
            f"no training pair has 1 to {max_pieces} pieces a side; see data.max_pieces"
        )
    tokens = target.starts[-1] + count
    meta = {
        "pairs": count,
        "corpora": [end - start for start, end in itertools.pairwise(written)],
        "dropped": total - count,
        "target_tokens": tokens,
    }
    with files.atomic(folder / "meta.json") as file:
        json.dump(meta, file)
    return Store(folder)


def _write_chunk(chunk, writers, tokenizers, max_pieces):
    """Tokenises some pairs, given as tuples of one line a side, and writes those that fit."""
    sides = zip(*chunk, strict=True)
    ids_of_sides = [
        tokenizer.encode(list(lines)) for tokenizer, lines in zip(tokenizers, sides, strict=True)
    ]
    # All sides of a pair are written, or none.
    for pair, ids_of_pair in zip(chunk, zip(*ids_of_sides, strict=True), strict=True):
        fits = all(0 < len(ids) <= max_pieces for ids in ids_of_pair)
        for writer, line, ids in zip(writers, pair, ids_of_pair, strict=True):
            writer.write(line, ids, fits)


def _lines(path):
    """The lines that `write_text` wrote, unchanged: offsets count on it."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line[:-1]
