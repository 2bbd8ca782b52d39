"""Tables as spreadsheets write them (TSV, CSV): quoted cells, a header, chosen columns."""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nmt.corpora.formats import note
from nmt.errors import UserError
from nmt.files import lines
from nmt.text.languages import language

# In this order: sentences have commas, and some have semicolons.
SEPARATORS = ("\t", ";", ",")
# Excel's first line, which names the separator.
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?')
# Rows that decide the separator.
SAMPLE = 1000
# What headers call a language beside its code, in lower case.
LANGUAGE_NAMES = {
    "ar": ("arabic", "العربية"),
    "cs": ("czech", "čeština"),
    "da": ("danish", "dansk"),
    "de": ("german", "deutsch"),
    "el": ("greek", "ελληνικά"),
    "en": ("english",),
    "es": ("spanish", "español"),
    "fi": ("finnish", "suomi"),
    "fr": ("french", "français"),
    "hu": ("hungarian", "magyar"),
    "it": ("italian", "italiano"),
    "ja": ("japanese", "日本語"),
    "ko": ("korean", "한국어"),
    "nl": ("dutch", "nederlands"),
    "no": ("norwegian", "norsk"),
    "pl": ("polish", "polski"),
    "pt": ("portuguese", "português"),
    "ru": ("russian", "русский"),
    "sv": ("swedish", "svenska"),
    "tr": ("turkish", "türkçe"),
    "uk": ("ukrainian", "українська"),
    "zh": ("chinese", "中文"),
}
SOURCE_NAMES = ("source", "src", "original")
TARGET_NAMES = ("target", "tgt", "trg", "translation")


def read(
    path: Path, source: str, target: str, columns: str = "", separator: str = ""
) -> Iterator[tuple[str, str]]:
    """The cells of two columns, row by row; a blank row is an empty pair.

    source, target: language codes, by which a header is known. columns: names in the header or
    numbers from 1, as "en,de" or "1,3"; empty: those of the languages, or the first two.
    separator: empty: the one that parts the rows alike.
    """
    rows = _rows(path, separator or _separator(path))
    # The first row that is not blank: names of the columns, or a pair.
    first = next((row for row in rows if any(row[1])), None)
    if first is None:
        return
    number, cells = first
    where = f"{path}, line {number}"
    places, is_header = _places(cells, columns, source, target, where)
    if max(places) >= len(cells):
        raise UserError(f"{where}: {_too_narrow(cells, columns, separator)}")
    if len(cells) > 2 and not columns and not is_header:
        note(f"{path} has {len(cells)} columns; the first two are read (data.columns names others)")
    # The pairs.
    body = rows if is_header else itertools.chain([first], rows)
    for number, row in body:
        if not any(cell.strip() for cell in row):
            yield "", ""
            continue
        if len(row) <= max(places) or any(row[len(cells) :]):
            raise UserError(
                f"{path}, line {number}: {len(row)} columns, but the first row has {len(cells)}"
            )
        yield row[places[0]], row[places[1]]


def language_places(cells: Sequence[str], source: str, target: str) -> tuple[int, int] | None:
    """Places of the cells that name source and target, or None: then the row is a pair."""
    header = [cell.strip().casefold().replace("_", "-") for cell in cells]
    places: list[Any] = []
    for code, names in ((source, SOURCE_NAMES), (target, TARGET_NAMES)):
        code = code.casefold().replace("_", "-")
        wanted = (code, *LANGUAGE_NAMES.get(language(code), ()), language(code), *names)
        exact = (header.index(name) for name in wanted if name in header)
        regional = (n for n, name in enumerate(header) if re.match(rf"{language(code)}-\w+$", name))
        places.append(next(exact, next(regional, None)))
    if None in places or places[0] == places[1]:
        return None
    return places[0], places[1]


# Columns.


def _places(cells, columns, source, target, where):
    """(places of source and target, whether the first row is a header)."""
    by_language = language_places(cells, source, target)
    if not columns:
        return by_language or (0, 1), bool(by_language)
    names = [name.strip() for name in columns.split(",")]
    if all(name.isdecimal() for name in names):
        places = tuple(int(name) - 1 for name in names)
        return places, by_language is not None and set(places) <= set(by_language)
    # Names that stand in the first row.
    header = [cell.strip().casefold() for cell in cells]
    for name in names:
        if name.casefold() not in header:
            raise UserError(f"{where}: no column {name!r}; the first row is: {', '.join(cells)}")
    return tuple(header.index(name.casefold()) for name in names), True


def _too_narrow(cells, columns, separator):
    """What is wrong with a first row that lacks a column, and what may help."""
    if columns:
        return f"{len(cells)} columns, but data.columns={columns}"
    if separator != "\t":
        return "one column; a row has source and target, parted by tabs, semicolons or commas"
    text = separator.join(cells)
    hint = ""
    if re.search(r"\S {2,}\S", text):
        hint = "; columns parted by spaces: put a tab there"
    elif re.search(r"[;,]", text):
        hint = "; parted by commas or semicolons: data.format=csv"
    return f"{text.count(separator)} tabs; a line is: source TAB target{hint}"


# Rows.


def _rows(path: Path, separator: str) -> Iterator[tuple[int, Sequence[str]]]:
    """(number of its first line, cells) of each row."""
    if separator == "\t" and not _is_quoted(path):
        for number, line in enumerate(_lines(path), 1):
            yield number, line.split(separator) if line else []
        return
    number = 1
    reader = _reader(_lines(path), separator)
    try:
        for row in reader:
            yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}, line {number}: {error}; a quoted cell ends before the separator, "
            "and a quotation mark in it is written twice"
        ) from None


def _lines(path):
    """The lines of a table; Excel's line of the separator is left blank."""
    for number, line in enumerate(lines(path, plain=True)):
        yield "" if number == 0 and SEPARATOR_LINE.fullmatch(line) else line


def _reader(texts, separator):
    """Python's reader of CSV; a carriage return inside a line is not the end of a row."""
    ended = (text.replace("\r", " ") + "\n" for text in texts)
    return csv.reader(ended, delimiter=separator, strict=True)


def _separator(path):
    """The first separator that parts all rows alike, or all of them at all."""
    start = next(lines(path, plain=True), "")
    if match := SEPARATOR_LINE.fullmatch(start):
        return match[1]
    widths = {separator: _widths(path, separator) for separator in SEPARATORS}
    alike = (name for name, width in widths.items() if width and len(width) == 1)
    parted = (name for name, width in widths.items() if width)
    # None: the first line must do, and the reader tells what is wrong.
    return next(alike, next(parted, max(SEPARATORS, key=start.count)))


def _widths(path, separator):
    """The numbers of columns of the first rows; None if a row is not parted or not CSV."""
    try:
        rows = itertools.islice(_reader(_lines(path), separator), SAMPLE)
        widths = {len(row) for row in rows if row}
    except csv.Error:
        return None
    return widths if min(widths, default=0) > 1 else None


def _is_quoted(path):
    """Whether quotation marks around fields of a TSV file are those of a spreadsheet, not text.

    They are if each that begins a field is closed at the end of a field, and if a field needs them
    (it holds a mark, a tab or a line break) or no field without them holds a mark.
    """
    if not any(map(_has_opening_mark, _lines(path))):
        return False
    # Read the file both ways.
    pending: list[str] = []
    widths: set[int] = set()
    needed = inner = merged = narrow = False
    try:
        for row in _reader(_remembered(_lines(path), pending), "\t"):
            text = "\n".join(pending)
            widths.update(line.count("\t") for line in pending if line)
            merged |= len(pending) > 1
            narrow |= len(row) == 1
            pending.clear()
            marked = any('"' in cell for cell in row)
            needed |= marked and '""' in text
            inner |= marked and '""' not in text
    except csv.Error:
        return False
    # Marks that join lines, though each line has its columns, are dialogue.
    if (merged or narrow) and len(widths) == 1 and 0 not in widths:
        return False
    return needed or merged or not inner


def _has_opening_mark(line):
    """Whether a quotation mark begins a field of a TSV line."""
    return line.startswith('"') or '\t"' in line


def _remembered(texts, pending):
    for text in texts:
        pending.append(text)
        yield text
