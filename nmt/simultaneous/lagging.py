"""What staying behind costs: BLEU and chrF of whole test sets against average lagging."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nmt import plots
from nmt.evaluation import metrics
from nmt.inference.translation import Translation
from nmt.inference.translator import Translator
from nmt.runs.folder import Run
from nmt.simultaneous.policy import begins_word

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nmt.simultaneous.model import WaitKModel

log = logging.getLogger(__name__)

WHOLE_SOURCE = 10**9  # words; no sentence has as many


def by_wait(
    run: Run, model: "WaitKModel", waits: Sequence[int], pairs: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    """BLEU, chrF and average lagging in words on (source, target) pairs, greedy, for each wait.

    A wait of 0 is the whole source.
    """
    from nmt.simultaneous.model import WaitKSearch

    data = run.recipe.data
    search = WaitKSearch(model, WHOLE_SOURCE)
    translator = Translator(search, run.tokenizers, run.recipe, profile=run.profile)
    sources, references = zip(*pairs, strict=True)
    rows = []
    for wait in waits:
        # Translate everything with this wait.
        label = str(wait or "full")
        log.info(f"{run.path}: translating {len(sources):,} sentences, wait {label}")
        search.wait.assign(wait or WHOLE_SOURCE)
        candidates = translator.candidates(sources, beam=1, attention=True, joined=False)
        translations = [best for (best,) in candidates]

        # Its quality and how far it stays behind; empty sources have no attention.
        scores = metrics.scores(data, [best.text for best in translations], references)
        lags = [
            average_lagging(*words_read(best, model.word_starts.unspaced))
            for best in translations
            if best.attention is not None
        ]
        rows.append({"wait": label, **scores, "average_lagging": float(np.mean(lags))})
    return rows


def words_read(translation: Translation, unspaced: tuple[bool, bool]) -> tuple[list[int], int]:
    """(g, source_words) of a translation by `WaitKSearch`.

    g[t - 1]: source words read when target word t was complete. unspaced: as of `WordStarts`.
    """
    # Source words read before each target piece: where the attention is 1 and a word begins.
    source = np.array([begins_word(piece, unspaced[0]) for piece in translation.source_pieces[:-1]])
    assert translation.attention is not None
    read_by_piece = (translation.attention[:, :-1] @ source).astype(int).tolist()

    # The pieces with which a target word is complete.
    pieces = [piece for piece in translation.target_pieces if piece != "</s>"]
    complete = [n for n, piece in enumerate(pieces) if begins_word(piece, unspaced[1])]
    if not unspaced[1] and pieces:
        # A word is complete with the piece that begins the next one, or with the end.
        complete = [n for n in complete if n > 0] + [len(read_by_piece) - 1]
    return [read_by_piece[n] for n in complete], int(source.sum())


def average_lagging(g: Sequence[int], source_words: int) -> float:
    """Average lagging of a sentence behind its source, in words (Ma et al. 2019, eq. 8 and 9).

    g[t - 1]: source words read when target word t was complete. The mean of g(t) - (t - 1) / r, r
    target words a source word, up to the first word that was complete with the whole source read.
    """
    if not g:
        return float(source_words)
    last = next((t for t, read in enumerate(g) if read >= source_words), len(g) - 1)
    ratio = len(g) / source_words
    return sum(read - t / ratio for t, read in enumerate(g[: last + 1])) / (last + 1)


def lines(name: Any, split: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What `by_wait` measured, as people read it."""
    yield f"{name}: {split}, greedy"
    yield "wait    BLEU   chrF   average lagging, words"
    for row in rows:
        yield (
            f"{row['wait']:>4}   {row['bleu']['score']:5.2f}  {row['chrf']['score']:5.2f}   "
            f"{row['average_lagging']:.2f}"
        )
    yield f"     {rows[0]['bleu']['signature']}"


def figure(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> "Figure":
    """BLEU over average lagging; curves: run -> rows of `by_wait`."""
    figure, axes = plots.subplots(figsize=(6, 4))
    for name, rows in curves.items():
        x = [row["average_lagging"] for row in rows]
        y = [row["bleu"]["score"] for row in rows]
        axes.plot(x, y, "o-", label=name)
        # Each point is marked with its wait.
        for row, *place in zip(rows, x, y, strict=True):
            axes.annotate(row["wait"], place, xytext=(4, -12), textcoords="offset points")
    axes.margins(0.09)  # room for what stands beside the outer points
    axes.set(xlabel="average lagging, words", ylabel="BLEU")
    axes.legend()
    return figure
