"""Work on a Ray cluster: where one is named, with the same results; what fails is told."""

import os
import pickle
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from nmt import processes
from nmt.errors import Failure, UserError
from tests import local_ray

RECIPE = """
[data]
format = "grammar"
size = 60

[tokenizer]
vocab_size = 200
byte_fallback = false
"""
PREPARE = """
import sys
from nmt import processes
from nmt.batches import store
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training import prepare

processes.ALONE = 1
store.CHUNK = prepare.CHUNK = 7
store.SHARD = 23
recipe = load_recipe(sys.argv[1], ["train.threads=2"])
run = Run(sys.argv[2])
run.save_recipe(recipe)
prepare.training_store(run, recipe)
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


class FakeRay(types.ModuleType):
    """What nmt uses of Ray, with workers that begin when they are waited for."""

    class exceptions:
        class RayError(Exception):
            pass

        class RayTaskError(RayError):
            def __init__(self, cause):
                self.cause = cause

    def __init__(self, answers=True, lives=True, cores=2):
        super().__init__("ray")
        self.answers = answers
        self.lives = lives
        self.cores = cores
        self.begun = self.waiting = self.most_waiting = self.connections = 0

    def init(self, **_):
        if not self.answers:
            raise ConnectionError("nobody answers\nmore of it")
        self.connections += 1

    def is_initialized(self):
        return self.connections > 0

    def shutdown(self):
        self.connections -= 1

    def cluster_resources(self):
        return {"CPU": float(self.cores)}

    def nodes(self):
        return [{}]

    def put(self, value):
        return pickle.dumps(value)

    def remote(self, **_):
        return lambda function: types.SimpleNamespace(remote=lambda *a: self._begin(function, *a))

    def _begin(self, function, shared, chunk):
        self.begun += 1
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        return function, pickle.loads(shared), chunk

    def get(self, task):
        self.waiting -= 1
        function, *arguments = task
        if not self.lives:
            raise self.exceptions.RayError("traceback\nthe worker died")
        try:
            return function(*arguments)
        except Exception as error:
            raise self.exceptions.RayTaskError(error) from error


def squared(number):
    if number == 30:
        raise UserError("30 is refused")
    return number**2


def fake(monkeypatch, ray, address="auto"):
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("RAY_ADDRESS", address)
    return ray


@pytest.mark.parametrize(
    ("count", "cores", "workers", "begun", "most"),
    [(25, 2, 0, 0, 0), (99, 2, 0, 74, 5), (99, 2, 1, 74, 3), (99, 999, 0, 74, 33)],
)
def test_only_large_work_goes_to_the_cluster(monkeypatch, count, cores, workers, begun, most):
    """And so much of it at a time as its cores, or those that can be fed, work on."""
    ray = fake(monkeypatch, FakeRay(cores=cores))
    found = list(processes.in_order(abs, range(count), workers))
    assert found == list(range(count))
    assert (ray.begun, ray.most_waiting, ray.connections) == (begun, most, 0)


def test_the_connection_of_the_caller_stays(monkeypatch):
    ray = fake(monkeypatch, FakeRay())
    ray.init()
    assert len(list(processes.in_order(squared, range(30)))) == 30
    assert (ray.begun, ray.connections) == (5, 1)


@pytest.mark.parametrize(
    ("ray", "address", "error", "message"),
    [
        (None, "auto", UserError, "^RAY_ADDRESS names a cluster, which needs .*own-nmt.ray"),
        (
            FakeRay(answers=False),
            "auto",
            Failure,
            "^no Ray cluster at RAY_ADDRESS=auto .nobody answers.$",
        ),
        (FakeRay(), "127.0.0.1:1", Failure, "^no Ray cluster at RAY_ADDRESS=127.0.0.1:1 .*refused"),
        (FakeRay(lives=False), "auto", Failure, "^Ray: the worker died; run the same command ag"),
        (FakeRay(), "auto", UserError, "^30 is refused$"),
    ],
    ids=["not installed", "no answer", "nobody listens", "workers die", "a mistake in the work"],
)
def test_what_fails_is_told_in_a_line(monkeypatch, ray, address, error, message):
    fake(monkeypatch, ray, address)
    with pytest.raises(error, match=message):
        list(processes.in_order(squared, range(40)))
    assert ray is None or ray.connections == 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with local_ray.started(tmp_path_factory.mktemp("ray")):
        yield


def run(script, *arguments):
    env = {**os.environ, "PYTHONPATH": str(local_ray.ROOT)}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_cluster_prepares_the_same_files(cluster, tmp_path, monkeypatch):
    (tmp_path / "recipe.toml").write_text(RECIPE)
    folders = [tmp_path / "cluster", tmp_path / "here"]
    run(PREPARE, tmp_path / "recipe.toml", folders[0])
    monkeypatch.delenv("RAY_ADDRESS")
    run(PREPARE, tmp_path / "recipe.toml", folders[1])
    there, here = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in folders
    )
    assert there == here
    assert Path("cache/0002/target.ids") in here


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["once", "always"])
def test_the_work_of_a_worker_that_dies_is_done_again(cluster, tmp_path, killed):
    squares = " ".join(str(number**2) for number in range(20))
    expected = {"once": squares, "always": "Ray: .*; run the same command again"}[killed]
    run(KILL, tmp_path / killed, tmp_path / "told")
    assert re.fullmatch(expected, (tmp_path / "told").read_text())
