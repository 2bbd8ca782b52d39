"""How one text became another: which of its letters stayed, and what others took their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

# Comparisons of letters that take a tenth of a second.
MOST = 250_000

Opcode = tuple[str, int, int, int, int]  # as difflib has it


def opcodes(text: str, other: str) -> Sequence[Opcode]:
    """As difflib's, letter by letter whatever their capitals.

    Where that would take long, as in much that repeats, all is replaced but the beginning and the
    end that both have.
    """
    # Imported here, as every start of a program would pay for it.
    from difflib import SequenceMatcher

    # Capitals of some letters are two.
    first, second = ([letter.lower() for letter in each] for each in (text, other))
    counts = Counter(second)
    if sum(count * counts[letter] for letter, count in Counter(first).items()) <= MOST:
        return SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    start = _equal(first, second)
    end = _equal(first[start:][::-1], second[start:][::-1])
    own_end, other_end = len(first) - end, len(second) - end
    middle = "replace" if start < own_end and start < other_end else "delete"
    every = [
        ("equal", 0, start, 0, start),
        ("insert" if start == own_end else middle, start, own_end, start, other_end),
        ("equal", own_end, len(first), other_end, len(second)),
    ]
    return [each for each in every if each[1] < each[2] or each[3] < each[4]]


def _equal(first: Sequence[str], second: Sequence[str]) -> int:
    """How many letters of both are equal from the beginning on."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((n for n, (one, two) in pairs if one != two), min(len(first), len(second)))
