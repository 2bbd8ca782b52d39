"""Killed again and again, a job has each row once, and its texts are those of `nmt translate`."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.corpora import toy as grammar
from tests import local_ray
from tests.fakes import nmt_command
from tests.local_ray import ROOT, wait_until

FILES, ROWS, WINDOW = 4, 50, 10
DRIVER = f"""
import sys
from nmt.bulk.job import Job
from nmt.bulk.running import run
from nmt.bulk.storage import Folder
from nmt.machine import show_messages
from tests.bulk_work import Slow

if __name__ == "__main__":
    work = Slow(sys.argv[1], seconds=1.0)
    job = Job(work, Folder("in"), None, Folder("out"), ["text"], None, {WINDOW})
    with show_messages():
        run(job, 2)
"""
# Command lines of workers.
WORKERS = {"processes": r"from multiprocessing\.spawn", "ray": r"^ray::MapWorker"}


@pytest.fixture(params=WORKERS)
def engine(request, monkeypatch, tmp_path):
    """Where workers are: processes of this machine, or a Ray cluster of this machine alone."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if request.param == "processes":
        yield request.param
        return
    with local_ray.started(tmp_path):
        yield request.param


def workers(engine):
    """Process ids of workers on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended
            continue
        if re.search(WORKERS[engine], command) and "resource_tracker" not in command:
            found.append(int(path.parent.name))
    return found


def started(run, folder):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, folder / "driver.py", str(run)]
    return subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)


def done(folder):
    return sorted((folder / "out").glob("*.txt"))


@pytest.mark.slow
def test_workers_and_driver_are_killed(engine, tmp_path, tiny_run):
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "in").mkdir()
    lines = [source for source, _ in grammar.generate("en-de", "test", FILES * ROWS)]
    for number in range(FILES):
        part = lines[number * ROWS : (number + 1) * ROWS]
        (tmp_path / "in" / f"{number}.txt").write_text("".join(f"{line}\n" for line in part))
    others = set(workers(engine))

    first = started(tiny_run, tmp_path)
    wait_until(lambda: len(done(tmp_path)) >= 2)
    os.kill(next(pid for pid in workers(engine) if pid not in others), signal.SIGKILL)
    wait_until(lambda: len(done(tmp_path)) >= 6)
    first.kill()
    first.wait()
    wait_until(lambda: not set(workers(engine)) - others)
    kept = {path: path.stat().st_mtime_ns for path in done(tmp_path)}
    assert 6 <= len(kept) < FILES * ROWS / WINDOW

    again = started(tiny_run, tmp_path)
    _, told = again.communicate(timeout=600)
    assert again.returncode == 0, told
    assert "are done already" in told
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    for number in range(FILES):
        text = "".join(path.read_text() for path in sorted((tmp_path / "out").glob(f"{number}-*")))
        path = tmp_path / "in" / f"{number}.txt"
        assert text == nmt_command("translate", tiny_run, "-i", path, "--window", WINDOW).out
