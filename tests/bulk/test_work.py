"""What a job began with is told by weights, options and files beside the run."""

from types import SimpleNamespace

import pytest

from nmt.bulk.work import Scoring, Translation, identity
from nmt.recipe import Recipe, load_recipe

GRAMMAR = ("data.format=grammar",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a run without weights, a glossary and a memory; paths are relative to it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "memory").mkdir()
    for name in ("glossary.tsv", "memory/a.tsv", "run/corrections.de-en.tsv"):
        (tmp_path / name).write_text("a\tb\n")
    run = SimpleNamespace(
        path=tmp_path / "run",
        recipe=Recipe(),
        weights_digest="x",
        load_recipe=lambda overrides: load_recipe(overrides=[*GRAMMAR, *overrides]),
    )
    monkeypatch.setattr("nmt.bulk.work.open_runs", lambda path: [run])
    monkeypatch.setattr("nmt.bulk.work.Run.open", lambda path: SimpleNamespace(weights_digest=path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "to", "differs"),
    [
        ("glossary.tsv", None, "content of the glossary"),
        ("memory/a.tsv", None, "content of the memory"),
        ("memory/b.tsv", None, "content of the memory"),
        ("run/corrections.en-de.tsv", None, "corrections"),
        ("run/corrections.en-pt-BR.tsv", "pt_BR", "corrections"),
        # Of another direction.
        ("run/corrections.de-en.tsv", None, None),
    ],
)
def test_a_file_that_changes_makes_another_work(folder, name, to, differs):
    work = Translation("run", to, glossary="glossary.tsv", memory="memory")
    before = identity(work)
    (folder / name).write_text("a\tc\n")
    after = identity(work)
    assert [key for key in after if before[key] != after[key]] == ([differs] if differs else [])


def test_a_work_without_files_beside_it_has_none_in_its_record(folder):
    made = identity(Translation("run"))
    assert made["run"] == ["x"] and not any(made[key] for key in made if "content" in key)
    assert made["corrections"] is made["helping runs"] is None


@pytest.mark.parametrize("work", [Translation, Scoring])
def test_a_run_that_helps_is_known_by_its_weights(folder, work, monkeypatch):
    helped = work("run", overrides=["search.lm=/lm"])
    assert identity(helped)["helping runs"] == ["/lm"]
    monkeypatch.setattr("nmt.bulk.work.Run.open", lambda path: SimpleNamespace(weights_digest="y"))
    assert identity(helped)["helping runs"] == ["y"]
