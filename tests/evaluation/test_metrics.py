"""Scores: what cannot be scored is refused, intervals and tests are right, nothing counts twice."""

import importlib.util
import random
import sys

import numpy as np
import pytest
import sacrebleu
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.significance import PairedTest

from nmt.corpora import toy as grammar
from nmt.errors import UserError
from nmt.evaluation import metrics
from nmt.recipe import DataOptions

REFERENCES = [target for _, target in grammar.generate("en-de", "test", 120)]


def worse(share, seed=1):
    """Hypotheses of which that share of the words is wrong."""
    rng = random.Random(seed)
    return [
        " ".join("falsch" if rng.random() < share else word for word in line.split())
        for line in REFERENCES
    ]


@pytest.mark.parametrize(
    "score",
    [
        metrics.bleu,
        metrics.chrf,
        lambda hypotheses, references: metrics.paired(references, [hypotheses], [references]),
        lambda hypotheses, references: metrics.paired(references, [references], [hypotheses]),
    ],
)
def test_what_does_not_pair_up_is_refused(score):
    for hypotheses, references in ((["a b c d e"] * 3, ["a b c d e"] * 2), (["a"], ["a", "b"])):
        with pytest.raises(UserError) as caught:
            score(hypotheses, references)
        text = str(caught.value)
        assert str(len(hypotheses)) in text and str(len(references)) in text and "\n" not in text
    with pytest.raises(UserError, match="no sentences"):
        score([], [])


def test_scores_have_their_range_and_order():
    for metric in (metrics.bleu, metrics.chrf):
        scores = [metric(worse(share), REFERENCES)["score"] for share in (0, 0.1, 0.3, 0.6)]
        assert scores[0] == 100 and scores == sorted(scores, reverse=True) and scores[-1] >= 0
    assert metrics.bleu(worse(1), REFERENCES)["score"] < 1
    assert (
        metrics.bleu([""] * 3, REFERENCES[:3])["score"] == 0
    )  # empty outputs are bad, not mistakes


def test_the_interval_of_outputs_that_hardly_match():
    """In some resamples no character n-gram matches at all."""
    low, high = metrics.chrf([*["###"] * 30, REFERENCES[0]], REFERENCES[30::-1], interval=True)[
        "interval"
    ]
    assert low < high < 20


def test_brevity_tells_short_outputs():
    short = [" ".join(line.split()[:-2]) for line in REFERENCES]
    assert metrics.bleu(short, REFERENCES)["brevity"] < 0.9
    assert metrics.bleu(REFERENCES, REFERENCES)["brevity"] == 1


@pytest.mark.parametrize("share", [0, 0.05, 0.3, 0.7])
def test_the_interval_contains_the_score(share):
    for metric in (metrics.bleu, metrics.chrf):
        result = metric(worse(share), REFERENCES, interval=True)
        low, high = result["interval"]
        assert low <= result["score"] <= high
        assert (high - low > 0.5) == (share > 0)
        assert metric(worse(share), REFERENCES, interval=True) == result  # repeatable
        assert metric(worse(share), REFERENCES)["score"] == result["score"]
    fewer = metrics.bleu(worse(0.3)[:20], REFERENCES[:20], interval=True)["interval"]
    many = metrics.bleu(worse(0.3), REFERENCES, interval=True)["interval"]
    assert fewer[1] - fewer[0] > many[1] - many[0]


def test_signatures_name_the_tokenizer_and_the_version():
    for tokenize in ("13a", "char", "zh", "none"):
        signature = metrics.bleu(REFERENCES[:5], REFERENCES[:5], tokenize)["signature"]
        assert f"tok:{tokenize}" in signature and f"version:{sacrebleu.__version__}" in signature
    assert (
        f"version:{sacrebleu.__version__}"
        in metrics.chrf(REFERENCES[:5], REFERENCES[:5])["signature"]
    )


@pytest.mark.parametrize("mecab", [True, False])
def test_the_tokenizer_of_a_language(monkeypatch, mecab):
    modules = []
    # Whatever an earlier test has imported.
    for name in ("MeCab", "mecab_ko"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: modules.append(name) or (mecab or None)
    )
    names = {
        lang: metrics.tokenize_for(lang) for lang in ("en", "de", "ja", "zh", "ko", "th", "xx")
    }
    assert names == {
        "en": "13a",
        "de": "13a",
        "xx": "13a",
        "zh": "zh",
        "th": "char",
        "ja": "ja-mecab" if mecab else "char",
        "ko": "ko-mecab" if mecab else "char",
    }
    assert sorted(modules) == ["MeCab", "mecab_ko"]
    for code, lang in (("zh-Hant", "zh"), ("ja_JP", "ja"), ("ko-KR", "ko"), ("pt-BR", "en")):
        assert metrics.tokenize_for(code) == names[lang]
    tokenised = [DataOptions(target=lang, preprocess="tokens") for lang in ("en", "ja", "zh")]
    assert {metrics.tokenize_of(data) for data in tokenised} == {"none"}
    assert metrics.tokenize_of(DataOptions(target="zh")) == "zh"


def test_unspaced_text_has_words():
    """BLEU needs more than one token a line: partly right Japanese scores between 0 and 100."""
    pairs = [
        ("犬が庭で走っています。", "犬が公園で走っています。"),
        ("私は本を読みます。", "私は新聞を読みます。"),
    ]
    for lang in ("ja", "zh"):
        score = metrics.bleu(*map(list, zip(*pairs, strict=True)), metrics.tokenize_for(lang))[
            "score"
        ]
        assert 5 < score < 95


def test_a_system_is_not_better_than_itself():
    for metric in metrics.paired(REFERENCES, [worse(0.2)], [worse(0.2)]).values():
        assert metric["first"] == metric["second"] and metric["p"] > 0.5


def test_a_clearly_better_system_is_found_out():
    result = metrics.paired(REFERENCES, [worse(0.4)], [worse(0.1)])
    assert len(result) == 2
    for name, metric in result.items():
        assert metric["second"] > metric["first"] + 5 and metric["p"] < 0.01
        assert "bs:" in metric["signature"], name
    bleu = next(value for name, value in result.items() if name.startswith("BLEU"))
    assert bleu["first"] == metrics.bleu(worse(0.4), REFERENCES)["score"]


def test_systems_that_do_not_differ_have_any_p_value():
    """Outputs are swapped by chance: p-values are spread from 0 to 1."""
    first, second = worse(0.3, 1), worse(0.3, 2)
    values = []
    for seed in range(25):
        rng = random.Random(seed)
        pairs = [
            pair if rng.random() < 0.5 else pair[::-1] for pair in zip(first, second, strict=True)
        ]
        one, other = zip(*pairs, strict=True)
        values.append([each["p"] for each in metrics.paired(REFERENCES, [one], [other]).values()])
    assert np.all(abs(np.mean(values, 0) - 0.5) < 0.15)
    assert np.max(values) > 0.8


def test_the_paired_test_has_the_resamples_of_sacrebleu():
    """Its p-value is smaller than ours: it takes the size of differences before it centres them."""
    first, second = worse(0.25, 1), worse(0.2, 2)
    test = PairedTest(
        [("first", first), ("second", second)],
        {"BLEU": BLEU(references=[REFERENCES]), "chrF2": CHRF(references=[REFERENCES])},
        references=None,
        test_type="bs",
        n_samples=metrics.RESAMPLES,
    )
    signatures, columns = test()
    for name, entry in metrics.paired(REFERENCES, [first], [second]).items():
        assert entry["signature"] == str(signatures[name])
        assert entry["second"] == pytest.approx(columns[name][1].score, abs=0.01)
        assert entry["p"] > columns[name][1].p_value


def test_seeds_are_compared_by_their_mean():
    first, second = [worse(0.3, seed) for seed in (1, 2)], [worse(0.2, seed) for seed in (3, 4)]
    for name, entry in metrics.paired(REFERENCES, first, second).items():
        single = [
            metrics.paired(REFERENCES, [a], [b])[name] for a, b in zip(first, second, strict=True)
        ]
        for side in ("first", "second"):
            mean = sum(each[side] for each in single) / 2
            assert entry[side] == pytest.approx(mean, abs=0.01)


def test_nearly_equal_systems_are_not_told_apart():
    assert all(
        metric["p"] > 0.05
        for metric in metrics.paired(REFERENCES, [worse(0.2, 1)], [worse(0.2, 2)]).values()
    )


def test_by_length_counts_every_sentence_once():
    rng = random.Random(1)
    sources = [" ".join(["w"] * rng.randrange(45)) for _ in REFERENCES]
    sources[:4] = ["", "wort", "犬が庭で走っています。" * 4, "x" * 100]
    rows = metrics.by_length(sources, worse(0.2), REFERENCES)
    assert sum(count for *_, count, _ in rows) == len(sources)
    borders = [border for low, high, *_ in rows for border in (low, high)]
    assert borders == sorted(borders) and len(set(borders)) == len(borders)
    for low, high, count, score in rows:
        inside = sum(low <= max(1, len(s.split())) <= high for s in sources[4:])
        assert count - 4 <= inside <= count and 0 <= score <= 100
