"""Work for all processors: a function of chunks, with its results in their order."""

import collections
import itertools
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from nmt.errors import Failure
from nmt.machine import cores

# Chunks that are worked on before other processes are started: little work needs none.
ALONE = 25
# Chunks that wait for each process, which bounds memory.
AHEAD = 2


def in_order(function: Callable, chunks: Iterable, processes: int = 0) -> Iterator:
    """Yields function(chunk) of each chunk, the same with any number of processes.

    The first ones are worked on here, those of larger work by so many processes, 0: one for each
    core. function: depends on its argument alone. Failure if a process is killed.
    """
    count = processes or cores()
    rest = iter(chunks)
    yield from map(function, itertools.islice(rest, ALONE))
    if count == 1 or not _may_fork():
        yield from map(function, rest)
        return
    for chunk in rest:
        yield from _by_pool(function, itertools.chain([chunk], rest), count)


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


def _by_pool(function, chunks, count):
    # A forked process has the function and what it needs; nothing is imported again.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), _begin, (function,))
    waiting: collections.deque = collections.deque()
    try:
        for chunk in chunks:
            waiting.append(pool.submit(_call, chunk))
            if len(waiting) > AHEAD * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
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
