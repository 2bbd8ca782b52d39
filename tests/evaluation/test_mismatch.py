"""`nmt filter`: the score tells wrong pairs from rare ones, lines stay lines, mistakes are told."""

import math
import random
import sys
import warnings

import numpy as np
import pytest

import nmt.inference.load
from nmt import plots
from nmt.corpora import toy as grammar
from nmt.errors import UserError
from nmt.evaluation import mismatch as filter
from nmt.recipe import DataOptions, Recipe
from tests.fakes import nmt_command

PAIRS = [(f"source {n}", f"target {n}") for n in range(40)]


class Fake:
    """Knows a dictionary of pairs: a right target costs a tenth a word of what a wrong one does."""

    def __init__(self, pairs=PAIRS, source="en", target="de", threads=1):
        self.right, self.calls = set(pairs), []
        self.recipe = Recipe(data=DataOptions(source=source, target=target))

    def score(self, sources, targets):
        assert all(targets) and len(sources) == len(targets)
        self.calls += sources
        costs = [
            len(y) * (0.1 if (x, y) in self.right else 1)
            for x, y in zip(sources, targets, strict=True)
        ]
        return [(-cost, -cost / 2) for cost in costs]


@pytest.fixture
def fake(monkeypatch):
    """Runs "en-de" and "de-en" that know PAIRS."""
    reverse = [(target, source) for source, target in PAIRS]
    made = {"en-de": Fake(), "de-en": Fake(reverse, "de", "en")}
    monkeypatch.setattr("nmt.inference.load.load", lambda path, *_: made[path])
    return made


def tsv(pairs):
    return "".join(f"{source}\t{target}\n" for source, target in pairs)


# Average precision.


def brute_force(scores, wrong):
    """Over every threshold: precision times the recall it adds."""
    total, former = 0.0, 0.0
    for threshold in sorted(set(scores)):
        flagged = [flag for score, flag in zip(scores, wrong, strict=True) if score <= threshold]
        recall = sum(flagged) / sum(wrong)
        total += sum(flagged) / len(flagged) * (recall - former)
        former = recall
    return total


@pytest.mark.parametrize(
    ("scores", "wrong", "expected"),
    [
        ([1, 2, 3, 4], [1, 1, 0, 0], 1),
        ([1, 2, 3, 4], [0, 0, 0, 1], 1 / 4),
        ([1, 2, 3, 4], [1, 0, 1, 0], (1 + 2 / 3) / 2),
        ([0, 0, 0, 0], [0, 1, 0, 0], 1 / 4),  # equal scores: no order among them
        ([-math.inf, -math.inf, 0, 1], [1, 0, 1, 0], (1 / 2 + 2 / 3) / 2),
        ([5], [1], 1),
    ],
)
def test_average_precision_of_known_cases(scores, wrong, expected):
    area = filter.average_precision(np.array(scores), np.array(wrong, bool))
    assert area == pytest.approx(expected)
    assert brute_force(scores, wrong) == pytest.approx(expected)


def test_average_precision_against_brute_force():
    rng = np.random.default_rng(1)
    for _ in range(50):
        count = rng.integers(2, 40)
        scores, wrong = rng.integers(0, 12, count), rng.random(count) < 0.3
        wrong[0] = True
        area = filter.average_precision(scores, wrong)
        assert area == pytest.approx(brute_force(scores.tolist(), wrong.tolist()))
        assert area == pytest.approx(
            filter.average_precision(scores * 3 - 7, wrong)
        )  # only the order counts
        precision, recall, values = filter.precision_recall(scores, wrong)
        assert recall[-1] == 1 and precision[-1] == pytest.approx(wrong.mean())
        assert (np.diff(recall) >= 0).all() and values.tolist() == sorted(set(scores.tolist()))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.99])
def test_the_lowest_share(share):
    scores = np.random.default_rng(2).permutation(100) / 7
    assert (scores < filter.lowest(scores, share)).sum() == round(100 * share)
    assert (np.zeros(9) < filter.lowest(np.zeros(9), share)).sum() in (0, 9)  # equal ones alike


# Scores.


def test_a_mismatched_pair_comes_last():
    """Though its target is short, and the others are long and rare, so that they cost more."""
    pairs = [(source, target * 9) for source, target in PAIRS]
    pairs[7] = (PAIRS[7][0], "no")
    scores = filter.Scorer(Fake([pair for n, pair in enumerate(pairs) if n != 7])).scores(pairs)
    assert scores.argmin() == 7 and scores[7] == pytest.approx(0)
    assert np.delete(scores, 7) == pytest.approx(0.9)


def test_two_directions_are_averaged():
    knows, ignorant = Fake(), Fake([], "de", "en")
    assert filter.Scorer(knows, ignorant).scores(PAIRS) == pytest.approx(0.45)
    assert set(knows.calls) <= {s for s, _ in PAIRS} and set(ignorant.calls) <= {
        t for _, t in PAIRS
    }


@pytest.mark.parametrize(
    "pair", [("", ""), ("", "a"), ("a", ""), (" \t", "a"), ("a", "\u3000"), ("\u2028", " ")]
)
def test_a_blank_side_belongs_to_nothing(pair):
    translator = Fake()
    scores = filter.Scorer(translator).scores([PAIRS[0], pair, PAIRS[1]])
    assert scores[1] == -math.inf and np.isfinite(scores[[0, 2]]).all()
    assert set(translator.calls) == {PAIRS[0][0], PAIRS[1][0]}
    assert filter.Scorer(translator, translator).scores([pair, pair]).tolist() == [-math.inf] * 2


def test_other_sources_are_others():
    """However often a source is repeated: a target is never tried against its own source twice."""
    rng = random.Random(3)
    for count in (2, 3, 4, 10, 50):
        pool = [f"s{n}" for n in range(count)]
        sources = [rng.choice(pool[: 1 + count // 2]) for _ in range(60)]
        for chosen in filter.others(sources, pool):
            assert len(chosen) == 60 and set(chosen) <= set(pool)
            assert all(own != other for own, other in zip(sources, chosen, strict=True))
        if count > filter.OTHERS:
            assert all(
                len(set(each)) == filter.OTHERS
                for each in zip(*filter.others(sources, pool), strict=True)
            )
    assert filter.others(["one", "one"], ["one"]) == [["", ""]] * filter.OTHERS


def test_a_small_window_has_the_sources_of_the_one_before():
    translator = Fake()
    scorer = filter.Scorer(translator)
    scorer.scores(PAIRS)
    translator.calls.clear()
    assert scorer.scores([("last", "one")]) == pytest.approx([0])
    assert translator.calls[0] == "last" and len(set(translator.calls)) == 1 + filter.OTHERS
    many = [(f"s{n}", f"t{n}") for n in range(2 * filter.POOL)]
    assert len(scorer.scores(many)) == len(many)


# The check.


def test_shuffled_targets():
    targets = [f"t{n % 90}" for n in range(100)]
    for seed in filter.SEEDS:
        changed, wrong = filter.shuffled(targets, seed)
        assert sorted(changed) == sorted(targets) and 5 <= wrong.sum() <= 10
        assert wrong.tolist() == [a != b for a, b in zip(changed, targets, strict=True)]
        assert filter.shuffled(targets, seed)[0] == changed
    assert len({tuple(filter.shuffled(targets, seed)[0]) for seed in filter.SEEDS}) == len(
        filter.SEEDS
    )
    for too_few in ([], ["a"], ["a"] * 50, [f"t{n}" for n in range(9)]):
        with pytest.raises(UserError, match="too few"):
            filter.shuffled(too_few, 1)


def test_the_check_of_a_model_that_knows_all_and_of_one_that_knows_nothing():
    sources, targets = map(list, zip(*PAIRS, strict=True))
    first, *_ = filter.lines(filter.check([Fake()], sources, targets))
    assert (
        "average precision 1.000 (1.000 to 1.000)" in first
        and "precision of the lowest 10 % 1.000" in first
    )
    lines = list(filter.lines(filter.check([Fake([])], sources, targets)))
    assert "average precision 0.100 (0.100 to 0.100)" in lines[0]
    assert any("default" in line for line in lines)


def test_the_table_says_what_the_thresholds_do():
    rng = np.random.default_rng(4)
    found = {seed: (rng.random(300) + (flags := rng.random(300) > 0.1), ~flags) for seed in (1, 2)}
    scores, wrong = map(np.concatenate, zip(*found.values(), strict=True))
    rows = [line.split()[:3] for line in list(filter.lines(found))[2:]]
    recalls = [float(recall) for *_, recall in rows]
    assert len(rows) > 4 and recalls == sorted(recalls) and recalls[-1] == 1
    for threshold, precision, recall in rows:
        flagged = scores < float(threshold)
        assert wrong[flagged].mean() == pytest.approx(float(precision), abs=1e-3)
        assert flagged[wrong].mean() == pytest.approx(float(recall), abs=1e-3)


def test_a_threshold_that_flags_nothing_has_no_precision():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = [line.split() for line in filter.lines({1: (np.arange(20) + 1, np.arange(20) < 2)})]
    assert [row[1:] for row in rows if "(default)" in row] == [["nan", "0.000", "(default)"]]


def test_the_tiny_run_finds_shuffled_targets(tiny_run, tmp_path):
    """Of a model that hardly learnt to translate: far above chance, which is 0.1."""
    from nmt.corpora.corpus import Corpus

    translator = nmt.inference.load.load(tiny_run)
    pairs = Corpus(translator.recipe.data).held_out("valid", 100)
    sources, targets = zip(*pairs, strict=True)
    found = filter.check([translator], sources, targets)
    areas = [filter.average_precision(*one) for one in found.values()]
    assert np.mean(areas) > 0.5, areas
    pytest.importorskip("matplotlib")
    curves = {seed: filter.precision_recall(*one)[:2] for seed, one in found.items()}
    plots.save(plots.precision_recall(curves, 0.1), tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]


# The command.


def test_lines_keep_their_order(fake):
    pairs = [*PAIRS[:9], (PAIRS[9][0], PAIRS[3][1]), ("", "x"), ("", ""), *PAIRS[12:]]
    for runs in (["en-de"], ["en-de", "de-en"]):
        done = nmt_command("filter", *runs, stdin=tsv(pairs))
        rows = [line.split("\t") for line in done.out.split("\n")[:-1]]
        assert done.status == 0 and [(s, t) for *_, s, t in rows] == pairs
        assert [n for n, (_, flag, *_) in enumerate(rows) if flag == "mismatch"] == [9, 10, 11]
        assert {flag for _, flag, *_ in rows} == {"mismatch", "ok"}
        assert [float(rows[n][0]) for n in (8, 9, 10, 11)] == pytest.approx(
            [0.9, 0, -math.inf, -math.inf]
        )
        assert done.err == "3 of 40 pairs flagged: they score below 0.1500\n"


@pytest.mark.parametrize(
    ("options", "flagged"),
    [
        (["--threshold", "0.95"], range(40)),
        (["--threshold=-1"], [9]),
        (["--share", "0.05"], [4, 9]),
        (["--share", "0.001"], [9]),
        ([], [4, 9]),
    ],
)
def test_clean_text_is_the_rest(fake, tmp_path, options, flagged):
    """As it came, ready for `data.format=tsv`; a blank side is flagged whatever the options."""
    pairs = [*PAIRS[:4], ("source 4", "target 5"), *PAIRS[5:9], (" ", "x"), *PAIRS[10:]]
    (tmp_path / "pairs.tsv").write_text(tsv(pairs).replace("\n", "\r\n"))
    out = tmp_path / "clean.tsv"
    done = nmt_command(
        "filter", "en-de", "-i", tmp_path / "pairs.tsv", "-o", out, "--clean", *options
    )
    assert (done.status, done.out) == (0, "") and done.err.startswith(
        f"{len(flagged)} of 40 pairs flagged"
    )
    assert out.read_bytes().decode() == tsv(
        pair for n, pair in enumerate(pairs) if n not in flagged
    )


def test_no_lines_give_none(fake):
    for options in ([], ["--share", "0.5"], ["--clean"]):
        done = nmt_command("filter", "en-de", *options)
        assert (done.status, done.out) == (0, "") and "0 of 0" in done.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (["en-de"], b"a\tb\nno tab\n", ["input, line 2", "0 tabs"]),
        (["en-de"], b"a\tb\tc\n", ["input, line 1", "2 tabs"]),
        (["en-de"], b"a\tb\n\xff\tc\n", ["line 2", "UTF-8"]),
        (["en-de", "-i", "no.tsv"], b"", ["no.tsv", "no such file"]),
        (["en-de", "-i", "bad.tsv"], b"", ["bad.tsv, line 2", "UTF-8"]),
        (["en-de", "en-de"], b"", ["en-de: translates en-de, but de-en is needed"]),
        (["en-de", "de-en", "en-de"], b"", ["more were given"]),
        (["en-de", "--check", "--clean"], b"", ["--clean has no effect with --check"]),
        (["en-de", "--check", "--threshold=0"], b"", ["--threshold has no effect with --check"]),
        (["en-de", "--check", "-i", "bad.tsv"], b"", ["-i with --check"]),
        (["en-de", "--share", "1"], b"", ["--share", "share between 0 and 1"]),
        (["en-de", "--share", "0"], b"", ["--share"]),
        (["en-de", "--share", "x"], b"", ["--share"]),
        (["en-de", "--threshold", "x"], b"", ["--threshold"]),
        (["en-de", "--share=0.1", "--threshold=0.1"], b"", ["not allowed"]),
        ([], b"", ["run"]),
    ],
)
def test_mistakes(fake, tmp_path, monkeypatch, arguments, stdin, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.tsv").write_bytes(b"a\tb\n\xe4\tc\n")
    done = nmt_command("filter", *arguments, "-o", "new.tsv", stdin=stdin)
    assert (done.status, done.out) == (2, "")
    assert all(word in done.err.splitlines()[-1] for word in words) and "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tsv"]  # nothing half-written


def test_the_check_as_a_command(tiny_run, monkeypatch, tmp_path):
    pairs = list(grammar.generate("en-de", "valid", 1500))
    translator = Fake(pairs)
    translator.recipe.data.format, translator.recipe.data.size = "grammar", 100
    monkeypatch.setattr("nmt.inference.load.load", lambda *_: translator)
    done = nmt_command("filter", tiny_run, "--check")
    assert done.status == 0 and done.out.startswith("average precision 1.000"), done.err
    assert "seeds 1, 2, 3, 4, 5" in done.err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    translator.calls.clear()
    done = nmt_command("filter", tiny_run, "--check", "-o", tmp_path / "curve.png")
    assert done.status == UserError.exit_status and "(matplotlib): pip install" in done.err
    assert translator.calls == [] and list(tmp_path.iterdir()) == []  # told before the work
