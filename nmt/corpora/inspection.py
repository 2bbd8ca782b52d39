"""A look at a corpus before hours are spent on it: what is probably wrong, and what to do.

`Inspection(data).watch(pairs)` lets the pairs of a file through as they are read, and keeps a
sample of neighbouring ones; `notes()` then says what it sees there, a line each: sides swapped,
lines shifted, another language than declared, a header, quotation marks, too many translations of
one source. A note never stops a training.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from nmt.corpora.cleaning import Pair
from nmt.corpora.identification import NAMES, looks_like, other_language, table_code
from nmt.recipe import DataOptions
from nmt.text.spans import find_spans

# The sample: blocks of neighbours, evenly spread; fewer, further apart, the longer the text.
BLOCK = 64
BLOCKS = 64
# A share of pairs above which something is worth a line.
MANY = 1 / 3
MOST = 1 / 2
# Below it a share says nothing.
FEW_PAIRS = 8
# Below both a translator learns little.
LITTLE_PAIRS = 5000
LITTLE_TOKENS = 60_000

# Shifts that are tried: a source against the target so many lines further.
SHIFTS = np.arange(-5, 6)
REACH = int(SHIFTS.max())
UNSHIFTED = REACH
# Evidence in nats that a change of shift must bring.
CHANGE = 15.0
# Spread of the log ratio of lengths in true pairs, and characters added to both lengths.
LENGTH_SPREAD = 0.25
LENGTH_OFFSET = 5
# Most evidence that a pair has, for and against.
MOST_EVIDENCE = 6.0
# What true pairs have more than random ones, in standard deviations of the latter; more if shifts
# were chosen to raise it. Measured: 1.4 to 2.2, and below 0.3 and 0.65 in shuffled text.
MIN_GAIN = 0.3
MIN_GAIN_SHIFTED = 0.75
MIN_RANDOM_SPREAD = 0.4
MIN_COMPARED = 100

ANCHOR = re.compile(r"\d+|[^\W\d_]{3,}")
# What ends a sentence, in other scripts.
END_MARKS = {"？": "?", "؟": "?", "！": "!", "：": ":", "。": ".", "।": "."}
QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“”", "«": "»", "»": "«", "‘": "’", "「": "」"}
# Names of columns, and what they are in English.
COLUMNS = {
    *("source", "src", "target", "trg", "tgt", "input", "output", "original", "translation"),
    *("translated", "text", "sentence", "segment", "phrase", "string", "language", "lang", "id"),
    *("msgid", "msgstr", "key", "value"),
}
ENGLISH = {
    "quelle": "source",
    "ziel": "target",
    "englisch": "english",
    "anglais": "english",
    "inglés": "english",
    "deutsch": "german",
    "français": "french",
    "español": "spanish",
}
# Reasons of cleaning that users can do something about.
REMEDIES = {
    "too long": "data.max_chars={max_chars} sets the limit; one sentence a line is best",
    "length ratio": "data.max_ratio={max_ratio} sets the limit; do the sides belong together?",
    "same on both sides": "they are not translated",
    "empty side": "one side has no text there",
    "control characters": "the file was probably read in a wrong encoding when it was made",
}


class Inspection:
    """Looks at the pairs of a corpus while they are read."""

    def __init__(self, data: DataOptions):
        self.data = data
        self.unit = "line" if data.format in ("files", "text") else "pair"
        # Number of its first pair to the pairs of a block.
        self.blocks: dict[int, list[Pair]] = {}
        self.stride = 1

    def watch(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """Lets all pairs through."""
        block: list[Pair] | None = None
        for number, pair in enumerate(pairs):
            if number % BLOCK == 0:
                block = self._new_block(number)
            if block is not None:
                block.append(pair)
            yield pair

    def _new_block(self, number):
        """The list for the pairs of a block, or None if it is left out."""
        if number // BLOCK % self.stride:
            return None
        # A full sample loses every other block.
        if len(self.blocks) == BLOCKS:
            self.stride *= 2
            for start in list(self.blocks)[1::2]:
                del self.blocks[start]
        return self.blocks.setdefault(number, [])

    def notes(
        self, sides: Sequence[str] = ("source", "target"), counts: Mapping[Path, int] | None = None
    ) -> list[str]:
        """What is probably wrong with the pairs that were watched.

        sides: those that are learned from; a language model has the target alone. counts: how many
        pairs were read from each file, in order.
        """
        sample = [pair for block in self.blocks.values() for pair in block]
        # An untranslated pair says nothing of its sides.
        one_side = self.data.format == "text" or len(sides) == 1
        if one_side:
            lines = [("", target) for _, target in sample if target]
            return [*self._quotes(lines), *self._languages(lines)]
        pairs = [(source, target) for source, target in sample if source and target]
        translated = [(source, target) for source, target in pairs if source != target]
        return [
            *self._header(),
            *self._quotes(pairs),
            *self._languages(translated),
            *self._alignment(counts or {}),
            *self._repeated_sources(translated),
        ]

    # Each kind of note.

    def _header(self):
        """A first line of column names."""
        if self.data.format not in ("files", "tsv", "csv") or not self.blocks.get(0):
            return
        first = self.blocks[0][0]
        names = [_column_name(cell, self.data) for cell in first]
        if all(names) and names[0] != names[1]:
            yield (
                f"the first line looks like a header ({first[0]} / {first[1]}) and is read as a "
                "pair; delete it from the text"
            )

    def _quotes(self, pairs):
        """Quotation marks around whole lines, as spreadsheets write them."""
        for side, name in enumerate(("sources", "targets")):
            quoted = sum(_is_quoted(pair[side]) for pair in pairs)
            if quoted >= FEW_PAIRS and quoted > MOST * len(pairs):
                yield (
                    f"{quoted:,} of {len(pairs):,} {name} stand in quotation marks, which are "
                    "learned as text; save the text without them"
                )

    def _languages(self, pairs):
        """Sides in other languages than declared."""
        declared = (self.data.source, self.data.target)
        columns = [[pair[side] for pair in pairs] for side in (0, 1)]
        seen = [other_language(*side) for side in zip(columns, declared, strict=True)]
        if not any(seen):
            return
        codes = [table_code(code) for code in declared]
        figure = _language_figure(seen, codes)
        # A side that looks like the language of the other one: what does the other look like?
        exchanged = [
            other is not None and other.code == code
            for other, code in zip(seen, codes[::-1], strict=True)
        ]
        kept = [_is_as_declared(*side) for side in zip(columns, codes, seen, strict=True)]
        if not any(exchanged) or any(seen[side] and not exchanged[side] for side in (0, 1)):
            yield f"another language than declared: {figure}; see data.source and data.target"
        elif any(kept):
            yield f"both sides are in the same language: {figure}; is it the right file?"
        else:
            yield f"the sides are swapped: {figure}; exchange the files, or data.source and target"

    def _alignment(self, counts):
        """Lines that belong to a neighbour of their partner, or to no partner."""
        alignment = align(self.blocks)
        if alignment is None:
            return
        if alignment.is_random:
            yield (
                "sources and targets do not seem to belong together: lengths, numbers, names and "
                f"placeholders of {alignment.compared:,} pairs agree hardly better than those of "
                "random pairs; are both sides in the same order?"
            )
        elif alignment.shifted:
            yield self._shift(alignment, counts)

    def _shift(self, alignment, counts):
        # Where.
        where = "from the start"
        if alignment.start > 2 * REACH:
            where = f"from about {self._place(alignment.start, counts)} on"
        if alignment.end is not None:
            where += f" to about {self._place(alignment.end, counts)}"
        # By how much.
        by = abs(alignment.shift)
        direction = "down" if alignment.shift > 0 else "up"
        distance = f"{by} {self.unit}{'s' if by > 1 else ''} further {direction}"
        return (
            f"the sides are shifted {where}: the target {distance} fits better than its own in "
            f"{alignment.better:,} of {alignment.shifted:,} pairs there (by length, numbers, "
            f"names, placeholders); look for a {self.unit} that one side lacks"
        )

    def _place(self, number, counts):
        """A pair by its number, or by file and number there if the text has several files."""
        if len(counts) > 1:
            for path, count in counts.items():
                if number <= count:
                    return f"{self.unit} {number:,} of {path.name}"
                number -= count
        return f"{self.unit} {number:,}"

    def _repeated_sources(self, pairs):
        """Sources with many translations."""
        distinct = set(pairs)
        repeated = len(distinct) - len({source for source, _ in distinct})
        if repeated >= FEW_PAIRS and repeated > MANY * len(distinct):
            yield (
                f"{repeated:,} of {len(distinct):,} different pairs translate a source that "
                "another pair translates otherwise; a model learns one of them at best: keep the "
                "best translation of each, or look whether the right column was read"
            )


def _language_figure(seen, codes):
    """The lines in other languages, side by side; codes: the declared ones."""
    return "; ".join(
        f"{other.lines:,} of {other.total:,} {name} look {NAMES[other.code]} "
        f"and {other.declared_lines:,} {NAMES[code or '']}"
        for other, code, name in zip(seen, codes, ("sources", "targets"), strict=True)
        if other
    )


def _is_as_declared(lines, code, other):
    """Whether a side looks like its declared language and like no other."""
    return other is None and code is not None and looks_like(lines, code)


def dropped_notes(dropped: Counter[str], kept: int, data: DataOptions) -> list[str]:
    """What to do where cleaning drops a large share of the pairs; empty where it does not.

    Repeated pairs lose nothing and are not counted.
    """
    losses = Counter({reason: dropped[reason] for reason in REMEDIES})
    total = kept + losses.total()
    reason, number = losses.most_common(1)[0]
    if losses.total() < FEW_PAIRS or losses.total() <= MANY * total:
        return []
    remedy = REMEDIES[reason].format(**dataclasses.asdict(data))
    figure = f"{losses.total():,} of {total:,} pairs are dropped, {number:,} as “{reason}”"
    return [f"{figure}: {remedy}"]


def little_text_notes(pairs: int, tokens: int, unit: str) -> list[str]:
    """What helps where a text is too little to learn from; empty where it is enough.

    tokens: of the target.
    """
    if pairs >= LITTLE_PAIRS or tokens >= LITTLE_TOKENS:
        return []
    return [
        f"only {pairs:,} {unit} with {tokens:,} target pieces: too little to learn a language "
        "from; start from a trained run (train.from) or add text: docs/your-own-text.md, "
        "“Little text”"
    ]


# Which lines belong together.


@dataclasses.dataclass
class Alignment:
    """Where the sides of a sample belong together with a shift."""

    # Pairs that were compared, and how many of them lie where the sides are shifted.
    compared: int
    shifted: int
    # Whether pairs agree hardly better than random ones.
    is_random: bool
    # Of the first stretch that is shifted: lines that the target lies further down, first and last
    # line (1 is the first; None: it lasts to the end).
    shift: int = 0
    start: int = 0
    end: int | None = None
    # Of the shifted pairs those that agree more with the shift than without.
    better: int = 0


def align(blocks: dict[int, list[Pair]]) -> Alignment | None:
    """Finds shifted stretches: the most likely sequence of shifts, by Viterbi's algorithm.

    blocks: number of its first pair to neighbouring pairs. A change of shift costs CHANGE.
    Returns None if nothing can be compared.
    """
    agreement = _Agreement([pair for block in blocks.values() for pair in block])
    # Evidence for each shift of each source: [pairs, shifts]; the edges of a run have no partner.
    numbers: list[int] = []
    rows = []
    for start, run in _runs(blocks):
        for place in range(REACH, len(run) - REACH):
            if not run[place][0]:
                continue
            numbers.append(start + place + 1)
            targets = [run[place + shift][1] for shift in SHIFTS]
            rows.append([agreement.evidence(run[place][0], target) for target in targets])
    if not rows:
        return None
    evidence = np.array(rows)

    # The shift of each, and whether pairs agree at all.
    path = _best_path(evidence)
    shifted = np.flatnonzero(path != UNSHIFTED)
    is_random = agreement.is_random(evidence[np.arange(len(rows)), path], path[shifted])
    alignment = Alignment(len(rows), len(shifted), is_random)
    if len(shifted):
        # The first stretch ends where sides are in step again.
        start = int(shifted[0])
        in_step = np.flatnonzero(path[start:] == UNSHIFTED)
        alignment.shift = int(SHIFTS[path[start]])
        alignment.start = numbers[start]
        alignment.end = numbers[start + int(in_step[0]) - 1] if len(in_step) else None
        gained = evidence[shifted, path[shifted]] > evidence[shifted, UNSHIFTED]
        alignment.better = int(gained.sum())
    return alignment


def _runs(blocks):
    """(number of its first pair, pairs) of each run of neighbouring blocks."""
    order = sorted(blocks)
    for _, group in groupby(enumerate(order), lambda item: item[1] - item[0] * BLOCK):
        starts = [start for _, start in group]
        yield starts[0], [pair for start in starts for pair in blocks[start]]


def _best_path(evidence):
    """The most likely shift of each row, as columns of `evidence` [pairs, shifts]."""
    scores = np.where(np.arange(len(SHIFTS)) == UNSHIFTED, 0.0, -CHANGE)
    stays = []
    for row in evidence:
        # A state is reached from itself, or from the best one at a cost.
        best = int(scores.argmax())
        changed = scores[best] - CHANGE > scores
        stays.append(np.where(changed, best, np.arange(len(SHIFTS))))
        scores = np.where(changed, scores[best] - CHANGE, scores) + row
    path = [int(scores.argmax())]
    for previous in reversed(stays[1:]):
        path.append(int(previous[path[-1]]))
    return np.array(path[::-1])


class _Agreement:
    """How much more likely two texts are as a pair than as texts of other lines, in nats."""

    def __init__(self, sample):
        sources = [source for source, target in sample if source and target]
        targets = [target for source, target in sample if source and target]
        self.count = max(1, len(targets))
        self.frequency = Counter(anchor for target in targets for anchor in _anchors(target))
        # Lengths: means of both sides, which no shift changes, and the spread of random pairs.
        lengths = [np.array([_length(text) for text in side]) for side in (sources, targets)]
        self.offset = float(lengths[0].mean() - lengths[1].mean()) if sources else 0.0
        others = np.roll(lengths[1], len(sources) // 2)
        ratios = np.abs(lengths[0] - others - self.offset)
        self.random_spread = float(ratios.mean()) if sources else 0.0
        self.spread = min(LENGTH_SPREAD, self.random_spread) or LENGTH_SPREAD
        half = len(targets) // 2
        strangers = zip(sources, targets[half:] + targets[:half], strict=True)
        self.random = [self.evidence(source, target) for source, target in strangers]

    def evidence(self, source, target):
        """The evidence that a source and a target are a pair."""
        if not source or not target:
            return 0.0
        # Lengths, as Laplace distributions of the log ratio.
        ratio = abs(_length(source) - _length(target) - self.offset)
        wide = max(self.random_spread, self.spread)
        nats = math.log(wide / self.spread) - ratio / self.spread + ratio / wide
        # What both have tells the more, the rarer it is; what one lacks tells against it.
        here = _anchors(source)
        there = _anchors(target)
        for anchor in here & there:
            share = self.frequency[anchor] / self.count
            nats += max(0.0, math.log(0.7 / share))
        nats -= sum(not anchor.isalpha() for anchor in here ^ there)
        return max(-MOST_EVIDENCE, min(MOST_EVIDENCE, nats))

    def is_random(self, evidence, shifts):
        """Whether pairs agree hardly better than random ones.

        evidence: of the pairs with their best shifts; shifts: those that are not 0.
        """
        # Too few to say, or any two sentences agree as well as any others.
        if len(evidence) < MIN_COMPARED or len(set(self.random)) < 2:
            return False
        gain = (evidence.mean() - np.mean(self.random)) / np.std(self.random)
        if len(shifts):
            # Chance makes many stretches of many shifts, a lost line makes one.
            return gain < MIN_GAIN_SHIFTED and len(np.unique(shifts)) > 1
        # Where all lengths are about equal, true pairs are no better either.
        return gain < MIN_GAIN and self.random_spread > MIN_RANDOM_SPREAD


def _length(text):
    return math.log(len(text) + LENGTH_OFFSET)


def _anchors(text):
    """What a translation often keeps: numbers, placeholders, names, the mark at the end."""
    anchors = {text[span.start : span.end] for span in find_spans(text)}
    anchors.update(ANCHOR.findall(text.casefold()))
    anchors.add(END_MARKS.get(text[-1], text[-1]) if not text[-1].isalnum() else "")
    return anchors


# Parts of notes.


def _column_name(cell, data):
    """The English of a cell that may be a column's name, else None."""
    languages = {data.source, data.target, *NAMES, *NAMES.values()}
    columns = COLUMNS | {name.casefold() for name in languages}
    words = re.findall(r"[^\W_]+", cell.casefold())
    names = [ENGLISH.get(word, word) for word in words]
    return " ".join(names) if names and columns.issuperset(names) else None


def _is_quoted(text):
    """Whether a text stands in quotation marks that do not end before it does."""
    if len(text) < 2 or text[-1] not in QUOTES.get(text[0], ""):
        return False
    inner = text[1:-1].replace('""', "")
    return text[0] not in inner
