"""Compiled catalogues of gettext (MO): tables of the msgids and of their translations.

The format is that of GNU gettext's manual, "The Format of GNU MO Files". Python's own reader
forgets the msgids of plurals.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nmt.corpora.formats.messages import Catalogue, Header
from nmt.errors import UserError
from nmt.files import opened

# The first four bytes tell the order of bytes in numbers.
BYTE_ORDERS = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}
# Ends the context, which stands before the msgid.
END_OF_CONTEXT = "\x04"


def read(path: Path, source: str, target: str, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """msgid and msgstr, as of PO; the msgids come in the order of their bytes.

    Raises UserError when the file is damaged, or names other languages than `source` and `target`.
    """
    # The header is the translation of the empty msgid.
    messages = _messages(path)
    header = next((text for msgid, text in messages if not msgid), b"")
    charset = Header(header.decode("latin-1")).charset or "utf-8"
    # Forms of plurals stand between zero bytes.
    catalogue = Catalogue(path, source, target, dropped)
    try:
        catalogue.read_header(header.decode(charset))
        for msgid, text in messages:
            if msgid:
                msgids = msgid.decode(charset).rpartition(END_OF_CONTEXT)[2].split("\0")
                yield from catalogue.pairs(msgids, text.decode(charset).split("\0"))
    except (LookupError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: its texts are not in the charset of its header ({error})"
        ) from None
    catalogue.note_keys()


def _messages(path):
    """(msgid, translation) of each message, as bytes."""
    with opened(path) as file:
        data = file.read()
    order = BYTE_ORDERS.get(data[:4])
    if order is None:
        raise UserError(f"{path}: is no MO file")
    try:
        # Number of messages; where the tables of lengths and places are.
        count, *tables = struct.unpack_from(f"{order}3I", data, 8)
        msgids, texts = (struct.unpack_from(f"{order}{2 * count}I", data, at) for at in tables)
    except struct.error:
        raise UserError(f"{path}: damaged, it ends within its tables") from None
    places = zip(msgids[::2], msgids[1::2], texts[::2], texts[1::2], strict=True)
    messages = [
        (data[at : at + size], data[text_at : text_at + text_size])
        for size, at, text_size, text_at in places
    ]
    if sum(msgids[::2]) + sum(texts[::2]) > sum(len(msgid) + len(text) for msgid, text in messages):
        raise UserError(f"{path}: damaged, it ends within its texts")
    return messages
