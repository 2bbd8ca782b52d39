"""The Ray cluster that `RAY_ADDRESS` names: a connection with it."""

import contextlib
import logging
import os
import signal
from collections.abc import Iterator

from nmt.errors import Failure
from nmt.packages import require

log = logging.getLogger(__name__)

# Where a cluster is; Ray's own commands set it for what they start.
ADDRESS = "RAY_ADDRESS"


def is_named() -> bool:
    """Whether there is a cluster to take; UserError where Ray is not installed for it."""
    if not os.environ.get(ADDRESS):
        return False
    require("ray", what=f"{ADDRESS} names a cluster, which")
    return True


@contextlib.contextmanager
def connected(workers: int | None) -> Iterator[int]:
    """The number of workers, while the block is connected with the cluster.

    workers: how many are wanted (default: one a core of the cluster). Failure where none answers.
    """
    # Ray's own messages are for those who run the cluster, and lie in its log.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    # A program on Ray that calls nmt is connected already.
    ours = not ray.is_initialized()
    if ours:
        _connect(ray)
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        log.info(f"up to {count} workers on a cluster of {len(ray.nodes())} machines")
        yield count
    finally:
        if ours:
            ray.shutdown()


def failure(error: Exception, advice: str) -> Failure:
    """An error of Ray's as one line. advice: what to do."""
    return Failure(f"Ray: {str(error).strip().splitlines()[-1]}; {advice}")


def _connect(ray):
    handler = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Failure(f"no Ray cluster at {ADDRESS}={os.environ[ADDRESS]} ({reason})") from error
    # Ray's own would end the command with a status of no signal.
    with contextlib.suppress(ValueError):  # in another thread it has set none
        signal.signal(signal.SIGTERM, handler)
