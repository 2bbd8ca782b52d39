"""Work for all processors: a function of chunks, with its results in their order."""

import collections
import contextlib
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from nmt import ray_cluster
from nmt.errors import Failure
from nmt.machine import cores

# Chunks that are worked on before other processes are started: little work needs none.
ALONE = 25
# Chunks that wait for each process, which bounds memory.
AHEAD = 2


def in_order(function: Callable, chunks: Iterable, processes: int = 0) -> Iterator:
    """Yields function(chunk) of each chunk, the same with any number of processes.

    The first ones are worked on here, those of larger work by so many processes, 0: one for each
    core; they are on the Ray cluster of `RAY_ADDRESS`, else on this machine. function: depends on
    its argument alone, and can be pickled. Failure if a process is killed, on a cluster again and
    again.
    """
    rest = iter(chunks)
    yield from map(function, itertools.islice(rest, ALONE))
    for chunk in rest:
        with _workers(function, processes) as (begin, result, count):
            waiting: collections.deque = collections.deque()
            for each in itertools.chain([chunk], rest):
                waiting.append(begin(each))
                if len(waiting) > AHEAD * count:
                    yield result(waiting.popleft())
            while waiting:
                yield result(waiting.popleft())


def _workers(function, processes):
    """What begins function(chunk), what waits for its result, and how many work; while they do."""
    if ray_cluster.is_named():
        return ray_cluster.tasks(function, processes)
    count = processes or cores()
    if count == 1 or not _may_fork():
        return contextlib.nullcontext((function, lambda result: result, 0))
    return _pool(function, count)


def begin_worker() -> None:
    """Begins a process of a pool: ctrl-C is for the one that started it, and it ends with that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _may_fork():
    """Whether a copy of this process can work: one with TensorFlow's threads cannot."""
    return sys.platform == "linux" and "tensorflow" not in sys.modules


@contextlib.contextmanager
def _pool(function, count):
    # A forked process has the function and what it needs; nothing is imported again.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _begin, (function,))
    try:
        yield lambda chunk: pool.submit(_call, chunk), Future.result, count
    except BrokenProcessPool:
        raise Failure(
            "a process that prepares text was killed, perhaps as memory ran out; "
            "run the same command again, with a lower train.threads if it happens again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


# What a process of the pool does.
_function: Callable[[Any], Any]


def _begin(function):
    global _function
    _function = function
    begin_worker()


def _call(chunk):
    return _function(chunk)
