"""Workers that die are replaced, and no row is lost or doubled; mistakes end a job."""

import pytest

from nmt.bulk import processes
from nmt.bulk.job import Job
from nmt.bulk.running import run
from nmt.bulk.storage import Folder
from nmt.errors import Failure, UserError
from nmt.machine import show_messages
from tests.bulk_work import Shout


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def job(folder, lines):
    (folder / "in").mkdir()
    (folder / "in" / "a.txt").write_text("".join(f"{line}\n" for line in lines))
    source, target = (Folder(str(folder / name)) for name in ("in", "out"))
    return Job(Shout(), source, None, target, ["text"], None, 2)


def text(folder):
    return "".join(path.read_text() for path in sorted((folder / "out").glob("a-*.txt")))


def test_a_worker_that_dies_is_replaced(tmp_path, capsys):
    lines = ["one", "two", f"kill {tmp_path / 'once'}", "four", "five"]
    with show_messages():
        run(job(tmp_path, lines), 2)
    assert text(tmp_path) == "".join(f"{line.upper()}\n" for line in lines)
    told = capsys.readouterr().err
    assert "warning: a worker died; its window is done again" in told
    assert "5 rows done" in told and "3 rows: long" in told


def test_what_kills_every_worker_ends_the_job_after_all_else(tmp_path):
    """Also what runs beside is done, and what kills is named."""
    lines = ["one", "two", f"kill {tmp_path / 'always'}", "four", "five"]
    with pytest.raises(Failure, match=r"a.txt, rows 3 to 4: workers died 3 times"):
        run(job(tmp_path, lines), 2)
    assert text(tmp_path) == "ONE\nTWO\nFIVE\n"


def results(monkeypatch, kills, windows, workers):
    """(windows that were done, what was started each time) without processes; some windows kill."""
    started = []

    def tried(job, left, count):
        started.append((list(left), count))
        # The last of those in work is done before the first one kills.
        for window in reversed(left[:count]) if count > 1 else left:
            if kills(window, started):
                return
            yield window, window

    monkeypatch.setattr(processes, "_tried", tried)
    monkeypatch.setattr(processes, "described", lambda job, window: window)
    done = []
    try:
        done += processes.results(None, windows, workers)
    except Failure as error:
        done.append(str(error))
    return done, started


def test_windows_in_work_with_one_that_kills_are_done_alone(monkeypatch):
    done, started = results(monkeypatch, lambda window, _: window == "b", list("abcdef"), 3)
    assert sorted(done[:-1]) == ["a", "c", "d", "e", "f"]
    assert done[-1].startswith("b: workers died 3 times")
    assert all(count == 1 for left, count in started if "b" in left and len(left) < 4)


def test_a_machine_on_which_no_worker_lives_is_told(monkeypatch):
    done, started = results(monkeypatch, lambda *_: True, list(range(99)), 4)
    assert len(done) == 1 and done[0].startswith("workers died 10 times (killed")
    assert len(started) == 10


def test_a_mistake_in_a_row_ends_the_job(tmp_path):
    with pytest.raises(UserError, match="this is refused"):
        run(job(tmp_path, ["one", "two", "refuse"]), 1)
    assert text(tmp_path) == "ONE\nTWO\n"
