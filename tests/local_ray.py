"""A Ray cluster of this machine alone, with two workers."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}


@contextlib.contextmanager
def started(folder):
    """Within the block RAY_ADDRESS names it; skips the test without Ray. folder: for its files."""
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--head", "--node-ip-address=127.0.0.1", f"--port={port}", "--num-cpus=2", "--block"]
    limits = ["--include-dashboard=false", "--object-store-memory=100000000"]
    (folder / "token").write_text(secrets.token_hex(32))
    ray = str(Path(sys.executable).with_name("ray"))
    with pytest.MonkeyPatch.context() as patch, open(folder / "ray.log", "w+") as log:
        for name, value in {**SETTINGS, "RAY_AUTH_TOKEN_PATH": str(folder / "token")}.items():
            patch.setenv(name, value)
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        cluster = subprocess.Popen([ray, "start", *options, *limits], env=env, stdout=log)
        try:
            wait_until(lambda: "Ray runtime started" in (folder / "ray.log").read_text())
            patch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
            yield
        finally:
            cluster.terminate()
            cluster.wait(60)


def wait_until(happened, seconds=300):
    """Waits, at most so many seconds."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.2)
