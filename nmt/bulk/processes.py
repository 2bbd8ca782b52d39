"""A translator a core of this machine, each a process; one that dies is replaced."""

import contextlib
import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from nmt.bulk.job import DEATHS, Job, Window, described, died, result_of
from nmt.bulk.work import Function
from nmt.processes import begin_worker

log = logging.getLogger(__name__)

# Workers that die one after the other without a window done between them: none can work.
MOST_IN_A_ROW = 10


class Worker:
    """What a process keeps from window to window."""

    job: Job
    function: Function


def results(job: Job, windows: Sequence[Window], workers: int) -> Iterator[dict[str, Any]]:
    """What `job.result_of` says of each window, as they come.

    Failure, after all others, where a window kills `DEATHS` workers that have nothing else to do.
    """
    queue = [(list(windows), workers)]
    killers: list[Window] = []
    deaths = Counter[Window]()
    in_a_row = 0
    while queue or killers:
        left, count = queue.pop() if queue else ([killers.pop(0)], 1)
        if not left:
            continue
        count = min(count, len(left))
        for window, result in _tried(job, tuple(left), count):
            left.remove(window)
            in_a_row = 0
            yield result
        if not left:
            continue
        in_a_row += 1
        if count > 1:
            # One of those that were worked on kills: each has a worker for itself.
            queue += [(left[count:], count), (left[:count], 1)]
        else:
            killers.append(left[0])
            deaths[left[0]] += 1
            queue.append((left[1:], 1))
        if DEATHS in deaths.values():
            raise died(DEATHS, f"{described(job, left[0])}: ")
        if in_a_row == MOST_IN_A_ROW:
            raise died(in_a_row)
        log.warning("a worker died; its window is done again")


def _tried(job, windows, workers):
    """Each window and its result, in any order; when a worker dies, those that are done."""
    pool = _pool(job, workers)
    try:
        with contextlib.suppress(BrokenProcessPool):
            futures = {}
            for window in windows:
                futures[pool.submit(_done, window._asdict())] = window
        for future in as_completed(futures):
            with contextlib.suppress(BrokenProcessPool):
                yield futures[future], future.result()
    finally:
        # Windows in work are finished and kept.
        pool.shutdown(cancel_futures=True)


def _pool(job, workers):
    """Processes that are started afresh: libraries with threads do not outlive a fork."""
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(job,)
    )


def _start(job):
    begin_worker()
    # What there is to tell of the run is told by the process that started it.
    logging.getLogger("nmt").addHandler(logging.NullHandler())
    Worker.job = job
    Worker.function = staticmethod(job.work.start())


def _done(window):
    return result_of(Worker.job, window, Worker.function)
