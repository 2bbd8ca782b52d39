"""BLEU and chrF by sacreBLEU: every score with its signature, intervals and paired tests by bootstrap.

And average lagging, how far a translator stays behind a source that is still arriving.
"""

import importlib.util

from sacrebleu.metrics import BLEU, CHRF

from nmt.errors import UserError
from nmt.text.languages import count_words, language

RESAMPLES = 1000


class Chrf(CHRF):
    """Scores as plain numbers: resamples without any match are of another type in sacreBLEU, which then fails."""

    def _compute_f_score(self, statistics):
        return float(super()._compute_f_score(statistics))


_TOKENIZE = {
    "ja": ("ja-mecab", "MeCab"),
    "zh": ("zh", None),
    "ko": ("ko-mecab", "mecab_ko"),
    **dict.fromkeys(("th", "lo", "km", "my"), ("char", None)),
}


def tokenize_for(lang, tokenised=False):
    """The name of sacreBLEU's tokenizer for the language of a code; `none` for text that is tokenised already."""
    if tokenised:
        return "none"
    name, module = _TOKENIZE.get(language(lang), ("13a", None))
    return name if module is None or importlib.util.find_spec(module) else "char"


def bleu(hypotheses, references, tokenize="13a", interval=False):
    """Corpus BLEU: dict with score, signature, brevity (output / reference length) and, if asked, its interval."""
    metric = BLEU(tokenize=tokenize, force=True)  # force: no warning at outputs that look tokenised
    result = _score(metric, hypotheses, references, interval)
    return {
        **result["entry"],
        "brevity": round(result["raw"].sys_len / max(1, result["raw"].ref_len), 4),
    }


def chrf(hypotheses, references, interval=False):
    """Corpus chrF2: dict with score, signature and, if asked, its interval."""
    return _score(Chrf(), hypotheses, references, interval)["entry"]


def _score(metric, hypotheses, references, interval):
    _check(hypotheses, references)
    raw = metric.corpus_score(hypotheses, [references], n_bootstrap=RESAMPLES if interval else 1)
    entry = {"score": round(float(raw.score), 2), "signature": str(metric.get_signature())}
    if interval:
        entry["interval"] = [round(float(raw._mean + side * raw._ci), 2) for side in (-1, 1)]
    return {"entry": entry, "raw": raw}


def _check(hypotheses, references):
    if len(hypotheses) != len(references):
        raise UserError(
            f"{len(hypotheses)} hypotheses, but {len(references)} references: they must pair up"
        )
    if not hypotheses:
        raise UserError("nothing to score: no sentences")


def paired(references, first, second, tokenize="13a"):
    """Paired bootstrap (Koehn 2004) of two systems: dict metric -> scores and p-value of the second."""
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
    signatures, scores = test()
    out = {}
    for name, (a, b) in ((key, values) for key, values in scores.items() if key != "System"):
        p = (
            b.p_value if a.score != b.score else 1.0
        )  # sacreBLEU gives equal outputs the smallest p there is
        out[name] = {
            "first": round(a.score, 2),
            "second": round(b.score, 2),
            "p": p,
            "signature": str(signatures[name]),
        }
    return out


def average_lagging(reads, source_words):
    """Average lagging of a sentence behind its source, in words (Ma et al. 2019, equations 8 and 9).

    reads: for each word of the translation, how many words of the source had been read when it was written. The
    mean of g(t) - (t - 1) / r, r target words a source word, up to the first word written with the whole source.
    """
    if not reads:
        return float(source_words)
    last = next((t for t, read in enumerate(reads) if read >= source_words), len(reads) - 1)
    ratio = len(reads) / source_words
    return sum(read - t / ratio for t, read in enumerate(reads[: last + 1])) / (last + 1)


def by_length(
    sources, hypotheses, references, tokenize="13a", edges=(5, 10, 15, 20, 30), spaced=True
):
    """BLEU by source length in words: rows (from, to, sentences, BLEU). spaced: as for `count_words`."""
    rows = []
    low = 1
    lengths = [max(1, count_words(s, spaced)) for s in sources]
    for high in [*edges, 10**9]:
        chosen = [n for n, length in enumerate(lengths) if low <= length <= high]
        if chosen:
            score = bleu(
                [hypotheses[n] for n in chosen], [references[n] for n in chosen], tokenize
            )["score"]
            rows.append((low, high, len(chosen), score))
        low = high + 1
    return rows
