"""BLEU and chrF by sacreBLEU: every score with its signature, and bootstrap.

An entry is a dict: `score` (0 to 100), `signature` (what sacreBLEU computed, and its version), if
asked `interval` (low and high end of the 95 % interval by bootstrap), of BLEU also `brevity`.
"""

import importlib.util
from collections.abc import Iterable, Sequence

from sacrebleu.metrics import BLEU, CHRF

from nmt.errors import UserError
from nmt.recipe import DataOptions
from nmt.text.languages import count_words, language

RESAMPLES = 1000
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
    return name if module is None or importlib.util.find_spec(module) else "char"


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


def paired(references: Lines, first: Lines, second: Lines, tokenize: str = "13a") -> dict:
    """Paired bootstrap (Koehn 2004) of two systems.

    Returns metric -> scores of the `first` and the `second`, p-value `p`, `signature`.
    """
    from sacrebleu.significance import PairedTest

    for hypotheses in (first, second):
        _check(hypotheses, references)
    test = PairedTest(
        [("first", first), ("second", second)],
        {
            "BLEU": BLEU(tokenize=tokenize, force=True, references=[references]),
            "chrF2": Chrf(references=[references]),
        },
        references=None,
        test_type="bs",
        n_samples=RESAMPLES,
    )
    signatures, columns = test()
    entries = {}
    for metric, signature in signatures.items():
        # A column also holds names.
        baseline, system = (entry for entry in columns[metric] if not isinstance(entry, str))
        entries[metric] = {
            "first": round(baseline.score, 2),
            "second": round(system.score, 2),
            # Equal outputs have the smallest p there is in sacreBLEU.
            "p": system.p_value if baseline.score != system.score else 1.0,
            "signature": str(signature),
        }
    return entries


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
