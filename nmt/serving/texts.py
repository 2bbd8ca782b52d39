"""What of a text is translated by itself, and how its translations become that text again."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from nmt.inference.long_lines import split_lines
from nmt.inference.translation import Translation, assembled
from nmt.text.messages import Part, split_message

FORMATS = ("text", "html")


class Cut(NamedTuple):
    """A text in units that are translated independently of each other."""

    units: list[str]
    # Takes the candidates of each unit, and gives those of the text.
    joined: Callable[[Sequence[list[Translation]]], list[Translation]]


def cut(text: str, form: str = "text") -> Cut:
    """The units of a text in one of `FORMATS`. What is between them stays as it is."""
    if form == "html":
        return _cut_html(text)
    parts = _lines(text)

    def joined(candidates: Sequence[list[Translation]]) -> list[Translation]:
        rest = iter(candidates)
        return assembled([next(rest) if part.translated else part.text for part in parts])

    return Cut([part.text for part in parts if part.translated], joined)


def _cut_html(text):
    """The texts of blocks; inline tags stay in them."""
    # Imported here, as every start of a server would pay for it.
    from nmt.documents import html

    blocks = html.blocks(text)

    def joined(candidates: Sequence[list[Translation]]) -> list[Translation]:
        best = [each[0] for each in candidates]
        whole = assembled([[each] for each in best])[0] if best else Translation(text)
        written = html.joined(text, blocks, [each.text for each in best])
        return [dataclasses.replace(whole, text=written)]

    return Cut([source for block in blocks for source in block.sources], joined)


def _lines(text):
    """The lines of a text that have more than white space, and what stands between them."""
    # A message may go over several lines, and is one text.
    whole = [Part(text, True)]
    return list(split_lines(text)) if split_message(text) == whole else whole
