"""New training text from runs one has: their translations of more text, as a corpus.

Back-translation (Sennrich et al. 2016): text of the target language beside its translation into the
source language. Forward translation: the other way round, for self-training, for a student of a
stronger system (Kim and Rush 2016), and by several runs for diversification (Nguyen et al. 2020).

A corpus is a table, OUTPUT, and what it was made from and how, OUTPUT.json. While it grows, the
table is OUTPUT.part and its state OUTPUT.part.json, where work that was stopped goes on.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import itertools
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nmt import files
from nmt.corpora.cleaning import fault
from nmt.errors import UserError
from nmt.recipe import DataOptions
from nmt.runs.folder import Run
from nmt.version import __version__
from nmt.windows import windows

if TYPE_CHECKING:
    from nmt.decoding.sampling import Sampling
    from nmt.inference.translation import Translation
    from nmt.inference.translator import Translator

log = logging.getLogger(__name__)

WINDOW = 1000  # lines between two states to go on from
SECONDS = 20  # between two lines of progress
TOLD_ONLY = ("nmt", "text")  # of a description: it may go on with another version, or another name
# A word, or words, that stand there four times in a row.
REPETITION = re.compile(r"\b(\w+(?:\W+\w+){0,3})(?:\W+\1\b){3}")


@dataclasses.dataclass
class Making:
    """How pairs are made of lines, and which are kept.

    back: the lines are targets. nbest: translations of a line that are kept. min_score: the least
    ranking score.
    """

    back: bool = False
    nbest: int = 1
    beam: int | None = None
    sampling: Sampling | None = None
    min_score: float = float("-inf")

    def pairs(
        self, translator: Translator, lines: Sequence[str], dropped: Counter[str]
    ) -> Iterator[tuple[str, str, float]]:
        """Yields (source, target, score) of lines; counts in `dropped` what is left out."""
        # Text of a tokenised corpus stays tokens.
        joined = not translator.recipe.data.tokenised
        lists = translator.candidates(
            lines, self.nbest, self.beam, joined=joined, sampling=self.sampling
        )
        for line, candidates in zip(lines, lists, strict=True):
            # Of equal ones the best.
            distinct: dict[str, Translation] = {}
            for each in candidates:
                distinct.setdefault(each.text, each)
            for text, translation in distinct.items():
                if reason := self._fault(line, translation, translator.recipe.data):
                    dropped[reason] += 1
                else:
                    sides = (text, line) if self.back else (line, text)
                    yield *sides, translation.score

    def _fault(self, line: str, translation: Translation, data: DataOptions) -> str | None:
        """Why a translation is no text to learn from, or None."""
        if not translation.finished:
            return "no end"
        if translation.repaired:
            return "a copied span was lost"
        if REPETITION.search(translation.text) and not REPETITION.search(line):
            return "repeats itself"
        if translation.score < self.min_score:
            return "score"
        return fault(line, translation.text, data)


def make(
    path: Path,
    runs: Sequence[tuple[Sequence[Run], Translator]],
    source: Source,
    making: Making,
) -> dict[str, Any]:
    """Writes the corpus `path` of what each of the runs makes of lines; returns its description.

    runs: of each translator its members.
    Begins where it was stopped. UserError if `path` is there and was made otherwise.
    """
    told = _description(runs, source, making)
    with State(path, told) as state:
        if state.complete:
            log.info(f"{path}: complete, {state.numbers['pairs']:,} pairs; nothing to do")
            return {**told, **state.numbers}
        begun = state.numbers["lines"]
        if begun:
            log.info(f"{path}: goes on at line {begun + 1:,}")
        started = last = time.monotonic()
        lines = itertools.islice(source.lines, begun, None)
        for window in windows(lines, WINDOW):
            rows: list[str] = []
            dropped: Counter[str] = Counter(state.numbers["dropped"])
            for _, translator in runs:
                made = making.pairs(translator, window, dropped)
                rows += (_row(a, b, f"{score:.4f}") for a, b, score in made)
            state.add(rows, len(window), dropped)
            if time.monotonic() - last > SECONDS:
                last = time.monotonic()
                _tell_progress(state.numbers["lines"], len(source.lines), begun, last - started)
    numbers = state.numbers
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in numbers["dropped"].items())
    log.info(
        f"{path}: {numbers['pairs']:,} pairs from {numbers['lines']:,} lines"
        + (f"; dropped: {reasons}" if reasons else "")
    )
    return {**told, **numbers}


class Source(NamedTuple):
    """The lines that are translated. name, digest: for the description."""

    name: str
    lines: Sequence[str]
    digest: str


class State:
    """A corpus that grows: a table, and beside it how far it has got.

    A context: one process at a time makes a corpus, and it is complete when the context ends well.
    """

    def __init__(self, path: Path, told: dict[str, Any]):
        """told: what the corpus is made from and how."""
        self.path = path
        self.told = told
        self.table = path.with_name(f"{path.name}.part")
        self.record = path.with_name(f"{path.name}.part.json")
        self.final_record = path.with_name(f"{path.name}.json")
        self.numbers: dict[str, Any] = {"lines": 0, "pairs": 0, "dropped": {}}
        self.size = 0  # bytes of the table that the record tells of
        self.complete = False
        self.file: Any = None

    def __enter__(self) -> State:
        # What is refused, and what is complete, needs no lock and changes nothing.
        self._read()
        if self.complete:
            return self
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = self._held_table()
            try:
                self._begin()
            except BaseException:
                self._let_go()
                raise
        except OSError as error:
            raise files.write_failure(self.path, error) from error
        return self

    def _read(self):
        """What is there; UserError if that is something else."""
        self.complete = self.path.exists()
        record = self.final_record if self.complete else self.record
        if not self.complete and not record.exists():
            return
        entries = {}
        if record.exists():
            try:
                entries = json.loads(record.read_text(encoding="utf-8"))
            except ValueError:
                raise UserError(f"{record}: is no description of a corpus of ours") from None
        different = [
            name
            for name, value in self.told.items()
            if name not in TOLD_ONLY
            and _apart_from_paths(entries.get(name)) != _apart_from_paths(value)
        ]
        if different:
            raise UserError(
                f"{self.path if self.complete else self.table}: is there and was made otherwise "
                f"({', '.join(different)}); choose another output"
            )
        self.numbers = {name: entries[name] for name in self.numbers}
        self.size = entries["size"]

    def _held_table(self):
        """The table, open, which no other process writes to."""
        while True:
            with contextlib.ExitStack() as closed_on_errors:
                file = closed_on_errors.enter_context(
                    open(self.table, "a", encoding="utf-8", newline="\n")
                )
                files.hold(file, f"{self.path}: another process is making it")
                if self._is_table(file):
                    closed_on_errors.pop_all()
                    return file

    def _is_table(self, file):
        """Whether it is still the table; the process that had it may have renamed it."""
        return self.table.exists() and os.path.samestat(os.fstat(file.fileno()), self.table.stat())

    def _begin(self):
        """Makes the table what the record tells of."""
        written = os.fstat(self.file.fileno()).st_size
        if written and self.final_record.exists() and not self.record.exists():
            # It was stopped between its last two steps.
            os.replace(self.table, self.path)
        self._read()
        if self.complete:
            return
        if not self.numbers["lines"]:
            self.file.truncate(0)
            header = f"{self.told['source']}\t{self.told['target']}\tscore\n"
            self.size = len(header.encode())
            # First the record: a table without one may be complete.
            self._save()
            self._write(header)
            return
        if written < self.size:
            raise UserError(
                f"{self.table}: lacks what {self.record} tells of; remove that to begin anew"
            )
        # What was written after the last state is written again.
        self.file.truncate(self.size)

    def add(self, rows: Sequence[str], lines: int, dropped: Counter[str]) -> None:
        """Appends rows that so many lines have given."""
        try:
            self._write("".join(f"{row}\n" for row in rows))
        except OSError as error:
            raise files.write_failure(self.table, error) from error
        self.numbers["lines"] += lines
        self.numbers["pairs"] += len(rows)
        self.numbers["dropped"] = dict(dropped.most_common())
        self.size += sum(len(f"{row}\n".encode()) for row in rows)
        self._save()

    def _write(self, text):
        self.file.write(text)
        self.file.flush()
        os.fsync(self.file.fileno())

    def _save(self):
        with files.atomic(self.record) as file:
            json.dump({**self.told, **self.numbers, "size": self.size}, file, indent=2)

    def __exit__(self, kind: Any, *_: Any) -> None:
        if not self.file:
            return
        if kind is None and not self.complete:
            os.replace(self.record, self.final_record)
            os.replace(self.table, self.path)
        self._let_go()

    def _let_go(self):
        """Ends the lock, and leaves no table in which nothing was begun."""
        if self._is_table(self.file) and not self.table.stat().st_size:
            self.table.unlink()
        self.file.close()


def _description(runs, source, making):
    """What tells a corpus from others: runs and their weights, the text, how it was made."""
    data = runs[0][1].recipe.data
    languages = (data.target, data.source) if making.back else (data.source, data.target)
    searches = [translator.recipe.search for _, translator in runs]
    return {
        "nmt": __version__,
        "source": languages[0],
        "target": languages[1],
        "runs": [
            [{"path": str(run.path), "weights": run.weights_digest} for run in members]
            for members, _ in runs
        ],
        "text": source.name,
        "text_sha256": source.digest,
        "length_penalties": [search.length_penalty for search in searches],
        "lm": _helping(searches, "lm"),
        "reverse": None if making.sampling else _helping(searches, "reverse"),
        "made": json.loads(json.dumps(dataclasses.asdict(making)).replace("-Infinity", "null")),
    }


def _helping(searches, name):
    """For the options of each search the run `name` that helps; None: no search has one."""
    runs = [search.helping.get(name) for search in searches]
    described = [
        run and {"path": run[0], "weights": Run.open(run[0]).weights_digest, "by": run[1]}
        for run in runs
    ]
    # None, too, is what older versions have told.
    return described if any(described) else None


def _apart_from_paths(value):
    """A value of a description without the places of runs: the same ones may have moved."""
    if isinstance(value, dict):
        return {name: _apart_from_paths(own) for name, own in value.items() if name != "path"}
    return list(map(_apart_from_paths, value)) if isinstance(value, list) else value


def _row(*cells):
    """A row of the table; a cell with quotation marks stands in some, or readers drop them."""
    written = io.StringIO()
    row = (files.one_line(cell).replace("\t", " ") for cell in cells)
    csv.writer(written, delimiter="\t", lineterminator="").writerow(row)
    return written.getvalue()


def _tell_progress(lines, total, begun, seconds):
    rate = (lines - begun) / seconds
    left = (total - lines) / rate
    time_left = f"{left // 60:.0f}:{left % 60:02.0f}"
    log.info(f"  {lines:,} of {total:,} lines, {rate:.0f} lines/s, left {time_left}")
