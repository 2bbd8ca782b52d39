"""Corrections of users: a file that several processes may write, and some edit."""

import fcntl
import threading
import time

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


@pytest.mark.parametrize("source", ["%PDF-1.7 header", "\x1f\x8b zip", "\ufeffBOM", "PK\x03\x04"])
def test_whatever_the_first_one_begins_with_it_is_text(path, source):
    corrections = Corrections(path)
    corrections.add([(source, "Ä")])
    for each in (corrections, Corrections(path)):
        assert each.get(source) == "Ä"


def test_a_file_that_somebody_edits_is_read_anew(path):
    """Only what is added to it is read alone."""
    corrections = Corrections(path)
    corrections.add([("a", "b"), ("c", "d")])
    assert corrections.get("a") == "b"
    path.write_text("a\tB\nlonger\tthan before, in the same file\ne\tf")
    assert corrections.pairs() == [
        ("a", "B"),
        ("longer", "than before, in the same file"),
        ("e", "f"),
    ]
    # The last line is not at its end yet.
    with path.open("a") as file:
        file.write("g\nc\tD\n")
    assert corrections.get("e") == "fg" and corrections.get("c") == "D"
    assert not corrections.changed()


def test_nobody_who_reads_waits_for_one_who_writes(path):
    corrections = Corrections(path)
    corrections.add([("a", "b")])
    found = []
    writer = threading.Thread(target=lambda: corrections.add([("c", "d")]))
    reader = threading.Thread(target=lambda: found.append(corrections.get("e")))
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer.start()
        time.sleep(0.02)
        file.write("e\tf\n")
        file.flush()
        reader.start()
        reader.join(2)
        assert found == ["f"] and writer.is_alive()
    writer.join(10)
    assert corrections.pairs() == [("a", "b"), ("e", "f"), ("c", "d")]


def test_one_file_can_follow_another(path):
    def made(name, added=(), removed=()):
        corrections = Corrections(path.with_name(name))
        corrections.add(added)
        corrections.remove(removed)
        return corrections

    old = made("old", [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")], ["b", "d"])
    new = made("new", [("a", "1"), ("b", "2"), ("c", "earlier"), ("own", "5")])
    assert new.follow(old) == 2
    assert new.pairs() == [("a", "1"), ("own", "5"), ("c", "3")]
    assert new.follow(old) == 0
    assert new.follow(old, alone=True) == 1
    assert sorted(new.pairs()) == sorted(old.pairs())
    nothing = made("nothing")
    assert nothing.follow(made("none")) == 0 and not nothing.path.exists()


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
        (lambda: corrections.add([("c", "\ud800")]), UserError),
        (lambda: corrections.add([("c", "d" * 20)]), Failure),
        (lambda: Corrections(path.parent / "gone" / path.name).add([("c", "d")]), Failure),
    ):
        with pytest.raises(error):
            act()
    assert path.read_text() == "a\tb\n" and list(path.parent.iterdir()) == [path]


def test_what_is_wrong_can_be_taken_back_from_a_full_file(path, monkeypatch):
    corrections = Corrections(path)
    corrections.add([("a", "b")])
    monkeypatch.setattr(module, "MOST_BYTES", 5)
    with pytest.raises(Failure, match="is full.*`nmt correct --list`"):
        corrections.add([("c", "d")])
    corrections.remove(["a"])
    assert corrections.pairs() == []
