"""Text with tags and other parts that are not translated: masked for a translator, and restored.

A translator sees <1>words</1> for what stands in a pair of tags, <2/> for a tag by itself, and ⟦3⟧
for what has a place in the sentence. All three come back letter for letter, wherever the words go
(`nmt.text.kinds`), and are short, whatever a tag holds.
"""

import dataclasses
import enum
import itertools
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence

MASK = re.compile(r"<(/?)(\d{1,4})(/?)>|⟦(\d{1,4})⟧")
SPACES = re.compile("[ \t\r\n\f]+")


class Role(enum.Enum):
    """What a part of a text is to a translator."""

    TEXT = "text"
    OPENING = "opening"  # a tag with an end
    CLOSING = "closing"
    TAG = "tag"  # one by itself
    OPAQUE = "opaque"  # stands for words: code


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a text, as it stands in its document."""

    role: Role
    raw: str
    name: str = ""  # of the pair that a tag belongs to
    start: int = 0  # in the document
    space: bool = False  # white space around a text

    @property
    def blank(self) -> bool:
        """Whether it is white space alone."""
        return self.role is Role.TEXT and (self.space or not self.raw.strip())

    @property
    def wordless(self) -> bool:
        """Whether nothing in it stands for words."""
        return self.role is not Role.OPAQUE and (self.role is not Role.TEXT or self.blank)


def pairs(parts: Sequence[Part]) -> dict[int, int]:
    """{opening: closing} of the tags that belong together, properly nested; others stand alone."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for number, part in enumerate(parts):
        if part.role is Role.OPENING:
            opened.append(number)
        elif part.role is Role.CLOSING:
            names = [parts[other].name for other in opened]
            if part.name not in names:
                continue
            while parts[other := opened.pop()].name != part.name:
                pass
            found[other] = number
    return found


def trimmed(
    parts: Sequence[Part], spaces: Sequence[str] = ()
) -> tuple[list[Part], list[Part], list[Part]]:
    """What stands before a text, the text, and what stands behind it.

    Outside are white space, which `spaces` are, too, and tags around all of it or none.
    """
    parts = [piece for part in parts for piece in _edges(part, spaces)]
    first = next((n for n, part in enumerate(parts) if not part.wordless), len(parts))
    last = len(parts)
    while last > first and parts[last - 1].wordless:
        last -= 1
    # A pair is in it whole or not at all.
    found = pairs(parts)
    while half := [
        pair for pair in found.items() if (first <= pair[0] < last) != (first <= pair[1] < last)
    ]:
        first = min(first, *(opening for opening, _ in half))
        last = max(last, *(closing + 1 for _, closing in half))
    return parts[:first], parts[first:last], parts[last:]


def _edges(part, spaces):
    """A part with the white space around its words as parts of their own."""
    words, before, start = part.raw, "", 0
    while part.role is Role.TEXT and words != before:
        before, begun = words, words.lstrip()
        for space in spaces:
            begun = begun.removeprefix(space)
        start += len(words) - len(begun)
        words = begun.rstrip()
        for space in spaces:
            words = words.removesuffix(space)
    pieces = (part.raw[:start], words, part.raw[start + len(words) :])
    at = part.start
    for number, piece in enumerate(pieces):
        if piece:
            yield dataclasses.replace(part, raw=piece, start=at, space=number != 1)
        at += len(piece)


def coded(parts: Iterable[Part], code: re.Pattern, role: Callable[[str], Role]) -> Iterator[Part]:
    """Parts with each code in their text as a part of its own. role: tells that of a code."""
    for part in parts:
        if part.role is not Role.TEXT:
            yield part
            continue
        at = 0
        for match in code.finditer(part.raw):
            yield Part(Role.TEXT, part.raw[at : match.start()])
            yield Part(role(match[0]), match[0])
            at = match.end()
        yield Part(Role.TEXT, part.raw[at:])


def raw(parts: Sequence[Part]) -> str:
    """The parts as they stand in their document."""
    return "".join(part.raw for part in parts)


@dataclasses.dataclass(frozen=True)
class Masked:
    """A text as a translator gets it, and what its masks stand for."""

    source: str
    masks: dict[str, list[Part]]

    @property
    def codes(self) -> dict[str, str]:
        """What each mask stands for."""
        return {mask: raw(parts) for mask, parts in self.masks.items()}

    def filled(
        self,
        translation: str,
        text: Callable[[str], str] = str,
        raw: Callable[[Part], str] = lambda part: part.raw,
    ) -> str:
        """A translation, or a part of one, with what its masks stand for, by `text` and `raw`."""
        written = []
        at = 0
        for match in MASK.finditer(translation):
            if parts := self.masks.get(match[0]):
                written.append(text(translation[at : match.start()]))
                written += map(raw, parts)
                at = match.end()
        return "".join([*written, text(translation[at:])])

    def found(self, text: str) -> list[str]:
        """The masks that stand in a text, in its order."""
        return [match[0] for match in MASK.finditer(text) if match[0] in self.masks]

    def check(self, translation: str, apart: Container[str] = ()) -> None:
        """Raises ValueError if a mask is missing, is there twice, or pairs cross each other.

        Tags that are in no pair must stay in their order.

        apart: openings of pairs that may cross others.
        """
        found = self.found(translation)
        counts = Counter(found)
        if not all(counts[mask] for mask in self.masks):
            raise ValueError("a tag is missing")
        if counts.total() > len(self.masks):
            raise ValueError("a tag is there twice")
        opened: list[str] = []
        for each in found:
            opening = each.replace("/", "")
            if each.startswith("</"):
                if opening not in opened:
                    raise ValueError("a tag closes before it opens")
                inner = opened[opened.index(opening) + 1 :]
                if opening not in apart and not all(other in apart for other in inner):
                    raise ValueError("tags cross each other")
                opened.remove(opening)
            elif not each.endswith(("/>", "⟧")):
                opened.append(each)
        if self._halves(found) != self._halves(self.masks):
            raise ValueError("tags cross each other")

    def _halves(self, masks: Iterable[str]) -> list[str]:
        """Those of tags that are in no pair, as those of <i> in <b>a<i>b</b>c</i>."""
        ends = ([Role.OPENING], [Role.CLOSING])
        return [
            mask
            for mask in masks
            if mask.endswith("/>") and [part.role for part in self.masks[mask]] in ends
        ]


def mask(parts: Sequence[Part], text: Callable[[str], str] = str, *, lines: bool = False) -> Masked:
    """A text for a translator: its tags as masks, white space as single spaces.

    text: reads what stands between the masks. lines: white space stays as it is read.
    """
    found = pairs(parts)
    closings = {closing: opening for opening, closing in found.items()}
    # What looks like a mask stays what it is.
    taken = [int(match[2] or match[4]) for part in parts for match in MASK.finditer(part.raw)]
    free = itertools.count(max(taken, default=0) + 1)
    masks: dict[str, list[Part]] = {}
    numbers: dict[int, int] = {}
    written = []
    at = 0
    while at < len(parts):
        part, after = parts[at], at + 1
        if part.role is Role.TEXT:
            written.append(text(part.raw))
        elif at in closings:
            written.append(f"</{numbers[closings[at]]}>")
        else:
            numbers[at] = next(free)
            form, after = _form(parts, at, found.get(at))
            written.append(form.format(numbers[at]))
        if part.role is not Role.TEXT:
            masks[written[-1]] = list(parts[at:after])
        at = after
    source = "".join(written)
    return Masked(source if lines else SPACES.sub(" ", source), masks)


def _form(parts, at, closing):
    """The form of the mask of a part, and where what it stands for ends. closing: of its pair."""
    if closing is None:
        return "⟦{}⟧" if parts[at].role is Role.OPAQUE else "<{}/>", at + 1
    inside = parts[at + 1 : closing]
    if any(each.role is Role.TEXT and not each.blank for each in inside):
        return "<{}>", at + 1
    # A pair without words in it is one tag, or stands for what is in it.
    opaque = any(each.role is Role.OPAQUE for each in inside)
    return "⟦{}⟧" if opaque else "<{}/>", closing + 1
