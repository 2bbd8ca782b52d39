"""What a job began with is told by weights, options and files beside the run."""

from types import SimpleNamespace

import pytest

from nmt.bulk.work import Translation, identity


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a run without weights, a glossary and a memory; paths are relative to it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "memory").mkdir()
    for name in ("glossary.tsv", "memory/a.tsv", "run/corrections.de-en.tsv"):
        (tmp_path / name).write_text("a\tb\n")
    recipe = SimpleNamespace(data=SimpleNamespace(source="en", target="de"))
    info = SimpleNamespace(weights_sha256="x")
    run = SimpleNamespace(path=tmp_path / "run", recipe=recipe, info=info)
    monkeypatch.setattr("nmt.bulk.work.open_runs", lambda path: [run])
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
    assert made["corrections"] is None
