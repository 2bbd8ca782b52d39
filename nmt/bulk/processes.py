"""A translator a core of this machine, each a process; one that dies is replaced."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from nmt.bulk.job import Job, Window, result_of
from nmt.bulk.work import Function
from nmt.errors import Failure

log = logging.getLogger(__name__)

DEATHS = 3  # of workers, one after the other without a window done between them


class Worker:
    """What a process keeps from window to window."""

    job: Job
    function: Function


def results(job: Job, windows: Sequence[Window], workers: int) -> Iterator[dict[str, Any]]:
    """What `job.result_of` says of each window, as they come.

    Failure where workers die again and again.
    """
    left = dict.fromkeys(windows)
    deaths = 0
    while left:
        pool = _pool(job, min(workers, len(left)))
        futures = {pool.submit(_done, window._asdict()): window for window in left}
        try:
            for future in as_completed(futures):
                yield future.result()
                del left[futures[future]]
                deaths = 0
        except BrokenProcessPool:
            deaths += 1
            if deaths == DEATHS:
                raise Failure(
                    f"workers died {DEATHS} times (killed, or out of memory?); the same command "
                    "goes on, with fewer --workers or a smaller --window if memory is short"
                ) from None
            log.warning("a worker died; its window is done again")
            # Those that were worked on come last: one that kills must not stop the others.
            first, rest = list(left)[:workers], list(left)[workers:]
            left = dict.fromkeys([*rest, *first])
        finally:
            # Windows in work are finished and kept.
            pool.shutdown(cancel_futures=True)


def _pool(job, workers):
    """Processes that are started afresh: libraries with threads do not outlive a fork."""
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(job,)
    )


def _start(job):
    """Begins a worker: it leaves ctrl-C to the process that started it, and ends with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What there is to tell of the run is told by the process that started it.
    logging.getLogger("nmt").addHandler(logging.NullHandler())
    Worker.job = job
    Worker.function = staticmethod(job.work.start())


def _end_with_parent():
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _done(window):
    return result_of(Worker.job, window, Worker.function)
