"""Files of rows: lines of text, JSON objects a line, Parquet; read and written by position.

A format counts the rows of a file, reads a window of them, gives columns of it as texts, and makes
the bytes of a file of the window with columns added.
"""

import io
import itertools
import json
import math
import re
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
from pyarrow import parquet

from nmt import files
from nmt.bulk.storage import COMPRESSIONS, Folder
from nmt.corpora.formats.plain import split_pair
from nmt.errors import UserError

Texts = list[str | None]
# New columns that are no numbers.
TEXTS = ("translation", "flag")
BATCH = 4096  # rows of Parquet that are read at once
# What two of stand for a character of JSON.
_HALVES = re.compile(r"\\u[dD][89a-fA-F]")


class Contents(NamedTuple):
    """What a file has: rows, and the names of its columns, empty where they have none.

    places: the byte of each row from which a window begins, where a file can be read from there.
    check: CRC-32 of the text; of Parquet that of the footer, which tells where its columns stand
    and what they begin and end with: its rows are counted without reading them.
    """

    rows: int
    columns: Sequence[str]
    places: Sequence[int] = ()
    check: int = 0


class Added(NamedTuple):
    """What is written beside a window: new columns by name, and which rows stay (None: all).

    A file of lines has the new columns alone, unless `whole`: then its lines stand behind them.
    """

    columns: dict[str, Sequence[Any]]
    kept: Sequence[bool] | None = None
    whole: bool = False


class Format(Protocol):
    """What all formats can do."""

    @staticmethod
    def contents(folder: Folder, name: str, window: int) -> Contents:
        """Reads a file to its end; UserError for what is no such file. window: rows of one."""

    @staticmethod
    def window(
        folder: Folder, name: str, start: int, count: int, at: int, columns: Sequence[str] | None
    ) -> Any:
        """`count` rows from the row `start` on; at: its place, as `Contents` has it, or 0.

        columns: those that are needed (None: all). Others may be left out.
        """

    @staticmethod
    def texts(
        rows: Any, columns: Sequence[str], where: str, start: int, new: Sequence[str]
    ) -> list[Texts]:
        """The columns of a window; UserError names the row that lacks one, or has one of `new`."""

    @staticmethod
    def written(rows: Any, id_column: str | None, added: Added) -> bytes:
        """The content of a file of these rows. id_column: the one of their own that stays."""


def format_of(name: str) -> type[Format]:
    """The format of a file, which its ending tells; all that is not another one is text."""
    formats: dict[str, type[Format]] = {".parquet": Parquet, ".jsonl": JsonLines}
    return formats.get(split_name(name)[1], Lines)


def split_name(name: str) -> tuple[str, str, str]:
    """A name as its stem, the ending of its format and that of its compression.

    >>> split_name("in/part.jsonl.gz")
    ('in/part', '.jsonl', '.gz')
    """
    path = PurePosixPath(name)
    compression = path.suffix if path.suffix in COMPRESSIONS else ""
    path = PurePosixPath(name.removesuffix(compression))
    return str(path.with_suffix("")), path.suffix, compression


class Lines:
    """Text: a row is a line; the columns of a pair stand before and after its tab."""

    @staticmethod
    def contents(folder: Folder, name: str, window: int) -> Contents:
        places = _Places(window)
        rows = sum(1 for _ in _lines(folder, name, seen=places.add))
        return Contents(rows, (), places.of(name, rows), places.check)

    @staticmethod
    def window(
        folder: Folder, name: str, start: int, count: int, at: int, columns: Sequence[str] | None
    ) -> list[str]:
        return _window(folder, name, start, count, at)

    @staticmethod
    def texts(
        rows: list[str], columns: Sequence[str], where: str, start: int, new: Sequence[str]
    ) -> list[Texts]:
        if len(columns) == 1:
            return [list(rows)]
        pairs = (split_pair(row, f"{where}, line {n}") for n, row in enumerate(rows, start + 1))
        return [list(side) for side in zip(*pairs, strict=True)] or [[], []]

    @staticmethod
    def written(rows: list[str], id_column: str | None, added: Added) -> bytes:
        columns = [[_shown(value) for value in column] for column in added.columns.values()]
        if added.whole:
            columns.append([row or "\t" for row in rows])  # as `split_pair` reads it
        lines = _chosen(["\t".join(row) for row in zip(*columns, strict=True)], added.kept)
        return "".join(f"{line}\n" for line in lines).encode()


class JsonLines:
    """A JSON object a line; columns are its fields."""

    @staticmethod
    def contents(folder: Folder, name: str, window: int) -> Contents:
        columns: Sequence[str] = ()
        rows = 0
        places = _Places(window)
        for rows, line in enumerate(_lines(folder, name, seen=places.add), 1):
            if rows == 1:
                columns = list(_object(line, f"{folder.where(name)}, line 1"))
        return Contents(rows, columns, places.of(name, rows), places.check)

    @staticmethod
    def window(
        folder: Folder, name: str, start: int, count: int, at: int, columns: Sequence[str] | None
    ) -> list[dict]:
        lines = _window(folder, name, start, count, at)
        where = folder.where(name)
        return [_object(line, f"{where}, line {n}") for n, line in enumerate(lines, start + 1)]

    @staticmethod
    def texts(
        rows: list[dict], columns: Sequence[str], where: str, start: int, new: Sequence[str]
    ) -> list[Texts]:
        for number, row in enumerate(rows, start + 1):
            for column in columns:
                if not isinstance(row.get(column, 0), str | None):
                    raise UserError(f"{where}, line {number}: has no text in the field {column}")
            if there := [column for column in new if column in row]:
                raise UserError(
                    f"{where}, line {number}: has a field {there[0]} already; --id NAME keeps one "
                    "field only"
                )
        return [[row[column] for row in rows] for column in columns]

    @staticmethod
    def written(rows: list[dict], id_column: str | None, added: Added) -> bytes:
        if id_column:
            rows = [{id_column: row.get(id_column)} for row in rows]
        news = [dict.fromkeys(added.columns) for _ in rows]
        for name, values in added.columns.items():
            for new, value in zip(news, values, strict=True):
                # JSON has no infinite numbers.
                new[name] = None if isinstance(value, float) and math.isinf(value) else value
        chosen = _chosen([{**row, **new} for row, new in zip(rows, news, strict=True)], added.kept)
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen).encode()


_LENGTH = 4  # bytes of the size of the footer, before the last four of a file


class Parquet:
    """Parquet; columns keep their types."""

    @staticmethod
    def contents(folder: Folder, name: str, window: int) -> Contents:
        with folder.binary(name) as file:
            table = parquet.ParquetFile(file)
            rows, names = table.metadata.num_rows, table.schema_arrow.names
            file.seek(-_LENGTH - 4, 2)
            size = int.from_bytes(file.read(_LENGTH), "little")
            file.seek(-_LENGTH - 4 - size, 2)
            return Contents(rows, names, check=zlib.crc32(file.read(size)))

    @staticmethod
    def window(
        folder: Folder, name: str, start: int, count: int, at: int, columns: Sequence[str] | None
    ) -> pa.Table:
        with folder.binary(name) as file:
            table = parquet.ParquetFile(file)
            # 1. The row groups that have some of the rows.
            sizes = [table.metadata.row_group(n).num_rows for n in range(table.num_row_groups)]
            ends = list(itertools.accumulate(sizes))
            groups = [
                n
                for n, (end, size) in enumerate(zip(ends, sizes, strict=True))
                if end > start and end - size < start + count
            ]
            # 2. Their rows, block by block, up to the last one.
            row = ends[groups[0]] - sizes[groups[0]] if groups else 0
            found = []
            for batch in table.iter_batches(BATCH, row_groups=groups, columns=columns):
                first = max(0, start - row)
                found.append(batch.slice(first, max(0, start + count - row - first)))
                row += len(batch)
                if row >= start + count:
                    break
            empty = table.read_row_groups([], columns=columns)
            return pa.Table.from_batches(found, empty.schema)

    @staticmethod
    def texts(
        rows: pa.Table, columns: Sequence[str], where: str, start: int, new: Sequence[str]
    ) -> list[Texts]:
        for column in columns:
            kind = rows.schema.field(column).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise UserError(f"{where}: the column {column} holds {kind}, not text")
        return [rows[column].to_pylist() for column in columns]

    @staticmethod
    def written(rows: pa.Table, id_column: str | None, added: Added) -> bytes:
        rows = rows.select([id_column]) if id_column else rows
        for name, values in added.columns.items():
            kind = pa.string() if name in TEXTS else pa.float64()
            rows = rows.append_column(name, pa.array(values, kind))
        if added.kept is not None:
            rows = rows.filter(pa.array(added.kept, pa.bool_()))
        content = io.BytesIO()
        parquet.write_table(rows, content)
        return content.getvalue()


class _Places:
    """Where each line from which a window begins stands in a file, and the check of all bytes."""

    def __init__(self, window):
        self.window = window
        self.places = [0]
        self.lines = 0  # ends of lines
        self.at = 0  # bytes
        self.check = 0
        self.last = b""
        # Whether lines may end otherwise.
        self.is_other = False

    def add(self, data):
        """Bytes that follow those before."""
        if not self.at:
            is_old = b"\r" in data and b"\n" not in data
            self.is_other = is_old or data.startswith(tuple(files.MARKS))
        ends = [match.end() for match in re.finditer(b"\n", data)]
        first = -(self.lines + 1) % self.window
        self.places += (self.at + end for end in ends[first :: self.window])
        self.lines += len(ends)
        self.at += len(data)
        self.check = zlib.crc32(data, self.check)
        self.last = data[-1:] or self.last

    def of(self, name, rows):
        """The places, if the rows are these lines; none in a compressed file."""
        lines = self.lines + (self.last not in (b"", b"\n"))
        if self.is_other or lines != rows or split_name(name)[2]:
            return ()
        return self.places[: max(1, -(-rows // self.window))]


def _lines(folder, name, seen=None):
    with folder.text(name, seen) as stream:
        yield from files.lines_of(stream, folder.where(name))


def _window(folder, name, start, count, at):
    """`count` lines from the line `start` on, which begins at a byte, if that is known."""
    if not at:
        return list(itertools.islice(_lines(folder, name), start, start + count))
    with folder.lines(name, at) as stream:
        lines = [line.decode() for line in itertools.islice(stream, count)]
    return [line.removesuffix("\n").removesuffix("\r") for line in lines]


def _object(line, where):
    try:
        row = json.loads(line)
        if _HALVES.search(line):
            json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])[1:-1]
        raise UserError(f"{where}: {half} is half a character, which is no text") from None
    except ValueError as error:
        raise UserError(f"{where}: no JSON ({error})") from None
    if not isinstance(row, dict):
        raise UserError(f"{where}: a JSON object is needed")
    return row


def _shown(value):
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else value


def _chosen(rows, kept):
    return rows if kept is None else list(itertools.compress(rows, kept))
