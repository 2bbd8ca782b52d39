"""Any lines, a window of them at a time."""

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def windows(lines: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of up to `size` lines, in order."""
    iterator = iter(lines)
    while window := list(itertools.islice(iterator, size)):
        yield window
