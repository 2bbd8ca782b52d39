"""Token ids and prepared text of the training pairs on disk: written once, then mapped into memory.

Pairs come in shards of `SHARD`, each a folder: the first is the folder of the store, the others lie
in it as 0001, 0002, ... Files of a shard, of each side, source and target (a language model has the
target alone):

    source.txt        prepared text, a line a pair, also of pairs that are dropped
    source.ids        token ids of the pairs, one after the other, 16 bits each
    source.starts.npy where each pair begins in source.ids, and where the last one ends
    source.lines.npy  where the line of each pair begins in source.txt, bytes
    meta.json         numbers of pairs, in all and of each corpus; that of the first shard, which
                      has the number of shards, is written last
"""

import contextlib
import functools
import itertools
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from nmt import files
from nmt.batches.padding import Ids
from nmt.errors import UserError
from nmt.recipe import SIDES
from nmt.text.vocabulary import EOS
from nmt.windows import windows

# Lines of a shard.
SHARD = 1_000_000
# Pairs tokenised at a time.
CHUNK = 2_000
# Ids counted at a time.
COUNTED = 2**24
# All files of a shard.
FILES = [
    "meta.json",
    *(f"{side}.{ending}" for side in SIDES for ending in ("txt", "ids", "starts.npy", "lines.npy")),
]


class Encoder(Protocol):
    """What a tokenizer does here."""

    def encode(self, lines: list[str]) -> list[list[int]]: ...


class StoredSide:
    """One side of the pairs of a shard; its files are mapped into memory when first needed."""

    def __init__(self, folder: Path, name: str):
        self.folder = folder
        self.name = name
        self.path = folder / f"{name}.txt"

    @functools.cached_property
    def ids(self) -> np.ndarray:
        """Of all pairs, uint16."""
        return np.memmap(self.folder / f"{self.name}.ids", np.uint16, "r")

    @functools.cached_property
    def starts(self) -> np.ndarray:
        """Where the ids of each pair begin, int64 [pairs + 1]."""
        return np.load(self.folder / f"{self.name}.starts.npy", mmap_mode="r")

    @functools.cached_property
    def lines(self) -> np.ndarray:
        """Where the line of each pair begins, bytes, int64 [pairs]."""
        return np.load(self.folder / f"{self.name}.lines.npy", mmap_mode="r")

    def lengths(self, pair_ids: np.ndarray | slice) -> np.ndarray:
        """Tokens of some pairs of the shard, int32."""
        return (self.starts[1:][pair_ids] - self.starts[:-1][pair_ids]).astype(np.int32)

    def close(self) -> None:
        """Closes the files until they are needed again."""
        for name in ("ids", "starts", "lines"):
            vars(self).pop(name, None)


class Shard:
    """A folder of pairs."""

    def __init__(self, folder: Path):
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        self.pairs: int = meta["pairs"]
        # Of each corpus; the pairs of one follow those of another.
        self.corpora: list[int] = meta.get("corpora", [self.pairs])
        # With EOS.
        self.target_tokens: int = meta["target_tokens"]
        stored = [side for side in SIDES if (folder / f"{side}.ids").exists()]
        self.sides = [StoredSide(folder, side) for side in stored]


class Store:
    """Token ids and prepared text of the training pairs; memory does not grow with the pairs.

    Side 0 is the source, 1 the target. The target is also side -1, the only one that the store of
    a language model has. Pairs are numbered through all shards.
    """

    def __init__(self, folder: Path):
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        self.shards = [Shard(shard_folder(folder, n)) for n in range(meta.get("shards", 1))]
        # The number of the first pair of each shard, and that of all pairs.
        self.starts = np.cumsum([0, *(shard.pairs for shard in self.shards)])
        self.pairs = int(self.starts[-1])
        self.corpora = [sum(sizes) for sizes in zip(*(s.corpora for s in self.shards), strict=True)]
        self.target_tokens = sum(shard.target_tokens for shard in self.shards)

    @property
    def lengths(self) -> list[np.ndarray]:
        """Tokens of all pairs without BOS and EOS, of each side: 4 bytes a pair."""
        sides = zip(*(shard.sides for shard in self.shards if shard.pairs), strict=True)
        return [np.concatenate([part.lengths(slice(None)) for part in side]) for side in sides]

    def lengths_of(self, side: int, pair_ids: Ids) -> np.ndarray:
        """Tokens of the pairs without BOS and EOS, int32."""
        lengths = np.empty(len(pair_ids), np.int32)
        for shard, rows, inside in self._by_shard(pair_ids):
            lengths[rows] = shard.sides[side].lengths(inside)
        return lengths

    def ids(self, side: int, pair_ids: Ids) -> list[np.ndarray]:
        """Token ids of the pairs, one array each."""
        found: list = [None] * len(pair_ids)
        for shard, rows, inside in self._by_shard(pair_ids):
            ids = shard.sides[side].ids
            starts = shard.sides[side].starts
            ranges = zip(starts[inside].tolist(), starts[inside + 1].tolist(), strict=True)
            for row, (start, end) in zip(rows.tolist(), ranges, strict=True):
                found[row] = ids[start:end]
        return found

    def text(self, side: int, pair_ids: Ids) -> list[str]:
        """Prepared text of the pairs."""
        texts = [""] * len(pair_ids)
        for shard, rows, inside in self._by_shard(pair_ids):
            lines = shard.sides[side].lines
            # Bytes, as the places of the lines are.
            with open(shard.sides[side].path, "rb") as file:
                for row, pair in zip(rows.tolist(), inside.tolist(), strict=True):
                    file.seek(lines[pair])
                    texts[row] = file.readline().decode()[:-1]
        return texts

    def _by_shard(self, pair_ids):
        """Yields (shard, rows, numbers in the shard) of pairs that lie in the same shard."""
        pair_ids = np.asarray(pair_ids, np.int64)
        numbers = np.searchsorted(self.starts, pair_ids, "right") - 1
        for number in np.unique(numbers).tolist():
            rows = np.flatnonzero(numbers == number)
            yield self.shards[number], rows, pair_ids[rows] - self.starts[number]

    def frequencies(self, vocab: int, pairs: Sequence[range] | None = None) -> np.ndarray:
        """How often each target token occurs, EOS too: int64 [vocab]. pairs: those that count."""
        pairs = [range(self.pairs)] if pairs is None else pairs
        counts = np.zeros(vocab, np.int64)
        for ids in itertools.chain.from_iterable(map(self._target_ids, pairs)):
            counts += np.bincount(ids, minlength=vocab)
        counts[EOS] += sum(map(len, pairs))
        return counts

    def _target_ids(self, pairs):
        """Yields the target ids of a range of pairs, some at a time: counting copies them."""
        for shard, start in zip(self.shards, self.starts.tolist(), strict=False):
            inside = range(max(0, pairs.start - start), min(shard.pairs, pairs.stop - start))
            if inside:
                side = shard.sides[-1]
                end = int(side.starts[inside.stop])
                for first in range(int(side.starts[inside.start]), end, COUNTED):
                    yield side.ids[first : min(end, first + COUNTED)]

    def close(self) -> None:
        """Closes the files until they are needed again."""
        for shard in self.shards:
            for side in shard.sides:
                side.close()


def is_complete(folder: Path) -> bool:
    """Whether a folder has a store with all of its shards."""
    try:
        Store(folder)
    except FileNotFoundError:
        return False
    return True


def shard_folder(folder: Path, number: int) -> Path:
    """The folder of a shard of the store in `folder`."""
    return folder / f"{number:04d}" if number else folder


def shard_folders(folder: Path) -> list[Path]:
    """The folders of all shards of a store, or of its text, in their order."""
    others = [path for path in folder.glob("*") if re.fullmatch(r"\d{4,}", path.name)]
    ours = [path for path in others if any((path / name).exists() for name in FILES)]
    return [folder, *sorted(ours, key=lambda path: int(path.name))]


def remove(folder: Path) -> None:
    """Deletes the files of a store; files of others stay."""
    for shard in shard_folders(folder):
        files.remove(shard, FILES)
    files.remove(folder, [])


def write_text(pairs: Iterable[tuple[str, str]], folder: Path, sides: Sequence[str] = SIDES) -> int:
    """Writes prepared pairs as `source.txt` and `target.txt`, or the latter; returns how many.

    What another store has left in the folder is deleted.
    """
    remove(folder)
    count = 0
    try:
        for number, part in enumerate(_shards_of(pairs)):
            shard = shard_folder(folder, number)
            shard.mkdir(parents=True, exist_ok=True)
            count += _write_lines(part, shard, sides)
    except OSError as error:
        raise files.write_failure(folder, error) from error
    return count


def _shards_of(pairs):
    """The pairs of each shard; at least one, which may be empty."""
    pairs = iter(pairs)
    yield itertools.islice(pairs, SHARD)
    for first in pairs:
        yield itertools.chain([first], itertools.islice(pairs, SHARD - 1))


def _write_lines(pairs, folder, sides):
    """Writes the text of a shard; returns how many pairs."""
    count = 0
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
    return count


class EncodedSide(NamedTuple):
    """One side of some lines of a shard."""

    # Of the pairs that fit, one after the other, uint16, and their numbers.
    ids: np.ndarray
    lengths: np.ndarray
    # Of all lines in the text, bytes.
    sizes: np.ndarray


class Encoded(NamedTuple):
    """Some pairs of a shard and a corpus."""

    shard: int
    corpus: int
    # Whether each pair fits.
    fits: np.ndarray
    sides: list[EncodedSide]


class NumbersWriter:
    """An .npy file of int64 that grows, as `np.save` would write it in the end."""

    def __init__(self, path: Path):
        self.file = open(path, "wb")  # noqa: SIM115 closed by `close`
        self.count = 0
        self._write_header()

    def _write_header(self):
        # NumPy leaves room in it for any number.
        shape = {"descr": "<i8", "fortran_order": False, "shape": (self.count,)}
        np.lib.format.write_array_header_1_0(self.file, shape)

    def write(self, numbers: np.ndarray) -> None:
        """Appends numbers."""
        self.count += len(numbers)
        self.file.write(numbers.astype("<i8").tobytes())

    def close(self) -> None:
        """Writes how many numbers there are."""
        with self.file:
            self.file.seek(0)
            self._write_header()


class SideWriter:
    """Writes the ids of one side of a shard, and where each pair begins."""

    def __init__(self, folder: Path, side: str):
        self.file = open(folder / f"{side}.ids", "wb")  # noqa: SIM115 closed by `close`
        self.starts = NumbersWriter(folder / f"{side}.starts.npy")
        self.lines = NumbersWriter(folder / f"{side}.lines.npy")
        self.starts.write(np.zeros(1))
        self.tokens = 0
        # Of the next line in the text, bytes.
        self.offset = 0

    def write(self, side: EncodedSide, fits: np.ndarray) -> None:
        """Writes the next lines, those of pairs that fit."""
        self.file.write(side.ids.tobytes())
        self.starts.write(self.tokens + np.cumsum(side.lengths))
        ends = self.offset + np.cumsum(side.sizes)
        self.lines.write((ends - side.sizes)[fits])
        self.tokens += len(side.ids)
        self.offset = int(ends[-1])

    def close(self) -> None:
        self.file.close()
        self.starts.close()
        self.lines.close()


def write_ids(
    folder: Path,
    tokenizers: Sequence[Encoder],
    max_pieces: int,
    corpora: Sequence[int] | None = None,
    processes: int = 0,
) -> Store:
    """Tokenises the text files of a folder, drops pairs with a side over `max_pieces` or empty.

    tokenizers: one a side; a single one is that of the target. corpora: pairs of each corpus in the
    text files, if there are several. processes: as of `in_order`. UserError if no pair is left.
    """
    # Imported here: who translates needs no processes.
    from nmt.processes import in_order

    sides = SIDES[-len(tokenizers) :]
    folders = shard_folders(folder)
    encode = functools.partial(_encoded, tokenizers, max_pieces)
    tasks = _tasks(folders, sides, [sys.maxsize] if corpora is None else corpora)

    # 1. Shard by shard, some pairs at a time: memory stays flat.
    metas = []
    try:
        encoded = in_order(encode, tasks, processes)
        for number, parts in itertools.groupby(encoded, lambda part: part.shard):
            count = 1 if corpora is None else len(corpora)
            metas.append(_write_shard(folders[number], sides, parts, count))
    except OSError as error:
        raise files.write_failure(folder, error) from error
    if not any(meta["pairs"] for meta in metas):
        raise UserError(
            f"no training pair has 1 to {max_pieces} pieces a side; see data.max_pieces"
        )

    # 2. The files that make the store complete; that of the first shard comes last.
    if len(metas) > 1:
        metas[0]["shards"] = len(metas)
    for shard, meta in reversed(list(zip(folders, metas, strict=True))):
        with files.atomic(shard / "meta.json") as file:
            json.dump(meta, file)
    return Store(folder)


def _tasks(folders, sides, corpora):
    """Yields (shard, corpus, pairs), as many as are tokenised at a time."""
    left = list(corpora)
    for shard, folder in enumerate(folders):
        texts = (_lines(folder / f"{side}.txt") for side in sides)
        pairs = zip(*texts, strict=True)
        for corpus in range(len(left)):
            for chunk in windows(itertools.islice(pairs, left[corpus]), CHUNK):
                left[corpus] -= len(chunk)
                yield shard, corpus, chunk


def _encoded(tokenizers, max_pieces, task):
    """Tokenises some pairs, given as tuples of one line a side."""
    shard, corpus, pairs = task
    lines_of_sides = list(zip(*pairs, strict=True))
    ids_of_sides = [
        tokenizer.encode(list(lines))
        for tokenizer, lines in zip(tokenizers, lines_of_sides, strict=True)
    ]
    # All sides of a pair are kept, or none.
    fits = np.array(
        [
            all(0 < len(ids) <= max_pieces for ids in ids_of_pair)
            for ids_of_pair in zip(*ids_of_sides, strict=True)
        ]
    )
    sides = []
    for lines, ids_of_side in zip(lines_of_sides, ids_of_sides, strict=True):
        kept = list(itertools.compress(ids_of_side, fits))
        ids = np.fromiter(itertools.chain.from_iterable(kept), np.uint16)
        sizes = np.array([len(line.encode()) + 1 for line in lines])
        sides.append(EncodedSide(ids, np.array(list(map(len, kept)), np.int64), sizes))
    return Encoded(shard, corpus, fits, sides)


def _write_shard(folder, sides, parts, corpora):
    """Writes the encoded parts of a shard; returns what its meta.json says."""
    pairs = [0] * corpora
    dropped = 0
    with contextlib.ExitStack() as stack:
        writers = [SideWriter(folder, side) for side in sides]
        for writer in writers:
            stack.callback(writer.close)
        for part in parts:
            for writer, encoded in zip(writers, part.sides, strict=True):
                writer.write(encoded, part.fits)
            kept = int(part.fits.sum())
            pairs[part.corpus] += kept
            dropped += len(part.fits) - kept
    count = sum(pairs)
    return {
        "pairs": count,
        "corpora": pairs,
        "dropped": dropped,
        "target_tokens": writers[-1].tokens + count,
    }


def _lines(path):
    """The lines that `write_text` wrote, unchanged: offsets count on it."""
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line[:-1]
