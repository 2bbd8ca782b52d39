"""Plain text: two files, lines with a tab, or one file of one language."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from nmt.errors import UserError
from nmt.files import lines


def read_files(source_path: Path, target_path: Path) -> Iterator[tuple[str, str]]:
    """Two files whose lines correspond."""
    sources = lines(source_path, plain=True)
    targets = lines(target_path, plain=True)
    for count, (source, target) in enumerate(itertools.zip_longest(sources, targets)):
        if source is None or target is None:
            # One file has ended: count the lines of the other for the message.
            longer = count + 1 + sum(1 for _ in (targets if source is None else sources))
            counts = (count, longer) if source is None else (longer, count)
            raise UserError(
                f"{source_path} has {counts[0]} lines but {target_path} has {counts[1]}: "
                "line for line they must be translations; find where they part"
            )
        yield source, target


def split_pair(line: str, where: str) -> tuple[str, str]:
    """(source, target) of a line `source TAB target`; a blank line is an empty pair.

    where: file and line, for the UserError.
    """
    source, *targets = line.split("\t") if line else ("", "")
    if len(targets) != 1:
        raise UserError(f"{where}: {len(targets)} tabs; a line is: source TAB target")
    return source, targets[0]


def read_text(path: Path) -> Iterator[tuple[str, str]]:
    """One file in the target language, a sentence on each line, which is its own source."""
    for line in lines(path, plain=True):
        yield line, line
