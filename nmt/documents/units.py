"""What can be translated in a document, where it stands in its bytes, and how bytes are replaced.

A format is a module with
    read(data: bytes, options: Options) -> Document
which raises UserError for a file that it cannot fill: "line 3: what is wrong; what to do", without
the name of the file. It knows no translator. A document is changed by splicing edits into its
bytes, so what no edit touches stays byte for byte.
"""

import dataclasses
import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from nmt.inference.translation import Translation


class Edit(NamedTuple):
    """The bytes from `start` to `end` of a document become `content`."""

    start: int
    end: int
    content: bytes


class State(enum.Enum):
    """What stands in the place of a translation."""

    EMPTY = "empty"
    FUZZY = "fuzzy"  # a translation that somebody has to look at
    TRANSLATED = "translated"


@dataclasses.dataclass(frozen=True)
class Options:
    """How translations are written; a format has no use for those that it has no place for."""

    trusted: bool = False  # not marked as what somebody has to look at
    note: bool = False  # with a comment that tells the confidence
    alternatives: int = 0  # so many beside an empty target, which stays empty (XLIFF)
    language: str | None = None  # of the translations, for a file that must tell it (XLIFF 2.x)


@dataclasses.dataclass(frozen=True)
class Unit:
    """What is translated or left as a whole: an entry, a paragraph, a sentence over some cues."""

    # Texts to translate: one, or one for each plural form.
    sources: tuple[str, ...]
    # The edits that put a translation of each source in place; ValueError tells why these
    # translations cannot stand there: then the unit stays as it is.
    edits: Callable[[Sequence[Translation]], list[Edit]]
    line: int  # of the document, from 1
    state: State = State.EMPTY
    targets: tuple[str, ...] = ()  # what stands there now
    attention: bool = False  # `edits` needs translations with attention
    # The edits that put an n-best list of each source beside the target, which stays as it is; None
    # where there is no place for them. ValueError as for `edits`.
    alternatives: Callable[[Sequence[Sequence[Translation]]], list[Edit]] | None = None
    # Of each source: what stands in it for a code of the document, and the code.
    codes: tuple[Mapping[str, str], ...] = ()
    key: tuple[str, ...] = ()  # what tells it from others, in a file of keys and texts


@dataclasses.dataclass(frozen=True)
class Document:
    """The bytes of a file, and its units in the order in which they stand there."""

    data: bytes
    units: Sequence[Unit]
    language: str | None = None  # of its translations, where the file tells it
    source_language: str | None = None
    edits: Sequence[Edit] = ()  # of the file itself, which go with those of any unit
    alternatives: bool = False  # whether its format has a place for them
    bilingual: bool = True  # False: translations take the place of their sources
    before: bytes | None = None  # what stands in the file that it is written to, if it is read


def per_cent(translation: Translation) -> int | None:
    """The confidence of a translation in whole per cent."""
    sure = translation.confidence
    return None if sure is None else round(100 * sure)


def spliced(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The bytes with all edits made. Edits at one place follow one another as they are given."""
    parts = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise ValueError(f"two edits overlap at byte {edit.start}")
        parts += [data[at : edit.start], edit.content]
        at = edit.end
    return b"".join([*parts, data[at:]])
