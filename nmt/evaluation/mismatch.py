"""`nmt filter`: which pairs of a parallel text do not belong together, by what a model says of them.

A log-probability alone tells rare targets from common ones as well as wrong from right. What counts is how much of
a target its source explains: log p(y|x) against log p(y|x') of other sources x', as in pointwise mutual
information, but as a share, so that long and rare targets weigh no more than others:

    score(x, y) = 1 - log p(y|x) / mean over x' of log p(y|x')

1: the source says all of the target; 0 and less: other sources say as much. With a run of the reverse direction,
the mean of both scores. No model is known here: a translator has `score(sources, targets)`.
"""

import numpy as np

from nmt.errors import UserError

OTHERS = 2  # sources that a target is tried with besides its own; a third gains little and costs as much again
POOL = 1000  # sources to choose them from
THRESHOLD = (
    0.15  # pairs below are flagged: see README, and `nmt filter RUN --check` for a run of your own
)
SHARE = 0.1
SEEDS = (1, 2, 3, 4, 5)  # of the check: targets that are shuffled, each time anew
CHECKED = 1000
RECALLS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1)  # pairs at most; rows of the table


class Scorer:
    """Scores (source, target) pairs, a window after the other; the other sources are those of recent windows.

    translators: one, or one and its reverse.
    """

    def __init__(self, *translators):
        self.translators = translators
        self.pools = [[], []]

    def scores(self, pairs):
        """The score of each pair: [pairs]. Pairs with a blank side have -inf."""
        out = np.full(len(pairs), -np.inf)
        rows = [row for row, pair in enumerate(pairs) if all(side.strip() for side in pair)]
        if rows:
            sides = [[pairs[row][side] for row in rows] for side in (0, 1)]
            out[rows] = np.mean(
                [
                    self._explained(translator, side, sides[side], sides[1 - side])
                    for side, translator in enumerate(self.translators)
                ],
                0,
            )
        return out

    def _explained(self, translator, side, sources, targets):
        """Share of each target's log-probability that its source explains: [pairs]."""
        pool = dict.fromkeys([*sources, *self.pools[side]])
        self.pools[side] = list(pool)[: max(POOL, len(sources))]
        tried = [sources, *others(sources, self.pools[side])]
        found = translator.score([line for lines in tried for line in lines], targets * len(tried))
        log_probs = np.array([log_prob for log_prob, _ in found]).reshape(len(tried), -1)
        return 1 - log_probs[0] / np.minimum(log_probs[1:].mean(0), -1e-9)


def others(sources, pool):
    """OTHERS lists: for each source another one of the distinct texts in `pool`, far from it in the text.

    Neighbours often say the same. A source that is alone is tried against an empty one.
    """
    pool = pool if len(pool) > 1 else [*pool, ""]
    place = {source: n for n, source in enumerate(pool)}
    steps = [max(1, k * len(pool) // (OTHERS + 1)) for k in range(1, OTHERS + 1)]
    return [[pool[(place[source] + step) % len(pool)] for source in sources] for step in steps]


def lowest(scores, share):
    """The threshold below which that share of the scores lies (fewer where scores are equal)."""
    return float(np.append(np.sort(scores), np.inf)[round(share * len(scores))])


def precision_recall(scores, wrong):
    """Flagging all pairs up to each distinct score, from the lowest on: precision, recall, that score."""
    scores = np.asarray(scores, np.float64)
    wrong = np.asarray(wrong, bool)
    order = np.argsort(scores, kind="stable")
    ends = np.flatnonzero(np.append(scores[order][1:] != scores[order][:-1], True))
    found = np.cumsum(wrong[order])[ends]
    return found / (ends + 1), found / wrong.sum(), scores[order][ends]


def average_precision(scores, wrong):
    """Area under the steps of the precision-recall curve: 1 when all wrong pairs score below all others."""
    precision, recall, _ = precision_recall(scores, wrong)
    return float(np.sum(np.diff(recall, prepend=0) * precision))


def shuffled(targets, seed):
    """Targets of which SHARE changed places among themselves; which of them are others now: [pairs]."""
    rows = np.random.default_rng(seed).permutation(len(targets))[: round(SHARE * len(targets))]
    out = list(targets)
    for row, other in zip(rows, np.roll(rows, 1), strict=True):
        out[row] = targets[other]
    wrong = np.array([after != before for after, before in zip(out, targets, strict=True)])
    if not wrong.any():
        raise UserError(f"{len(targets)} pairs are too few to shuffle {100 * SHARE:g} % of them")
    return out, wrong


def check(translators, sources, targets):
    """Scores of pairs with shuffled targets, and which are wrong: {seed: (scores [pairs], wrong [pairs])}."""
    found = {}
    for seed in SEEDS:
        changed, wrong = shuffled(targets, seed)
        found[seed] = Scorer(*translators).scores(list(zip(sources, changed, strict=True))), wrong
    return found


def lines(found):
    """What `check` found, as people read it."""
    scores, wrong = map(np.concatenate, zip(*found.values(), strict=True))
    areas = [average_precision(*one) for one in found.values()]
    best = [
        flags[np.argsort(values, kind="stable")[: round(SHARE * len(values))]].mean()
        for values, flags in found.values()
    ]
    yield (
        f"average precision {np.mean(areas):.3f} ({min(areas):.3f} to {max(areas):.3f}), "
        f"precision of the lowest {100 * SHARE:g} % {np.mean(best):.3f}"
    )
    yield "threshold   precision   recall"
    _, recall, values = precision_recall(scores, wrong)
    levels = values[np.searchsorted(recall, RECALLS)]
    for threshold in sorted({THRESHOLD, *(np.floor(levels * 100 + 1) / 100)}):
        flagged = scores < threshold
        precision = wrong[flagged].mean() if flagged.any() else np.nan
        yield (
            f"{threshold:>9.2f}   {precision:>9.3f}   {flagged[wrong].mean():>6.3f}"
            + ("   (default)" if threshold == THRESHOLD else "")
        )
