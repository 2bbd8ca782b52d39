"""SentencePiece: text to ids and back. A tokenizer is its model's bytes: equal bytes, equal ids.

Spaces are part of the pieces, written as "▁", so that ids spell the whole line (Kudo and
Richardson 2018).
"""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import sentencepiece

from nmt.errors import Failure, UserError
from nmt.text.symbols import SYMBOLS, unwritten
from nmt.text.vocabulary import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    from nmt.recipe import TokenizerOptions

log = logging.getLogger(__name__)

# Lines that training draws at most, which bounds its memory.
SENTENCES = 1_000_000
# Normalisation of SentencePiece itself, by tokenizer.normalization.
RULES = {"source": "identity", "nfkc": "nmt_nfkc", "none": "identity"}
# What SentencePiece writes for a space, so that it cannot be a piece of itself.
SPACE = "▁"
# Characters that never are in a text, one of which stands for that while a line is encoded.
STAND_INS = [chr(code) for code in range(0xFDD0, 0xFDF0)]
Range = tuple[int, int]


class Tokenizer:
    """Encodes text as lists of piece ids, without BOS and EOS."""

    def __init__(self, proto: bytes, name: str | Path = "tokenizer"):
        """proto: a SentencePiece model. Failure, which tells `name`, where it cannot be read."""
        try:
            if not proto:
                # SentencePiece itself takes it for "no model yet".
                raise RuntimeError
            self.processor = sentencepiece.SentencePieceProcessor(model_proto=proto)
        except RuntimeError:
            raise Failure(f"{name}: damaged, SentencePiece cannot read it") from None
        self.proto = proto
        self.size: int = self.processor.get_piece_size()
        self._writings = _Writings(self.processor)
        self.digest = hashlib.sha256(proto).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @classmethod
    def train(
        cls, lines: Iterable[str], options: TokenizerOptions, controls: Sequence[str] = ()
    ) -> Tokenizer:
        """Trains on lines; UserError if they are empty, or options.vocab_size is too small.

        controls: pieces with an id that no text has, as "<2nb>".

        A corpus too small for options.vocab_size gets as many pieces as it can fill, and a note.
        """
        out = io.BytesIO()
        sentencepiece.set_random_generator_seed(0)
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=(line for line in lines if line.strip()),
                model_writer=out,
                model_type=options.kind,
                vocab_size=options.vocab_size,
                hard_vocab_limit=False,
                byte_fallback=options.byte_fallback,
                character_coverage=options.character_coverage,
                normalization_rule_name=RULES[options.normalization],
                remove_extra_whitespaces=options.normalization == "nfkc",
                # The symbol of a span is one piece, always (nmt/text/symbols.py).
                user_defined_symbols=SYMBOLS,
                control_symbols=list(controls),
                input_sentence_size=SENTENCES,
                shuffle_input_sentence=True,
                minloglevel=2,
                pad_id=PAD,
                unk_id=UNK,
                bos_id=BOS,
                eos_id=EOS,
            )
        except RuntimeError as error:
            raise _explained(error, options) from None
        tokenizer = cls(out.getvalue())
        if tokenizer.size < options.vocab_size:
            log.info(
                f"note: the corpus fills {tokenizer.size} of {options.vocab_size} pieces; "
                "the vocabulary shrinks"
            )
        return tokenizer

    def encode(self, lines: Iterable[str]) -> list[list[int]]:
        """Ids of each line, the best segmentation."""
        # SentencePiece starts threads for a list of lines, which costs 1 ms a call.
        return [self._encoded(line) for line in lines]

    def offsets(self, text: str) -> tuple[list[int], list[Range]]:
        """Ids as `encode` gives them, and for each the characters [start, end) that it spells.

        The bytes of a character share its range.
        """
        ids = self._encoded(text)
        # One character is as long as another.
        stand_in = text.replace(SPACE, STAND_INS[0])
        ranges = self.processor.encode_as_offset_mapping(stand_in)["offsets"]
        # SentencePiece gives the range of a character to its last byte.
        for n in reversed(range(len(ids) - 1)):
            following = self._writings[ids[n + 1]]
            if isinstance(following, int) and 0x80 <= following < 0xC0:
                ranges[n] = ranges[n + 1]
        return ids, ranges

    def _encoded(self, line):
        """Ids by SentencePiece, and bytes for what it would take for a space."""
        encode = self.processor.encode
        if SPACE not in line or not self.keeps_spaces:
            return encode(line)
        stand_in = next((char for char in STAND_INS if char not in line), " ")
        ids = encode(line.replace(SPACE, stand_in))
        former = self._byte_ids(stand_in.encode())
        size = len(former)
        # The bytes of a character begin where no other one's do.
        for n in range(len(ids) - size + 1):
            if ids[n : n + size] == former:
                ids[n : n + size] = self._byte_ids(SPACE.encode())
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids, always whole characters: bytes that spell none are left out.

        So are control characters and U+FFFD where bytes spell them. A line break that bytes spell
        becomes a space: one line stays one line.
        """
        return self.decoded(ids)[0]

    def decoded(self, ids: Iterable[int], single_spaces: bool = False) -> tuple[str, list[Range]]:
        """Text as `decode` gives it, and for each id the characters [start, end) that it writes.

        The bytes of a character share its range; an id that writes nothing has an empty one.
        single_spaces: a space behind another one is not written.
        """
        ids = list(ids)
        writings = [self._writings[id] for id in ids]
        text = ""
        ranges: list[Range] = []
        leading_space = True  # that SentencePiece adds, and takes away
        while len(ranges) < len(writings):
            # 1. What the next piece, or a character's bytes, writes.
            n = len(ranges)
            written = writings[n]
            count = 1
            if isinstance(written, int):
                written, count = _character(writings[n : n + 4])
            elif leading_space and not text and self.piece(ids[n]).startswith(SPACE):
                written = written[1:]
                leading_space = not self.keeps_spaces
            if single_spaces and text.endswith(" "):
                written = written.removeprefix(" ")
            # 2. Its place in the text.
            ranges += [(len(text), len(text) + len(written))] * count
            text += written
        return text, ranges

    def writings(self, form: Callable[[str], str] = str) -> list[bytes]:
        """The bytes that each id writes, of pieces in the form that a function gives them.

        Empty for control pieces, and for UNK where there are bytes to write instead.
        """
        unwritten = [UNK] if self.bytes_of_ids else []
        return [
            bytes([written])
            if isinstance(written, int)
            else b""
            if id in unwritten
            else form(written).encode()
            for id, written in enumerate(self._all_writings())
        ]

    @functools.cached_property
    def spaced(self) -> frozenset[int]:
        """Ids of the pieces that begin with a space."""
        return frozenset(id for id in range(self.size) if self.piece(id).startswith(SPACE))

    def _all_writings(self):
        return [self._writings[id] for id in range(self.size)]

    @functools.cached_property
    def keeps_spaces(self) -> bool:
        """Whether it changes nothing of a text. Tokenizers of old runs have NFKC inside."""
        return self.processor.normalize("  ") == 3 * SPACE

    # What it has pieces for.

    @property
    def symbols(self) -> int:
        """How many of SYMBOLS are pieces, the first ones."""
        return len(self.symbol_ids)

    @functools.cached_property
    def symbol_ids(self) -> list[int]:
        """The ids of those of SYMBOLS that are pieces, in their order."""
        ids = map(self.processor.piece_to_id, SYMBOLS)
        return [id for id in ids if id != UNK]

    def control_ids(self, controls: Iterable[str]) -> list[int]:
        """The ids of those control pieces that it has."""
        ids = map(self.processor.piece_to_id, controls)
        return [id for id in ids if self.processor.is_control(id)]

    @functools.cached_property
    def alphabet(self) -> frozenset[str]:
        """The characters that are pieces, symbols excepted."""
        characters = {
            written
            for written in self._all_writings()
            if isinstance(written, str) and len(written) == 1
        }
        return frozenset(characters - set(SYMBOLS))

    def share_unknown(self, lines: Iterable[str]) -> float:
        """The share of the characters that are no pieces: bytes spell them, or <unk>."""
        counts = Counter(itertools.chain.from_iterable(map(self.processor.normalize, lines)))
        unknown = counts.keys() - self.alphabet - {SPACE, *SYMBOLS}
        return sum(counts[char] for char in unknown) / max(1, counts.total())

    @functools.cached_property
    def bytes_of_ids(self) -> dict[int, int]:
        """The byte that each byte piece spells, by its id; empty without byte pieces."""
        ids = self._byte_ids(bytes(range(256)))
        return {id: byte for byte, id in enumerate(ids) if self.processor.is_byte(id)}

    def piece(self, id: int) -> str:
        """The piece as SentencePiece writes it."""
        return self.processor.id_to_piece(int(id))

    def _byte_ids(self, text):
        """The id of each byte, UNK where bytes have none."""
        return [self.processor.piece_to_id(f"<0x{byte:02X}>") for byte in text]


class _Writings(dict[int, str | int]):
    """What each id writes: text, or a byte. Asked when first needed: a text has few of all ids."""

    def __init__(self, processor):
        self.processor = processor

    def __missing__(self, id):
        id = int(id)  # it may be one of NumPy's
        piece = self.processor.id_to_piece(id)
        if id == UNK:
            self[id] = " ⁇ "
        elif self.processor.is_byte(id):
            self[id] = int(piece[1:-1], 16)
        elif self.processor.is_control(id):
            self[id] = ""
        else:
            self[id] = piece.replace(SPACE, " ")
        return self[id]


def _character(writings):
    """(text, number of bytes) of the character that begins with a byte; ("", 1) if none does.

    writings: of the next four ids.
    """
    lead = writings[0]
    size = 1 + sum(lead >= first for first in (0xC0, 0xE0, 0xF0))
    try:
        character = bytes(writings[:size]).decode()
    # Too few or other bytes; a piece in between.
    except (UnicodeDecodeError, TypeError):
        return "", 1
    if character in "\r\n":
        return " ", size
    return ("" if unwritten().match(character) else character), size


def _explained(error, options):
    """SentencePiece's reason for not training, as one line of advice."""
    text = str(error)
    if "required_chars" in text or "smaller than" in text:
        needed = "bytes and " if options.byte_fallback else ""
        return UserError(
            f"tokenizer.vocab_size={options.vocab_size} is too small for the {needed}characters of "
            "the corpus; raise it, or lower tokenizer.character_coverage"
        )
    if "sentences_.empty" in text or "all_chars_count" in text:
        return UserError("the corpus has no text to train a tokenizer on")
    return Failure(f"SentencePiece cannot train: {' '.join(text.split())[-200:]}")
