"""Where ranges of a source lie in its translation, by attention: tags and emoji go back there.

A model translates a sentence without its marks; `project` tells where to put them (annotation
projection, Yarowsky and Ngai 2001, over attention in place of an alignment).
"""

import itertools
import re
import unicodedata
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

# The attention to a range that a word must have to be part of it.
THRESHOLD = 0.42
# The weight of relative position: it decides where attention says nothing.
PRIOR = 1e-3

# Letters of scripts without spaces: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)

Range = tuple[int, int]


def project(
    ranges: Sequence[Range],
    attention: np.ndarray | None,
    source: str,
    source_offsets: Sequence[Range],
    target: str,
    target_offsets: Sequence[Range],
) -> list[Range]:
    """The characters of the target that each range of characters of the source is translated by.

    ranges: (start, end); start == end is a point between characters. attention: [target pieces,
    source pieces], with or without EOS; None: relative position. offsets: (start, end) of each
    piece in its text.
    A range with a word in it gets whole words, at least one while there are enough. A point stays
    a point. Ranges that nest still nest; all others, also those that cross, become disjoint.
    """
    if not ranges:
        return []
    source_side = _Side(source, source_offsets)
    target_side = _Side(target, target_offsets)
    if not target_side.units:
        return [(0, len(target)) if start < end else (0, 0) for start, end in ranges]
    alignment = _alignment(source_side, target_side, attention)
    return _Projection(ranges, source_side, target_side, alignment).projected


class _Side:
    """A text in units: words, single other characters, pieces in scripts without spaces."""

    def __init__(self, text, offsets):
        self.text = text
        self.units = list(_units(text, offsets))
        # All but punctuation.
        self.is_word = np.array([not _is_punctuation(text[start]) for start, _ in self.units], bool)
        # [pieces, units]: the part of a piece that a unit has.
        pieces = np.array(offsets, int).reshape(-1, 2)
        bounds = np.array(self.units, int).reshape(-1, 2)
        starts = np.maximum(pieces[:, :1], bounds[:, 0])
        overlap = np.maximum(np.minimum(pieces[:, 1:], bounds[:, 1]) - starts, 0)
        self.shares = overlap / np.maximum(overlap.sum(1, keepdims=True), 1)

    def touched(self, start, end):
        """(first, last + 1) of the units that a range of characters touches."""
        first = sum(unit_end <= start for _, unit_end in self.units)
        return first, max(first, sum(unit_start < end for unit_start, _ in self.units))

    def inside(self, start, end):
        """[units] The part of each that lies in a range of characters."""
        return np.array([max(0, min(end, e) - max(start, s)) / (e - s) for s, e in self.units])

    def leading(self, first, last):
        """The punctuation that a run of units begins with: how many units."""
        return next((n for n in range(last - first) if self.is_word[first + n]), last - first)

    def trailing(self, first, last):
        """The punctuation that a run of units ends with."""
        return next((n for n in range(last - first) if self.is_word[last - 1 - n]), last - first)

    def characters(self, first, last):
        """(start, end) of a run of units; a point where it is empty."""
        if first < last:
            return self.units[first][0], self.units[last - 1][1]
        point = self.units[first][0] if first < len(self.units) else len(self.text)
        return point, point


def _units(text: str, offsets: Sequence[Range]) -> Iterator[Range]:
    """(start, end) of words and of single other characters; white space is in none."""
    # 1. Where a unit starts. Marks and invisible characters belong to what stands before them.
    starts = set()
    before = ""
    for n, char in enumerate(text):
        kind = _kind(char)
        if kind == "mark" and before not in ("", "space"):
            continue
        if kind != "word" or before != "word":
            starts.add(n)
        before = kind
    # 2. Without spaces between words, pieces are the words.
    if re.search(_UNSPACED, text):
        edges = {edge for piece in offsets for edge in piece}
        starts |= {n for n in edges if 0 < n < len(text) and _between_letters(text, n)}
    bounds = [*sorted(starts), len(text)]
    for start, end in itertools.pairwise(bounds):
        if not text[start].isspace():
            yield start, end


def _between_letters(text, place):
    """Whether a letter of a script without spaces stands beside a place, and no mark behind it."""
    beside = text[place - 1 : place + 1]
    return bool(re.search(_UNSPACED, beside)) and _kind(beside[-1]) != "mark"


def _kind(char):
    if char.isspace():
        return "space"
    if char.isalnum() or char == "_":
        return "word"
    category = unicodedata.category(char)
    # A symbol of ours is private (Co).
    return "mark" if category[0] in "MC" and category != "Co" else "other"


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def _alignment(source: _Side, target: _Side, attention: np.ndarray | None) -> np.ndarray:
    """[target units, source units] How much each unit of the target says of each of the source."""
    alignment = _relative_position(len(target.units), len(source.units))
    if attention is not None:
        alignment *= PRIOR
        pieces = attention[: len(target.shares), : len(source.shares)]
        weights = target.shares[: len(pieces)]
        alignment += weights.T @ pieces @ source.shares / (weights.sum(0)[:, None] + 1e-9)
        # A word that many attend to is shared among them, by half (in the geometric mean).
        alignment /= np.sqrt(np.maximum(alignment.sum(0), 1))
    # What stands as often on both sides is its own translation.
    for source_unit, target_unit in _equal_units(source, target):
        alignment[:, source_unit] = 0
        alignment[target_unit] = 0
        alignment[target_unit, source_unit] = 1
    return alignment


def _relative_position(rows: int, columns: int) -> np.ndarray:
    """[rows, columns] How much of a row's stretch of the text is that of each column."""
    row_edges = np.linspace(0, 1, rows + 1)[:, None]
    column_edges = np.linspace(0, 1, columns + 1)
    ends = np.minimum(row_edges[1:], column_edges[1:])
    return rows * np.maximum(ends - np.maximum(row_edges[:-1], column_edges[:-1]), 0)


def _equal_units(source: _Side, target: _Side) -> Iterator[Range]:
    """(source unit, target unit) of what stands as often on both sides, in order."""
    places = [_places(side) for side in (source, target)]
    for key, source_units in places[0].items():
        target_units = places[1].get(key, [])
        if len(source_units) == len(target_units):
            yield from zip(source_units, target_units, strict=True)


def _places(side: _Side) -> dict[str, list[int]]:
    """The numbers of the units that each word has."""
    places: dict[str, list[int]] = {}
    for number, (start, end) in enumerate(side.units):
        places.setdefault(side.text[start:end].casefold(), []).append(number)
    return places


class _Node(NamedTuple):
    """A range that holds something, and those inside of it."""

    range: Range
    units: Range  # of the source
    children: list["_Node"]
    numbers: list[int]  # of the ranges that hold just these units

    @property
    def need(self):
        """How many units of the target it and those inside of it need."""
        return max(1, sum(child.need for child in self.children))


class _Projection:
    """Runs of target units for the ranges of a source: outer ones first."""

    def __init__(self, ranges, source, target, alignment):
        self.ranges = ranges
        self.source = source
        self.target = target
        self.alignment = alignment
        self.projected: list[Range] = [(0, 0)] * len(ranges)
        # (range of the source, range of the target), outer ones first.
        self.placed: list[tuple[Range, Range]] = []

        self._place_children(self._tree(), 0, len(target.units))
        for number, (start, end) in enumerate(ranges):
            if not self._holds_units(start, end):
                point = self._outside(start, self._point(start))
                self.projected[number] = (point, point)

    def _holds_units(self, start, end):
        first, last = self.source.touched(start, end)
        return start < end and first < last

    def _tree(self):
        """The whole text as a node, with the ranges inside of it."""
        text = (0, len(self.source.text))
        stack = [_Node(text, (0, len(self.source.units)), [], [])]
        for number in sorted(range(len(self.ranges)), key=self._outer_first):
            start, end = self.ranges[number]
            if not self._holds_units(start, end):
                continue
            # Out of what has ended, or ends in the middle of this one.
            while len(stack) > 1 and end > stack[-1].range[1]:
                stack.pop()
            units = self.source.touched(start, end)
            if len(stack) > 1 and stack[-1].units == units:
                stack[-1].numbers.append(number)
                continue
            stack[-1].children.append(_Node((start, end), units, [], [number]))
            stack.append(stack[-1].children[-1])
        return stack[0]

    def _outer_first(self, number):
        start, end = self.ranges[number]
        return start, -end

    def _place_children(self, parent, low, high):
        """Gives each child of a node a run of the units that the node has."""
        free = np.zeros(len(self.target.units), bool)
        free[low:high] = True
        pending = list(parent.children)
        offers = [self._offer(node, parent, low, high, free, pending) for node in pending]
        while pending:
            # The surest one first; the others share what is left.
            surest = max(range(len(pending)), key=lambda n: offers[n][0])
            node = pending[surest]
            _, first, last = offers[surest]
            # An offer stays the best one until others have taken of it.
            if not free[first:last].all() or last - first > self._longest(node, free, pending):
                offers[surest] = self._offer(node, parent, low, high, free, pending)
                continue
            del pending[surest], offers[surest]
            free[first:last] = False
            for number in node.numbers:
                self.projected[number] = self.target.characters(first, last)
                self.placed.append((self.ranges[number], self.projected[number]))
            self._place_children(node, first, last)

    def _longest(self, node, free, pending):
        """How many of the free units a node may have, so that the others get some."""
        others = sum(each.need for each in pending) - node.need
        return max(1, int(free.sum()) - others)

    def _offer(self, node, parent, low, high, free, pending):
        """(score, first, last + 1): the run of free units that fits a node best."""
        run = self._whole(node, parent, low, high)
        longest = self._longest(node, free, pending)
        if run and free[slice(*run)].all() and run[1] - run[0] <= longest:
            return np.inf, *run
        gain = self.alignment @ self.source.inside(*node.range) - THRESHOLD
        words = self.target.is_word & free
        units = self.source.is_word[slice(*node.units)]
        if words.any() and units.any():
            # Punctuation never wins against a word, nor counts where the node has none.
            limit = gain[words].max() - 1e-6
            limit = min(0, limit) if units.all() else limit
            gain[~self.target.is_word] = np.minimum(gain[~self.target.is_word], limit)
        # Where no free run is long enough for what is inside of it, any length.
        fitting = _best_run(gain, free, node.need, longest) or _best_run(gain, free, 1, longest)
        score, first, last = fitting or (-np.inf, low, low)
        return score, *self._trimmed(first, last, node)

    def _whole(self, node, parent, low, high):
        """The run of a node that has all words of its parent, but for outer punctuation."""
        source = self.source
        target = self.target
        first, last = node.units
        outer_first, outer_last = parent.units
        outside = [*range(outer_first, first), *range(last, outer_last)]
        if source.is_word[outside].any():
            return None
        if outside and not (source.is_word[first:last].any() and target.is_word[low:high].any()):
            return None
        trimmed = self._trimmed(low, high, node)
        return (
            trimmed[0] if first > outer_first else low,
            trimmed[1] if last < outer_last else high,
        )

    def _trimmed(self, low, high, node):
        """A run with no more punctuation at its ends than a node has in the source."""
        source = self.source
        target = self.target
        if not target.is_word[low:high].any():
            return low, high
        low += max(0, target.leading(low, high) - source.leading(*node.units))
        high -= max(0, target.trailing(low, high) - source.trailing(*node.units))
        return low, high

    def _point(self, point):
        """Where a point between characters goes."""
        source = self.source
        target = self.target
        # 1. At the ends of the text; the last punctuation stays behind it.
        before = source.touched(0, point)[1]
        after = source.touched(point, len(source.text))[0]
        if before == 0:
            return 0
        if after == len(source.units):
            return len(target.text)
        if not source.is_word[after:].any():
            last = len(target.units) - 1 - target.trailing(0, len(target.units))
            return self._behind(last, source.trailing(0, before))
        # 2. At an end of a range.
        leans_on_next = source.text[point - 1].isspace() and not source.text[point].isspace()
        for edge in (0, 1) if leans_on_next else (1, 0):
            for range_, characters in reversed(self.placed):
                if range_[edge] == point:
                    return characters[edge]
        # 3. Beside the word that it stands beside.
        if leans_on_next:
            between = source.leading(after, len(source.units))
            place = self._before(self._translating(after + between), between)
        else:
            between = source.trailing(0, before)
            place = self._behind(self._translating(max(0, before - between - 1)), between)
        return place

    def _translating(self, unit):
        """The target unit that says most of a source unit."""
        return int(np.argmax(self.alignment[:, unit]))

    def _behind(self, unit, punctuation):
        """The place behind a target unit and as much punctuation, if there is so much."""
        target = self.target
        more = target.leading(unit + 1, len(target.units))
        return target.units[unit + min(more, punctuation)][1] if unit >= 0 else 0

    def _before(self, unit, punctuation):
        """The place in front of a target unit and as much punctuation."""
        return self.target.units[unit - min(self.target.trailing(0, unit), punctuation)][0]

    def _outside(self, point, place):
        """The place moved into the ranges that hold the point, and out of all others."""
        for (start, end), (low, high) in self.placed:
            if start < point < end:
                place = min(max(place, low), high)
            elif low < place < high:
                place = low if place - low < high - place else high
        return place


def _best_run(gain, free, shortest, longest):
    """(sum, first, last + 1) of the free run with the largest sum of gains, or None.

    Kadane's algorithm with bounds on the length.
    """
    sums = np.concatenate([[0], np.cumsum(gain)]).tolist()
    best = None
    # Where a run may start, the one with the least sum before it first.
    starts: deque[int] = deque()
    begun = 0
    for last, is_free in enumerate(free.tolist(), 1):
        if not is_free:
            starts.clear()
            begun = last
            continue
        start = last - shortest
        if start >= begun:
            while starts and sums[starts[-1]] >= sums[start]:
                starts.pop()
            starts.append(start)
        while starts and last - starts[0] > longest:
            starts.popleft()
        if starts and (best is None or sums[last] - sums[starts[0]] > best[0]):
            best = (sums[last] - sums[starts[0]], starts[0], last)
    return best
