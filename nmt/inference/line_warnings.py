"""What the user should know of translated lines, counted: many long lines are one message."""

import logging
from collections.abc import Iterable
from typing import Any

log = logging.getLogger(__name__)

NAMED = 5  # lines whose numbers a message has


def log_warnings(translations: Iterable[Any], first: int = 1) -> None:
    """Logs each kind of warning of these lines once, with the number of its lines.

    translations: the best `Translation` of each line. first: number of the first line. What stands
    behind a colon is the line's own, and is shown where the line is the only one of its kind.
    """
    # The lines of each kind of warning.
    numbers: dict[str, list[int]] = {}
    texts: dict[str, str] = {}
    for number, translation in enumerate(translations, first):
        for warning in translation.warnings:
            kind = warning.partition(": ")[0]
            texts.setdefault(kind, warning)
            lines = numbers.setdefault(kind, [])
            if number not in lines[-1:]:
                lines.append(number)
    # A message for each kind.
    for kind, lines in numbers.items():
        log.warning(f"line {lines[0]}: {texts[kind]}" if len(lines) == 1 else _many(kind, lines))


def _many(kind, lines):
    shown = ", ".join(map(str, lines[:NAMED]))
    return f"{len(lines):,} lines ({shown}{', …' if len(lines) > NAMED else ''}): {kind}"
