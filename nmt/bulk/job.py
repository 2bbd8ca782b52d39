"""A job: files cut in windows by position, each window a file of its own in the output.

A window is done when its file is there. A job that was killed therefore goes on with the windows
that have none, and a window that is worked on twice is written twice, with the same content.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from nmt import files
from nmt.bulk.formats import Contents, format_of, split_name
from nmt.bulk.storage import Folder
from nmt.bulk.work import Function, Work, identity
from nmt.errors import Failure, UserError

RECORD = "_nmt_bulk.json"  # tells jobs apart; datasets leave out names that begin with "_"
DEATHS = 3  # of workers, on a window: then it is given up
READERS = 8  # files that are counted at the same time


class Window(NamedTuple):
    """Rows of a file of the input, and the file that they become."""

    name: str
    start: int
    rows: int
    output: str
    at: int = 0  # the byte of its first row; 0: only the rows before it tell
    check: int = 0  # of the file, as `Contents` has it


@dataclasses.dataclass(frozen=True)
class Job:
    """What is done with which files. All of it travels to the workers."""

    work: Work
    source: Folder
    only: str | None  # a file in it; None: all of them
    target: Folder
    columns: Sequence[str]  # of the input, that the work takes
    id_column: str | None = None  # the one that the output keeps; None: all
    window: int = 1000  # rows

    def windows(self) -> list[Window]:
        """All windows in order; UserError where the input does not fit the work."""
        names = [self.only] if self.only else self.source.listed()
        with ThreadPoolExecutor(READERS) as pool:
            contents = pool.map(self._contents, names)
            found = list(zip(names, contents, strict=True))
        for name, each in found:
            if each.columns:
                self._check_columns(each.columns, self.source.where(name))
        return [window for name, each in found for window in cut(name, each, self.window)]

    def _contents(self, name):
        return format_of(name).contents(self.source, name, self.window)

    def _check_columns(self, columns, where):
        for wanted in [*self.columns, *([self.id_column] if self.id_column else [])]:
            if wanted not in columns:
                raise UserError(f"{where}: has no column {wanted}; it has {', '.join(columns)}")
        kept = [self.id_column] if self.id_column else columns
        for new in self.work.new_columns:
            if new in kept:
                raise UserError(
                    f"{where}: has a column {new} already; --id NAME keeps one column only"
                )

    def begin(self, windows: Sequence[Window]) -> list[Window]:
        """Makes the output this job's, and returns the windows that it has not yet.

        UserError where it holds another job, or files that are none.
        """
        names = self.target.names()
        there = {name for name in names if not files.is_partial(PurePosixPath(name).name)}
        record = self._record(windows)
        if RECORD in there:
            with self.target.text(RECORD) as file:
                self._check_record(json.load(file), record)
            self.target.remove_leftovers()
        elif there:
            raise UserError(f"{self.target.path}: holds other files; a folder of its own is needed")
        else:
            self.target.write(RECORD, json.dumps(record, indent=2).encode())
        return [window for window in windows if window.output not in there]

    def _record(self, windows):
        """What a job is: the same one, the same output."""
        rows = Counter[str]()
        checks = {}
        for window in windows:
            rows[window.name] += window.rows
            checks[window.name] = window.check
        record = {
            **identity(self.work),
            "columns": self.columns,
            "id": self.id_column,
            "window": self.window,
            "input": {
                name: [self.source.size(name), count, checks[name]] for name, count in rows.items()
            },
        }
        return json.loads(json.dumps(record))

    def _check_record(self, begun, record):
        # Earlier versions had no check of Parquet.
        known = begun.get("input") or {}
        for name, (size, count, _) in record["input"].items():
            if known.get(name) == [size, count, 0]:
                known[name] = record["input"][name]
        other = [name for name, value in record.items() if begun.get(name) != value]
        if other:
            raise UserError(
                f"{self.target.path}: holds a job that differs in {', '.join(other)}; "
                "choose another folder"
            )

    def do(self, window: Window, function: Function) -> Counter[str]:
        """Writes the file of a window; returns what is told of its rows."""
        kind = format_of(window.name)
        needed = list({*self.columns, self.id_column}) if self.id_column else None
        rows = kind.window(self.source, window.name, window.start, window.rows, window.at, needed)
        new = [] if self.id_column else self.work.new_columns
        where = self.source.where(window.name)
        columns = kind.texts(rows, self.columns, where, window.start, new)
        added, told = function(columns)
        self.target.write(window.output, kind.written(rows, self.id_column, added))
        return told


def cut(name: str, contents: Contents, size: int) -> list[Window]:
    """The windows of a file; one without rows has one, so that its output is there.

    >>> [window.output for window in cut("a.txt.gz", Contents(3, ()), 2)]
    ['a-00001.txt.gz', 'a-00002.txt.gz']
    """
    rows, _, places, check = contents
    stem, ending, compression = split_name(name)
    starts = range(0, max(rows, 1), size)
    # In order of names is in order of rows.
    digits = max(5, len(str(len(starts))))
    outputs = (f"{stem}-{n:0{digits}}{ending}{compression}" for n in range(1, len(starts) + 1))
    return [
        Window(name, start, min(size, rows - start), output, at, check)
        for start, output, at in zip(starts, outputs, places or [0] * len(starts), strict=True)
    ]


def result_of(job: Job, window: dict[str, Any], function: Function) -> dict[str, Any]:
    """What a worker says of a window that it has done; mistakes and failures as their one line."""
    own = Window(**window)
    result = {"rows": own.rows, "told": "{}", "error": "", "status": 0}
    try:
        result["told"] = json.dumps(job.do(own, function))
    except (UserError, Failure) as error:
        result.update(error=str(error), status=error.exit_status)
    except Exception as error:
        reason = files.one_line(f"{type(error).__name__} {error}")
        line = f"{described(job, own)}: {reason}"
        result.update(error=line, status=Failure.exit_status)
    return result


def described(job: Job, window: Window) -> str:
    """What a window is called in messages: its file and rows."""
    rows = f"rows {window.start + 1:,} to {window.start + window.rows:,}"
    return f"{job.source.where(window.name)}, {rows}"


def died(deaths: int, where: str = "") -> Failure:
    """The failure of a job whose workers die."""
    return Failure(
        f"{where}workers died {deaths} times (killed, or out of memory?); the same command goes "
        "on, with fewer --workers or a smaller --window if memory is short"
    )
