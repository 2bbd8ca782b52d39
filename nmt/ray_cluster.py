"""The Ray cluster that `RAY_ADDRESS` names: a connection with it, and work by its tasks."""

import contextlib
import functools
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator

from nmt.errors import Failure
from nmt.packages import require

log = logging.getLogger(__name__)

# Where a cluster is; Ray's own commands set it for what they start.
ADDRESS = "RAY_ADDRESS"
# Seconds until a machine has answered.
PATIENCE = 10
# More workers than tasks keep busy, as the one process that reads does a third of all work itself:
# with still more, text would only wait in memory.
FED = 16


def is_named() -> bool:
    """Whether there is a cluster to take; UserError where Ray is not installed for it."""
    if not os.environ.get(ADDRESS):
        return False
    require("ray", what=f"{ADDRESS} names a cluster, which")
    return True


@contextlib.contextmanager
def connected(workers: int | None, most: int = sys.maxsize) -> Iterator[int]:
    """The number of workers, while the block is connected with the cluster.

    workers: how many are wanted (default: one a core of the cluster). most: there are no more.
    Failure where no cluster answers.
    """
    # Ray's own messages are for those who run the cluster, and lie in its log.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    # A program on Ray that calls nmt is connected already.
    ours = not ray.is_initialized()
    if ours:
        _connect(ray)
    try:
        count = min(most, workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
        log.info(f"up to {count} workers on a cluster of {len(ray.nodes())} machines")
        yield count
    finally:
        if ours:
            ray.shutdown()


@contextlib.contextmanager
def tasks(function: Callable, workers: int | None) -> Iterator[tuple[Callable, Callable, int]]:
    """While connected: what begins a task, function(chunk), what waits for it, and `connected`.

    Function and chunks travel through Ray, no file does. What a function raises is raised here.
    Failure where Ray itself fails, as where a task kills one worker after the other.
    """
    with connected(workers, FED) as count:
        import ray

        # It travels to each machine once.
        shared = ray.put(function)
        task = ray.remote(num_cpus=1)(_call)
        try:
            yield functools.partial(task.remote, shared), ray.get, count
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        except ray.exceptions.RayError as error:
            raise failure(error, "run the same command again") from error


def failure(error: Exception, advice: str) -> Failure:
    """An error of Ray's as one line. advice: what to do."""
    return Failure(f"Ray: {str(error).strip().splitlines()[-1]}; {advice}")


def _connect(ray):
    handler = signal.getsignal(signal.SIGTERM)
    address = os.environ[ADDRESS]
    try:
        _knock(address)
        ray.init(log_to_driver=False, logging_level="error")
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Failure(f"no Ray cluster at {ADDRESS}={address} ({reason})") from error
    # Ray's own would end the command with a status of no signal.
    with contextlib.suppress(ValueError):  # in another thread it has set none
        signal.signal(signal.SIGTERM, handler)


def _call(function, chunk):
    return function(chunk)


def _knock(address):
    """OSError where nobody listens at HOST:PORT: Ray itself tries for many minutes."""
    host, _, port = address.rpartition(":")
    if port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
