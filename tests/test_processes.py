"""Work by several processes: what one process would give, in the same order."""

import signal
import subprocess
import sys

import pytest

from nmt import machine

# In a process of its own, as one with TensorFlow works alone.
SCRIPT = """
import os, signal, sys
from nmt import processes
from nmt.windows import windows
from nmt.errors import Failure

processes.cores = lambda: 3

def squares(chunk):
    if chunk == [210]:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), [number**2 for number in chunk]

def workers(count, most):
    found = list(processes.in_order(squares, windows(range(count), 7), most))
    assert [each for _, chunk in found for each in chunk] == [n**2 for n in range(count)]
    return len({process for process, _ in found})
"""


def printed(script):
    """What a process that runs the script prints, and its errors."""
    command = [sys.executable, "-c", SCRIPT + script]
    ended = subprocess.run(command, capture_output=True, text=True)
    return ended.stdout.strip(), ended.stderr


def test_results_are_in_order():
    """Of nothing, of little and of much, by several processes and by one."""
    counts = [(0, 0), (25 * 7, 0), (2000, 0), (2000, 1)]
    out, errors = printed(f"print(*(workers(*each) for each in {counts}))")
    none, little, much, by_one = map(int, out.split())
    assert (none, little, by_one, errors) == (0, 1, 1, "") and 2 <= much <= 4


def test_a_process_that_was_killed_is_told():
    out, errors = printed("try: workers(211, 2)\nexcept Failure as error: print(error)")
    assert out.startswith("a process that prepares text was killed")
    assert "train.threads" in out and errors == ""


KILLED = """
import itertools, os, signal, time
from nmt import processes

def process(chunk):
    time.sleep(0.01)
    return os.getpid()

found = set()
for number in processes.in_order(process, itertools.count(), 3):
    found.add(number)
    if len(found) == 4:
        print(*found - {os.getpid()}, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_the_one_that_was_killed():
    """Its output ends when the last of them has ended."""
    ended = subprocess.run([sys.executable, "-c", KILLED], stdout=subprocess.PIPE, timeout=60)
    assert (ended.returncode, len(ended.stdout.split())) == (-signal.SIGKILL, 3)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 8), ("250000 100000", 3), ("10000 100000", 1), ("9900000 100000", 8), ("", 8)],
)
def test_cores_are_those_that_a_container_may_take(limit, expected, monkeypatch, tmp_path):
    (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(machine, "CGROUP", tmp_path / "cpu.max")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    assert machine.cores() == expected
