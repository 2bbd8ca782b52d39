"""Training on several devices gives what one device gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A process of its own, with two replicas to trace: 20 seconds.
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


def test_two_devices_train_as_one_that_computes_their_parts_in_turn():
    """Dropout on, a gradient that is clipped at every step, now and then a part without rows."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "training" / "two_devices.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    differences = json.loads(done.stdout.splitlines()[-1])
    assert differences["weights"] < 1e-6
    assert differences["losses"] == pytest.approx([0, 0], abs=1e-5)
    assert differences["smallest norm"] > 1
