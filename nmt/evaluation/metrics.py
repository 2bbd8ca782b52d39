"""BLEU and chrF by sacreBLEU: every score with its signature, and bootstrap.

An entry is a dict: `score` (0 to 100), `signature` (what sacreBLEU computed, and its version), if
asked `interval` (low and high end of the 95 % interval by bootstrap), of BLEU also `brevity`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF, TER

from nmt.errors import UserError
from nmt.packages import is_installed
from nmt.recipe import DataOptions
from nmt.text.languages import count_words, language, unspaced

RESAMPLES = 1000
SEED = 12345  # of the resamples, as sacreBLEU's
NO_LIMIT = 10**9  # upper end of the last span of `by_length`

Lines = Sequence[str]


class Chrf(CHRF):
    """chrF2 whose scores are plain numbers.

    For resamples without any match sacreBLEU returns another type, on which it then fails.
    """

    def _compute_f_score(self, statistics):
        return float(super()._compute_f_score(statistics))


# language -> sacreBLEU's tokenizer, the module it needs
_TOKENIZE = {
    "ja": ("ja-mecab", "MeCab"),
    "zh": ("zh", None),
    "ko": ("ko-mecab", "mecab_ko"),
    **dict.fromkeys(("th", "lo", "km", "my"), ("char", None)),
}


def tokenize_for(lang: str) -> str:
    """The name of sacreBLEU's tokenizer for raw text in the language of a code."""
    name, module = _TOKENIZE.get(language(lang), ("13a", None))
    return name if module is None or is_installed(module) else "char"


def tokenize_of(data: DataOptions) -> str:
    """The same for targets of a corpus; `none` where these are tokenised already."""
    return "none" if data.tokenised else tokenize_for(data.target)


def scores(data: DataOptions, hypotheses: Lines, references: Lines, interval: bool = False) -> dict:
    """Entries of `bleu` and `chrf` for outputs of a model of that corpus, in its form."""
    return {
        "bleu": bleu(hypotheses, references, tokenize_of(data), interval),
        "chrf": chrf(hypotheses, references, interval),
    }


def bleu(
    hypotheses: Lines, references: Lines, tokenize: str = "13a", interval: bool = False
) -> dict:
    """Entry of corpus BLEU; brevity: length of the output / length of the reference."""
    # force: no warning at outputs that look tokenised
    result, entry = _score(BLEU(tokenize=tokenize, force=True), hypotheses, references, interval)
    return {**entry, "brevity": round(result.sys_len / max(1, result.ref_len), 4)}


def chrf(hypotheses: Lines, references: Lines, interval: bool = False) -> dict:
    """Entry of corpus chrF2."""
    return _score(Chrf(), hypotheses, references, interval)[1]


def sentence_chrf(hypotheses: Lines, references: Lines) -> np.ndarray:
    """chrF2 of each sentence by itself: [sentences]."""
    chrf = Chrf()
    pairs = zip(hypotheses, references, strict=True)
    return np.array([chrf.sentence_score(output, [reference]).score for output, reference in pairs])


def _score(metric, hypotheses, references, interval):
    """sacreBLEU's result and our entry."""
    _check(hypotheses, references)
    result = metric.corpus_score(hypotheses, [references], n_bootstrap=RESAMPLES if interval else 1)
    entry = {"score": round(float(result.score), 2), "signature": str(metric.get_signature())}
    if interval:
        # sacreBLEU has the mean, and half of the interval's width.
        ends = (result._mean - result._ci, result._mean + result._ci)
        entry["interval"] = [round(float(end), 2) for end in ends]
    return result, entry


def _check(hypotheses, references):
    """UserError for what cannot be scored."""
    if len(hypotheses) != len(references):
        raise UserError(
            f"{len(hypotheses)} hypotheses, but {len(references)} references: they must pair up"
        )
    if not hypotheses:
        raise UserError("nothing to score: no sentences")


def paired(
    references: Lines, first: Sequence[Lines], second: Sequence[Lines], tokenize: str = "13a"
) -> dict:
    """Paired bootstrap (Koehn 2004) of two systems, with the resamples of sacreBLEU.

    first, second: outputs of each seed of a system, whose mean score is compared.
    Returns metric -> mean scores of the `first` and the `second`, two-sided p-value `p`,
    `signature`. sacreBLEU's own p-value takes the size of each difference before it subtracts their
    mean, and is too small: two systems that do not differ have one below 0.05 in 13 of 100 cases.
    """
    for hypotheses in (*first, *second):
        _check(hypotheses, references)
    # The same sentences are drawn for all.
    size = len(references)
    drawn = np.random.default_rng(SEED).choice(size, size=(RESAMPLES, size), replace=True)
    counts = np.array([np.bincount(row, minlength=size) for row in drawn], np.float64)
    entries = {}
    for name, metric in {"BLEU": BLEU(tokenize=tokenize, force=True), "chrF2": Chrf()}.items():
        means, resampled = zip(
            *(_mean_scores(metric, system, references, counts) for system in (first, second)),
            strict=True,
        )
        differences = resampled[1] - resampled[0]
        # How often chance alone gives as large a difference as there is.
        larger = np.sum(np.abs(differences - differences.mean()) >= abs(means[1] - means[0]))
        signature = metric.get_signature()
        signature.update("seed", str(SEED))
        signature.update("bs", RESAMPLES)
        entries[name] = {
            "first": round(means[0], 2),
            "second": round(means[1], 2),
            # Equal outputs would have the smallest p there is.
            "p": float(larger + 1) / (RESAMPLES + 1) if means[0] != means[1] else 1.0,
            "signature": str(signature),
        }
    return entries


def _mean_scores(metric, system, references, counts):
    """(score, scores of the resamples), means over the seeds of a system.

    counts: [resamples, sentences], how often each draws each sentence.
    """
    scores = []
    resampled = []
    for hypotheses in system:
        # A score is a function of sums over sentences.
        statistics = np.array(
            metric._extract_corpus_statistics(hypotheses, [references]), np.float64
        )
        scores.append(metric._compute_score_from_stats(statistics.sum(0).tolist()).score)
        sums = (counts @ statistics).tolist()
        resampled.append([metric._compute_score_from_stats(each).score for each in sums])
    return float(np.mean(scores)), np.mean(resampled, 0)


def all_scores(data: DataOptions, hypotheses: Lines, references: Lines) -> dict:
    """Entries of `bleu`, `chrf`, `chrf++` (Popović 2017) and `ter` (Snover et al. 2006)."""
    asian = unspaced(data.target) and not data.tokenised
    ter = TER(normalized=asian, asian_support=asian)
    return {
        **scores(data, hypotheses, references),
        "chrf++": _score(Chrf(word_order=2), hypotheses, references, False)[1],
        "ter": _score(ter, hypotheses, references, False)[1],
    }


def by_length(
    sources: Lines,
    hypotheses: Lines,
    references: Lines,
    tokenize: str = "13a",
    edges: Iterable[int] = (5, 10, 15, 20, 30),
    spaced: bool = True,
) -> list[tuple[int, int, int, float]]:
    """BLEU by source length in words: rows (from, to, sentences, BLEU).

    edges: the `to` of all spans but the last. spaced: as for `count_words`.
    """
    lengths = [max(1, count_words(source, spaced)) for source in sources]
    rows = []
    low = 1
    for high in (*edges, NO_LIMIT):
        # The sentences of a span, if there are any.
        chosen = [n for n, length in enumerate(lengths) if low <= length <= high]
        if chosen:
            entry = bleu([hypotheses[n] for n in chosen], [references[n] for n in chosen], tokenize)
            rows.append((low, high, len(chosen), entry["score"]))
        low = high + 1
    return rows
