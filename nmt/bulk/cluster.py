"""A translator a core of a Ray cluster; one that dies is replaced."""

import functools
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nmt.bulk.job import DEATHS, Job, Window, described, died, result_of
from nmt.errors import Failure
from nmt.ray_cluster import connected


class Tries:
    """How often each window of a job was begun, on any machine."""

    def __init__(self):
        self.counts = Counter[str]()

    def begin(self, output: str) -> int:
        """Counts a window by its output; returns how often it was begun."""
        self.counts[output] += 1
        return self.counts[output]


class Worker:
    """A translator that takes windows, one after the other."""

    def __init__(self, job: Job, folder: str, begin: Callable[[str], int]):
        """folder: the one that paths are relative to, on all machines. begin: of `Tries`."""
        os.chdir(folder)
        self.begin = begin
        self.job = job
        self.function = job.work.start()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """batch: columns of one row, a window."""
        window = {name: values.tolist()[0] for name, values in batch.items()}
        given_up = self.begin(window["output"]) > DEATHS
        if given_up:
            # Ray itself would try for ever.
            error = died(DEATHS, f"{described(self.job, Window(**window))}: ")
            result = {"rows": 0, "told": "{}", "error": str(error), "status": error.exit_status}
        else:
            result = result_of(self.job, window, self.function)
        return {name: [value] for name, value in (result | {"given_up": given_up}).items()}


def results(job: Job, windows: Sequence[Window], workers: int | None) -> Iterator[dict[str, Any]]:
    """What `job.result_of` says of each window, as they come.

    workers: translators at the same time (default: one a core of the cluster). One that dies is
    replaced, and its window done again. Failure where Ray itself fails, and, after all others,
    where a window killed `DEATHS` workers.
    """
    with connected(workers, advice="the same command goes on") as count:
        import ray
        import ray.data

        logging.getLogger("ray.data").setLevel(logging.ERROR)
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
            fn_constructor_args=(job, os.getcwd(), _begin(ray)),
            batch_size=1,
            num_cpus=1,
            compute=pool,
        )
        given_up = []
        for result in done.iter_rows():
            if result.pop("given_up"):
                given_up.append(result["error"])
            else:
                yield result
        if given_up:
            raise Failure(given_up[0])


def _begin(ray):
    """`Tries.begin` on the cluster, for any of its workers."""
    tries = ray.remote(num_cpus=0)(Tries).remote()
    return functools.partial(_counted, tries)


def _counted(tries, output):
    import ray

    return ray.get(tries.begin.remote(output))
