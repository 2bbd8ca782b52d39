"""Reports that still answer, text of one's own, runs without their corpus, refusals."""

import gzip
import json
import os
import re
import shutil

import pytest

import nmt.evaluation.report
from nmt import files
from nmt.corpora.corpus import Corpus
from nmt.errors import Failure
from nmt.evaluation import calibration
from nmt.evaluation.copied_spans import copied_spans
from nmt.recipe import dump_recipe, load_recipe
from nmt.runs.folder import Run
from nmt.runs.held_out import stamp
from tests.fakes import nmt_command, tree

pytestmark = pytest.mark.usefixtures("load_once")

MISTAKE = 2
FAILURE = 1
NAMES = ("source", "output", "reference")


def test_terms_are_counted_and_leave_no_report(world, tiny_run):
    (world / "terms.tsv").write_text("two\tXyz\nthree\tdrei\n", encoding="utf-8")
    before = tree(tiny_run)
    text = ["--source", "good.en", "--reference", "good.de"]
    done = nmt_command("evaluate", tiny_run, *text, "--glossary", "terms.tsv")
    assert done.status == 0 and done.out.endswith("terms: 2 of 2 used\n"), done
    assert "terms:" not in nmt_command("evaluate", tiny_run, *text).out
    assert tree(tiny_run) == before


def test_a_glossary_that_is_not_there_is_refused_before_the_run_changes(
    world, tiny_run, monkeypatch
):
    changed = []
    monkeypatch.setattr(calibration, "calibrate", lambda *of: changed.append(of))
    before = tree(tiny_run)
    done = nmt_command("evaluate", tiny_run, "--split", "valid", "--glossary", "nosuch.tsv")
    assert done.status == 2 and "nosuch.tsv: no such file" in done.err
    assert not changed and tree(tiny_run) == before


def test_the_report_that_is_there_is_shown_only_if_it_answers(world, tiny_run, monkeypatch):
    calls, run = [], world / "run"
    shutil.copytree(tiny_run, run)
    part = {"score": 1.0, "interval": [0.5, 1.5], "signature": "s", "brevity": 1.0}
    report = {
        "split": "test",
        "beam": 3,
        "length_penalty": 1.0,
        "weights": Run.open(run).info.weights,
        "sentences": 5,
        "source": "en",
        "target": "de",
        "sentences_per_second": 1.0,
        "bleu": part,
        "chrf": part,
        "text": stamp(Run(run), "test"),
        "by_length": [],
        "copied_spans": copied_spans([], [], [], {}),
    }
    (run / "report.json").write_text(json.dumps(report))

    def fake(run, translator, text, beam=None, *_):
        calls.append((text.name, beam))
        return {**report, "split": text.name, "beam": beam or 3}, []

    monkeypatch.setattr("nmt.evaluation.report.evaluate", fake)
    monkeypatch.setattr("nmt.evaluation.report.write_report", lambda *_: None)
    loaded = []
    monkeypatch.setattr(
        "nmt.inference.load.load", lambda path, engine, threads, typed, to: loaded.append(typed)
    )
    for arguments, expected in (
        (["--once"], []),
        ([], [("test", None)]),
        (["--once", "--split", "valid"], [("valid", None)]),
        (["--once", "--beam", 1], [("test", 1)]),
        (["--once", "--beam", 3], []),
        (["--once", "--length-penalty", 0.5], [("test", None)]),
        (["--once", "--length-penalty", 1], []),
        ([str(run)], [("test", None)] * 2),
    ):
        calls.clear()
        done = nmt_command("evaluate", run, *arguments)
        assert done.status == 0 and calls == expected, arguments
        assert ("valid" if "valid" in arguments else "test") in done.out.splitlines()[0]
    # A length penalty is for all runs, a language model for the first.
    loaded.clear()
    typed = ["--length-penalty", 0.5, "--lm-weight", 0]
    assert nmt_command("evaluate", run, str(run), "--split", "valid", *typed).status == 0
    of_length = "search.length_penalty=0.5"
    assert loaded == [[of_length, "search.lm_weight=0"], [of_length]]
    for more in (["--memory"], ["--glossary", "two.tsv"], ["--engine", "onnx"], [str(run)]):
        assert nmt_command("evaluate", run, "--once", *more).status == MISTAKE
    (run / "report.json").write_text(json.dumps({**report, "beam": 1}))
    calls.clear()
    assert nmt_command("evaluate", run, "--once").status == 0 and calls == [("test", None)]


@pytest.mark.parametrize(
    "arguments", [["evaluate"], ["evaluate", "--split", "valid"], ["filter", "--check"]]
)
def test_of_an_older_run_the_corpus_is_fetched(world, tiny_run, monkeypatch, arguments):
    """It keeps no text; it may be scored on another machine than the one that trained it."""
    run, asked = moved(tiny_run, world / "moved"), []
    Run(run).update(held_out=None)

    def fetch(corpus):
        asked.append(corpus.data.name)
        raise Failure("no network")

    monkeypatch.setattr(Corpus, "fetch", fetch)
    done = nmt_command(arguments[0], run, *arguments[1:])
    assert (done.status, done.err.splitlines()[-1]) == (FAILURE, "nmt: no network")
    assert asked == ["ted_hrlr_translate/pt_to_en"]


def moved(run, folder):
    """A copy of a run on a machine that has not got its corpus."""
    shutil.copytree(run, folder)
    recipe = ["data.format=tfds", "data.name=ted_hrlr_translate/pt_to_en"]
    own = load_recipe(folder / "recipe.toml", recipe)
    (folder / "recipe.toml").write_text(dump_recipe(own), encoding="utf-8")
    return folder


def keep_little(run):
    """Leaves a run 30 pairs of the text that it keeps of each split."""
    digests = {}
    for path in run.glob("held_out.*"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[:30]), "utf-8")
        digests[path.name] = files.digest(path)
    Run(run).update(held_out=digests)


@pytest.mark.parametrize("part", ["", "export"])
def test_a_run_and_its_export_keep_their_text(world, tiny_run, babbling, part):
    run = moved(tiny_run / part, world / "moved")
    keep_little(run)
    for arguments in (["evaluate"], ["evaluate", "--split", "valid"]):
        done = nmt_command(arguments[0], run, *arguments[1:])
        assert done.status == 0 and " 30 sentences en-de" in done.out, done.err
    kept = (run / "held_out.test.tsv").read_text("utf-8").splitlines()
    columns = [(run / f"test.{name}.txt").read_text("utf-8").splitlines() for name in NAMES]
    assert kept == ["\t".join(pair) for pair in zip(columns[0], columns[2], strict=True)]
    assert len(columns[1]) == 30


def test_a_text_that_was_changed_is_no_test_set(world, tiny_run):
    run = shutil.copytree(tiny_run, world / "run")
    with open(run / "held_out.test.tsv", "a") as file:
        file.write("more\tmehr\n")
    done = nmt_command("evaluate", run)
    assert done.status == FAILURE and "held_out.test.tsv: damaged" in done.err


# ---- any text


def texts(folder):
    """The same three pairs as files of several kinds, and the arguments that name them."""
    pairs = [("The boy reads.", "Der Junge liest."), ("A cat.", "Eine Katze."), ("{n} cats", "{n}")]
    sides = ["".join(line + "\n" for line in side) for side in zip(*pairs, strict=True)]
    for name, text in zip(("new.en", "new.de"), sides, strict=True):
        (folder / name).write_text(text)
        (folder / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "new.tsv").write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>{source}</seg></tuv>'
        f'<tuv xml:lang="de"><seg>{target}</seg></tuv></tu>'
        for source, target in pairs
    )
    (folder / "new.tmx").write_text(f'<tmx version="1.4"><body>{units}</body></tmx>')
    return [
        ["--source", "new.en", "--reference", "new.de"],
        ["--source", "new.en.gz", "--reference", "new.de.gz"],
        ["data.test=new.{lang}"],
        ["data.test=new.tsv", "data.format=tsv"],
        ["data.format=tmx", "data.test=new.tmx"],
    ]


def test_any_text_is_scored_and_no_report_of_it_is_kept(world, tiny_run, babbling, monkeypatch):
    scored = []

    def fake(run, translator, text, *_):
        scored.append(text)
        return real(run, translator, text, *_)

    real = nmt.evaluation.report.evaluate
    monkeypatch.setattr("nmt.evaluation.report.evaluate", fake)
    own = texts(world)
    before = tree(world), tree(tiny_run)
    for arguments in own:
        done = nmt_command("evaluate", tiny_run, *arguments)
        assert done.status == 0 and ", 3 sentences en-de" in done.out, done.err
    assert len({str(text.pairs) for text in scored}) == 1 and len(scored) == len(own)
    assert (tree(world), tree(tiny_run)) == before


def test_runs_are_compared_on_a_text_with_the_first(world, tiny_run, babbling):
    texts(world)
    others = [shutil.copytree(tiny_run, world / name) for name in ("second", "third")]
    recipe = others[1] / "recipe.toml"
    recipe.write_text(re.sub("(?m)^seed = .*", "seed = 77", recipe.read_text("utf-8")), "utf-8")
    done = nmt_command("evaluate", tiny_run, *others, "--source=new.en", "--reference=new.de")
    assert done.status == 0, done.err
    table = done.out[done.out.index("new.en  ") :].splitlines()
    assert table[0].split() == ["new.en", "BLEU", "chrF", "chrF++", "TER", "p", "BLEU", "p", "chrF"]
    # Another seed of the first run is in its row; the second run has the same seed.
    assert table[1].startswith(f"{tiny_run} (2 seeds)") and table[1].count(" to ") == 4
    assert table[2].startswith(f"{others[0]} ") and table[2].endswith("1.0000  1.0000")
    assert table[3] == f"p: paired bootstrap against {tiny_run}, 1000 resamples"
    assert [line.split(": ")[0] for line in table[4:]] == ["BLEU", "chrF", "chrF++", "TER"]


# ---- refused before the work, and shown after it


def test_what_cannot_be_compared_is_refused_before_anything_is_loaded(world, tiny_run, monkeypatch):
    loaded = []
    monkeypatch.setattr("nmt.inference.load.load", lambda *_, to: loaded.append(_))
    texts(world)
    other = shutil.copytree(tiny_run, world / "other")
    path = other / "held_out.test.tsv"
    path.write_text("A cat.\tEine Katze.\n")
    Run(other).update(held_out={path.name: files.digest(path)})
    french = shutil.copytree(tiny_run, world / "french")
    recipe = french / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace('target = "de"', 'target = "fr"'), "utf-8")
    own = ["--source=new.en", "--reference=new.de"]
    for arguments, words in (
        ([other], "have different test sentences"),
        ([french], "translates en-de, but"),
        ([french, *own], "translates en-de, but"),
    ):
        done = nmt_command("evaluate", tiny_run, *arguments)
        assert done.status == MISTAKE and words in done.err and done.out == ""
    assert loaded == []
    assert nmt_command("evaluate", tiny_run, "--split=valid").status != MISTAKE and loaded


@pytest.mark.parametrize(
    ("package", "installs"), [("tensorflow", '"own-nmt[train]"'), ("yaml", "yaml")]
)
def test_a_package_that_is_missing_is_named(world, tiny_run, monkeypatch, package, installs):
    def missing(*_, to):
        raise ModuleNotFoundError(f"No module named '{package}.x'", name=f"{package}.x")

    monkeypatch.setattr("nmt.inference.load.load", missing)
    done = nmt_command("evaluate", tiny_run)
    assert done.status == MISTAKE
    assert (
        done.err == f"nmt: this needs what is not installed ({package}): pip install {installs}\n"
    )


def test_scores_are_shown_where_no_report_can_be_written(world, tiny_run, babbling, monkeypatch):
    run = shutil.copytree(tiny_run, world / "run")
    keep_little(run)

    def read_only(*_):
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(os, "fsync", read_only)
    done = nmt_command("evaluate", run)
    assert done.status == 0 and "BLEU " in done.out
    last = done.err.splitlines()[-1]
    assert last.startswith("warning: no report is kept: cannot write ") and "Read-only" in last
