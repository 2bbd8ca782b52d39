"""Better translations that users give: kept beside the run, and its answers from then on."""

import fcntl
import logging
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from nmt import files
from nmt.errors import Failure, UserError
from nmt.runs.folder import Run

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 2**20  # of a file


class Corrections:
    """Pairs in a TSV file, source and target; of one source the last one counts.

    A source with an empty target is taken back. What other processes add is seen at once.
    """

    def __init__(self, path: Path):
        """Reads the file if there is one; UserError if it is no text."""
        self.path = path
        self._lock = threading.Lock()
        self._version = _version(path)
        self._targets = _read(path)

    @classmethod
    def of(cls, path: str | os.PathLike, source: str, target: str) -> "Corrections":
        """Those of a run, of "RUN1,RUN2,..." the first one's, from one language into another."""
        return cls.beside(Run.open_all(path)[0], source, target)

    @classmethod
    def beside(cls, run: Run, source: str, target: str) -> "Corrections":
        """The same of a run that may not have weights yet."""
        languages = f"{source}-{target}".replace("_", "-")
        return cls(run.path / f"corrections.{languages}.tsv")

    def pairs(self) -> list[tuple[str, str]]:
        """(source, target) of all that are kept."""
        self._refresh()
        return list(self._targets.items())

    def get(self, source: str) -> str | None:
        """The translation of exactly this text, or None."""
        self._refresh()
        return self._targets.get(_cell(source))

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Appends pairs, all or none of them.

        Failure if they cannot be written, UserError if one has no text on one of its sides.
        """
        cells = [(_cell(source), _cell(target)) for source, target in pairs]
        for source, target in cells:
            if not source or not target:
                missing = "correction" if source else "source"
                raise UserError(f"{source or target!r} has no {missing}; nothing is kept")
        self._append(cells)

    def remove(self, sources: Sequence[str]) -> None:
        """Takes back the corrections of these texts, all or none; UserError names one without."""
        cells = [_cell(source) for source in sources]
        self._refresh()
        for source in cells:
            if source not in self._targets:
                raise UserError(f"{source!r} has no correction in {self.path}")
        self._append([(source, "") for source in cells])

    def _append(self, cells):
        data = "".join(f"{source}\t{target}\n" for source, target in cells).encode()
        try:
            with self._lock, open(self.path, "ab+", buffering=0) as file:
                # Released when the file is closed. Some network file systems have no locks.
                try:
                    fcntl.flock(file, fcntl.LOCK_EX)
                except OSError as error:
                    log.debug(f"{self.path}: {error}")
                size = file.seek(0, os.SEEK_END)
                if size + len(data) > MOST_BYTES:
                    raise Failure(f"{self.path}: is full ({MOST_BYTES // 2**20} MiB)")
                # A line that somebody left unfinished ends here.
                file.seek(max(0, size - 1))
                if file.read(1) not in (b"", b"\n"):
                    data = b"\n" + data
                if file.write(data) != len(data):
                    file.truncate(size)
                    raise Failure(f"{self.path}: the disk is full")
                os.fsync(file.fileno())
        except OSError as error:
            raise files.write_failure(self.path, error) from error

    def _refresh(self):
        """Reads the file anew if it has changed; what is no text any more changes nothing."""
        with self._lock:
            version = _version(self.path)
            if version == self._version:
                return
            self._version = version
            try:
                self._targets = _read(self.path)
            except UserError as error:
                log.warning(f"{error}; the corrections read before are used")


def _version(path):
    """What changes with the file; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(path):
    """Target by source."""
    targets: dict[str, str] = {}
    for line in files.lines(path) if path.exists() else ():
        source, tab, target = line.partition("\t")
        source, target = _cell(source), _cell(target)
        if tab:
            targets.pop(source, None)
        if source and target:
            targets[source] = target
    return targets


def _cell(text):
    """A text as a cell of the table."""
    return files.one_line(text).replace("\t", " ").strip()
