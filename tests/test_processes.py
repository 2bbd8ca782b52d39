"""Work by several processes: what one process would give, in the same order."""

import subprocess
import sys

import pytest

# In a process of its own, as one with TensorFlow works alone.
SCRIPT = """
import os, signal, sys
from nmt import processes
from nmt.errors import Failure

processes.cores = lambda: 3

def squares(chunk):
    if chunk == [210] and {killed}:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid(), [number**2 for number in chunk]

try:
    found = list(processes.in_order(squares, processes.chunks_of(range({count}), 7)))
except Failure as error:
    sys.exit(f"failed: {{error}}")
assert [each for _, chunk in found for each in chunk] == [n**2 for n in range({count})]
print(len({{process for process, _ in found}}))
"""


@pytest.mark.parametrize(
    ("count", "killed", "status", "printed"),
    [
        (0, False, 0, "0"),
        (25 * 7, False, 0, "1"),
        (2000, False, 0, "234"),
        (211, True, 1, ""),
    ],
    ids=["nothing", "little", "much", "killed"],
)
def test_results_are_in_order(count, killed, status, printed):
    script = SCRIPT.format(count=count, killed=killed)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == status, ended.stderr
    assert ended.stdout.strip() in printed
    assert ("failed: a process that prepares text was killed" in ended.stderr) == killed
