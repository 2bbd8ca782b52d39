"""Translating a source that is still arriving: words in, words out (`nmt translate --stream`).

With each source word the encoder goes on from where it was; the decoder chooses greedily from what
has been read. How far it stays behind is said in nmt/simultaneous/policy.py. A target word is
written as soon as it is complete, and what is written never changes.
"""

import codecs
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nmt.errors import UserError
from nmt.inference.line_warnings import log_warnings
from nmt.inference.translator import Translator
from nmt.machine import start_keras
from nmt.recipe import Recipe, reason_against_waiting
from nmt.runs.folder import Run
from nmt.simultaneous.policy import WordStarts, source_words_read
from nmt.text.preparation import NO_PROFILE, IncrementalSource, Preparation
from nmt.text.profile import Profile
from nmt.text.spans import unfinished
from nmt.text.symbols import SYMBOLS, Copied
from nmt.text.vocabulary import BOS, EOS

if TYPE_CHECKING:
    from nmt.simultaneous.model import WaitKModel

log = logging.getLogger(__name__)

WORD_END = re.compile(r"(?<=[^ \t])(?=[ \t])")
FIRST_ROW = np.zeros(1, np.int32)  # of a batch of one sentence


class StreamTranslator:
    """Translates lines while they arrive, `wait` words behind; wait 0: whole lines, greedily."""

    def __init__(
        self,
        model: "WaitKModel",
        tokenizers: Any,
        recipe: Recipe,
        wait: int,
        profile: Profile = NO_PROFILE,
    ):
        """tokenizers: (source, target). profile: of the training sources."""
        from nmt.simultaneous.model import StreamingModel  # `load` starts Keras first

        self.recipe = recipe
        self.wait = wait
        self.word_starts = model.word_starts
        self.preparation = Preparation(recipe, tokenizers, profile)
        self.model: Any = StreamingModel(model) if wait else None
        self.line_translator = Translator(
            model.compiled_model(), tokenizers, recipe, profile=profile
        )

    def translate(self, chunks: Iterable[str], number: int = 1) -> Iterator[str]:
        """Yields the translation of a line in pieces, each as soon as it is complete.

        chunks: the text of the line as it arrives, cut before spaces; see `ArrivingLines`. number:
        of the line, for warnings.
        """
        # Without a wait as every line is translated, but greedily.
        if not self.wait:
            [[best]] = self.line_translator.candidates(["".join(chunks)], beam=1)
            log_warnings([best], number)
            yield best.text
            return

        # The line, with the space around it; in segments, if it is longer than training data.
        source = ArrivingSource(chunks, self.preparation, self.word_starts)
        if not source.begin_segment():  # the tokenizer keeps nothing of the line
            yield source.line
            return
        yield source.line[: len(source.line) - len(source.line.lstrip())]
        written: set[int] = set()
        yield from self._translate_segment(source, written)
        while source.begin_segment():
            limit = self.recipe.data.max_pieces
            log.warning(f"line {number}: long (over {limit} pieces), translated in parts")
            yield self.preparation.separator()
            yield from self._translate_segment(source, written)
        # What is written never changes: what is missing can only follow.
        for name in source.missing(written):
            log.warning(f"line {number}: a {name.group} was missing and comes last: {name.text}")
            yield f"{self.preparation.separator()}{name.text}"
        yield source.line[len(source.line.rstrip()) :]

    def _translate_segment(self, source, written):
        """Yields its text. written: gets the tokens."""
        target = TargetText(source, self.preparation, self.word_starts)
        for token in self._tokens(source):
            yield target.add(token)
        yield target.finish()
        written.update(target.ids)

    def _tokens(self, source):
        """Yields the target tokens of a segment and reads the source between them.

        If EOS is the best token before the source is over, there is nothing to say yet: from then
        on the decoder waits for one word more.
        """
        search = self.recipe.search
        starts = self.word_starts.target
        t = int(starts[BOS])  # target words that have begun
        wait = self.wait
        words_read = 0
        word = None  # the last that was read; empty at the end of the source
        memory: dict[str, Any] = {}
        state = None
        token = BOS
        written = 0
        while True:
            # 1. Read as many words as the policy says; the end of the source is the last one.
            while word != [] and words_read < source_words_read(t, wait):
                word = source.next_word()
                # What asks for a language stands before the first word, and begins none.
                before = [] if words_read else self.preparation.controls
                memory, first_state = self.model.encode([[*before, *(word or [EOS])]], memory)
                words_read += 1
            state = state or first_state

            # 2. Choose the best next token.
            inputs = np.array([token], np.int32)
            _, ids, _, after = self.model.advance(memory, state, FIRST_ROW, inputs, 1)
            best = int(ids[0, 0])

            # 3. Nothing to say: read on, or end with the source.
            limit = int(search.max_ratio * source.tokens_read) + search.max_extra
            if word and (best == EOS or written >= limit):
                wait += 1
                continue
            if best == EOS or written == limit:
                return

            # 4. Go on from the token.
            yield best
            state = after
            token = best
            t += int(starts[best])
            written += 1


class ArrivingSource:
    """The words of one arriving line as ids, read when they are asked for.

    A line that grows longer than training data is read in segments. Asking waits for the text.
    """

    def __init__(self, chunks: Iterable[str], preparation: Preparation, word_starts: WordStarts):
        self.chunks = iter(chunks)
        self.prepared = IncrementalSource(preparation)
        self.starts = word_starts.source
        self.limit = preparation.data.max_pieces  # tokens of a segment
        self.line = ""  # the text that has arrived
        self.tokens_read = 0  # of this segment
        self.words: list[list[int]] = []  # that have arrived and are not read yet

    def begin_segment(self) -> bool:
        """Whether the line goes on; if so, the words that follow are those of a new segment."""
        self.tokens_read = 0
        return self._has_arrived()

    def next_word(self) -> list[int]:
        """Ids of the next word; none at the end of the segment."""
        if not self._has_arrived():
            return []
        if self.tokens_read and self.tokens_read + len(self.words[0]) > self.limit:
            return []
        word = self.words.pop(0)
        self.tokens_read += len(word)
        return word

    def missing(self, written: Iterable[int]) -> list[Copied]:
        """What stands in the place of a symbol that is not among the target tokens."""
        tokenizer = self.prepared.preparation.target_tokenizer
        symbols = set(map(tokenizer.piece, written))
        names = zip(self.prepared.names, SYMBOLS, strict=False)
        return [name for name, symbol in names if not name.is_mark and symbol not in symbols]

    def _has_arrived(self):
        # A chunk may hold no word, or several where the tokenizer begins one within it.
        while not self.words and (chunk := next(self.chunks, None)) is not None:
            self.line += chunk
            # The tokenizer adds the space in front of a word.
            ids = np.array(self.prepared.ids(chunk.strip()), np.int32)
            # A word goes from a piece that begins one to the next such piece.
            borders = np.flatnonzero(self.starts[ids])[1:]
            self.words = [word.tolist() for word in np.split(ids, borders) if len(word)]
        return bool(self.words)


class TargetText:
    """The translation of a segment as text, in pieces of complete words."""

    def __init__(self, source: ArrivingSource, preparation: Preparation, word_starts: WordStarts):
        self.prepared = source.prepared
        self.preparation = preparation
        self.word_starts = word_starts
        self.ids: list[int] = []
        self.text = ""  # what has been returned

    def add(self, token: int) -> str:
        """The text that becomes complete with the next token."""
        if self.prepared.is_early(token):
            # A placeholder that has not arrived: its name could not be put in later.
            return ""
        self.ids.append(token)
        if not self.word_starts.target[token]:
            return ""
        # With spaces the word before is complete, without them this one.
        return self._new_text(self.ids if self.word_starts.unspaced[1] else self.ids[:-1])

    def finish(self) -> str:
        """The text of the last word."""
        return self._new_text(self.ids)

    def _new_text(self, ids):
        before = len(self.text)
        self.text = self.preparation.output(ids, self.prepared.names).strip()
        return self.text[before:]


class ArrivingLines:
    """Arriving text as an iterator over lines; a line is an iterator over chunks of its text.

    A chunk ends where a word or a line does, but never inside a placeholder. A line must be used up
    before the next. read: returns the bytes of UTF-8 that have arrived, none at the end.
    whole_lines: a chunk is a whole line, for languages without spaces.
    """

    def __init__(self, read: Callable[[], bytes], whole_lines: bool = False):
        self.read = read
        self.whole_lines = whole_lines
        self.decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self.text = ""  # that has arrived and is in no chunk yet
        self.over = False
        self.number = 0  # of the line

    def __iter__(self) -> Iterator[Iterator[str]]:
        while self.text or (not self.over and self._read_more()):
            self.number += 1
            yield self._chunks()

    def _chunks(self):
        while True:
            # A word that is complete, else the end of the line, else wait for more.
            line, newline, rest = self.text.partition("\n")
            end = 0 if self.whole_lines else _first_border(line)
            if end:
                self.text = self.text[end:]
                yield self._checked(line[:end])
            elif newline or self.over:
                self.text = rest
                yield self._checked(line.removesuffix("\r"))
                return
            else:
                self._read_more()

    def _read_more(self):
        data = self.read()
        self.over = not data
        self.text += self.decode(data, final=self.over)
        return bool(data)

    def _checked(self, chunk):
        # What is no UTF-8 was decoded to lone surrogates.
        if any("\udc80" <= character <= "\udcff" for character in chunk):
            raise UserError(f"input line {self.number}: not valid UTF-8; convert the text")
        return chunk


def _first_border(line):
    """Where the first word of a line ends, outside of placeholders; 0 if not known yet."""
    ends = (border.start() for border in WORD_END.finditer(line))
    return next((end for end in ends if not unfinished(line[:end])), 0)


def load(path: str, wait: int, threads: int) -> StreamTranslator:
    """The translator of a run folder; UserError where its model needs the whole source."""
    run = Run.open(path)
    if reason := reason_against_waiting(run.recipe.model):
        raise UserError(f"{path}: {reason}")
    start_keras(threads)
    from nmt.simultaneous.model import load_model

    return StreamTranslator(load_model(run), run.tokenizers, run.recipe, wait, run.profile)
