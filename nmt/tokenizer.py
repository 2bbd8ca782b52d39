"""SentencePiece: text to ids and back. A tokenizer is its model's bytes; equal bytes, equal tokenizer."""

import hashlib
import io

import sentencepiece

from nmt.config import BOS, EOS, PAD, UNK
from nmt.errors import Failure, UserError
from nmt.text import SYMBOLS

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

    @classmethod
    def train(cls, lines, options, note=lambda text: None):
        """Trains on an iterator of lines; `options`: config.Tokenizer.

        A corpus too small for options.vocab_size gets as many pieces as it can fill, and a note.
        """
        out = io.BytesIO()
        sentencepiece.set_random_generator_seed(0)
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines), model_writer=out, model_type=options.kind,
                vocab_size=options.vocab_size, hard_vocab_limit=False, byte_fallback=options.byte_fallback,
                character_coverage=options.character_coverage, user_defined_symbols=SYMBOLS,
                input_sentence_size=SENTENCES, shuffle_input_sentence=True, minloglevel=2,
                pad_id=PAD, unk_id=UNK, bos_id=BOS, eos_id=EOS,
            )  # fmt: skip
        except RuntimeError as error:
            raise _explained(error, options) from None
        tokenizer = cls(out.getvalue())
        if tokenizer.size < options.vocab_size:
            note(f"note: the corpus fills {tokenizer.size} of {options.vocab_size} pieces; the vocabulary shrinks")
        return tokenizer

    def encode(self, lines):
        """Ids of each line, the best segmentation."""
        return self.pieces.encode(list(lines))

    def sample(self, lines, alpha, seed):
        """Ids of each line, segmentation drawn at random (Kudo 2018; BPE-dropout: Provilkov et al. 2020).

        Line by line in this thread: a function of `seed` only.
        """
        sentencepiece.set_random_generator_seed(seed)
        return [self.pieces.encode(line, enable_sampling=True, alpha=alpha, nbest_size=-1) for line in lines]

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
