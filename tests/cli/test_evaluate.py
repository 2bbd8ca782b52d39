"""A report is shown only if it answers; a corpus that is not there is fetched."""

import json
import shutil

import pytest

from nmt.corpora.corpus import Corpus
from nmt.errors import Failure
from nmt.recipe import dump_recipe, load_recipe
from nmt.runs.folder import Run
from tests.fakes import nmt_command

pytestmark = pytest.mark.usefixtures("load_once")

MISTAKE = 2
FAILURE = 1


def test_the_report_that_is_there_is_shown_only_if_it_answers(world, tiny_run, monkeypatch):
    calls, run = [], world / "run"
    shutil.copytree(tiny_run, run)
    part = {"score": 1.0, "interval": [0.5, 1.5], "signature": "s", "brevity": 1.0}
    report = {
        "split": "test",
        "beam": 3,
        "weights": Run.open(run).info.weights,
        "sentences": 5,
        "source": "en",
        "target": "de",
        "sentences_per_second": 1.0,
        "bleu": part,
        "chrf": part,
        "text": Corpus(load_recipe(run / "recipe.toml").data).stamp(),
        "by_length": [],
        "placeholders": {"in_sources": 0, "lost": 0},
    }
    (run / "report.json").write_text(json.dumps(report))

    def fake(run, translator, split="test", beam=None, *_):
        calls.append((split, beam))
        return {**report, "split": split, "beam": beam or 3}, []

    monkeypatch.setattr("nmt.evaluation.report.evaluate", fake)
    monkeypatch.setattr("nmt.evaluation.report.write_report", lambda *_: None)
    monkeypatch.setattr("nmt.evaluation.report.compare", lambda *_: {})
    monkeypatch.setattr("nmt.inference.load.load", lambda *_: None)
    for arguments, expected in (
        (["--once"], []),
        ([], [("test", None)]),
        (["--once", "--split", "valid"], [("valid", None)]),
        (["--once", "--beam", 1], [("test", 1)]),
        (["--once", "--beam", 3], []),
        ([str(run)], [("test", None)] * 2),
    ):
        calls.clear()
        done = nmt_command("evaluate", run, *arguments)
        assert done.status == 0 and calls == expected, arguments
        assert ("valid" if "valid" in arguments else "test") in done.out.splitlines()[0]
    for more in (["--memory"], ["--engine", "onnx"], [str(run)]):
        assert nmt_command("evaluate", run, "--once", *more).status == MISTAKE
    (run / "report.json").write_text(json.dumps({**report, "beam": 1}))
    calls.clear()
    assert nmt_command("evaluate", run, "--once").status == 0 and calls == [("test", None)]


@pytest.mark.parametrize(
    "arguments", [["evaluate"], ["evaluate", "--split", "valid"], ["filter", "--check"]]
)
def test_a_corpus_that_is_not_there_is_fetched(world, tiny_run, monkeypatch, arguments):
    """A run may be scored on another machine than the one that trained it."""
    run, asked = world / "moved", []
    shutil.copytree(tiny_run, run)
    own = load_recipe(
        run / "recipe.toml", ["data.format=tfds", "data.name=ted_hrlr_translate/pt_to_en"]
    )
    (run / "recipe.toml").write_text(dump_recipe(own), encoding="utf-8")

    def fetch(corpus):
        asked.append(corpus.data.name)
        raise Failure("no network")

    monkeypatch.setattr(Corpus, "fetch", fetch)
    done = nmt_command(arguments[0], run, *arguments[1:])
    assert (done.status, done.err.splitlines()[-1]) == (FAILURE, "nmt: no network")
    assert asked == ["ted_hrlr_translate/pt_to_en"]
