"""The text of a document that is UTF-8, and edits of its characters as edits of its bytes."""

import bisect
import codecs
import re

from nmt import signatures
from nmt.documents.units import Edit

# From here on what is not UTF-8 is told by its bytes.
SAMPLE = 1 << 16


class Content:
    """The characters of a document, line ends as they are, without a byte order mark."""

    def __init__(self, data: bytes):
        """Raises UserError for what is no text in UTF-8; it names the line, not the file."""
        signatures.refuse_binary(data[: signatures.HEAD], "line 1")
        mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
        try:
            self.text = data[mark:].decode()
        except UnicodeDecodeError as error:
            # Text in two bytes a character does not begin at a line.
            begin = 0 if 0 in data else data.rfind(b"\n", 0, mark + error.start) + 1
            line = data.count(b"\n", 0, mark + error.start) + 1
            sample = data[begin : begin + SAMPLE]
            raise signatures.not_utf8(sample, f"line {line}") from None
        # Where characters of several bytes stand, and how many bytes more there are up to them.
        self._wide: list[int] = []
        self._more = [mark]
        for place, character in enumerate(self.text if not data.isascii() else ""):
            if character > "\x7f":
                self._wide.append(place)
                self._more.append(self._more[-1] + len(character.encode()) - 1)
        end = re.search(r"\r\n|\r|\n", self.text)
        self.line_end = end[0] if end else "\n"
        self._breaks = [n for n, character in enumerate(self.text) if character == "\n"]

    def edit(self, start: int, end: int, text: str) -> Edit:
        """The edit that puts a text in the place of some characters."""
        return Edit(self._byte(start), self._byte(end), text.encode())

    def line(self, place: int) -> int:
        """The number of the line of a character, from 1."""
        return bisect.bisect_left(self._breaks, place) + 1

    def column(self, place: int) -> int:
        """How many characters stand before a character on its line."""
        line = self.line(place)
        return place - (self._breaks[line - 2] + 1 if line > 1 else 0)

    def _byte(self, place):
        """The byte at which a character begins."""
        return place + self._more[bisect.bisect_left(self._wide, place)]
