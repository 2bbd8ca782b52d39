"""What one pass over the training text of a corpus holds out for validation and test.

The hashes of all sides that are trained on, and the pairs that are not, go to temporary files (in
TMPDIR, without a name) as the text is read, so that memory grows with the text held out alone.
Where they cannot be written, a Failure names that folder.
"""

import contextlib
import tempfile
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import IO

import numpy as np

from nmt import files
from nmt.corpora.cleaning import Pair

# Bytes up to which a temporary file stays in memory.
IN_MEMORY = 1 << 24
# Numbers and bytes that are read at a time.
BLOCK = 1 << 20


class HeldOut:
    """The pairs of the training text by their splits, once it has been read to the end."""

    def __init__(self) -> None:
        # Hashes of both sides of each pair of a split, one pair after the other.
        self.hashes: dict[str, Hashes] = {}
        # Its pairs, a line a side; training pairs are not kept.
        self.pairs: dict[str, IO[bytes]] = {}
        self.counts: Counter[str] = Counter()
        # What the reader of the file dropped.
        self.unread: Counter[str] = Counter()

    def add(self, split: str, pair: Pair, hashes: Iterable[int]) -> None:
        """Notes the next pair of the text. hashes: of the `split_key` of its sides."""
        self.counts[split] += 1
        if split not in self.hashes:
            self.hashes[split] = Hashes()
            self.pairs[split] = _temporary()
        self.hashes[split].add(hashes)
        if split != "train":
            text = "".join(f"{side}\n" for side in pair)
            with _temporary_files():
                self.pairs[split].write(text.encode("utf-8", "surrogatepass"))

    def read(self, split: str, earlier: Collection[str], dropped: Counter[str]) -> Iterator[Pair]:
        """Yields the pairs of a split without a side in `earlier` splits; counts the others."""
        dropped.update(self.unread)
        dropped["in other splits"] += self.counts.total() - self.counts[split]
        if split not in self.pairs:
            return
        known = np.zeros(self.counts[split], bool)
        hashes = self.hashes[split].all()
        for other in earlier:
            if other in self.hashes:
                known |= self.hashes[other].contain(hashes).reshape(-1, 2).any(1)
        lines = _lines(self.pairs[split])
        for is_known, pair in zip(known.tolist(), zip(lines, lines, strict=True), strict=True):
            if is_known:
                dropped["one side in other splits"] += 1
            else:
                yield pair


class Hashes:
    """Hashes of texts in a temporary file."""

    def __init__(self) -> None:
        self.file = _temporary()
        self.latest = array("Q")

    def add(self, hashes: Iterable[int]) -> None:
        """Appends hashes."""
        self.latest.extend(hashes)
        if len(self.latest) >= BLOCK:
            self._write()

    def _write(self):
        with _temporary_files():
            self.file.seek(0, 2)
            self.file.write(self.latest.tobytes())
        del self.latest[:]

    def all(self) -> np.ndarray:
        """All hashes in their order, uint64."""
        return np.concatenate([np.zeros(0, np.uint64), *self._blocks()])

    def contain(self, hashes: np.ndarray) -> np.ndarray:
        """Whether each of some hashes is there."""
        wanted, numbers = np.unique(hashes, return_inverse=True)
        found = np.zeros(len(wanted), bool)
        for block in self._blocks():
            places = np.minimum(np.searchsorted(wanted, block), len(wanted) - 1)
            found[places[wanted[places] == block]] = True
        return found[numbers]

    def _blocks(self):
        self._write()
        place = 0
        while True:
            with _temporary_files():  # a part may still wait to be written
                self.file.seek(place)
                data = self.file.read(8 * BLOCK)
            if not data:
                return
            place += len(data)
            yield np.frombuffer(data, np.uint64)


def _temporary():
    return tempfile.SpooledTemporaryFile(IN_MEMORY)


@contextlib.contextmanager
def _temporary_files():
    """Within the block an error is one of temporary files, not of what else is being written."""
    try:
        yield
    except OSError as error:
        where = f"temporary files to {tempfile.gettempdir()} (TMPDIR names another folder)"
        raise files.write_failure(where, error) from error


def _lines(file):
    """The lines of a temporary file, which others may read meanwhile."""
    place = 0
    while True:
        with _temporary_files():
            file.seek(place)
            lines = file.readlines(BLOCK)
        if not lines:
            return
        place = file.tell()
        for line in lines:
            yield line[:-1].decode("utf-8", "surrogatepass")
