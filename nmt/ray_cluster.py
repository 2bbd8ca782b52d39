"""The Ray cluster that `RAY_ADDRESS` names: a connection with it, and work by its tasks."""

import collections
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator

from nmt.errors import Failure, UserError
from nmt.packages import require
from nmt.version import __version__

log = logging.getLogger(__name__)

# Where a cluster is; Ray's own commands set it for what they start.
ADDRESS = "RAY_ADDRESS"
# Seconds until a machine has answered.
PATIENCE = 10
# Seconds without an answer until work ends: a first machine may start again, but after a minute
# without one Ray ends this process, and says nothing.
LOST = 25
# The one process that reads does a third of all work and feeds about four workers. This leaves
# room for slow ones; text of more would only wait in memory.
FED = 16
AGAIN = "run the same command again"
EVERYWHERE = "nmt and its extra ray are needed on all machines, in the same versions"


def is_named() -> bool:
    """Whether there is a cluster to take; UserError where Ray is not installed for it."""
    if not os.environ.get(ADDRESS):
        return False
    require("ray", what=f"{ADDRESS} names a cluster, which")
    return True


@contextlib.contextmanager
def connected(workers: int | None, most: int = sys.maxsize, advice: str = AGAIN) -> Iterator[int]:
    """The number of workers, while the block is connected with the cluster.

    workers: how many are wanted (default: one a core of the cluster). most: there are no more.
    advice: what to do where Ray itself fails in the block, which is a Failure, as it is where no
    cluster answers.
    """
    ray = _imported()
    # A program on Ray that calls nmt is connected already.
    ours = not ray.is_initialized()
    if ours:
        _connect(ray)
    try:
        cores = int(ray.cluster_resources().get("CPU", 0))
        count = min(most, workers or max(1, cores))
        log.info(f"up to {count} workers on a cluster of {len(ray.nodes())} machines")
        if not cores:
            log.warning("the cluster has no CPU: the work waits until a machine with one joins it")
        yield count
    except ray.exceptions.RayError as error:
        raise Failure(f"Ray: {_reason(error)}; {advice}") from error
    finally:
        if ours:
            ray.shutdown()


@contextlib.contextmanager
def tasks(function: Callable, workers: int | None) -> Iterator[tuple[Callable, Callable, int]]:
    """While connected: what begins a task, function(chunk), what waits for it, and `connected`.

    No more tasks than workers run at a time. Function and chunks travel through Ray, no file does.
    A UserError, Failure or MemoryError of the function is raised here. Failure where it raises
    anything else, and where Ray itself fails, as where a task kills one worker after the other.
    """
    ray = _imported()
    # Only then is the cluster surely the one of the environment.
    ours = not ray.is_initialized()
    with connected(workers, FED) as count:
        shared = ray.put(function)  # travels to each machine once
        task = ray.remote(num_cpus=1, num_returns=2)(_call)
        last: collections.deque = collections.deque([None] * count, maxlen=count)
        waiting = set()
        heard = time.monotonic()

        def begin(chunk):
            # It starts when the task that was begun `count` tasks ago has ended.
            result, ended = task.remote(__version__, shared, chunk, last[0])
            last.append(ended)
            waiting.add(result)
            return result

        def wait(result):
            nonlocal heard
            ready = False
            while not ready:
                ready, _ = ray.wait([result], timeout=PATIENCE)
                heard = _listen(ray, heard) if ours else heard
            waiting.remove(result)
            return ray.get(result)

        try:
            yield begin, wait, count
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError | Failure | MemoryError):
                raise error.cause from error
            raise Failure(f"Ray: {_reason(error)}; {EVERYWHERE}") from error
        finally:
            for result in waiting:
                ray.cancel(result)


def _imported():
    # Ray's own messages are for those who run the cluster, and lie in its log.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    return ray


def _connect(ray):
    handler = signal.getsignal(signal.SIGTERM)
    _knock(ray)
    try:
        ray.init(log_to_driver=False, logging_level="error")
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise _no_cluster(error) from error
    finally:
        # Ray's own would end the command with a status of no signal.
        if handler is not None:
            with contextlib.suppress(ValueError):  # in another thread it has set none
                signal.signal(signal.SIGTERM, handler)


def _knock(ray):
    """Failure where nobody listens at HOST:PORT: Ray itself tries for many minutes."""
    try:
        address = os.environ[ADDRESS]
        if address == "auto":
            # The cluster of this machine, or what `ray start` has noted, perhaps long ago.
            address = ray._private.services.canonicalize_bootstrap_address(address)
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if port.isdigit() and "/" not in host:
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, ValueError) as error:
        raise _no_cluster(error) from error


def _listen(ray, heard):
    """When the cluster was heard for the last time; Failure if that is too long ago."""
    now = time.monotonic()
    if now - heard < PATIENCE:
        return heard
    try:
        _knock(ray)
    except Failure:
        if now - heard > LOST:
            raise
        return heard
    return now


def _no_cluster(error):
    # The versions that differ, for one, stand in a line each.
    reason = " ".join(str(error).split()) or type(error).__name__
    return Failure(f"no Ray cluster at {ADDRESS}={os.environ[ADDRESS]} ({reason})")


def _reason(error):
    """What an error of Ray's says, as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # What was raised on another machine comes as its traceback, which ends with the error.
    return lines[-1] if "ray::" in lines[0] else lines[0]


def _call(version, function, chunk, _):
    """function(chunk), and nothing, which only tells that it is done."""
    if version != __version__:
        raise Failure(f"nmt {__version__} is on a worker, {version} here; {EVERYWHERE}")
    return function(chunk), None
