"""Several processes train together, as on several machines: here on one, over its loopback."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nmt.runs.folder import Run
from tests.short_run import SHORT, assert_same_run, contents

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
# Two devices in one process, of which the command knows nothing else.
TWO_DEVICES = """
import sys
from nmt.machine import silence
with silence():
    import tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from nmt.__main__ import main
sys.exit(main())
"""


def start(recipe, folder, program=("-m", "nmt"), **environment):
    """A training in another process."""
    return subprocess.Popen(
        [sys.executable, *program, "train", str(recipe), *SHORT, "--run", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def start_two(recipe, folder):
    """A training of two processes."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in servers]
    for server in servers:
        server.close()
    cluster = {"worker": addresses}
    tasks = [{"type": "worker", "index": number} for number in range(2)]
    configs = [json.dumps({"cluster": cluster, "task": task}) for task in tasks]
    return [start(recipe, folder, TF_CONFIG=config) for config in configs]


def ended(processes, seconds=600):
    """Status and output of each process."""
    outputs = [process.communicate(timeout=seconds)[0] for process in processes]
    return [
        (process.returncode, output) for process, output in zip(processes, outputs, strict=True)
    ]


def wait_for_state(folder, processes, step):
    """Until a state of that step or a later one is saved."""
    while True:
        assert all(process.poll() is None for process in processes), ended(processes)
        try:
            with np.load(Run(folder).state_path) as saved:
                if json.loads(saved["history"].tobytes())["step"] >= step:
                    return
        except OSError:
            time.sleep(0.05)


@pytest.fixture(scope="module")
def together(tiny_recipe, tmp_path_factory):
    """The folder of a run of two processes that nothing interrupted, and what they said."""
    folder = tmp_path_factory.mktemp("together") / "run"
    (status, first), (other_status, second) = ended(start_two(tiny_recipe, folder))
    assert (status, other_status) == (0, 0), first + second
    return folder, first, second


def test_two_processes_train_as_two_devices(together, short_run, tiny_recipe, tmp_path):
    """The first one alone writes, and leaves the same files as a training of one process."""
    folder, first, second = together
    program = ("-c", TWO_DEVICES)
    [(status, output)] = ended([start(tiny_recipe, tmp_path / "devices", program)])
    assert status == 0, output
    assert "2 CPUs share each batch" in output
    with (
        np.load(Run(folder).state_path) as own,
        np.load(Run(tmp_path / "devices").state_path) as other,
    ):
        assert own.files == other.files
        for name in set(own.files) - {"history"}:
            np.testing.assert_allclose(own[name], other[name], atol=1e-6, err_msg=name)
    names = [re.sub(r"-\d{7}\.", "-N.", name) for name in contents(folder)]
    assert names == [re.sub(r"-\d{7}\.", "-N.", name) for name in contents(short_run)]
    assert "complete after 32 steps" in first and "complete" not in second
    assert Run(folder).info.target_tokens == Run(short_run).info.target_tokens


def test_whatever_stops_one_process_all_go_on_bit_for_bit(together, tiny_recipe, tmp_path):
    """Killed, then stopped by a signal; each time the other one ends, and says what to do."""
    folder = tmp_path / "run"
    processes = start_two(tiny_recipe, folder)
    wait_for_state(folder, processes, 3)
    processes[1].kill()
    (status, output), _ = ended(processes)
    assert status == 1
    last = output.splitlines()[-1]
    assert re.fullmatch(
        r"nmt: process 1 of 2 \(127.0.0.1:\d+\) is gone; start all processes again, training goes "
        r"on after step \d+",
        last,
    )

    processes = start_two(tiny_recipe, folder)
    wait_for_state(folder, processes, 20)
    processes[1].send_signal(signal.SIGTERM)
    for status, output in ended(processes):
        assert status == 128 + signal.SIGTERM, output
        assert "resuming at step" in output and "state saved" in output

    results = ended(start_two(tiny_recipe, folder))
    assert [status for status, _ in results] == [0, 0], results
    starts = [re.findall(r"resuming at step (\d+)", output) for _, output in results]
    assert starts[0] == starts[1]
    assert_same_run(folder, together[0])
