"""From a line to its translation: prepared, tokenised, searched in batches, put together again in order."""

import contextlib
import dataclasses
import importlib.util
import itertools
import logging
import os
import re

import numpy as np

from nmt.batches.padding import pad
from nmt.decoding.beam import beam_search
from nmt.decoding.contract import Sources
from nmt.decoding.ensemble import Ensemble, Fusion
from nmt.errors import UserError
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS

log = logging.getLogger(__name__)

# Hypotheses in a batch of search: an engine's arrays stay in the processor's cache and its shortlists short.
ENGINE_HYPOTHESES = 40
KERAS_HYPOTHESES = 320
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
    attention: np.ndarray | None = None  # [target, source pieces]; None if the line was split
    warnings: list = dataclasses.field(default_factory=list)  # what the user should know


class Translator:
    """Translates lines with a run's model: `encode`, `take`, `advance`, `log_probs` (nmt/decoding/contract.py).

    threads: batches searched at the same time. others: preparations of an ensemble's members that make other ids
    of a source; source pieces that are shown, and the limits on lengths, are those of the first member.
    hypotheses_per_batch: sentences times beam.
    """

    def __init__(
        self, model, tokenizers, recipe, threads=1, others=(), hypotheses_per_batch=KERAS_HYPOTHESES
    ):
        self.model = model
        self.tokenizers = tokenizers
        self.recipe = recipe
        self.threads = threads
        self.hypotheses_per_batch = hypotheses_per_batch
        self.preparations = [Preparation(recipe.data, tokenizers), *others]

    def translate(self, lines, **search):
        """The best translation of each line, in order; options as for `candidates`."""
        return [found[0].text for found in self.candidates(lines, **search)]

    def candidates(self, lines, nbest=1, beam=None, attention=False, joined=True):
        """For each line up to `nbest` `Translation`s, best first.

        A blank line, or one of which the tokenizer keeps nothing, is its own translation. Lines longer than
        the training data's are split at sentence or word borders. joined: tokens of a tokenised corpus are
        put together as people write them.
        """
        if isinstance(lines, str):
            raise TypeError(
                "a list of texts is needed, not one text: its letters would be translated one by one"
            )
        lines = list(lines)
        parts = [Part(n, *piece) for n, line in enumerate(lines) for piece in self._pieces(line)]
        found = self._search(
            [part.ids for part in parts], nbest, beam or self.recipe.search.beam, attention
        )
        by_line = [[] for _ in lines]
        for part, hypotheses in zip(parts, found, strict=True):
            by_line[part.line].append([self._translation(part, h, joined) for h in hypotheses])
        between = self.preparations[0].separator(joined)
        return [
            self._joined(line, parts, between) for line, parts in zip(lines, by_line, strict=True)
        ]

    def score(self, sources, targets):
        """(log_prob, score) of each pair, as `candidates` would score that target.

        Targets of a tokenised corpus may be as people write them; without spaces they must be tokens.
        """
        source_ids = []
        target_ids = []
        for source, target in zip(sources, targets, strict=True):
            prepared = [preparation.source(source) for preparation in self.preparations]
            source_ids.append([each.ids for each in prepared])
            target_ids.append(self.preparations[0].target_ids(target, prepared[0].names))
        return self.score_ids(source_ids, target_ids)

    def score_ids(self, source_ids, target_ids):
        """The same for pieces without BOS and EOS: a list of each target, of a source one by preparation."""
        out = [None] * len(source_ids)

        def log_probs(rows):
            target = pad([target_ids[r] for r in rows], [BOS], [EOS])
            return np.asarray(
                self.model.log_probs(_source([source_ids[r] for r in rows]), target), np.float64
            )

        longest = [
            max(map(len, (target, *source)))
            for source, target in zip(source_ids, target_ids, strict=True)
        ]
        batches = _batches([length + 1 for length in longest], self.hypotheses_per_batch, POSITIONS)
        with _pool(min(self.threads, len(batches))) as mapped:
            for rows, found in zip(batches, mapped(log_probs, batches), strict=True):
                for row, values in zip(rows, found, strict=True):
                    words = len(target_ids[row]) + 1
                    total = float(values[:words].sum())
                    out[row] = (total, total / words**self.recipe.search.length_penalty)
        return out

    def _pieces(self, line):
        """(ids, names) of each part that is translated, ids by preparation; none for a copied line."""
        if not line.strip():
            return []
        prepared = [preparation.source(line) for preparation in self.preparations]
        first = prepared[0]
        limit = self.recipe.data.max_pieces
        if not first.ids:
            return []
        if len(first.ids) <= limit:
            return [([each.ids for each in prepared], first.names)]
        tokenizer = self.tokenizers[0]
        others = self.preparations[1:]
        return [
            ([part, *(other.segment_ids(tokenizer.decode(part)) for other in others)], first.names)
            for part in split(first.text, tokenizer, limit)
        ]

    def _search(self, ids, nbest, beam, attention):
        options = self.recipe.search
        out = [None] * len(ids)
        beam = max(beam, nbest)

        def search(rows):
            limits = [int(options.max_ratio * len(ids[r][0])) + options.max_extra for r in rows]
            source = _source([ids[r] for r in rows])
            return beam_search(
                self.model, source, beam, options.length_penalty, limits, nbest, attention
            )

        batches = _batches([len(i[0]) for i in ids], max(1, self.hypotheses_per_batch // beam))
        with _pool(min(self.threads, len(batches))) as mapped:
            for rows, found in zip(batches, mapped(search, batches), strict=True):
                for row, hypotheses in zip(rows, found, strict=True):
                    out[row] = hypotheses
        return out

    def _translation(self, part, hypothesis, joined):
        output = self.preparations[0].output(hypothesis.ids, part.names, joined)
        out = Translation(output, hypothesis.log_prob, hypothesis.score)
        if hypothesis.attention is not None:
            out.source_pieces = [self.tokenizers[0].piece(i) for i in part.ids[0]] + ["</s>"]
            end = ["</s>"] if hypothesis.finished else []
            out.target_pieces = [self.tokenizers[1].piece(i) for i in hypothesis.ids] + end
            out.attention = hypothesis.attention[: len(out.target_pieces), : len(out.source_pieces)]
        return out

    def _joined(self, line, parts, between):
        """Candidates of a line from those of its parts; white space at its ends is kept."""
        if not parts:
            return [Translation(line)]
        before = line[: len(line) - len(line.lstrip())]
        after = line[len(line.rstrip()) :]
        out = []
        for rank in range(max(len(p) for p in parts)):
            chosen = [p[min(rank, len(p) - 1)] for p in parts]
            whole = (
                chosen[0]
                if len(chosen) == 1
                else Translation(
                    between.join(c.text for c in chosen),
                    sum(c.log_prob for c in chosen),
                    sum(c.score for c in chosen) / len(chosen),
                )
            )
            if len(chosen) > 1:
                whole.warnings.append(f"is long; split in {len(chosen)}")
            out.append(dataclasses.replace(whole, text=before + whole.text.strip() + after))
        return out


@dataclasses.dataclass
class Part:
    """What is searched for at once: a line, or a part of a long one."""

    line: int
    ids: list  # of pieces, one list a preparation
    names: list


def split(line, tokenizer, limit):
    """Ids of parts of a long line of at most `limit` pieces: whole sentences, else words, else pieces."""
    parts = []
    current = []
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
    """A `map` over so many threads: models compute outside of Python's lock."""
    if threads < 2:
        yield map
    else:
        from concurrent.futures import (
            ThreadPoolExecutor,
        )  # not for one line: every start would pay for it

        with ThreadPoolExecutor(threads) as pool:
            yield pool.map


def _source(ids):
    """What `encode` takes of sentences with ids of each preparation: a matrix, or one each."""
    matrices = [pad(column, [], [EOS]) for column in zip(*ids, strict=True)]
    return matrices[0] if len(matrices) == 1 else Sources(matrices)


def _batches(lengths, size, positions=None):
    """Row numbers of batches of `size` sentences of similar length, the longest first.

    positions: limit of rows * longest length; a sentence beyond it is alone.
    """
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    start = 0
    out = []
    while start < len(order):
        rows = min(size, max(1, positions // lengths[order[start]])) if positions else size
        out.append(order[start : start + rows])
        start += rows
    return out


def load(path, engine="auto", threads=0, overrides=()):
    """`nmt.load(run).translate(lines)`: the translator of a run folder, or of the ensemble "RUN1,RUN2,...".

    The recipe of an ensemble is that of its first run; `search.lm` adds a language model to any of them.
    engine: "onnx" (the run's export under ONNX Runtime), "keras", or "auto": onnx where it can be had.
    threads: processor threads, 0 for all. overrides: options that replace the recipe's, as `section.key=value`.
    """
    from nmt.runs.folder import Run

    runs = Run.open_all(path)
    for run in runs:
        if run.recipe.language_model:
            raise UserError(
                f"{run.path}: is a language model, which does not translate; use nmt generate"
            )
    recipe = runs[0].recipe_with(overrides)
    lms = _lm_runs(recipe.search)
    for other in [*runs[1:], *lms]:
        check_same_target(runs[0], other)
    directions = [f"{run.recipe.data.source}-{run.recipe.data.target}" for run in runs]
    if len(set(directions)) > 1:
        log.warning(f"the members translate {', '.join(directions)}")
    exports = [_export(run, engine) for run in runs]
    threads = threads or cores()
    if None in exports or lms:
        from nmt.machine import start_keras

        start_keras(
            threads, intra_op_threads=1
        )  # two batches side by side, a core each, are faster than one on both
    alone = (
        len(runs) == 1 and not lms
    )  # only then no other model needs the words that a shortlist leaves out
    models = [
        export.load_engine(shortlist=alone) if export else run.load_model().graphs()
        for run, export in zip(runs, exports, strict=True)
    ]
    preparations = [Preparation(run.recipe.data, run.tokenizers) for run in runs]
    distinct = list(dict.fromkeys(preparations))
    model = (
        models[0]
        if len(models) == 1
        else Ensemble(models, [distinct.index(preparation) for preparation in preparations])
    )
    for lm in lms:
        model = Fusion(model, _language_model(lm), recipe.search.lm_weight)
    hypotheses_per_batch = KERAS_HYPOTHESES if None in exports or lms else ENGINE_HYPOTHESES
    return Translator(
        model, runs[0].tokenizers, recipe, threads, distinct[1:], hypotheses_per_batch
    )


def check_same_target(first, other):
    """UserError where two runs have different target tokenizers: their probabilities are of other tokens."""
    if first.tokenizers[1] != other.tokenizers[1]:
        raise UserError(
            f"{first.path} and {other.path} have different target tokenizers and cannot be combined; "
            "train one of them with tokenizer.from naming the other"
        )


def _export(run, engine):
    """The run's export if it is to be used, or None."""
    exported = run.exported() if engine != "keras" else None
    if engine == "onnx" and not exported:
        raise UserError(
            f"{run.path}: has no export of its weights; make one with: nmt export {run.path}"
        )
    return exported if engine == "onnx" or importlib.util.find_spec("onnxruntime") else None


def _lm_runs(options):
    """A list of the language model's run, empty if none takes part; options: `config.Search`."""
    from nmt.runs.folder import Run

    try:
        return [Run.open(options.lm)] if options.lm and options.lm_weight else []
    except UserError as error:
        raise UserError(f"search.lm: {error}; --lm-weight 0 does without") from None


def _language_model(run):
    """The graphs of a language model: its memory is empty."""
    model = run.load_model().graphs()
    if model.encode(np.array([[EOS]], np.int32))[0]:
        raise UserError(f"{run.path}: is no language model: it reads a source")
    return model


def cores():
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
