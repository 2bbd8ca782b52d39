"""One way to write what looks the same: sources are normalised before the tokenizer reads them.

Canonical composition (NFC), and what people type, paste or scan in several ways with one meaning.
What differs in meaning stays: ² ₂ ½ µ № ™ ℃ Ω ① 「」、。 (NFKC would rewrite most of these).
Targets are never normalised: a translator writes what its training targets have.
"""

import functools
import itertools
import re
import unicodedata

# Quotation marks, apostrophes and primes; dots; hyphens, dashes and the minus sign.
MARKS = {
    "'": "‘’‚‛‹›ʻʼ´′‵",
    '"': "“”„‟«»″‶",
    "...": "…",
    "-": "‐‑‒–−",
    # It stands between clauses, often without spaces.
    " - ": "—―",
}
# Characters nobody sees; a class of regular expressions. Joiners have a rule of their own.
INVISIBLE = (
    # Control characters but white space.
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    # Soft hyphen, grapheme joiner, zero-width space, word joiner and its like, byte order mark.
    "\xad\u034f\u200b\u2060-\u2064\u206a-\u206f\ufeff"
    # Marks of direction.
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    # Fillers, selectors of a glyph, annotations, tags.
    "\u180e\u3164\uffa0\ufe00-\ufe0f\ufff9-\ufffb\U000e0000-\U000e0fff"
)
# Ranges of characters that are others in another form (width, ligature, place in a word, font).
FORMS = (
    (0x0132, 0x0133),  # ĳ
    (0x01C4, 0x01CC),  # ǆ ǉ ǌ
    (0x01F1, 0x01F3),  # ǳ
    (0x2E9F, 0x2EF3),  # radicals of CJK
    (0x2F00, 0x2FD5),
    (0xFB00, 0xFB17),  # Latin and Armenian ligatures
    (0xFB20, 0xFDC7),  # Hebrew and Arabic forms
    (0xFE10, 0xFE6B),  # vertical and small forms
    (0xFE70, 0xFEFC),  # Arabic forms
    (0xFF01, 0xFFEE),  # full-width and half-width forms
    (0x1D400, 0x1D7FF),  # mathematical letters
)
# Scripts that are written with joiners, and emoji, which joiners make one.
JOINED = (
    # Arabic, Syriac and their neighbours; the scripts of India, Tibet, Burma.
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f"
    # Khmer, Mongolian; scripts of South-East Asia; more of India; Arabic forms.
    "\u1780-\u18af\u1900-\u1cff\ua800-\ua8ff\ua900-\uabff\ufb50-\ufdff\ufe70-\ufefc"
    # Younger and older relatives; emoji.
    "\U00010a00-\U00011fff\U0001e900-\U0001e95f"
    "\u2190-\u2bff\U0001f000-\U0001faff"
)


def normalise(text: str) -> str:
    """The text of a source, or a part of it, in its one way of writing.

    All kinds of white space, in a row, become one plain space, at the ends too. Idempotent.
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text
    # 1. Composed first: some characters are canonically the same as others of the tables.
    text = unicodedata.normalize("NFC", text)
    # 2. Joiners where they join nothing.
    if "\u200c" in text or "\u200d" in text:
        text = _joiners().sub("", text)
    # 3. What is another in another form, and what nobody sees; it may have kept letters apart.
    text = unicodedata.normalize("NFC", text.translate(_table()))
    # 4. White space.
    return re.sub(r"\s+", " ", text)


# Made when first needed, as every start would pay for them.


@functools.cache
def _table():
    """What a character becomes, by its number."""
    marks = {ord(mark): plain for plain, marks in MARKS.items() for mark in marks}
    codes = itertools.chain.from_iterable(range(low, high + 1) for low, high in FORMS)
    forms = {code: _form(code).translate(marks) for code in codes}
    invisible = {
        code: None
        for low, high in re.findall("(.)(?:-(.))?", INVISIBLE, re.DOTALL)
        for code in range(ord(low), ord(high or low) + 1)
    }
    return forms | marks | invisible


def _form(code):
    """What a character is a form of, or itself."""
    kind, *numbers = unicodedata.decomposition(chr(code)).split() or [""]
    # Forms of marks alone stand on a space.
    if not kind.startswith("<") or numbers[0] == "0020":
        return chr(code)
    # A form may be one of a form.
    return "".join(_form(int(number, 16)) for number in numbers)


@functools.cache
def _joiners():
    return re.compile(f"(?<![{JOINED}\u200c\u200d\ufe0f])[\u200c\u200d]+(?![{JOINED}])")
