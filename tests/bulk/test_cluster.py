"""A window that kills workers of a cluster is given up; here without one."""

import numpy as np

from nmt.bulk.cluster import Tries, Worker
from nmt.bulk.job import Job
from nmt.bulk.storage import Folder
from tests.bulk_work import Shout


def test_a_window_that_was_begun_too_often_is_given_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("one\ntwo\nthree\n")
    job = Job(Shout(), Folder("in"), None, Folder("out"), ["text"], None, 2)
    tries = Tries()
    worker = Worker(job, str(tmp_path), tries.begin)
    first, second = (
        {name: np.array([value]) for name, value in window._asdict().items()}
        for window in job.windows()
    )
    # As often as workers died.
    for _ in range(3):
        tries.begin(job.windows()[0].output)
    given_up, done = worker(first), worker(second)
    assert given_up["given_up"] == [True] and given_up.keys() == done.keys()
    assert given_up["error"][0].startswith("in/a.txt, rows 1 to 2: workers died 3 times (killed")
    assert (done["given_up"], done["error"], done["rows"]) == ([False], [""], [1])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a-00002.txt"]
