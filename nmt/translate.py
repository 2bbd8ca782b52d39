"""From a line to its translation: prepared, tokenised, searched in batches, put together again in order."""

import contextlib
import dataclasses
import importlib.util
import itertools
import os
import re

import numpy as np

from nmt import text
from nmt.batches import pad
from nmt.config import BOS, EOS
from nmt.errors import UserError
from nmt.search import beam_search

POSITIONS = 8192  # of a batch to score: Keras holds the logits of all words for each
SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+|(?<=[。！？；])")


@dataclasses.dataclass
class Translation:
    """One candidate for a line."""

    text: str
    log_prob: float = 0.0  # summed natural log-probability, EOS included
    score: float = 0.0  # what candidates are ranked by
    source_pieces: list = dataclasses.field(default_factory=list)
    target_pieces: list = dataclasses.field(default_factory=list)
    attention: np.ndarray | None = None  # [target pieces, source pieces]; None for lines that were split


class Translator:
    """Translates lines with a run's model: `encode`, `take`, `advance`, `log_probs`; `rows` hypotheses at a time.

    threads: batches searched at the same time.
    """

    def __init__(self, model, tokenizers, recipe, warn=lambda line: None, threads=1):
        self.model, self.tokenizers, self.recipe, self.warn = model, tokenizers, recipe, warn
        self.threads = threads

    def translate(self, lines, **search):
        """The best translation of each line, in order; options as for `candidates`."""
        return [found[0].text for found in self.candidates(lines, **search)]

    def candidates(self, lines, nbest=1, beam=None, attention=False, joined=True, first=1):
        """For each line up to `nbest` `Translation`s, best first.

        A blank line, or one of which the tokenizer keeps nothing, is its own translation. Lines longer than
        the training data's are split at sentence or word borders. joined: tokens of a tokenised corpus are
        put together as people write them. first: the number of the first line, for warnings.
        """
        lines = list(lines)
        parts = [Part(n, *piece) for n, line in enumerate(lines) for piece in self._pieces(first + n, line)]
        found = self._search([part.ids for part in parts], nbest, beam or self.recipe.search.beam, attention)
        by_line = [[] for _ in lines]
        for part, hypotheses in zip(parts, found, strict=True):
            by_line[part.line].append([self._translation(part, h, joined) for h in hypotheses])
        return [self._joined(line, parts) for line, parts in zip(lines, by_line, strict=True)]

    def score(self, sources, targets):
        """(log_prob, score) of each pair, as `candidates` would score that target."""
        source_ids, target_ids = [], []
        for source, target in zip(sources, targets, strict=True):
            source, target, _ = text.protect(self._prepared(source), target)
            source_ids.append(self.tokenizers[0].encode([source])[0])
            target_ids.append(self.tokenizers[1].encode([target])[0])
        return self.score_ids(source_ids, target_ids)

    def score_ids(self, source_ids, target_ids):
        """The same for pieces; lists of ids without BOS and EOS."""
        out = [None] * len(source_ids)

        def log_probs(rows):
            source = pad([source_ids[r] for r in rows], [], [EOS])
            target = pad([target_ids[r] for r in rows], [BOS], [EOS])
            return np.asarray(self.model.log_probs(source, target), np.float64)

        batches = _batches([len(t) + 1 for t in target_ids], self.model.rows, POSITIONS)
        with _pool(min(self.threads, len(batches))) as mapped:
            for rows, found in zip(batches, mapped(log_probs, batches), strict=True):
                for row, values in zip(rows, found, strict=True):
                    words = len(target_ids[row]) + 1
                    total = float(values[:words].sum())
                    out[row] = (total, total / words**self.recipe.search.length_penalty)
        return out

    def _prepared(self, line):
        if self.recipe.data.preprocess == "tokens":
            return text.source_tokens(line, self.recipe.data.source)
        return line

    def _pieces(self, number, line):
        """(ids, names) of each part a line is translated in; nothing for a line that is copied."""
        if not line.strip():
            return []
        prepared, _, names = text.protect(self._prepared(line))
        ids = self.tokenizers[0].encode([prepared])[0]
        if len(ids) <= self.recipe.data.max_pieces:
            return [(ids, names)] if ids else []
        parts = split(prepared, self.tokenizers[0], self.recipe.data.max_pieces)
        self.warn(f"warning: line {number} is long ({len(ids)} pieces); split in {len(parts)}")
        return [(part, names) for part in parts]

    def _search(self, ids, nbest, beam, attention):
        options, out, beam = self.recipe.search, [None] * len(ids), max(beam, nbest)

        def search(rows):
            source = pad([ids[r] for r in rows], [], [EOS])
            limits = [int(options.max_ratio * len(ids[r])) + options.max_extra for r in rows]
            return beam_search(self.model, source, beam, options.length_penalty, limits, nbest, attention)

        batches = _batches([len(i) for i in ids], max(1, self.model.rows // beam))
        with _pool(min(self.threads, len(batches))) as mapped:
            for rows, found in zip(batches, mapped(search, batches), strict=True):
                for row, hypotheses in zip(rows, found, strict=True):
                    out[row] = hypotheses
        return out

    def _translation(self, part, hypothesis, joined):
        output = text.restore(self.tokenizers[1].decode(hypothesis.ids), part.names)
        if joined and self.recipe.data.preprocess == "tokens":
            output = text.present(output, self.recipe.data.target)
        out = Translation(output, hypothesis.log_prob, hypothesis.score)
        if hypothesis.attention is not None:
            out.source_pieces = [self.tokenizers[0].piece(i) for i in part.ids] + ["</s>"]
            end = ["</s>"] if hypothesis.finished else []
            out.target_pieces = [self.tokenizers[1].piece(i) for i in hypothesis.ids] + end
            out.attention = hypothesis.attention[: len(out.target_pieces), : len(out.source_pieces)]
        return out

    def _joined(self, line, parts):
        """Candidates of a line from those of its parts; white space at its ends is kept."""
        if not parts:
            return [Translation(line)]
        before = line[: len(line) - len(line.lstrip())]
        after = line[len(line.rstrip()) :]
        between = "" if self.recipe.data.target in text.UNSPACED else " "
        out = []
        for rank in range(max(len(p) for p in parts)):
            chosen = [p[min(rank, len(p) - 1)] for p in parts]
            whole = chosen[0] if len(chosen) == 1 else Translation(
                between.join(c.text for c in chosen), sum(c.log_prob for c in chosen),
                sum(c.score for c in chosen) / len(chosen),
            )  # fmt: skip
            out.append(dataclasses.replace(whole, text=before + whole.text.strip() + after))
        return out


@dataclasses.dataclass
class Part:
    """What is searched for at once: a line, or a part of a long one."""

    line: int
    ids: list
    names: list


def split(line, tokenizer, limit):
    """Ids of parts of a long line of at most `limit` pieces: whole sentences, else words, else pieces."""
    parts, current = [], []
    for sentence in SENTENCE_END.split(line):
        words = tokenizer.encode([sentence])[0]
        pieces = [words] if len(words) <= limit else tokenizer.encode(sentence.split())
        for ids in pieces:
            for start in range(0, len(ids), limit):
                piece = ids[start : start + limit]
                if len(current) + len(piece) > limit:
                    parts.append(current)
                    current = []
                current = current + piece
    return [part for part in [*parts, current] if part]


def windows(lines, size):
    """Lists of up to `size` lines, as they come."""
    lines = iter(lines)
    while window := list(itertools.islice(lines, size)):
        yield window


@contextlib.contextmanager
def _pool(threads):
    """A `map` over so many threads: the engine computes outside of Python's lock."""
    if threads < 2:
        yield map
    else:
        from concurrent.futures import ThreadPoolExecutor  # not for one line: every start would pay for it

        with ThreadPoolExecutor(threads) as pool:
            yield pool.map


def _batches(lengths, size, positions=None):
    """Row numbers of batches of `size` sentences of similar length, the longest first.

    positions: limit of rows * longest length; a sentence beyond it is alone.
    """
    order, start, out = sorted(range(len(lengths)), key=lambda row: -lengths[row]), 0, []
    while start < len(order):
        rows = min(size, max(1, positions // lengths[order[start]])) if positions else size
        out.append(order[start : start + rows])
        start += rows
    return out


def load(path, warn=lambda line: None, engine="auto", threads=0):
    """`nmt.load(run).translate(lines)`: the translator of a run folder.

    engine: "onnx" (the run's export under ONNX Runtime), "keras", or "auto": onnx where it can be had.
    threads: processor threads, 0 for all.
    """
    from nmt.run import Run

    run = Run.open(path)
    exported = run.exported() if engine != "keras" else None
    if engine == "onnx" and not exported:
        raise UserError(f"{path}: has no export of its weights; make one with: nmt export {path}")
    if exported and (engine == "onnx" or importlib.util.find_spec("onnxruntime")):
        return Translator(exported.load_engine(), run.tokenizers, run.recipe, warn, threads or cores())
    from nmt.quiet import start_keras

    start_keras(threads)
    return Translator(run.load_model().graphs(), run.tokenizers, run.recipe, warn)


def cores():
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
