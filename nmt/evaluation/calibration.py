"""Confidence compared with what came true: curves are fitted on validation text, then measured.

A curve is logistic in log-probability / length (Platt 1999), as nmt/inference/confidence.py has it.
One is enough for all target languages of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nmt.corpora.corpus import spread
from nmt.evaluation import metrics
from nmt.evaluation.scored_text import of_split
from nmt.inference.confidence import GOOD_CHRF, Curve
from nmt.inference.load import export_of, load
from nmt.inference.translation import Translation
from nmt.runs.folder import HELD_OUT, Run

# A curve needs so many sentences, and so many of the good and of the bad ones.
MIN_SENTENCES = 50
MIN_OF_EACH = 5
RIDGE = 1e-3  # on the slope, so that there is one whatever the data
STEPS = 100  # of Newton's method, which takes five to ten
BINS = 10  # of the table that says what came true


class Fit(NamedTuple):
    """A curve, if there is one, and what is told of it."""

    curve: Curve | None
    note: str


def calibrate(run: Run, engine: str = "auto", threads: int = 0) -> str:
    """Fits the curve of what translates for a run, its export or its Keras weights.

    It is kept in run.json of these. Returns what is told of it. As many validation sentences are
    translated as at each validation; engine, threads: as for `load`.
    """
    if HELD_OUT["valid"] not in (run.info.held_out or {}):
        return "no confidence: the run keeps no validation text"
    # 1. The text, of each corpus its share.
    texts = of_split(run, "valid")
    share = max(1, run.recipe.train.valid_sentences // len(texts))
    pairs_of = {text.number or 0: spread(list(text.pairs), share) for text in texts}
    if (sentences := sum(map(len, pairs_of.values()))) < MIN_SENTENCES:
        return f"no confidence: {sentences} validation sentences; {MIN_SENTENCES} are needed"
    # 2. Its translations, and the curve.
    translator = load(run.path, engine, threads, ["search.lm=", "search.reverse="])
    translations: list[Translation] = []
    for number, pairs in pairs_of.items():
        own = translator.first(number) if number else translator
        candidates = own.candidates([source for source, _ in pairs], joined=False)
        translations += [best for best, *_ in candidates]
    references = [target for pairs in pairs_of.values() for _, target in pairs]
    curve, note = fit_translations(translations, references)
    if curve:
        fitted = export_of(run, engine) or run
        # A training that goes on meanwhile writes run.json, too.
        now = Run(fitted.path)
        if now.weights_digest != fitted.weights_digest:
            return "no confidence: the run has other weights by now"
        now.update(confidence=curve.to_dict())
        fitted.info = now.info
    return note


def fit_translations(translations: Sequence[Translation], references: Sequence[str]) -> Fit:
    """The curve of translations with references; copied and cut ones have no part in it."""
    pairs = [
        (translation, reference)
        for translation, reference in zip(translations, references, strict=True)
        if translation.length and translation.finished
    ]
    own = [translation for translation, _ in pairs]
    mean_log_probs = np.array([each.log_prob / each.length for each in own])
    return fit(mean_log_probs, good([each.text for each in own], [text for _, text in pairs]))


def good(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Whether each translation is good: [sentences] of bool."""
    return metrics.sentence_chrf(hypotheses, references) >= GOOD_CHRF


def fit(mean_log_probs: np.ndarray, good: np.ndarray) -> Fit:
    """The curve of sentences, [sentences] each; none for too few of them."""
    count = len(good)
    of_good = int(good.sum())
    told = f"{count:,} validation sentences, {of_good:,} of them good (chrF {GOOD_CHRF:g})"
    if count < MIN_SENTENCES or not MIN_OF_EACH <= of_good <= count - MIN_OF_EACH:
        needed = f"{MIN_SENTENCES} with {MIN_OF_EACH} good and {MIN_OF_EACH} other ones are needed"
        return Fit(None, f"no confidence: {told}; {needed}")
    # Platt's targets: as if a sentence of each kind had been seen once more.
    targets = np.where(good, (of_good + 1) / (of_good + 2), 1 / (count - of_good + 2))
    slope, intercept = _newton(mean_log_probs, targets)
    if slope <= 0:
        return Fit(None, f"no confidence: {told}; log-probabilities do not tell them from others")
    return Fit(Curve(slope, intercept, count, of_good), f"confidence fitted on {told}")


def _newton(x, targets):
    """(slope, intercept) of least cross-entropy, with a ridge."""
    inputs = np.stack([x, np.ones_like(x)], 1)
    ridge = np.array([RIDGE, 0.0])

    def loss(weights):
        logits = inputs @ weights
        return np.sum(np.logaddexp(0, logits) - targets * logits) + ridge @ weights**2 / 2

    mean = targets.mean()
    weights = np.array([0.0, np.log(mean / (1 - mean))])
    for _ in range(STEPS):
        probabilities = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (probabilities - targets) + ridge * weights
        curvature = inputs.T * (probabilities * (1 - probabilities)) @ inputs + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        # A step that is too long is halved.
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step /= 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return tuple(weights.tolist())


def measured(confidences: np.ndarray, good: np.ndarray) -> dict[str, Any]:
    """How well confidences say which sentences are good, [sentences] each.

    brier: mean squared difference (Brier 1950); brier_of_share: of one who always says the share of
    good ones. auc: how often a good one has more confidence than another, None if all are of one
    kind. bins: rows (from, to, sentences, mean confidence, share of good ones).
    """
    share = good.mean()
    numbers = np.minimum((confidences * BINS).astype(int), BINS - 1)
    rows = []
    for number in np.unique(numbers).tolist():
        own = numbers == number
        said, was = (round(float(each[own].mean()), 4) for each in (confidences, good))
        rows.append((number / BINS, (number + 1) / BINS, int(own.sum()), said, was))
    return {
        "sentences": len(good),
        "good": round(float(share), 4),
        "brier": round(float(np.mean((confidences - good) ** 2)), 4),
        "brier_of_share": round(float(share * (1 - share)), 4),
        "auc": _auc(confidences, good),
        "bins": rows,
    }


def _auc(confidences, good):
    """The area under the curve of Mann and Whitney; equal confidences count half."""
    below = np.searchsorted(np.sort(confidences[~good]), confidences[good], "left")
    up_to = np.searchsorted(np.sort(confidences[~good]), confidences[good], "right")
    pairs = good.sum() * (~good).sum()
    return round(float((below + up_to).sum() / 2 / pairs), 4) if pairs else None
