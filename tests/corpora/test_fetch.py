"""Fetching: once, checked, and nothing that is wrong is kept."""

import hashlib
import subprocess
import types
import urllib.request
from pathlib import Path

import pytest

from nmt.corpora.corpus import Corpus
from nmt.errors import Failure, UserError
from nmt.recipe import DataOptions
from tests.corpora.texts import catalogue, component_of, read, write
from tests.fakes import messages


def public(tmp_path, **changes):
    """A recipe whose public address is a local folder."""
    checksums = {}
    for code, text in (("en", "a bird\n"), ("de", "ein Vogel\n")):
        write(tmp_path / "public" / f"t.{code}.gz", text)
        checksums[f"t.{code}"] = hashlib.sha256(text.encode()).hexdigest()
    values = {
        "train": "t.{lang}.gz",
        "url": (tmp_path / "public").as_uri(),
        "folder": "birds",
        "held_out": 0.0,
    }
    return DataOptions(**{**values, "checksums": checksums, **changes})


def test_fetch_once_then_offline(tmp_path, monkeypatch):
    data = public(tmp_path)
    with messages() as said:
        Corpus(data, tmp_path / "down").fetch()
    assert len(said) == 2 and len(list((tmp_path / "down/birds").iterdir())) == 2
    monkeypatch.setattr(urllib.request, "urlopen", None)
    Corpus(data, tmp_path / "down").fetch()
    assert read(data, downloads=tmp_path / "down") == [("a bird", "ein Vogel")]
    write(tmp_path / "down/birds/t.de.gz", "ein Fisch\n")
    with pytest.raises(
        Failure, match=r"t.de.gz: wrong checksum: expected \w{64}, got \w{64}; delete "
    ):
        Corpus(data, tmp_path / "down").fetch()


def test_nmt_home_is_the_folder_of_downloads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Corpus(public(tmp_path)).fetch()
    assert (tmp_path / "data/downloads/birds/t.de.gz").exists()
    monkeypatch.setenv("NMT_HOME", str(tmp_path / "home"))
    Corpus(public(tmp_path)).fetch()
    assert (tmp_path / "home/birds/t.de.gz").exists()


def test_what_arrives_wrong_is_not_kept(tmp_path):
    data = public(tmp_path, checksums={"t.en": "0" * 64})
    with pytest.raises(
        Failure, match="t.en.gz: wrong checksum: expected 0{64}, got .*nothing was kept"
    ):
        Corpus(data, tmp_path / "down").fetch()
    write(tmp_path / "public/t.en.gz", "").write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(Failure, match="damaged gzip data"):
        Corpus(data, tmp_path / "down").fetch()
    (tmp_path / "public/t.en.gz").unlink()
    with pytest.raises(Failure, match="cannot be fetched .*NMT_DATA"):
        Corpus(data, tmp_path / "down").fetch()
    assert list((tmp_path / "down/birds").iterdir()) == []


def test_nmt_data_is_used_instead_of_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", None)
    monkeypatch.setenv("NMT_DATA", str(tmp_path / "mine"))
    data = public(tmp_path, train="t.{lang}")
    with pytest.raises(UserError, match="mine/birds/t.en: no such file; .*NMT_DATA"):
        Corpus(data, tmp_path / "down").fetch()
    for code, text in (("en", "a bird\n"), ("de", "ein Vogel\n")):
        write(
            tmp_path / f"mine/birds/t.{code}.gz", text
        )  # compressed, though the recipe says plain
    Corpus(data, tmp_path / "down").fetch()
    assert read(data, downloads=tmp_path / "down") == [("a bird", "ein Vogel")]


def test_wheel(tmp_path, monkeypatch):
    texts = {component_of("train"): {"en": {"a": "Lamp"}, "de": {"a": "Lampe"}}}
    path, data = catalogue(tmp_path / "index", texts)

    def pip(command, **options):
        assert command[1:4] == ["-m", "pip", "download"] and command[-1] == "house==1.0"
        write(Path(command[command.index("-d") + 1]) / path.name, path.read_bytes())
        return types.SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(Failure, match="not there; fetch it first"):
        read(data, downloads=tmp_path / "down")
    data.checksums = {path.name: "1" * 64}
    with pytest.raises(Failure, match=f"{path.name}: wrong checksum: expected 1{{64}}, got "):
        Corpus(data, tmp_path / "down").fetch()
    assert list((tmp_path / "down/house").iterdir()) == []
    data.checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    Corpus(data, tmp_path / "down").fetch()
    monkeypatch.setattr(subprocess, "run", None)
    Corpus(data, tmp_path / "down").fetch()
    assert read(data, downloads=tmp_path / "down") == [("Lamp", "Lampe")]
    monkeypatch.setenv("NMT_DATA", str(tmp_path / "index"))
    Corpus(data, tmp_path / "elsewhere").fetch()
    write(path, path.read_bytes()[:-30])
    with pytest.raises(Failure, match="damaged"):
        read(data, downloads=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after NewConnectionError\nERROR: none\n",
            "no connection to the package",
        ),
        (
            "ERROR: could not (from versions: ...)\nERROR: No matching distribution\n",
            "No matching distribution",
        ),
        ("python: No module named pip\n", "No module named pip"),
    ],
)
def test_no_wheel(tmp_path, monkeypatch, stderr, reason):
    answer = types.SimpleNamespace(returncode=1, stderr=stderr)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: answer)
    data = DataOptions(format="catalogues", name="house==1.0", folder="house")
    with pytest.raises(Failure, match=f"house==1.0: cannot be fetched .*{reason}.*NMT_DATA"):
        Corpus(data, tmp_path).fetch()
