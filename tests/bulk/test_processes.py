"""Workers that die are replaced, and no row is lost or doubled; mistakes end a job."""

import pytest

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
    lines = [f"kill {tmp_path / 'always'}", "two", "three", "four", "five"]
    with pytest.raises(Failure, match="workers died 3 times"):
        run(job(tmp_path, lines), 1)
    assert text(tmp_path) == "THREE\nFOUR\nFIVE\n"


def test_a_mistake_in_a_row_ends_the_job(tmp_path):
    with pytest.raises(UserError, match="this is refused"):
        run(job(tmp_path, ["one", "two", "refuse"]), 1)
    assert text(tmp_path) == "ONE\nTWO\n"
