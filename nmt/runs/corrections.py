"""Better translations that users give: kept beside the run, and its answers from then on."""

import fcntl
import logging
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from nmt import files, signatures
from nmt.errors import Failure, UserError
from nmt.runs.folder import Run

log = logging.getLogger(__name__)

MOST_BYTES = 16 * 2**20  # of a file


class Corrections:
    """Pairs in a TSV file, source and target; of one source the last one counts.

    A source with an empty target is taken back. What other processes add is seen at once.
    Who reads waits for nobody who writes.
    """

    def __init__(self, path: Path):
        """Reads the file if there is one; UserError if it is no text."""
        self.path = path
        self._reading = threading.Lock()
        self._version = _version(path)
        self._data = _content(path)
        self._targets = _parsed(self._data, path)

    @classmethod
    def of(cls, path: str | os.PathLike, source: str, target: str) -> "Corrections":
        """Those of a run, of "RUN1,RUN2,..." the first one's, from one language into another."""
        return cls.beside(Run.open_all(path)[0], source, target)

    @classmethod
    def beside(cls, run: Run, source: str, target: str) -> "Corrections":
        """The same of a run that may not have weights yet."""
        languages = f"{source}-{target}".replace("_", "-")
        return cls(run.path / f"corrections.{languages}.tsv")

    def changed(self) -> bool:
        """Whether what comes next has to read the file, which may take a while."""
        return _version(self.path) != self._version

    def pairs(self) -> list[tuple[str, str]]:
        """(source, target) of all that are kept."""
        return [pair for pair in self._now().items() if pair[1]]

    def get(self, source: str) -> str | None:
        """The translation of exactly this text, or None."""
        return self._now().get(_cell(source)) or None

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Appends pairs, all or none of them.

        Failure if they cannot be written, UserError if one has no text on one of its sides, or
        half a character.
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
        targets = self._now()
        for source in cells:
            if not targets.get(source):
                raise UserError(f"{source!r} has no correction in {self.path}")
        self._append([(source, "") for source in cells])

    def follow(self, other: "Corrections", alone: bool = False) -> int:
        """Keeps what others keep, and takes back what they have taken back; how many that changes.

        alone: takes back what they have never had, too. Raises what `add` does.
        """
        own, wanted = self._now(), other._now()
        if alone:
            wanted = dict.fromkeys(own, "") | wanted
        cells = [(s, target) for s, target in wanted.items() if target != own.get(s, "")]
        self._append(cells)
        return len(cells)

    def _append(self, cells):
        if not cells:
            return
        try:
            data = "".join(f"{source}\t{target}\n" for source, target in cells).encode()
        except UnicodeEncodeError:
            raise UserError("half a character (a lone surrogate); nothing is kept") from None
        try:
            with open(self.path, "ab+", buffering=0) as file:
                # Released when the file is closed; it holds threads of one process apart, too.
                # Some network file systems have no locks.
                try:
                    fcntl.flock(file, fcntl.LOCK_EX)
                except OSError as error:
                    log.debug(f"{self.path}: {error}")
                size = file.seek(0, os.SEEK_END)
                # What is wrong can always be taken back.
                if size + len(data) > MOST_BYTES and any(target for _, target in cells):
                    raise Failure(
                        f"{self.path}: is full ({MOST_BYTES // 2**20} MiB, with old lines); put "
                        "what `nmt correct --list` prints in its place, or train a new run from it"
                    )
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

    def _now(self):
        """Target by source, "" of what is taken back; never changed, but made anew.

        A file that is no text any more changes nothing.
        """
        if not self.changed():
            return self._targets
        with self._reading:
            version = _version(self.path)
            if version != self._version:
                try:
                    self._read()
                except UserError as error:
                    log.warning(f"{error}; the corrections read before are used")
                self._version = version
        return self._targets

    def _read(self):
        """Reads the file, and of its lines those that are new."""
        data = _content(self.path)
        grown = self._data.endswith(b"\n") and data.startswith(self._data)
        begin = len(self._data) if grown else 0
        self._targets = _parsed(data, self.path, begin, self._targets if grown else {})
        self._data = data


def _version(path):
    """What changes with the file; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _content(path):
    """The bytes of the file, whatever they look like: none where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _parsed(data, path, begin=0, before=()):
    """Target by source: those before, and what the lines from a place on say."""
    try:
        text = data[begin:].decode()
    except UnicodeDecodeError as error:
        line = 1 + data.count(b"\n", 0, begin + error.start)
        raise signatures.not_utf8(data[begin:], f"{path}, line {line}") from None
    targets: dict[str, str] = dict(before)
    for line in text.split("\n"):
        source, tab, target = line.partition("\t")
        source = _cell(source)
        if tab and source:
            targets.pop(source, None)
            targets[source] = _cell(target)
    return targets


def _cell(text):
    """A text as a cell of the table."""
    return files.one_line(text).replace("\t", " ").strip()
