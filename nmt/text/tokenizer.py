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
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sentencepiece

from nmt.errors import Failure, UserError
from nmt.text.placeholders import SYMBOLS
from nmt.text.vocabulary import BOS, EOS, PAD, UNK

if TYPE_CHECKING:
    from nmt.recipe import TokenizerOptions

log = logging.getLogger(__name__)

# Segmentations a sample is drawn from.
NBEST = 64
# Lines that training draws at most, which bounds its memory.
SENTENCES = 1_000_000


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
        self.digest = hashlib.sha256(proto).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @classmethod
    def train(cls, lines: Iterable[str], options: TokenizerOptions) -> Tokenizer:
        """Trains on lines; UserError if they are empty, or options.vocab_size is too small.

        A corpus too small for options.vocab_size gets as many pieces as it can fill, and a note.
        """
        out = io.BytesIO()
        sentencepiece.set_random_generator_seed(0)
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=out,
                model_type=options.kind,
                vocab_size=options.vocab_size,
                hard_vocab_limit=False,
                byte_fallback=options.byte_fallback,
                character_coverage=options.character_coverage,
                # The symbol of a placeholder is one piece, always (nmt/text/placeholders.py).
                user_defined_symbols=SYMBOLS,
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
        return [self.processor.encode(line) for line in lines]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids. A line break that bytes spell becomes a space: one line stays one line."""
        return self.processor.decode(list(ids)).replace("\n", " ").replace("\r", " ")

    def piece(self, id: int) -> str:
        """The piece as SentencePiece writes it."""
        return self.processor.id_to_piece(int(id))

    # Subword regularisation.

    def sample(
        self, lines: Iterable[str], alpha: float, seed: int | Sequence[int]
    ) -> list[list[int]]:
        """Ids of each line, its segmentation drawn at random.

        Unigram (Kudo 2018): alpha is the exponent of the probabilities. BPE (BPE-dropout,
        Provilkov et al. 2020): alpha is the rate at which merges are dropped. A function of `seed`
        only; SentencePiece's own sampling differs between processes for equal seeds.
        """
        rng = np.random.default_rng(seed)
        draw = self._draw_bpe if self._merge_ranks else self._draw_unigram
        return [draw(line, alpha, rng) for line in lines]

    def _draw_unigram(self, line, alpha, rng):
        """One of the best segmentations, drawn in proportion to its probability ** alpha."""
        segmentations = self.processor.nbest_encode(line, nbest_size=NBEST)
        log_probs = [sum(map(self.processor.get_score, ids)) for ids in segmentations]
        scores = alpha * np.array(log_probs)
        cumulative = np.cumsum(np.exp(scores - scores.max()))
        drawn = np.searchsorted(cumulative, rng.random() * cumulative[-1], "right")
        return segmentations[int(drawn)]

    def _draw_bpe(self, line, dropout, rng):
        """Merges in the order they were learned, each skipped at random whenever it is possible."""
        ids: list[int] = []
        for word in re.split("(?=▁)", self.processor.normalize(line)):
            units = list(word)
            # 1. Merge adjacent units until there is no merge left that is not dropped.
            while merges := self._kept_merges(units, dropout, rng):
                _, n = min(merges)
                units[n : n + 2] = [units[n] + units[n + 1]]
            # 2. Unknown characters in a row are one UNK.
            for unit in units:
                unit_ids = self._unit_ids(unit)
                if unit_ids != [UNK] or ids[-1:] != [UNK]:
                    ids += unit_ids
        return ids

    def _kept_merges(self, units, dropout, rng):
        """(rank, position) of the merges that are possible and, drawn anew, not dropped."""
        ranks = (self._merge_ranks.get(a + b) for a, b in itertools.pairwise(units))
        return [
            (rank, n)
            for n, rank in enumerate(ranks)
            if rank is not None and rng.random() >= dropout
        ]

    def _unit_ids(self, unit):
        """The id of a piece; of a character without one its bytes, or UNK if bytes have no ids."""
        id = self.processor.piece_to_id(unit)
        if id != UNK:
            return [id]
        byte_ids = [self.processor.piece_to_id(f"<0x{byte:02X}>") for byte in unit.encode()]
        return [UNK] if UNK in byte_ids else byte_ids

    @functools.cached_property
    def _merge_ranks(self):
        """Rank of each merged piece of a BPE model, the first merge lowest; empty for unigram."""
        from sentencepiece import sentencepiece_model_pb2

        # Its classes are made when it is imported.
        model_pb2: Any = sentencepiece_model_pb2
        model = model_pb2.ModelProto.FromString(self.proto)
        if model.trainer_spec.model_type != model_pb2.TrainerSpec.BPE:
            return {}
        kinds = model_pb2.ModelProto.SentencePiece
        merged = (kinds.NORMAL, kinds.USER_DEFINED, kinds.UNUSED)
        return {
            piece.piece: -piece.score
            for piece in model.pieces
            if piece.type in merged and len(piece.piece) > 1
        }


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
