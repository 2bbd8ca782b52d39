"""ICU messages (`{count, plural, one {# device} other {# devices}}`): what of them is translated.

The branches are, and the text around; the syntax stays. `{n, number}` and its like are spans
(`nmt.text.spans`), not messages. Syntax: unicode-org.github.io/icu/userguide/format_parse/messages
"""

import functools
import itertools
import re
from typing import NamedTuple

# Messages in branches of messages.
_DEEPEST = 20
_BEGIN = r"\{\s*[\w.-]+\s*,\s*(?:plural|selectordinal|select)\s*,\s*(?:offset:\d+\s)?"
_SELECTOR = r"\s*(?:=\d+|[^\s{}=,#'<>]+)\s*\{"
# Text of a message: quoted braces '{…}', '' for an apostrophe, simple arguments {n, number}.
_TEXT = r"[^{}']+|''|'[{}#|][^']*(?:''[^']*)*'|'|\{\s*[\w.-]+\s*(?:,[^{}]*)?\}"


class Part(NamedTuple):
    """A part of a line: text to translate, or text that stays as it is."""

    text: str
    translated: bool


class _MalformedError(Exception):
    """No ICU message."""


def split_message(line: str) -> list[Part]:
    """The parts of a line, which joined are the line.

    A line that is no message with a plural or select, or a malformed one, is one part to
    translate. White space around a text to translate is a part of its own.
    """
    whole = [Part(line, True)]
    if not _compiled(_BEGIN).search(line):
        return whole
    parts: list[Part] = []
    try:
        end = _message(line, 0, 0, parts)
    except _MalformedError:
        return whole
    return _merged(parts) if end == len(line) else whole


def _message(line, at, depth, parts):
    """Adds the parts of the message that begins at `at`; where it ends."""
    if depth > _DEEPEST:
        raise _MalformedError
    start = at
    while at < len(line) and line[at] != "}":
        if begin := _compiled(_BEGIN).match(line, at):
            _add_text(parts, line[start:at])
            at = start = _branches(line, begin, depth, parts)
        elif text := _compiled(_TEXT).match(line, at):
            at = text.end()
        else:
            raise _MalformedError
    _add_text(parts, line[start:at])
    return at


def _branches(line, begin, depth, parts):
    """Adds the parts of a plural or select; where it ends."""
    syntax = begin.start()
    at = begin.end()
    while selector := _compiled(_SELECTOR).match(line, at):
        parts.append(Part(line[syntax : selector.end()], False))
        syntax = _message(line, selector.end(), depth + 1, parts)
        at = syntax + 1
    end = _compiled(r"\s*\}").match(line, at)
    if at == begin.end() or not end:
        raise _MalformedError
    parts.append(Part(line[syntax : end.end()], False))
    return end.end()


def _add_text(parts, text):
    """Adds a text to translate, the white space around it as it is."""
    words = text.strip()
    before, _, after = text.partition(words) if words else (text, "", "")
    parts += [Part(before, False), Part(words, True), Part(after, False)]


def _merged(parts):
    """The parts without empty ones, neighbours that stay as one."""
    full = [part for part in parts if part.text]
    merged = []
    for translated, group in itertools.groupby(full, key=lambda part: part.translated):
        merged.append(Part("".join(part.text for part in group), translated))
    return merged


_compiled = functools.cache(re.compile)
