"""Glossaries: tables of terms, and TBX files of 2008 (martif) and of version 3."""

from pathlib import Path

from nmt.corpora.formats import tbx
from nmt.corpora.formats.tables import language_places
from nmt.errors import UserError
from nmt.files import lines
from nmt.text.glossary import Glossary, Term
from nmt.text.languages import unspaced

EXACT = "exact"
ADVICE = "a glossary is a table (source TAB target) or a TBX file"


def read_glossary(path: str | Path, source: str, target: str) -> Glossary:
    """The glossary of a file, from one language into another one.

    A table has source, target and, in a third column, `exact` or nothing; its first row may name
    the languages. Raises UserError, which names file and line, for what is no glossary.
    """
    path = Path(path)
    read = tbx.read if tbx.is_tbx(path) else _of_table
    terms = list(read(path, source, target))
    if not terms:
        raise UserError(f"{path}: no term in it; {ADVICE}")
    return Glossary(terms, unspaced(source))


def _of_table(path, source, target):
    """The terms of a table."""
    places = 0, 1
    seen: dict[tuple[str, bool], tuple[int, str]] = {}
    is_first = True
    for number, line in enumerate(lines(path, True, ADVICE), 1):
        cells = [" ".join(cell.split()) for cell in line.split("\t")]
        if not any(cells):
            continue
        if is_first and (header := language_places(cells, source, target)):
            places = header
            is_first = False
            continue
        is_first = False
        term = _term(cells, places, f"{path}, line {number}")
        # A term has one translation.
        key = term.source if term.exact else term.source.lower(), term.exact
        line_before, before = seen.setdefault(key, (number, term.target))
        if before != term.target:
            raise UserError(
                f"{path}, line {number}: {term.source!r} has another translation in line "
                f"{line_before}; keep one of them"
            )
        if line_before == number:
            yield term


def _term(cells, places, where):
    """The term of a row."""
    rest = [cell for place, cell in enumerate(cells) if place not in places and cell]
    if len(cells) <= max(places):
        raise UserError(f"{where}: {len(cells) - 1} tabs; a line is: source TAB target [TAB exact]")
    source, target = (cells[place] for place in places)
    if not source or not target:
        raise UserError(f"{where}: the {'target' if source else 'source'} is empty")
    if rest not in ([], [EXACT]):
        raise UserError(f"{where}: {rest[0]!r} in the third column, which has {EXACT!r} or nothing")
    return Term(source, target, bool(rest))
