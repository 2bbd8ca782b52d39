"""Better translations that users send: kept beside the run, and used from then on."""

import os
from pathlib import Path

from nmt import files
from nmt.errors import Failure

MOST_BYTES = 16 * 2**20  # of a file


class Corrections:
    """Pairs in a TSV file, source and target; of one source the last one counts."""

    def __init__(self, path: Path):
        """Reads the file if there is one; UserError if it is no text."""
        self.path = path
        self._targets: dict[str, str] = {}
        if path.exists():
            for line in files.lines(path):
                source, tab, target = line.partition("\t")
                if tab:
                    self._targets[source] = target

    def get(self, source: str) -> str | None:
        """The translation of exactly this text, or None."""
        return self._targets.get(_cell(source))

    def add(self, pairs: list[tuple[str, str]]) -> None:
        """Appends pairs, all or none of them; Failure if they cannot be written."""
        cells = [(_cell(source), _cell(target)) for source, target in pairs]
        data = "".join(f"{source}\t{target}\n" for source, target in cells).encode()
        try:
            # One write to the end: lines of two processes do not mix.
            with open(self.path, "ab+", buffering=0) as file:
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
        self._targets.update(cells)


def _cell(text):
    """A text as a cell of the table."""
    return files.one_line(text).replace("\t", " ").strip()
