"""Translating a source that is still arriving: words in, words out, `wait` words behind (`nmt translate --stream`).

The encoder goes on from where it was with each word, the decoder chooses greedily from what has been read. How far
behind it stays is said in nmt/simultaneous/policy.py; a word is written as soon as it is known to be complete.
"""

import codecs
import logging
import re

import numpy as np

from nmt.errors import UserError
from nmt.inference.translator import Translator
from nmt.machine import start_keras
from nmt.recipe import reason_against_waiting
from nmt.runs.folder import Run
from nmt.simultaneous.policy import source_words_read
from nmt.text.placeholders import unfinished
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS

log = logging.getLogger(__name__)

BORDER = re.compile(r"(?<=[^ \t])(?=[ \t])")  # where a word ends
ROW = np.zeros(1, np.int32)  # the only one


class Online:
    """Translates lines word by word; with wait=0 line by line, as a `Translator` does with beam 1."""

    def __init__(self, model, tokenizers, recipe, wait):
        from nmt.simultaneous.model import StreamingModel  # not before `load` has started Keras

        self.tokenizers = tokenizers
        self.recipe = recipe
        self.wait = wait
        self.words = model.word_starts
        self.graphs = StreamingModel(model) if wait else None
        self.preparation = Preparation(recipe.data, tokenizers)
        self.translator = Translator(model.compiled_model(), tokenizers, recipe)

    def translate(self, chunks, number=1):
        """Yields the translation of a line in pieces, each as soon as it is known.

        chunks: the text of the line as it comes, cut before spaces; see `Lines`. number: of the line, for warnings.
        """
        if not self.wait:
            [[best]] = self.translator.candidates(["".join(chunks)], beam=1)
            for warning in best.warnings:
                log.warning(f"line {number} {warning}")
            yield best.text
            return
        source = Source(self, chunks)
        if not source.more():  # the tokenizer keeps nothing of it
            yield source.line
            return
        yield source.line[: len(source.line) - len(source.line.lstrip())]
        yield from self._part(source)
        while source.more():
            limit = self.recipe.data.max_pieces
            log.warning(f"line {number} is long (over {limit} pieces); translated in parts")
            yield self.preparation.separator()
            yield from self._part(source)
        yield source.line[len(source.line.rstrip()) :]

    def _part(self, source):
        """What `_choose` chooses, as text, a word at a time."""
        ids = []
        shown = ""
        for token in self._choose(source):
            if source.prepared.is_early(token):
                continue  # a placeholder that has not come yet: what is shown could not be mended later
            ids.append(token)
            if self.words.target[token]:
                complete = self._text(
                    ids if self.words.unspaced[1] else ids[:-1], source.prepared.names
                )
                yield complete[len(shown) :]
                shown = complete
        yield self._text(ids, source.prepared.names)[len(shown) :]

    def _text(self, ids, names):
        return self.preparation.output(ids, names).strip()

    def _choose(self, source):
        """Yields the pieces of a translation, reading the source between them.

        EOS before the end of the source means that there is nothing to say yet: one word more is read from then on.
        """
        options = self.recipe.search
        t = int(self.words.target[BOS])
        wait = self.wait
        memory = {}
        state = None
        token = BOS
        read = 0
        written = 0
        over = False
        while True:
            while not over and read < source_words_read(t, wait):
                word = source.next()
                memory, start = self.graphs.encode([word or [EOS]], memory)
                read = read + 1
                over = not word
            state = start if state is None else state
            limit = int(options.max_ratio * source.size) + options.max_extra
            _, ids, _, after = self.graphs.advance(
                memory, state, ROW, np.array([token], np.int32), 1
            )
            best = int(ids[0, 0])
            if not over and (best == EOS or written >= limit):
                wait += 1
                continue
            if best == EOS or written == limit:
                return
            yield best
            state = after
            token = best
            t = t + int(self.words.target[best])
            written = written + 1


class Source:
    """The words of an arriving line as ids, read when they are asked for."""

    def __init__(self, online, chunks):
        self.chunks = iter(chunks)
        self.starts = online.words.source
        self.limit = online.recipe.data.max_pieces
        self.prepared = online.preparation.incremental()
        self.line = ""  # what has come
        self.ready = []  # words that have come and are not read yet
        self.size = 0  # pieces read of this part of the line

    def more(self):
        """Whether the line goes on; waits until this is known. Begins a new part of it."""
        self.size = 0
        return self._arrived()

    def next(self):
        """Ids of the next word; none at the end of the line, or where it grows longer than training data."""
        if not self._arrived() or (self.size and self.size + len(self.ready[0]) > self.limit):
            return []
        word = self.ready.pop(0)
        self.size += len(word)
        return word

    def _arrived(self):
        while not self.ready and (chunk := next(self.chunks, None)) is not None:
            self.line += chunk
            ids = self.prepared.ids(chunk)
            borders = np.flatnonzero(self.starts[ids])[1:]
            self.ready = [
                word.tolist() for word in np.split(np.array(ids, np.int32), borders) if len(word)
            ]
        return bool(self.ready)


class Lines:
    """Text that is still arriving, as an iterator over its lines; a line is an iterator over chunks of its text.

    A chunk ends where a word or a line does, but never inside of a placeholder. A line has to be used up before
    the next. read: gives bytes of UTF-8, as many as there are, none at the end. whole: a chunk is a whole line, for
    languages without spaces.
    """

    def __init__(self, read, whole=False):
        self.read = read
        self.whole = whole
        self.decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self.text = ""
        self.over = False
        self.number = 0

    def __iter__(self):
        while self.text or (not self.over and self._more()):
            self.number += 1
            yield self._chunks()

    def _chunks(self):
        while True:
            line, newline, rest = self.text.partition("\n")
            borders = () if self.whole else (found.start() for found in BORDER.finditer(line))
            end = next((n for n in borders if not unfinished(line[:n])), 0)
            if end:
                self.text = self.text[end:]
                yield self._checked(line[:end])
            elif newline or self.over:
                self.text = rest
                yield self._checked(line.removesuffix("\r"))
                return
            else:
                self._more()

    def _more(self):
        data = self.read()
        self.over = not data
        self.text += self.decode(data, final=self.over)
        return bool(data)

    def _checked(self, chunk):
        if any("\udc80" <= character <= "\udcff" for character in chunk):
            raise UserError(f"input line {self.number}: not valid UTF-8; convert the text")
        return chunk


def load(path, wait, threads=0):
    """The `Online` of a run folder; UserError where its model cannot translate before it has read all."""
    run = Run.open(path)
    if reason := reason_against_waiting(run.recipe.model):
        raise UserError(f"{path}: {reason}")
    start_keras(threads)
    from nmt.simultaneous.model import load_model

    return Online(load_model(run), run.tokenizers, run.recipe, wait)
