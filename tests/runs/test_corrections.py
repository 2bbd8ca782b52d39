"""Corrections of users: a file that several processes may write, and some edit."""

import threading

import pytest

from nmt.errors import Failure, UserError
from nmt.runs import corrections as module
from nmt.runs.corrections import Corrections
from tests.fakes import messages


@pytest.fixture
def path(tmp_path):
    return tmp_path / "corrections.en-de.tsv"


def test_what_counts_of_a_file(path):
    path.write_text("a\tb\n c \td\te\nno tab\n\tnothing\na\tB\nx\ty\nx\t\nhalf")
    corrections = Corrections(path)
    assert corrections.pairs() == [("c", "d e"), ("a", "B")]
    # A line that was cut does not spoil the next.
    corrections.add([("f", "g")])
    assert Corrections(path).get("f") == corrections.get(" f\t") == "g"
    assert corrections.get("half") is None


def test_what_others_write_is_seen_at_once(path):
    mine, theirs = Corrections(path), Corrections(path)
    assert mine.get("a") is None
    theirs.add([("a", "b"), ("c", "d\ne")])
    assert mine.pairs() == [("a", "b"), ("c", "d e")]
    theirs.remove(["a"])
    assert mine.pairs() == [("c", "d e")]
    path.write_bytes(b"\x00\xff" * 20)
    with messages() as lines:
        assert mine.get("c") == mine.get("c") == "d e"
    assert len(lines) == 1
    path.unlink()
    assert mine.pairs() == []


def test_processes_that_write_at_once_lose_nothing(path):
    def write(name):
        own = Corrections(path)
        for number in range(50):
            own.add([(f"{name} {number}", "x" * 3000)])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pairs = Corrections(path).pairs()
    assert len(pairs) == 200 and {target for _, target in pairs} == {"x" * 3000}


def test_what_is_refused_changes_nothing(path, monkeypatch):
    corrections = Corrections(path)
    corrections.add([("a", "b")])
    monkeypatch.setattr(module, "MOST_BYTES", 20)
    for act, error in (
        (lambda: corrections.add([("c", "d"), ("e", " ")]), UserError),
        (lambda: corrections.add([("c", "d"), ("\t", "e")]), UserError),
        (lambda: corrections.remove(["a", "never kept"]), UserError),
        (lambda: corrections.add([("c", "d" * 20)]), Failure),
        (lambda: Corrections(path.parent / "gone" / path.name).add([("c", "d")]), Failure),
    ):
        with pytest.raises(error):
            act()
    assert path.read_text() == "a\tb\n" and list(path.parent.iterdir()) == [path]
