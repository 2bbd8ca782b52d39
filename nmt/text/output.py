"""From target ids back to text: what was copied is there, each as often as in the source."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nmt.text.symbols import SLOT, SYMBOL, SYMBOLS, Copied, slot_number

if TYPE_CHECKING:
    from nmt.text.beginning import Beginning
    from nmt.text.preparation import PreparedLine
    from nmt.text.tokenizer import Tokenizer


@dataclasses.dataclass
class Output:
    """A translation, and what had to be put right in it."""

    text: str
    warnings: list[str] = dataclasses.field(default_factory=list)
    # By group of spans (placeholder, tag, number, ...).
    repaired: Counter[str] = dataclasses.field(default_factory=Counter)
    left_out: int = 0  # symbols too many, where nothing stands now


class _Attention(NamedTuple):
    """Attention between the characters of a source and of its translation."""

    weights: Any  # [target pieces, source pieces] or None
    source: Sequence[tuple[int, int]]  # characters of each piece
    target: Sequence[tuple[int, int]]

    def weight(self, place: int, source_places: Sequence[int]) -> float:
        """How much the target's piece with a character attends to characters of the source."""
        if self.weights is None:
            return 0.0
        row = [n for n, (start, end) in enumerate(self.target) if start <= place < end]
        columns = [
            n
            for n, (start, end) in enumerate(self.source)
            if any(start <= place < end for place in source_places)
        ]
        return float(self.weights[row[:1]][:, columns].sum())


def restored(
    ids: list[int],
    prepared: PreparedLine,
    attention: Any,
    tokenizers: tuple[Tokenizer, Tokenizer],
    begun: Beginning | None = None,
) -> Output:
    """The translation with its symbols and with slots of its marks.

    attention: [target pieces, source pieces] or None. A symbol too many is left out; a missing one
    and the marks are put where attention points. Nothing is changed in what it has begun with.
    """
    source_tokenizer, target_tokenizer = tokenizers
    # 1. The usual case: nothing to repair, nothing to put in.
    expected = Counter(SYMBOL.findall(prepared.text))
    text, offsets = target_tokenizer.decoded(ids, has_single_spaces(prepared, begun))
    counts = Counter(SYMBOL.findall(text))
    fixed = 0
    if begun:
        fixed, beginning = begun.end(text)
        beginning = prepared.line.add(Copied(beginning))
        if begun.whole:
            return Output(beginning)
        prepared = dataclasses.replace(prepared, marks=begun.marks)
    else:
        beginning = ""
    if not prepared.marks and counts == expected:
        return Output(beginning + _cased(prepared, text, fixed))

    # 2. Symbols too many give their place to missing ones.
    _, source_offsets = source_tokenizer.offsets(prepared.text)
    look = _Attention(attention, source_offsets, offsets)
    output = Output("")
    chars = list(text)
    missing = list((expected - counts).elements())
    for symbol, surplus in (counts - expected).items():
        places = [n for n, character in enumerate(text) if character == symbol and n >= fixed]
        source_places = [n for n, character in enumerate(prepared.text) if character == symbol]
        places.sort(key=lambda place: (look.weight(place, source_places), -place))
        for place in places[:surplus]:
            output.left_out += not missing
            chars[place] = missing.pop(0) if missing else ""
            # Of the spaces around it one is left.
            if not chars[place] and place > fixed and text[place - 1 : place + 2 : 2] == "  ":
                chars[place - 1] = ""
            _note(output, prepared, symbol, "was too many and has been left out")

    # 3. White space around the text goes: what comes to its borders would keep it.
    start, end = _borders(chars, fixed, bool(begun))
    chars, text = chars[start:end], text[start:end]
    places = [min(max(place - start, 0), len(text)) for each in offsets for place in each]
    look = look._replace(target=list(zip(places[::2], places[1::2], strict=True)))

    # 4. What else is missing, and the marks.
    for symbol in (expected - counts).elements():
        _note(output, prepared, symbol, "was missing and has been put in")
    _insert(chars, missing, text, prepared, look, fixed)
    output.text = beginning + _cased(prepared, chars, fixed)
    return output


def has_single_spaces(prepared: PreparedLine, begun: Beginning | None) -> bool:
    """Whether a translation has no space behind another one, as neither source nor beginning."""
    return "  " not in prepared.text and (begun is None or "  " not in begun.text)


def _borders(chars, fixed, begun):
    """Where white space ends at the beginning, and begins at the end.

    begun: the text goes on with what it was to begin with, so its beginning stays.
    """
    written = [n for n, character in enumerate(chars) if n < fixed or character.strip()]
    end = written[-1] + 1 if written else 0
    return 0 if begun else min(written, default=0), end


def _cased(prepared, chars, fixed):
    """What follows the first `fixed` characters, in the case of the source."""
    restore = prepared.cased.restore or str
    return restore("".join(chars))[len(restore("".join(chars[:fixed]))) :]


def _note(output, prepared, symbol, what):
    """Tells of a repair. A symbol that stands for nothing is left out without a word."""
    number = SYMBOLS.index(symbol)
    if number < len(prepared.names):
        copied = prepared.names[number]
        output.repaired[copied.group] += 1
        output.warnings.append(f"a {copied.group} {what}: {copied.text}")


def _insert(chars, missing, text, prepared, look, fixed):
    """Puts missing symbols and marks into the characters of the target, by attention.

    None into the first `fixed` ones, nor into the word that they end in.
    """
    from nmt.text.projection import project  # only few lines need it

    # 1. Where they stood in the source.
    points = [_place_of(symbol, missing[:n], prepared.text) for n, symbol in enumerate(missing)]
    ranges = [*(mark[:2] for mark in prepared.marks), *((place, place) for place, _ in points)]
    places = project(ranges, look.weights, prepared.text, look.source, text, look.target)

    # 2. Words in capitals.
    upper = prepared.line.upper
    marked = list(zip(prepared.marks, places, strict=False))
    for mark, (start, end) in marked:
        if any(slot_number(slot) in upper for slot in SLOT.findall(mark.opening)):
            chars[start:end] = [character.upper() for character in chars[start:end]]

    # 3. What comes to each place, from the last place on, so that places stay what they are.
    while fixed and text[fixed - 1 : fixed + 1].isalnum() and fixed < len(text):
        fixed += 1
    places = [(max(start, fixed), max(end, fixed)) for start, end in places]
    contents = _contents(list(zip(prepared.marks, places, strict=False)))
    for (_, content), (place, _) in zip(points, places[len(prepared.marks) :], strict=True):
        contents[place] = content + contents.get(place, "")
    for place in sorted(contents, reverse=True):
        chars.insert(place, contents[place])


def _contents(marked):
    """What marks put in, by place in the target.

    At one place, first what closes there, then what opens. A point, or a range that is empty there,
    stands in those ranges that it is in in the source.
    marked: (mark, its range in the target) pairs.
    """
    closing: dict[int, list] = {}
    opening: dict[int, list] = {}
    points: dict[int, list] = {}
    for mark, (start, end) in marked:
        if mark.closing is None or start == end:
            for content in filter(None, (mark.opening, mark.closing)):
                points.setdefault(start, []).append((_number(content), content))
        else:
            # Inner ranges close first and open last.
            closing.setdefault(end, []).append((-start, -_order(mark), mark))
            opening.setdefault(start, []).append((-end, _order(mark), mark))
    contents = {}
    for place in {*closing, *opening, *points}:
        closers = [mark for *_, mark in sorted(closing.get(place, []))]
        openers = [mark for *_, mark in sorted(opening.get(place, []))]
        contents[place] = _ordered(closers, openers, sorted(points.get(place, [])))
    return contents


def _ordered(closers, openers, points):
    """What stands at one place, as one text. points: (number of the slot, text), sorted."""
    # Texts with the position that they sort by: borders have odd ones, points those between.
    texts = [(2 * n + 1, mark.closing) for n, mark in enumerate(closers)]
    first = 2 * len(closers)
    texts += [(first + 2 * n + 1, mark.opening) for n, mark in enumerate(openers)]
    for number, content in points:
        before = [2 * n for n, mark in enumerate(closers) if _encloses(mark, number)]
        after = [first + 2 * n + 2 for n, mark in enumerate(openers) if _encloses(mark, number)]
        texts.append((before[0] if before else max(after, default=first), content))
    return "".join(text for _, text in sorted(texts, key=lambda item: item[0]))


def _number(content):
    """The number of the slot in a mark's text; slots are numbered as they stand in the source."""
    return slot_number(SLOT.findall(content)[0])


def _order(mark):
    return _number(mark.opening) if mark.opening else -1


def _encloses(mark, number):
    """Whether a slot of the source stands within a range."""
    return _order(mark) < number and (not mark.closing or number < _number(mark.closing))


def _place_of(symbol, before, source):
    """(place, content) for a missing symbol, by where it stands in the source.

    before: the symbols that are put in before this one.
    """
    occurrences = [place for place, character in enumerate(source) if character == symbol]
    place = occurrences[min(before.count(symbol), len(occurrences) - 1)]
    if source[:place].endswith(" "):
        return place - 1, f" {symbol}"
    follows_space = source[place + 1 : place + 2] == " "
    return place, f"{symbol} " if place == 0 and follows_space else symbol
