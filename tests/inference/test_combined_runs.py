"""Ensembles of run folders, and shallow fusion with a language model's."""

import json
import re
import shutil

import numpy as np
import pytest

from nmt.__main__ import main
from nmt.batches.padding import pad
from nmt.corpora import toy
from nmt.decoding.beam import beam_search
from nmt.decoding.contract import FromDistribution
from nmt.decoding.ensemble import Ensemble, Fusion, log_mean
from nmt.engine.runtime import Engine
from nmt.errors import UserError
from nmt.evaluation.report import last_report
from nmt.inference.load import load
from nmt.inference.scoring import score_ids
from nmt.inference.segments import Segmenter
from nmt.recipe import DataOptions, Recipe, differences, load_recipe
from nmt.runs.folder import Run
from nmt.runs.held_out import stamp
from nmt.text.preparation import Preparation
from nmt.text.symbols import SYMBOLS
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import BOS, EOS, PAD
from tests.fakes import messages

pytestmark = pytest.mark.usefixtures("load_once")

LINES = [
    "The boy reads a book.",
    "",
    "Where are {count} cats?",
    "Maria buys two cats.",
    "Not a word of it: %s!",
]
LONG = "Anna sees the old house. " * 30  # more pieces than data.max_pieces


def copied(run, folder, change=None, tokenizers=None, edit=lambda recipe: recipe):
    """A copy of a run, without export, with other weights, tokenizers or recipe."""
    shutil.copytree(
        run, folder, ignore=shutil.ignore_patterns("export", "state", "cache", "tensorboard")
    )
    recipe = folder / "recipe.toml"
    recipe.write_text(edit(recipe.read_text(encoding="utf-8")), encoding="utf-8")
    copy = Run(folder)
    if tokenizers:
        copy.save_tokenizers(tokenizers)
    if change:
        model = Run(folder).load_model()
        change(model)
        copy.save_weights(model, "changed")
    return folder


def spoken(recipe):
    """The recipe of a language model."""
    return recipe.replace('architecture = "recurrent"', 'architecture = "language_model"')


def renumbered(tokenizer):
    """The same pieces with other ids, and the former id of each."""
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto.FromString(tokenizer.proto)
    order = np.concatenate([np.arange(4), np.arange(4, tokenizer.size)[::-1]])
    pieces = [proto.pieces[n] for n in order]
    del proto.pieces[:]
    proto.pieces.extend(pieces)
    return Tokenizer(proto.SerializeToString()), order


@pytest.fixture(scope="module")
def other(tiny_run, tmp_path_factory):
    """A run of the same tokenizers whose weights are somewhat different, not exported."""

    def change(model):
        rng = np.random.default_rng(0)
        for v in model.trainable_variables:
            v.assign(v + 0.05 * rng.normal(size=v.shape))

    return copied(tiny_run, tmp_path_factory.mktemp("other") / "b", change)


@pytest.fixture(scope="module")
def foreign(tiny_run, tmp_path_factory):
    """A run that shares only the target tokenizer: its source pieces have other numbers."""
    source, target = Run(tiny_run).tokenizers
    source, order = renumbered(source)

    def change(model):
        model.source_embedding.assign(np.asarray(model.source_embedding)[order])

    return copied(tiny_run, tmp_path_factory.mktemp("foreign") / "c", change, (source, target))


@pytest.fixture(scope="module")
def stranger(tiny_run, tmp_path_factory):
    """A run with another target tokenizer."""
    source, target = Run(tiny_run).tokenizers
    return copied(
        tiny_run,
        tmp_path_factory.mktemp("stranger") / "d",
        tokenizers=(source, renumbered(target)[0]),
    )


def alike(found, expected, attention=True):
    for candidates, wanted in zip(found, expected, strict=True):
        assert [c.text for c in candidates] == [c.text for c in wanted]
        for c, w in zip(candidates, wanted, strict=True):
            assert (c.log_prob, c.score) == pytest.approx((w.log_prob, w.score), abs=1e-5)
            assert (c.source_pieces, c.target_pieces) == (w.source_pieces, w.target_pieces)
            if w.attention is not None and attention:
                np.testing.assert_allclose(c.attention, w.attention, atol=1e-5)


def test_an_ensemble_of_a_run_with_itself_is_the_run(tiny_run, foreign):
    """Also when one of the two has other numbers for its source pieces: each must get its own."""
    alone, lines = load(tiny_run, engine="keras"), [*LINES, LONG]
    expected = alone.candidates(lines, nbest=2, attention=True)
    pairs = lines, [c[0].text for c in expected]
    assert len({c[0].text for c in expected}) == len(lines), (
        "the run translates all alike; the test tells nothing"
    )
    for name in (f"{tiny_run},{tiny_run}", f"{foreign},{tiny_run}"):
        ensemble = load(name, engine="keras")
        assert isinstance(ensemble.model, Ensemble) and len(ensemble.preparations) == 1 + (
            str(foreign) in name
        )
        alike(ensemble.candidates(lines, nbest=2, attention=True), expected)
        np.testing.assert_allclose(ensemble.score(*pairs), alone.score(*pairs), atol=1e-5)


def test_an_ensemble_of_an_export_with_itself_is_the_export(tiny_run, foreign):
    """With its shortlist, which members with other source pieces cannot share."""
    alone, ensemble = load(tiny_run), load(f"{tiny_run},{tiny_run}")
    assert ensemble.model.shortlist and not load(f"{foreign},{tiny_run}").model.shortlist
    found, expected = (each.candidates([*LINES, LONG], nbest=2) for each in (ensemble, alone))
    alike(found, expected, attention=False)


def test_keras_and_onnx_members_together(tiny_run, other):
    """An ensemble uses the exports there are; its scores are means, and those of its search."""
    ensemble = load(f"{tiny_run},{other}")
    engine, graphs = ensemble.model.members
    assert (
        isinstance(engine, Engine) and engine.shortlist is None and not isinstance(graphs, Engine)
    )
    lines = LINES[:1] + LINES[2:4]
    ids = [ensemble.preparations[0].source(line).ids for line in lines]
    source = pad(ids, [], [EOS])
    found = [h[0] for h in beam_search(ensemble.model, source, 3)]
    target = pad([h.ids for h in found], [BOS], [EOS])
    by_hand = np.log(
        (np.exp(engine.log_probs(source, target)) + np.exp(graphs.log_probs(source, target))) / 2
    )
    sums = np.where(target[:, 1:] != PAD, by_hand, 0).sum(1)
    scores = score_ids(ensemble.model, [[each] for each in ids], [h.ids for h in found], 1.0)
    scored = [log_prob for log_prob, _ in scores]
    np.testing.assert_allclose(scored, sums, atol=1e-4)
    np.testing.assert_allclose(
        [h.log_prob for h in found], sums, atol=2e-2
    )  # int8: rows know their neighbours


def test_members_may_prepare_lines_differently(tiny_run, tmp_path):
    tokens = copied(
        tiny_run,
        tmp_path / "t",
        edit=lambda text: text.replace('preprocess = "none"', 'preprocess = "tokens"'),
    )
    ensemble = load(f"{tiny_run},{tokens}", engine="keras")
    raw, lower = ensemble.preparations
    line = "The Boy is not here %s."
    symbol = SYMBOLS[0]
    assert raw.source(line).text == f"The Boy is not here {symbol}."
    assert lower.source(line).text == f"the boy is not here {symbol} ."
    target = "Der Junge liest."
    ids = [preparation.source(line).ids for preparation in (raw, lower)]
    words = pad([ensemble.tokenizers[1].encode([target])[0]], [BOS], [EOS])
    parts = [
        m.log_probs(pad([one], [], [EOS]), words)
        for m, one in zip(ensemble.model.members, ids, strict=True)
    ]
    assert ensemble.score([line], [target])[0][0] == pytest.approx(
        float(log_mean(parts).sum()), abs=1e-4
    )
    assert len(ensemble.candidates([line, "", LONG])) == 3


def test_members_may_have_other_corpora(tiny_run, tmp_path):
    """Text of another corpus of the first member is of a corpus of the same languages of each."""
    more = '[[data.more]]\nformat = "grammar"\nsize = 9\n\n[tokenizer]'
    several = copied(
        tiny_run, tmp_path / "run", edit=lambda recipe: recipe.replace("[tokenizer]", more, 1)
    )
    expected = load(tiny_run, engine="keras").translate(LINES)
    for members in (f"{several},{tiny_run}", f"{tiny_run},{several}"):
        ensemble = load(members, engine="keras")
        assert ensemble.first(len(ensemble.recipe.data.more)).translate(LINES) == expected


def test_members_get_the_same_symbols_in_search_and_score(tiny_run):
    """A letter that a member does not know is one of its own, whatever the other members know."""
    from sentencepiece import sentencepiece_model_pb2

    run = Run(tiny_run)
    source, target = run.tokenizers
    proto = sentencepiece_model_pb2.ModelProto.FromString(source.proto)
    for piece in proto.pieces:
        piece.piece = piece.piece.replace("g", "ж")
    poor = Tokenizer(proto.SerializeToString())
    members = [Preparation(run.recipe, (each, target)) for each in (source, poor)]
    segmenter = Segmenter(members, 100, None)
    line = "A big dog."
    (segment,) = segmenter.parts(line)
    assert segmenter.whole(line)[1] == segment.ids != [each.source(line).ids for each in members]


def test_what_does_not_belong_together_is_refused(tiny_run, stranger, tmp_path, capsys):
    pair = f"{tiny_run},{stranger}"
    strange_lm = copied(stranger, tmp_path / stranger.name, edit=spoken)
    for arguments in (
        ["translate", pair, "text"],
        ["score", pair],
        ["evaluate", pair],
        ["translate", str(tiny_run), "text", "--lm", str(strange_lm)],
        ["translate", f"{tiny_run},", "text"],
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert error.startswith("nmt: ") and len(error.splitlines()) == 1 and str(tiny_run) in error
        assert "comma" in error or str(stranger) in error or str(strange_lm) in error


def test_another_direction_is_told(tiny_run, tmp_path):
    back = copied(
        tiny_run,
        tmp_path / "back",
        edit=lambda text: text.replace('source = "en"', 'source = "de"').replace(
            'target = "de"', 'target = "en"'
        ),
    )
    with messages() as said:
        load(f"{tiny_run},{back}", engine="keras")
    assert said == ["the members translate en-de, de-en"]


def test_a_folder_may_have_a_comma_in_its_name(tiny_run, tmp_path):
    folder = copied(tiny_run, tmp_path / "a,b")
    assert [run.path for run in Run.open_all(folder)] == [folder]
    assert [run.path for run in Run.open_all(f"{tiny_run},{tiny_run}")] == [tiny_run] * 2


def test_ensembles_are_evaluated_and_leave_no_report(tiny_run, other, monkeypatch, capsys):
    pairs = [(line, "Der Junge liest ein Buch.") for line in [LINES[0], LINES[3]] * 4]
    monkeypatch.setattr("nmt.evaluation.scored_text.held_out", lambda run, split, number: pairs)
    written = []
    monkeypatch.setattr(
        "nmt.evaluation.report.write_report", lambda run, *_: written.append(run.path)
    )
    ensemble = f"{tiny_run},{other}"
    assert main(["evaluate", ensemble, "--engine", "keras"]) == 0
    assert capsys.readouterr().out.startswith(f"{ensemble}: test, 8 sentences") and not written
    assert main(["evaluate", ensemble, str(other), "--engine", "keras"]) == 0
    out, errors = capsys.readouterr()
    assert (
        written == [other] and "p: paired bootstrap against" in out and "other data" not in errors
    )


# A language model in a run folder.


@pytest.fixture
def speech(tiny_run, tmp_path, monkeypatch):
    """A folder that loads as a language model: a random table of which word follows which."""
    folder, load_model = copied(tiny_run, tmp_path / "speech", edit=spoken), Run.load_model
    vocab = Run(tiny_run).tokenizers[1].size
    table = np.random.default_rng(1).normal(size=(vocab, vocab)).astype(np.float32)
    table -= np.log(np.exp(table).sum(1, keepdims=True))

    class Bigrams(FromDistribution):
        def encode(self, source):
            return {}, {"rows": np.zeros(len(source))}

        def take(self, memory, sentences):
            return {}

        def distribution(self, memory, state, origin, tokens):
            return table[tokens], None, {"rows": state["rows"][origin]}

        def compiled_model(self):
            return self

    monkeypatch.setattr(
        Run, "load_model", lambda run: Bigrams() if run.path == folder else load_model(run)
    )
    return folder


def test_a_language_model_has_its_say(tiny_run, speech, tmp_path, capsys):
    def run(*arguments):
        assert main([*map(str, arguments)]) == 0
        return capsys.readouterr().out

    alone = run("translate", tiny_run, LINES[0], "--engine", "keras", "--scores")
    assert (
        run(
            "translate",
            tiny_run,
            LINES[0],
            "--engine",
            "keras",
            "--scores",
            "--lm",
            speech,
            "--lm-weight",
            0,
        )
        == alone
    )
    fused = run(
        "translate", tiny_run, LINES[0], "--format", "json", "--lm", speech, "--lm-weight", 1.5
    )
    best = json.loads(fused)["translations"][0]
    assert best["translation"] != alone.split("\t")[2].strip()
    (tmp_path / "pairs").write_text(f"{LINES[0]}\t{best['translation']}\n")
    options = "-i", tmp_path / "pairs", "--engine", "keras"
    fused, exact = (
        float(run("score", tiny_run, *options, *more).split("\t")[0])
        for more in (["--lm", speech, "--lm-weight", 1.5], [])
    )
    translator = load(tiny_run, engine="keras")
    words = translator.tokenizers[1].encode([best["translation"]])
    lm = float(Run(speech).load_model().log_probs(np.zeros((1, 1)), pad(words, [BOS], [EOS])).sum())
    assert fused == pytest.approx(exact + 1.5 * lm, abs=1e-3)


def test_evaluate_compares_with_and_without_a_language_model(tiny_run, speech, monkeypatch, capsys):
    """Typed, it helps the first run only."""
    pairs = list(toy.generate("en-de", "valid", 40))
    monkeypatch.setattr("nmt.evaluation.scored_text.held_out", lambda run, split, number: pairs)
    assert (
        main(
            [
                "evaluate",
                str(tiny_run),
                str(tiny_run),
                "--split",
                "valid",
                "--beam",
                "1",
                "--lm",
                str(speech),
                "--lm-weight",
                "1.5",
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    scores = re.findall(r"^BLEU ([\d.]+)", out, re.MULTILINE)
    assert len(set(scores)) == 2 and out.count(f" with 1.5 x {speech.name}") == 1
    rows = out[out.index("valid  ") :].splitlines()
    assert rows[1].startswith(f"{tiny_run} with {speech}  {scores[0]}  ")
    assert rows[2].startswith(f"{tiny_run} ") and rows[2].split()[1] == scores[1]


def test_the_recipe_may_name_the_language_model(tiny_run, speech, tmp_path):
    def edit(text):
        return text.replace('lm = ""', f"lm = {json.dumps(str(speech))}")

    run = copied(tiny_run, tmp_path / "e", edit=edit)
    model = load(run).model
    assert isinstance(model, Fusion) and model.weight == 0.2
    assert load(f"{run},{tiny_run}", overrides=["search.lm_weight=0.5"]).model.weight == 0.5
    for override in ("search.lm=", "search.lm_weight=0"):
        assert not isinstance(load(run, overrides=[override]).model, Fusion)


def test_a_report_is_shown_for_the_runs_that_helped(tiny_run, tmp_path):
    run = Run(copied(tiny_run, tmp_path / "f"))
    helping = Run(copied(tiny_run, tmp_path / "g"))
    path = str(helping.path)
    with_lm = [f"search.lm={path}", "search.lm_weight=0.3"]
    ranked = [f"search.reverse={path}", "search.reverse_weight=0.3"]
    weights = {"weight": 0.3, "weights": helping.weights_digest}
    for helped, same, different in (
        ({}, (), [with_lm, ranked]),
        ({"fusion": {"lm": path, **weights}}, with_lm, [(), ranked]),
        ({"reverse": {"run": path, **weights}}, ranked, [(), with_lm]),
    ):
        report = {
            "weights": run.info.weights,
            "beam": 3,
            "fusion": None,
            "reverse": None,
            "length_penalty": 1.0,
            "copied_spans": {},
            "text": stamp(run, "test"),
            **helped,
        }
        (run.path / "report.json").write_text(json.dumps(report))
        assert last_report(run, None, same) == report
        assert not any(last_report(run, 3, other) for other in different)
    # Trained anew, the run that helped says something else.
    helping.update(weights_sha256="new")
    assert last_report(run, None, ranked) is None


def test_what_is_no_language_model_is_refused(tiny_run, other, tmp_path, capsys):
    # Without attention a translator has no memory either.
    fixed = copied(
        tiny_run,
        tmp_path / "fixed",
        edit=lambda text: text.replace('attention = "additive"', 'attention = "none"'),
    )
    for more, expected in (
        (["--lm", other], "no language model"),
        (["--lm", fixed], "no language model"),
        (["--lm", "nowhere"], "nowhere: no such run"),
        (["--lm-weight", "0.3"], "it needs search.lm"),
        (["--lm", other, "--lm-weight", "-1"], "at least 0"),
    ):
        assert main(["translate", str(tiny_run), "text", *map(str, more)]) == 2
        error = capsys.readouterr().err
        assert expected in error and len(error.splitlines()) == 1


def test_options_of_the_language_model():
    grammar = "data.format=grammar"
    recipe = load_recipe(overrides=[grammar, "search.lm=x", "search.lm_weight=0.3"])
    assert recipe.search.lm.endswith("/x") and recipe.search.lm_weight == 0.3
    assert not differences(load_recipe(overrides=[grammar]), recipe)
    with pytest.raises(UserError, match=r"lm_weight has no effect here: it needs search\.lm"):
        load_recipe(overrides=[grammar, "search.lm_weight=0.3"])


def test_preparations_are_equal_if_they_make_the_same_ids_of_sources(tiny_run):
    tokenizers = Run(tiny_run).tokenizers
    same = tuple(Tokenizer(tokenizer.proto) for tokenizer in tokenizers)
    recipe = Recipe()
    assert Preparation(recipe, tokenizers) == Preparation(recipe, same)
    others = (renumbered(tokenizers[0])[0], None)
    assert Preparation(recipe, tokenizers) != Preparation(recipe, others)
    tokenised = Recipe(DataOptions(preprocess="tokens"))
    assert Preparation(recipe, tokenizers) != Preparation(tokenised, tokenizers)
