"""SentencePiece: text to ids and back. A tokenizer is its model's bytes; equal bytes, equal tokenizer."""

import functools
import hashlib
import io
import itertools
import logging
import re

import numpy as np
import sentencepiece

from nmt.errors import Failure, UserError
from nmt.text.placeholders import SYMBOLS
from nmt.text.vocabulary import BOS, EOS, PAD, UNK

log = logging.getLogger(__name__)

NBEST = 64  # segmentations a sample is drawn from
SENTENCES = 1_000_000  # the trainer draws at most so many lines, which bounds its memory


class Tokenizer:
    """Encodes text as lists of piece ids, without BOS and EOS."""

    def __init__(self, proto: bytes, name="tokenizer"):
        try:
            if not proto:
                raise RuntimeError  # SentencePiece itself takes it for "no model yet"
            self.pieces = sentencepiece.SentencePieceProcessor(model_proto=proto)
        except RuntimeError:
            raise Failure(f"{name}: damaged, SentencePiece cannot read it") from None
        self.proto = proto
        self.size = self.pieces.get_piece_size()
        self.digest = hashlib.sha256(proto).hexdigest()

    def __eq__(self, other):
        return isinstance(other, Tokenizer) and self.digest == other.digest

    def __hash__(self):
        return hash(self.digest)

    @classmethod
    def train(cls, lines, options):
        """Trains on an iterator of lines; `options`: config.Tokenizer.

        A corpus too small for options.vocab_size gets as many pieces as it can fill, and a note is logged.
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
                f"note: the corpus fills {tokenizer.size} of {options.vocab_size} pieces; the vocabulary shrinks"
            )
        return tokenizer

    def encode(self, lines):
        """Ids of each line, the best segmentation."""
        return [
            self.pieces.encode(line) for line in lines
        ]  # a list would start threads: 1 ms a call

    def sample(self, lines, alpha, seed):
        """Ids of each line, segmentation drawn at random (Kudo 2018; BPE-dropout: Provilkov et al. 2020).

        A function of `seed` only. SentencePiece's own sampling differs between processes for equal seeds.
        """
        rng = np.random.default_rng(seed)
        return [
            self._merged(line, alpha, rng) if self._ranks else self._chosen(line, alpha, rng)
            for line in lines
        ]

    def _chosen(self, line, alpha, rng):
        """Unigram: one of the best segmentations, with probability in proportion to its own ** alpha."""
        found = self.pieces.nbest_encode(line, nbest_size=NBEST)
        scores = alpha * np.array([sum(map(self.pieces.get_score, ids)) for ids in found])
        weights = np.cumsum(np.exp(scores - scores.max()))
        return found[int(np.searchsorted(weights, rng.random() * weights[-1], "right"))]

    def _merged(self, line, dropout, rng):
        """BPE, word by word: merges by rank, each passed over with probability `dropout` at every step."""
        ids = []
        for word in re.split("(?=▁)", self.pieces.normalize(line)):
            symbols = list(word)
            while True:
                pairs = (self._ranks.get(a + b) for a, b in itertools.pairwise(symbols))
                ranked = [
                    (rank, n)
                    for n, rank in enumerate(pairs)
                    if rank is not None and rng.random() >= dropout
                ]
                if not ranked:
                    break
                _, n = min(ranked)
                symbols[n : n + 2] = [symbols[n] + symbols[n + 1]]
            for symbol in symbols:
                number = self.pieces.piece_to_id(symbol)
                spelt = [self.pieces.piece_to_id(f"<0x{byte:02X}>") for byte in symbol.encode()]
                if number != UNK or UNK not in spelt:
                    ids += [number] if number != UNK else spelt
                elif ids[-1:] != [UNK]:
                    ids.append(UNK)  # unknown characters in a row are one
        return ids

    @functools.cached_property
    def _ranks(self):
        """Rank of each merged piece of a BPE model, by the piece; empty for a unigram model."""
        try:
            self.pieces.nbest_encode("a", nbest_size=2)
            return {}
        except RuntimeError:
            normal = (
                i
                for i in range(self.size)
                if not (
                    self.pieces.is_control(i) or self.pieces.is_unknown(i) or self.pieces.is_byte(i)
                )
            )
            return {
                self.piece(i): -self.pieces.get_score(i) for i in normal if len(self.piece(i)) > 1
            }

    def decode(self, ids):
        """Text of a list of ids. A line break that bytes may spell becomes a space: one line stays one line."""
        return self.pieces.decode(list(ids)).replace("\n", " ").replace("\r", " ")

    def piece(self, id):
        """The piece as SentencePiece writes it."""
        return self.pieces.id_to_piece(int(id))


def _explained(error, options):
    """SentencePiece's reason for not training, as one line of advice."""
    text = str(error)
    if "required_chars" in text or "smaller than" in text:
        needed = "bytes and " if options.byte_fallback else ""
        return UserError(
            f"tokenizer.vocab_size={options.vocab_size} is too small for the {needed}characters of the corpus; "
            "raise it, or lower tokenizer.character_coverage"
        )
    if "sentences_.empty" in text or "all_chars_count" in text:
        return UserError("the corpus has no text to train a tokenizer on")
    return Failure(f"SentencePiece cannot train: {' '.join(text.split())[-200:]}")
