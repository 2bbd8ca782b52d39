"""Work on a Ray cluster: where one is named, with the same results; what fails is told."""

import functools
import itertools
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

from nmt import processes
from nmt.errors import Failure, UserError
from nmt.experiments import isolated
from tests import local_ray
from tests.fakes import nmt_command, tree
from tests.small_shards import BEGIN, RECIPE

PREPARE = f"""{BEGIN}
import sys
from nmt.machine import show_messages

recipe = load_recipe(sys.argv[1], ["train.threads=2"])
run = Run(sys.argv[2])
run.save_recipe(recipe)
with show_messages():
    prepare.training_store(run, recipe)
"""
# Its tasks tell when they ran.
WATCH = """
import sys, time
from pathlib import Path
from nmt import processes

processes.ALONE = 0

def watched(number):
    started = time.time()
    time.sleep(0.2)
    return started, time.time()

times = sorted(processes.in_order(watched, range(12), int(sys.argv[1])))
most = max(sum(s <= start < e for s, e in times) for start, _ in times)
Path(sys.argv[2]).write_text(str(most))
"""
# Kills its worker, with a file only once.
KILL = """
import os, signal, sys
from pathlib import Path
from nmt import processes
from nmt.errors import Failure

processes.ALONE = 0
marker = Path(sys.argv[1])

def squared(number):
    if number == 7 and not marker.exists():
        if marker.name == "once":
            marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2

try:
    told = " ".join(map(str, processes.in_order(squared, range(20))))
except Failure as error:
    told = str(error)
Path(sys.argv[2]).write_text(told)
"""


class FakeTask:
    """Both of the objects that a task returns."""

    def __init__(self, function, shared, chunk, after):
        self.call = function, pickle.loads(shared), chunk
        self.after = after
        self.is_done = False

    def may_run(self):
        return not self.is_done and (self.after is None or self.after.is_done)


class FakeRay(types.ModuleType):
    """What nmt uses of Ray, with workers that begin when they are waited for."""

    class exceptions:
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            def __init__(self, cause):
                super().__init__(f"ray::_call()\n  line 1\n{type(cause).__name__}: {cause}\n")
                self.cause = cause

    def __init__(self, refusal=None, death=None, cores=2, found="", version=None):
        """refusal: of a connection. death: of each worker. found: what "auto" means."""
        super().__init__("ray")
        self.refusal = refusal
        self.death = death
        self.cores = cores
        self.version = version
        services = types.SimpleNamespace(canonicalize_bootstrap_address=lambda _: found)
        self._private = types.SimpleNamespace(services=services)
        self.tasks = []
        self.cancelled = []
        self.most_running = self.most_waiting = self.connections = 0
        self.answers_in_time = True

    def init(self, **_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.refusal:
            raise self.refusal
        self.connections += 1

    def is_initialized(self):
        return self.connections > 0

    def shutdown(self):
        self.connections -= 1

    def cluster_resources(self):
        return {"CPU": float(self.cores)} if self.cores else {}

    def nodes(self):
        return [{}]

    def put(self, value):
        return pickle.dumps(value)

    def remote(self, **_):
        return lambda function: types.SimpleNamespace(remote=lambda *a: self._begin(function, *a))

    def _begin(self, function, version, shared, chunk, after):
        call = functools.partial(function, self.version or version)
        task = FakeTask(call, shared, chunk, after)
        self.tasks.append(task)
        running = sum(task.may_run() for task in self.tasks)
        self.most_running = max(self.most_running, running)
        waiting = sum(not task.is_done for task in self.tasks)
        self.most_waiting = max(self.most_waiting, waiting)
        return task, task

    def wait(self, tasks, timeout):
        return (tasks, []) if self.answers_in_time else ([], tasks)

    def get(self, task):
        if self.death is not None:
            raise self.exceptions.RayError(self.death)
        task.is_done = True
        function, shared, chunk = task.call
        try:
            return function(shared, chunk, None)[0]
        except Exception as error:
            raise self.exceptions.RayTaskError(error) from error

    def cancel(self, task):
        self.cancelled.append(task)


def squared(number):
    if number == 30:
        raise UserError("30 is refused")
    if number == 60:
        raise FileNotFoundError("60 is not there")
    return number**2


def fake(monkeypatch, ray, address="auto"):
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("RAY_ADDRESS", address)
    return ray


# Chunks, cores of the cluster, train.threads -> tasks; those that run and those that are there.
SIZES = {
    (25, 2, 0): (0, 0, 0),
    (99, 2, 0): (74, 2, 5),
    (99, 2, 1): (74, 1, 3),
    (99, 999, 0): (74, 16, 33),
    (99, 0, 0): (74, 1, 3),
}


@pytest.mark.parametrize("size", SIZES)
def test_only_large_work_goes_to_the_cluster(monkeypatch, size):
    """And so much of it at a time as its cores, or those that can be fed, work on."""
    count, cores, workers = size
    ray = fake(monkeypatch, FakeRay(cores=cores))
    found = list(processes.in_order(abs, range(count), workers))
    assert found == list(range(count))
    assert (len(ray.tasks), ray.most_running, ray.most_waiting) == SIZES[size]
    assert ray.connections == 0


def test_the_connection_of_the_caller_stays(monkeypatch, handler):
    ray = fake(monkeypatch, FakeRay())
    ray.init()
    assert len(list(processes.in_order(squared, range(30)))) == 30
    assert (len(ray.tasks), ray.connections, ray.cancelled) == (5, 1, [])


def test_work_that_nobody_takes_is_called_back(monkeypatch, handler):
    ray = fake(monkeypatch, FakeRay())
    ray.init()
    results = processes.in_order(squared, range(30))
    assert [next(results) for _ in range(26)][-1] == 25**2
    results.close()
    assert set(ray.cancelled) == {task for task in ray.tasks if not task.is_done} != set()
    assert ray.connections == 1


def test_a_cluster_without_a_cpu_is_told(monkeypatch, caplog):
    fake(monkeypatch, FakeRay(cores=0))
    list(processes.in_order(abs, range(30)))
    assert [record.message[:25] for record in caplog.records if record.levelname == "WARNING"] == [
        "the cluster has no CPU: t"
    ]


MISMATCH = RuntimeError("Version mismatch: with:\n    Ray: 2\n    Python: 3\nThis: Ray: 4\n")
NO_CLUSTER = "^no Ray cluster at RAY_ADDRESS="
FAILURES = {
    "not installed": (None, "auto", UserError, "^RAY_ADDRESS names a cluster, which .*own-nmt.ray"),
    "no answer": (
        FakeRay(ConnectionError("nobody answers")),
        "auto",
        Failure,
        f"{NO_CLUSTER}auto .nobody answers.$",
    ),
    "other versions": (
        FakeRay(MISMATCH),
        "auto",
        Failure,
        f"{NO_CLUSTER}auto .Version mismatch: with: Ray: 2 Python: 3 This: Ray: 4.$",
    ),
    "no token": (FakeRay(FakeRay.exceptions.RayError()), "auto", Failure, ".*auto .RayError.$"),
    "nobody listens": (FakeRay(), "127.0.0.1:1", Failure, f"{NO_CLUSTER}127.0.0.1:1 .*refused"),
    "no client": (FakeRay(), "ray://127.0.0.1:1", Failure, f"{NO_CLUSTER}ray://.*:1 .*refused"),
    "gone since": (FakeRay(found="127.0.0.1:1"), "auto", Failure, f"{NO_CLUSTER}auto .*refused"),
    "workers die": (
        FakeRay(death="\nthe worker died\nmore of it"),
        "auto",
        Failure,
        "^Ray: the worker died; run the same command again$",
    ),
    "workers say nothing": (FakeRay(death=""), "auto", Failure, "^Ray: RayError; run the same"),
    "another nmt": (FakeRay(version="0"), "auto", Failure, "^nmt .* is on a worker, 0 here; "),
    "a mistake in the work": (FakeRay(), "auto", UserError, "^30 is refused$"),
}


@pytest.fixture
def handler():
    before = signal.getsignal(signal.SIGTERM)
    yield before
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("name", FAILURES)
def test_what_fails_is_told_in_a_line(monkeypatch, handler, name):
    ray, address, error, message = FAILURES[name]
    fake(monkeypatch, ray, address)
    with pytest.raises(error, match=message):
        list(processes.in_order(squared, range(40)))
    assert ray is None or ray.connections == 0
    assert signal.getsignal(signal.SIGTERM) == handler


def test_an_error_of_a_worker_is_none_of_this_machine(monkeypatch):
    fake(monkeypatch, FakeRay())
    with pytest.raises(Failure, match="^Ray: FileNotFoundError: 60 is not there; nmt and its ex"):
        list(processes.in_order(squared, range(31, 90)))


@pytest.mark.parametrize("in_time", [True, False])
def test_a_cluster_that_is_gone_is_told(monkeypatch, in_time):
    """While results come, too: a machine may go on for a while without the first one."""
    ray = fake(monkeypatch, FakeRay())
    results = processes.in_order(abs, range(99))
    for _ in range(26):
        next(results)
    ray.answers_in_time = in_time
    clock = itertools.count(time.monotonic(), 1)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(Failure, match=NO_CLUSTER):
        list(results)


def test_a_training_without_ray_is_refused_before_anything_is_touched(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    fake(monkeypatch, None)
    done = nmt_command("train", "toy", "--run", "run")
    assert done.status == 2 and done.err.endswith('pip install "own-nmt[ray]"\n')
    assert done.err.splitlines()[-1].startswith("nmt: RAY_ADDRESS names a cluster, which needs")
    assert tree(tmp_path) == {}


def test_a_measurement_takes_this_machine_alone(monkeypatch):
    seen = {}

    def popen(command, env, **_):
        seen.update(env)
        raise InterruptedError

    monkeypatch.setattr(isolated.subprocess, "Popen", popen)
    fake(monkeypatch, FakeRay())
    with pytest.raises(InterruptedError):
        isolated.run("growth", {})
    assert "PATH" in seen and "RAY_ADDRESS" not in seen


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_ray.started(tmp_path_factory.mktemp("ray")):
        yield


def run(script, *arguments):
    env = {**os.environ, "PYTHONPATH": str(local_ray.ROOT)}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
def test_a_cluster_prepares_the_same_files(cluster, tmp_path, monkeypatch):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    folders = [tmp_path / "cluster", tmp_path / "here"]
    told = run(PREPARE, tmp_path / "recipe.toml", folders[0])
    # To prepare, and to tokenise.
    assert told.count("up to 2 workers on a cluster of 1 machines") == 2
    monkeypatch.delenv("RAY_ADDRESS")
    assert "on a cluster" not in run(PREPARE, tmp_path / "recipe.toml", folders[1])
    there, here = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in folders
    )
    assert there == here
    assert Path("cache/0002/target.ids") in here


@pytest.mark.slow
@pytest.mark.parametrize("threads", ["1", "2"])
def test_no_more_tasks_run_than_threads(cluster, tmp_path, threads):
    run(WATCH, threads, tmp_path / "most")
    assert (tmp_path / "most").read_text() == threads


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["once", "always"])
def test_the_work_of_a_worker_that_dies_is_done_again(cluster, tmp_path, killed):
    squares = " ".join(str(number**2) for number in range(20))
    expected = {"once": squares, "always": "Ray: .*; run the same command again"}[killed]
    run(KILL, tmp_path / killed, tmp_path / "told")
    assert re.fullmatch(expected, (tmp_path / "told").read_text())
