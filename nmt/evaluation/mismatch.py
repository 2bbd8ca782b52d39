"""`nmt filter`: pairs of a parallel text that do not belong together, by the scores of a model.

A log-probability alone does not separate wrong targets from rare ones. What counts is how much of
a target its source explains: log p(y|x) against log p(y|x') of other sources x', as in pointwise
mutual information, but as a share, so that long and rare targets weigh no more than others:

    score(x, y) = 1 - log p(y|x) / mean over x' of log p(y|x')

1: the source explains all of the target; 0 and less: other sources explain as much. With a run of
the reverse direction, the mean of both scores. Translators need `score(sources, targets)` alone.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nmt.errors import UserError

# Sources a target is tried with besides its own; a third costs as much and gains little.
OTHERS = 2
POOL = 1000  # sources to choose them from
# Pairs below are flagged: see docs/filter.md, or try `nmt filter RUN --check`.
THRESHOLD = 0.15

# Of the check: targets that are shuffled, a seed for each shuffle, pairs at most, and recalls that
# have a row of the table.
SHARE = 0.1
SEEDS = (1, 2, 3, 4, 5)
CHECKED = 1000
RECALLS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1)

Lines = Sequence[str]
Checks = Mapping[int, tuple[np.ndarray, np.ndarray]]  # seed -> scores [pairs], wrong [pairs]


class Scorer:
    """Scores (source, target) pairs window by window; other sources are those of recent windows.

    translators: one, or one and that of the reverse direction.
    """

    def __init__(self, *translators: Any):
        self.translators = translators
        self.pools: list[list[str]] = [[], []]  # recent sources of each direction, newest first

    def scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The score of each pair: [pairs]. Pairs with a blank side have -inf."""
        scores = np.full(len(pairs), -np.inf)
        rows = [row for row, pair in enumerate(pairs) if all(map(str.strip, pair))]
        if rows:
            sides = [[pairs[row][side] for row in rows] for side in (0, 1)]
            # Of the reverse direction, targets are the sources.
            explained = [
                self._explained(translator, self.pools[side], sides[side], sides[1 - side])
                for side, translator in enumerate(self.translators)
            ]
            scores[rows] = np.mean(explained, 0)
        return scores

    def _explained(self, translator, pool, sources, targets):
        """Share of each target's log-probability that its source explains: [pairs]."""
        # Renew the pool: at least all sources of this window.
        pool[:] = list(dict.fromkeys([*sources, *pool]))[: max(POOL, len(sources))]
        # Score each target with its source, and with other ones.
        columns = [sources, *others(sources, pool)]
        scores = translator.score(list(itertools.chain(*columns)), targets * len(columns))
        log_probs = np.array(scores)[:, 0].reshape(len(columns), -1)
        # A target that is certain whatever the source must not divide by zero.
        return 1 - log_probs[0] / np.minimum(log_probs[1:].mean(0), -1e-9)


def others(sources: Lines, pool: Lines) -> list[list[str]]:
    """OTHERS lists: for each source another one of the distinct texts in `pool`, far from it there.

    Neighbours in a text often say the same. A source that is alone is tried against an empty one.
    """
    pool = pool if len(pool) > 1 else [*pool, ""]
    place = {source: n for n, source in enumerate(pool)}
    steps = [max(1, k * len(pool) // (OTHERS + 1)) for k in range(1, OTHERS + 1)]
    return [[pool[(place[source] + step) % len(pool)] for source in sources] for step in steps]


def lowest(scores: Sequence[float], share: float) -> float:
    """The threshold below which that share of the scores lies (fewer where scores are equal)."""
    return float(np.append(np.sort(scores), np.inf)[round(share * len(scores))])


def precision_recall(
    scores: np.ndarray, wrong: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and the score, flagging all pairs up to each distinct score in turn.

    scores: [pairs]. wrong: which pairs should be flagged, bool [pairs].
    """
    order = np.argsort(scores, kind="stable")
    scores = scores[order]
    # The last pair of each score.
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    hits = np.cumsum(wrong[order])[ends]
    return hits / (ends + 1), hits / wrong.sum(), scores[ends]


def average_precision(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Area under the steps of the precision-recall curve: 1 when all wrong pairs score lowest."""
    precision, recall, _ = precision_recall(scores, wrong)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def shuffled(targets: Lines, seed: int) -> tuple[list[str], np.ndarray]:
    """Targets of which SHARE changed places among themselves, and which of them are others now."""
    rows = np.random.default_rng(seed).permutation(len(targets))[: round(SHARE * len(targets))]
    changed = list(targets)
    for row, other in zip(rows, np.roll(rows, 1), strict=True):
        changed[row] = targets[other]
    # Equal targets may have changed places.
    wrong = np.array([after != before for after, before in zip(changed, targets, strict=True)])
    if not wrong.any():
        raise UserError(f"{len(targets)} pairs are too few to shuffle {100 * SHARE:g} % of them")
    return changed, wrong


def check(translators: Sequence[Any], sources: Lines, targets: Lines) -> Checks:
    """Scores of pairs with shuffled targets, and which pairs are wrong, for each seed."""
    checks = {}
    for seed in SEEDS:
        changed, wrong = shuffled(targets, seed)
        scores = Scorer(*translators).scores(list(zip(sources, changed, strict=True)))
        checks[seed] = (scores, wrong)
    return checks


def lines(checks: Checks) -> Iterator[str]:
    """What `check` returned, as text: average precision, then a table of thresholds."""
    # How well the scores order the pairs of each shuffle.
    areas = [average_precision(*shuffle) for shuffle in checks.values()]
    of_lowest = [_precision_of_lowest(*shuffle) for shuffle in checks.values()]
    yield (
        f"average precision {np.mean(areas):.3f} ({min(areas):.3f} to {max(areas):.3f}), "
        f"precision of the lowest {100 * SHARE:g} % {np.mean(of_lowest):.3f}"
    )
    # What thresholds give, over the pairs of all shuffles.
    yield "threshold   precision   recall"
    scores, wrong = map(np.concatenate, zip(*checks.values(), strict=True))
    _, recall, values = precision_recall(scores, wrong)
    levels = values[np.searchsorted(recall, RECALLS)]
    # Thresholds have two decimals, and lie above their level.
    for threshold in sorted({THRESHOLD, *(np.floor(levels * 100 + 1) / 100)}):
        flagged = scores < threshold
        precision = wrong[flagged].mean() if flagged.any() else np.nan
        default = "   (default)" if threshold == THRESHOLD else ""
        yield f"{threshold:>9.2f}   {precision:>9.3f}   {flagged[wrong].mean():>6.3f}{default}"


def _precision_of_lowest(scores, wrong):
    """Share of wrong pairs among the SHARE of pairs with the lowest scores."""
    return wrong[np.argsort(scores, kind="stable")[: round(SHARE * len(scores))]].mean()
