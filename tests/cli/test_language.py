"""The commands on a language model: evaluate, generate, score, and what it cannot do."""

import json
import shutil
import types

import pytest

from nmt import __main__ as command
from nmt.corpora import toy
from nmt.corpora.corpus import Corpus
from nmt.runs.folder import Run


@pytest.fixture
def nmt(capsys):
    """Runs a command in this process."""

    def call(*arguments):
        capsys.readouterr()
        status = command.main([str(argument) for argument in arguments])
        return types.SimpleNamespace(status=status, **capsys.readouterr()._asdict())

    return call


def test_evaluate_reports_perplexity(language_run, nmt, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(language_run, folder)
    done = nmt("evaluate", folder)
    report = json.loads((folder / "report.json").read_text())
    line = "perplexity {perplexity:.2f} a token, {word_perplexity:.2f} a word".format(**report)
    assert done.status == 0 and line in done.out
    sentences = len(Corpus(Run(language_run).recipe.data).held_out("test"))
    assert (report["split"], report["sentences"]) == ("test", sentences)
    assert 1 < report["perplexity"] < report["word_perplexity"] and len(report["samples"]) == 10
    card = (folder / "README.md").read_text()
    assert "# A language model of de" in card
    assert "nmt generate ." in card and "nmt translate" not in card
    (folder / "report.json").write_text(json.dumps({**report, "perplexity": 123.0}))
    assert "123.00 a token" in nmt("evaluate", folder, "--once").out
    assert "123.00" not in nmt("evaluate", folder, "--split", "valid").out


def test_generate_writes_a_line_a_sample(language_run, nmt):
    done = nmt("generate", language_run, "Der", "Hund", "--count", 3, "--length", 12)
    lines = done.out.split("\n")
    assert done.status == 0 and lines.pop() == "" and len(lines) == 3
    assert all(line.startswith("Der Hund") for line in lines)
    assert done.out == nmt("generate", language_run, "--count=3", "Der Hund", "--length=12").out
    again = nmt("generate", language_run, "--count=3", "Der Hund", "--length=12", "--seed=2")
    assert done.out != again.out
    greedy = nmt("generate", language_run, "--count=2", "--temperature=0").out
    assert greedy == nmt("generate", language_run, "--count=2", "--top-k=1", "--seed=9").out


def test_score_takes_lines_of_text(language_run, nmt, tmp_path):
    """A sentence of the corpus is likelier than the same words in disorder."""
    line = next(iter(toy.generate("en-de", "train", 160)))[1]
    (tmp_path / "lines.txt").write_text(f"{line}\n{' '.join(line.split()[::-1])}\n\n")
    done = nmt("score", language_run, "-i", tmp_path / "lines.txt")
    scores = [float(row.split("\t")[0]) for row in done.out.splitlines()]
    assert done.status == 0 and len(scores) == 3 and scores[0] > scores[1]


@pytest.fixture
def translator(tmp_path):
    """A run folder that looks like one of a translator."""
    (tmp_path / "translator").mkdir()
    (tmp_path / "translator" / "recipe.toml").write_text('[data]\nformat = "grammar"\n')
    (tmp_path / "translator" / "run.json").write_text(
        '{"format": 1, "source": "en", "target": "de", "weights": "w"}'
    )
    return tmp_path / "translator"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["translate", "LM", "ein Hund"], "nmt generate writes with it"),
        (["generate", "TRANSLATOR"], "is a translator, no language model; use nmt translate"),
        (["export", "LM"], "cannot be exported: the graphs are those of translators"),
        (["evaluate", "LM", "--beam", 3], "alone"),
        (["evaluate", "LM", "--memory"], "alone"),
        (["evaluate", "LM", "--glossary", "terms.tsv"], "alone"),
        (["evaluate", "LM", "LM"], "alone"),
        (["evaluate", "LM,LM"], "alone"),
        (["score", "LM", "--engine", "onnx"], "has no export"),
        (
            ["train", "RECIPE", "train.from=TRANSLATOR", "--run=NEW"],
            "cannot turn into language_model",
        ),
        (["train", "RECIPE", "search.beam=3", "--run=NEW"], "search.beam has no effect"),
        (["train", "RECIPE", "train.streams=1000", "--run=NEW"], "the training text has only"),
    ],
)
def test_what_a_language_model_cannot_do_is_one_clear_line(
    language_run, language_recipe, translator, nmt, tmp_path, arguments, expected
):
    places = {
        "LM": language_run,
        "TRANSLATOR": translator,
        "RECIPE": language_recipe,
        "NEW": tmp_path / "new",
    }
    for name, place in places.items():
        arguments = [str(argument).replace(name, str(place)) for argument in arguments]
    done = nmt(*arguments)
    errors = [line for line in done.err.splitlines() if line.startswith("nmt: ")]
    assert done.status == 2 and done.out == "" and len(errors) == 1 and expected in errors[0]
    assert not places["NEW"].exists()
