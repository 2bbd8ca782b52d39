"""How strings of PO files are written: escaped, and in lines as those of the file."""

import dataclasses
import re
import unicodedata

# The lines of gettext's own tools end there, quotation marks included.
WIDTH = 79
# Django's and Babel's may be a little longer.
LONGEST = 82
ESCAPES = str.maketrans(
    {
        **{chr(code): f"\\{code:03o}" for code in (*range(32), 127)},
        **{"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t"},
        **{"\v": r"\v", '"': r"\"", "\\": r"\\"},
    }
)
# A line may end behind spaces, and between ideographs or kana unless a closing sign follows.
_IDEOGRAPH = r"[\u3040-\u30fa\u3400-\u9fff\uf900-\ufaff]"
_CLOSING = (
    r"[\u3001-\u3003\u3009\u300b\u300d\u300f\u3011\u3015\u30fb-\u30fe\uff01-\uff0f\uff1a-\uff1f]"
)
PIECE = re.compile(rf"{_IDEOGRAPH}{_CLOSING}* *|(?:(?!{_IDEOGRAPH})[^ ])+ *| +")
# A string with a line break before its end; one that could have been broken at a space.
INNER_BREAK = re.compile(r'"(?:[^"\\]|\\.)*(?<!\\)(?:\\\\)*\\n(?!")')
BREAKABLE = re.compile(rf'[^"]*"[^"].{{0,{WIDTH - 20}}} (?!"$)')


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the strings of a file are broken into lines."""

    line_end: str = "\n"
    wraps: bool = True  # long ones are
    breaks: bool = True  # behind line breaks of the text

    def written(self, before: int, text: str, wraps: bool = True) -> str:
        """The string of a text, or its strings in lines. before: columns before the first.

        wraps: whether this one is broken where it is long, if those of the file are.
        """
        wraps = wraps and self.wraps
        parts = re.findall(r"[^\n]*\n|[^\n]+", text) if self.breaks else [text]
        lines = [part.translate(ESCAPES) for part in parts]
        limit = WIDTH - 2
        if len(lines) > 1 or (wraps and _columns("".join(lines)) > limit - before):
            if wraps:
                lines = [line for part in lines for line in _wrapped(part, limit)]
            lines = ["", *lines]
        return self.line_end.join(f'"{line}"' for line in lines or [""])


def layout_of(text: str, line_end: str) -> Layout:
    """The layout of the strings of a file, whose lines end with \\n here."""
    lines = [line for line in text.split("\n") if '"' in line and not line.startswith("#")]
    long = [line for line in lines if len(line) > LONGEST]
    wraps = not any(BREAKABLE.match(line) for line in long)
    return Layout(line_end, wraps, not any(INNER_BREAK.search(line) for line in lines))


def _wrapped(text, limit):
    """Lines of a text of at most `limit` columns; longer words have lines of their own."""
    lines = [""]
    columns = 0
    for piece in PIECE.findall(text):
        width = _columns(piece)
        # The space at the end belongs to the line.
        if columns and columns + width > limit:
            lines.append("")
            columns = 0
        lines[-1] += piece
        columns += width
    return lines


def _columns(text):
    """How wide a text is on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))
