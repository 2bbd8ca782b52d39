"""Files of rows: lines of text, JSON objects a line, Parquet; read and written by position.

A format counts the rows of a file, reads a window of them, gives columns of it as texts, and makes
the bytes of a file of the window with columns added.
"""

import io
import itertools
import json
import math
from collections.abc import Iterator, Sequence
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


class Contents(NamedTuple):
    """What a file has: rows, and the names of its columns, empty where they have none."""

    rows: int
    columns: Sequence[str]


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
    def contents(folder: Folder, name: str) -> Contents:
        """Reads a file to its end; UserError for what is no such file."""

    @staticmethod
    def window(folder: Folder, name: str, start: int, count: int) -> Any:
        """`count` rows from the row `start` on."""

    @staticmethod
    def texts(rows: Any, columns: Sequence[str], where: str, start: int) -> list[Texts]:
        """The columns of a window; UserError names the row that lacks one."""

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
    def contents(folder: Folder, name: str) -> Contents:
        return Contents(sum(1 for _ in _lines(folder, name)), ())

    @staticmethod
    def window(folder: Folder, name: str, start: int, count: int) -> list[str]:
        return list(itertools.islice(_lines(folder, name), start, start + count))

    @staticmethod
    def texts(rows: list[str], columns: Sequence[str], where: str, start: int) -> list[Texts]:
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
    def contents(folder: Folder, name: str) -> Contents:
        columns: Sequence[str] = ()
        rows = 0
        for rows, line in enumerate(_lines(folder, name), 1):
            if rows == 1:
                columns = list(_object(line, f"{folder.where(name)}, line 1"))
        return Contents(rows, columns)

    @staticmethod
    def window(folder: Folder, name: str, start: int, count: int) -> list[dict]:
        lines = itertools.islice(_lines(folder, name), start, start + count)
        where = folder.where(name)
        return [_object(line, f"{where}, line {n}") for n, line in enumerate(lines, start + 1)]

    @staticmethod
    def texts(rows: list[dict], columns: Sequence[str], where: str, start: int) -> list[Texts]:
        for number, row in enumerate(rows, start + 1):
            for column in columns:
                if not isinstance(row.get(column, 0), str | None):
                    raise UserError(f"{where}, line {number}: has no text in the field {column}")
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


class Parquet:
    """Parquet; columns keep their types."""

    @staticmethod
    def contents(folder: Folder, name: str) -> Contents:
        with folder.binary(name) as file:
            table = parquet.ParquetFile(file)
            return Contents(table.metadata.num_rows, table.schema_arrow.names)

    @staticmethod
    def window(folder: Folder, name: str, start: int, count: int) -> pa.Table:
        with folder.binary(name) as file:
            table = parquet.ParquetFile(file)
            sizes = [table.metadata.row_group(n).num_rows for n in range(table.num_row_groups)]
            ends = list(itertools.accumulate(sizes))
            groups = [
                n
                for n, (end, size) in enumerate(zip(ends, sizes, strict=True))
                if end > start and end - size < start + count
            ]
            before = ends[groups[0]] - sizes[groups[0]] if groups else 0
            return table.read_row_groups(groups).slice(start - before, count)

    @staticmethod
    def texts(rows: pa.Table, columns: Sequence[str], where: str, start: int) -> list[Texts]:
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


def _lines(folder: Folder, name: str) -> Iterator[str]:
    with folder.text(name) as stream:
        yield from files.lines_of(stream, folder.where(name))


def _object(line, where):
    try:
        row = json.loads(line)
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
