"""Waiting on whole test sets: a model kept `wait` words behind sources that are there already, and what it costs.

Instead of reading word by word, the encoder reads all and a mask hides what is ahead: the same translations as in
nmt/simultaneous/stream.py, in batches. `by_wait` gives quality against average lagging.
"""

import logging

import numpy as np
import tensorflow as tf

from nmt.corpora.corpus import Corpus
from nmt.evaluation import metrics
from nmt.inference.translator import Translator
from nmt.models.translation import Graphs
from nmt.simultaneous.policy import begins, reads
from nmt.text.vocabulary import EOS

log = logging.getLogger(__name__)

FULL = 10**9  # words that no sentence has


class Waiting:
    """A `TranslationModel` that waits for so many words: the contract, for greedy search (beam 1) alone.

    When EOS is the best next word while there is source left, the model has nothing to say yet: it reads a word
    more and chooses again, so that no part of a source is lost.
    """

    def __init__(self, model, wait):
        self.wait = tf.Variable(wait, dtype=tf.int32)  # can be changed without tracing anew
        self.graphs = Graphs(model, wait=self.wait)
        self.encode = self.graphs.encode
        self.take = self.graphs.take

    def advance(self, memory, state, origin, tokens, k):
        """As that of the model, but for attention: 1 where a row has read the source, else 0 [rows, source_len]."""
        word = np.asarray(memory["word"])
        while True:
            log_probs, ids, _, after = self.graphs.advance(memory, state, origin, tokens, k)
            read = np.asarray(reads(after["t"], after["wait"]))
            silent = (np.asarray(ids)[:, 0] == EOS) & (read < word[:, -1])
            if not silent.any():
                return log_probs, ids, (word <= read[:, None]).astype(np.float32), after
            wait = np.array(state["wait"])
            wait[origin[silent]] += 1
            state = {**state, "wait": wait}


def by_wait(run, model, waits, split="test"):
    """BLEU, chrF and average lagging in words on a split, greedy, for each wait (0: all): a list of dicts."""
    recipe = run.recipe
    rows = []
    waiting = Waiting(model, FULL)
    translator = Translator(waiting, run.tokenizers, recipe)
    sources, references = zip(*Corpus(recipe.data).held_out(split), strict=True)
    for wait in waits:
        log.info(
            f"{run.path}: translating {len(sources):,} sentences of the {split} split, wait {shown(wait)}"
        )
        waiting.wait.assign(wait or FULL)
        found = [
            best for (best,) in translator.candidates(sources, beam=1, attention=True, joined=False)
        ]
        lags = [
            metrics.average_lagging(*written(one, model.words.unspaced))
            for one in found
            if one.attention is not None
        ]
        hypotheses = [one.text for one in found]
        rows.append(
            {
                "wait": shown(wait),
                **metrics.scores(recipe.data, hypotheses, references),
                "average_lagging": float(np.mean(lags)),
            }
        )
    return rows


def written(translation, unspaced):
    """Of a translation by `Waiting`: the words read when each of its words was written, the words of the source."""
    source = np.array([begins(piece, unspaced[0]) for piece in translation.source_pieces[:-1]])
    read = (translation.attention[:, :-1] @ source).astype(int).tolist()
    pieces = [piece for piece in translation.target_pieces if piece != "</s>"]
    starts = [n for n, piece in enumerate(pieces) if begins(piece, unspaced[1])]
    if not unspaced[1] and pieces:  # the next word, or the end, tells that a word is complete
        starts = [n for n in starts if n > 0] + [len(read) - 1]
    return [read[n] for n in starts], int(source.sum())


def shown(wait):
    return str(wait or "full")


def lines(name, split, rows):
    """The figures as people read them."""
    yield f"{name}: {split}, greedy"
    yield "wait    BLEU   chrF   average lagging, words"
    for row in rows:
        yield (
            f"{row['wait']:>4}   {row['bleu']['score']:5.2f}  {row['chrf']['score']:5.2f}   "
            f"{row['average_lagging']:.2f}"
        )
    yield f"     {rows[0]['bleu']['signature']}"
