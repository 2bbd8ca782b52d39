"""A translator a core of a Ray cluster; one that dies is replaced."""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from nmt.bulk.job import Job, Window, result_of
from nmt.errors import Failure

log = logging.getLogger(__name__)

# Where a cluster is; Ray's own commands set it for what they start.
ADDRESS = "RAY_ADDRESS"


class Worker:
    """A translator that takes windows, one after the other."""

    def __init__(self, job: Job, folder: str):
        """folder: the one that paths are relative to, on all machines."""
        os.chdir(folder)
        self.job = job
        self.function = job.work.start()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """batch: columns of one row, a window."""
        window = {name: values.tolist()[0] for name, values in batch.items()}
        result = result_of(self.job, window, self.function)
        return {name: [value] for name, value in result.items()}


def results(job: Job, windows: Sequence[Window], workers: int | None) -> Iterator[dict[str, Any]]:
    """What `job.result_of` says of each window, as they come.

    workers: translators at the same time (default: one a core of the cluster). One that dies is
    replaced, and its window done again. Failure where Ray itself fails.
    """
    # Ray's own messages are for those who run the cluster, and lie in its log.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    with _connected(ray, workers) as count:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        items = [window._asdict() for window in windows]
        pool = ray.data.ActorPoolStrategy(
            min_size=1, initial_size=min(count, len(items)), max_size=count
        )
        # A block is what is given to a worker, and given again: a window.
        done = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Worker,
            fn_constructor_args=(job, os.getcwd()),
            batch_size=1,
            num_cpus=1,
            compute=pool,
        )
        try:
            yield from done.iter_rows()
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[-1]
            raise Failure(f"Ray: {reason}; the same command goes on") from error


@contextlib.contextmanager
def _connected(ray, workers):
    """The number of workers, while the block is connected with the cluster."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        ray.init(log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Failure(f"no Ray cluster at {ADDRESS}={os.environ[ADDRESS]} ({reason})") from error
    try:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        log.info(f"up to {count} workers on a cluster of {len(ray.nodes())} machines")
        yield count
    finally:
        ray.shutdown()
