"""Reports: measuring writes nothing, a report is shown while it is true, losses are counted."""

import shutil

import pytest

from nmt.evaluation import report
from nmt.evaluation.rendering import lines, meaning
from nmt.evaluation.scored_text import ScoredText, of_split
from nmt.inference.load import load
from nmt.recipe import DataOptions
from nmt.runs.folder import Run


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_measuring_writes_nothing_and_the_report_is_shown_again(tiny_run, tmp_path):
    run = Run(shutil.copytree(tiny_run, tmp_path / "run"))
    before = contents(run.path)
    measured, outputs = report.evaluate(run, load(run.path), of_split(run, "test")[0], beam=1)
    assert contents(run.path) == before and report.last_report(run, beam=1) is None
    assert len(outputs["source"]) == len(outputs["output"]) == measured["sentences"]

    report.write_report(run, measured, outputs)
    for name, texts in outputs.items():
        written = (run.path / f"test.{name}.txt").read_text("utf-8")
        assert written == "".join(line + "\n" for line in texts)
    again = report.last_report(run, beam=1)
    assert list(lines("run", again)) == list(lines("run", measured))
    assert list(lines("test", measured))[1] in (run.path / "README.md").read_text("utf-8")
    assert report.last_report(run, beam=2) is None
    assert report.last_report(run, 1, ["search.length_penalty=0.5"]) is None
    assert "beam 1, " in next(lines("run", measured)) and measured["length_penalty"] == 1.0
    longer = {**measured, "length_penalty": 1.4}
    assert "beam 1, length penalty 1.4, " in next(lines("run", longer))


@pytest.mark.parametrize(
    ("score", "words"), [(5, "hardly"), (27.2, "gist is clear"), (30, "good"), (99, "training?")]
)
def test_a_score_is_explained_in_words(score, words):
    assert words in meaning(score)


def test_a_report_of_tokenised_japanese_also_scores_what_people_see():
    sources = ["a dog", "a cat"] * 4
    references = ["犬 が 庭 で 走 っ て い ま す 。", "猫 が 家 で 寝 て い ま す 。"] * 4
    data = DataOptions(source="en", target="ja", preprocess="tokens")
    text = ScoredText("test", data, list(zip(sources, references, strict=True)))
    scores = report.scores(text, references)
    assert "tok:none" in scores["bleu"]["signature"] and scores["bleu"]["score"] == 100
    assert "char" in scores["joined"]
    assert {entry["score"] for entry in scores["joined"].values()} == {100}
    german = ScoredText("test", DataOptions(), [("a dog", "ein Hund")] * 4)
    assert "joined" not in report.scores(german, ["ein Hund"] * 4)
