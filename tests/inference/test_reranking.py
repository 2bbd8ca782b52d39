"""Candidates that a run of the reverse direction ranks anew."""

import json
import pickle

import pytest

import nmt
from nmt.__main__ import main
from nmt.corpora import toy
from nmt.errors import UserError
from nmt.inference.load import load, load_directions
from nmt.inference.reranking import Reranker
from nmt.inference.translation import Translation
from nmt.recipe import DataOptions, Recipe, SearchOptions
from nmt.runs.folder import Run
from nmt.text.glossary import Glossary, Term
from tests import nordic_run
from tests.fakes import turned
from tests.inference.test_combined_runs import LINES, LONG, copied

pytestmark = pytest.mark.usefixtures("load_once")

WEIGHT = 2.0


@pytest.fixture(scope="module")
def reverse(tiny_run, tmp_path_factory):
    """A run that reads German and writes English, poorly."""
    folder = tmp_path_factory.mktemp("reverse") / "run"
    return copied(tiny_run, folder, edit=lambda text: turned(text, "de"))


def test_the_beam_is_ranked_by_both_directions(tiny_run, reverse):
    lines = [line for line in LINES if line]
    plain = load(tiny_run).candidates(lines, nbest=5)
    ranking = load(tiny_run, overrides=[f"search.reverse={reverse}", "search.reverse_weight=2"])
    ranked = ranking.candidates(lines, nbest=3, beam=5)
    back = load(reverse)
    for line, candidates, found in zip(lines, plain, ranked, strict=True):
        texts = [each.text for each in candidates]
        scores = [score for _, score in back.score(texts, [line] * len(texts))]
        expected = {
            each.text: each.score + WEIGHT * score
            for each, score in zip(candidates, scores, strict=True)
        }
        best = sorted(expected, key=lambda text: -expected[text])[:3]
        assert [each.text for each in found] == best
        assert [each.score for each in found] == pytest.approx([expected[t] for t in best])
    assert [best.text for best, *_ in ranked] != [best.text for best, *_ in plain]
    # One candidate is the best of the beam, too.
    assert ranking.translate(lines, beam=5) == [best.text for best, *_ in ranked]
    assert pickle.loads(pickle.dumps(ranking)).translate(lines) == ranking.translate(lines)


class Reverse:
    """Finds each source as probable as its score says; counts how often it is asked."""

    def __init__(self, scores, data):
        self.scores = scores
        self.recipe = Recipe(data)
        self.calls = 0

    def score(self, sources, targets):
        self.calls += 1
        return [(0.0, self.scores.get(source, 0.0)) for source in sources]


def reranker(scores=None, preprocess="none"):
    data = DataOptions(source="de", target="en", preprocess=preprocess)
    turned = DataOptions(source="en", target="de")
    options = SearchOptions(reverse="back", reverse_weight=WEIGHT)
    return Reranker(Reverse(scores or {}, data), options, turned)


def test_what_was_cut_comes_last():
    texts = [Translation("a", score=-2.0), Translation("b", score=-1.0, finished=False)]
    ranked = reranker({"b": 5.0, "a": 0.5}).ranked(["x"], [texts], [texts])
    assert [(each.text, each.score) for each in ranked[0]] == [("a", -1.0), ("b", 9.0)]


def test_searches_for_terms_are_not_ranked(tiny_run):
    """Scores tell nothing of what is wanted; the source that is copied into is no source."""
    terms = Glossary([Term("cat", "Zauberkatze"), Term("book", "Zauberbuch")])
    translator = load(tiny_run).using(glossary=terms)
    expected = translator.candidates(LINES)
    ranking = load(tiny_run).using(glossary=terms)
    ranking.reranker = reranker()
    found = ranking.candidates(LINES)
    assert ranking.reranker.reverse.calls == 1
    assert any(term[1] for best, *_ in expected for term in best.terms)
    assert [best.terms for best, *_ in found] == [best.terms for best, *_ in expected]


@pytest.mark.parametrize("preprocess", ["none", "tokens"])
def test_the_reverse_run_reads_text_as_it_was_trained(tiny_run, monkeypatch, preprocess):
    translator = load(tiny_run)
    monkeypatch.setattr(translator.recipe.data, "preprocess", "tokens")
    translator.reranker = reranker({}, preprocess)
    read = []
    monkeypatch.setattr(
        translator.reranker, "ranked", lambda sources, texts, found: read.extend(texts) or found
    )
    line = "Maria buys two cats ."
    for joined in (True, False):
        translator.candidates([line], joined=joined)
    tokens, text = (
        load(tiny_run).candidates([line], joined=joined)[0][0].text for joined in (False, True)
    )
    assert len(read) == 2 and {best[0].text for best in read} <= {tokens, text}


def test_blank_and_long_lines_are_ranked_too(tiny_run, reverse):
    ranking = nmt.load(tiny_run, reverse=reverse)
    blank, split = ranking.translate(["", LONG])
    assert blank == "" and split


@pytest.mark.parametrize("override", ["search.reverse=", "search.reverse_weight=0"])
def test_nothing_is_ranked_without_a_run_or_weight(tiny_run, reverse, tmp_path, override):
    def edit(text):
        return text.replace('reverse = ""', f"reverse = {json.dumps(str(reverse))}")

    run = copied(tiny_run, tmp_path / "e", edit=edit)
    assert load(run).reranker and not load(run, overrides=[override]).reranker


def test_what_cannot_rank_is_refused(tiny_run, reverse, capsys):
    for more, expected in (
        (["--reverse", tiny_run], "translates en-de, but de-en is needed"),
        (["--reverse", "nowhere"], "nowhere: no such run"),
        (["--reverse-weight", "0.3"], "it needs search.reverse"),
        (["--reverse", reverse, "--reverse-weight", "-1"], "at least 0"),
        (["--reverse", reverse, "--confidence"], "a combination of models has no confidence"),
    ):
        assert main(["translate", str(tiny_run), "text", *map(str, more)]) == 2
        error = capsys.readouterr().err
        assert expected in error and len(error.splitlines()) == 1


def test_each_language_of_a_run_needs_its_own_reverse(tiny_run, once, tmp_path, capsys):
    run = once("nordic", lambda path: nordic_run.trained(path, tmp_path))
    danish = copied(tiny_run, tmp_path / "da", edit=lambda text: turned(text, "da"))
    options = [f"search.reverse={danish}"]
    ranking = load(run, overrides=options, to="da")
    assert pickle.loads(pickle.dumps(ranking)).reranker and ranking.translate(["line 1 of da"])
    for other in (lambda: load(run, overrides=options), lambda: ranking.into("sv")):
        with pytest.raises(UserError, match="translates da-en, but sv-en is needed"):
            other()
    # Scores of all languages are refused before those of the first take their time.
    swedish = copied(tiny_run, tmp_path / "sv", edit=lambda text: turned(text, "sv"))
    assert main(["evaluate", str(run), "--reverse", str(swedish)]) == 2
    captured = capsys.readouterr()
    assert not captured.out and "translates sv-en, but " in captured.err


def test_a_run_of_several_languages_is_the_reverse_of_each(tiny_run, once, tmp_path):
    run = once("nordic", lambda path: nordic_run.trained(path, tmp_path))
    danish = copied(tiny_run, tmp_path / "da", edit=lambda text: turned(text, "da"))
    _, reverse = load_directions([str(danish), str(run)])
    assert reverse.recipe.data.target == "da"
    assert load(danish, overrides=[f"search.reverse={run}"]).reranker


def test_evaluate_compares_with_and_without_the_reverse_run(tiny_run, reverse, monkeypatch, capsys):
    """Typed, it ranks what the first run finds only."""
    pairs = list(toy.generate("en-de", "valid", 40))
    monkeypatch.setattr("nmt.evaluation.scored_text.held_out", lambda run, split, number: pairs)
    typed = [tiny_run, tiny_run, "--split", "valid", "--reverse", reverse, "--reverse-weight", 5]
    assert main(["evaluate", *map(str, typed)]) == 0
    out = capsys.readouterr().out
    assert out.count(f" ranked by 5 x {reverse.name}") == 1
    rows = out[out.index("valid  ") :].splitlines()
    assert rows[1].startswith(f"{tiny_run} ranked by {reverse}  ")
    assert rows[2].startswith(f"{tiny_run} ") and rows[1].split()[4:8] != rows[2].split()[1:5]


def test_a_corpus_is_made_of_what_is_ranked_best(tiny_run, reverse, tmp_path, capsys):
    lines = [line for line in LINES if line]
    (tmp_path / "lines").write_text("\n".join(lines))
    made = tmp_path / "made.tsv"
    options = ["augment", tiny_run, "-i", tmp_path / "lines", "-o", made]
    ranked = ["--reverse", reverse, "--reverse-weight", WEIGHT]
    assert main([*map(str, [*options, *ranked])]) == 0
    _, *rows = (row.split("\t") for row in made.read_text().splitlines())
    ranking = nmt.load(tiny_run, reverse=reverse, reverse_weight=WEIGHT)
    best = dict(zip(lines, ranking.translate(lines), strict=True))
    assert rows and all(best[source] == target for source, target, _ in rows)
    told = json.loads(made.with_suffix(".tsv.json").read_text())
    weights = Run(reverse).info.weights_sha256
    assert told["reverse"] == [{"path": str(reverse), "weights": weights, "by": WEIGHT}]
    # Ranked in another way it is another corpus; what is drawn is not ranked.
    for more, expected in (([], "made otherwise"), ([*ranked, "--temperature", 1], "exclude")):
        assert main([*map(str, [*options, *more])]) == 2
        assert expected in capsys.readouterr().err
