"""A module for each format: its functions yield (source, target) pairs as the text has them.

What cannot be trusted (line counts differ, invalid UTF-8, a broken file) stops the reader with one
line that names file and line. What a format marks as unfinished is skipped and counted.
"""

import functools
import logging

log = logging.getLogger(__name__)


@functools.cache
def note(text: str) -> None:
    """Logs a note once: each split that is held out reads the file anew."""
    log.info(f"note: {text}")
