"""Segments of many clients, searched together: a queue, and a worker thread a core.

A worker takes what waits, without any timer: who comes while one is idle is served at once, and
who comes while all are busy is translated together with the others that wait. A segment is a line,
or a part of a long one: so a long line is not in the way of others, and several workers share it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

SEGMENTS = 16  # that a worker takes; more of them at once are hardly faster
CHARACTERS = 2_000  # of them together, so that a short one does not wait for many long ones


class BusyError(Exception):
    """More waits than may, or the end has begun."""


class Searcher(Protocol):
    """A translator, or what asks one. Equal ones search together."""

    def search(self, segments: Sequence[Any], nbest: int) -> list[Any]:
        """Up to `nbest` candidates of each segment: whatever others it has beside it, the same."""


class Batcher:
    """Searches segments in worker threads. Close it in the end."""

    def __init__(
        self,
        workers: int,
        limit: int = 10_000,
        on_batch: Callable[[int, list[float], float], Any] = lambda *_: None,
    ):
        """limit: segments that may wait before more are refused.

        on_batch: is told of each batch its segments, how long each of them waited, and how long
        the search took, in seconds.
        """
        self.limit = limit
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._idle = 0
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"translate-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Segments that no worker has taken yet."""
        return self._waiting

    def submit(
        self, searcher: Searcher, segments: Sequence[Any], nbest: int = 1
    ) -> "Future[list[Any]]":
        """The future of what `searcher.search(segments, nbest)` returns.

        segments: texts, or with a `text`. Cancelled, those that wait are dropped. BusyError if too
        many wait already.
        """
        job = _Job(searcher, list(segments), nbest)
        if not job.segments:
            job.future.set_result([])
            return job.future
        with self._changed:
            if self._closed or self._waiting >= self.limit:
                raise BusyError
            self._jobs.append(job)
            self._waiting += len(job.segments)
            # More workers would wake for nothing.
            self._changed.notify(len(job.segments))
        job.future.add_done_callback(lambda _: self._drop(job))
        return job.future

    def close(self, seconds: float = 10) -> None:
        """Ends the workers when all that waits is translated, at most after some seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        for job in list(self._jobs):
            job.future.cancel()

    def _drop(self, job):
        """Forgets the segments of a job that wait, since it has ended."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
                self._waiting -= job.untaken()

    # What workers do.

    def _work(self):
        while batch := self._next_batch():
            self._translate(batch)

    def _next_batch(self):
        """(job, number of the segment) of those to search next; none when it is the end."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._jobs or self._closed)
            batch = self._take() if self._jobs else []
            self._idle -= 1
        return batch

    def _take(self):
        """Segments for one of the idle workers: of the jobs of one kind, in turn.

        So a short text does not wait until a long one is done. The oldest job is the first, then
        come those whose segments are about as long as its: a batch takes as long as its longest.
        """
        if self._waiting == 1:
            # Of somebody who asks alone: there is nothing to choose, and each step is a wait.
            self._waiting = 0
            job = self._jobs.popleft()
            return [(job, job.take())]
        share = -(-self._waiting // self._idle)
        oldest = self._jobs[0]
        batch: list[tuple[_Job, int]] = []
        alike = [job for job in self._jobs if job.kind == oldest.kind]
        length = oldest.next_length()
        turns = deque(sorted(alike, key=lambda job: abs(job.next_length() - length)))
        characters = 0
        while turns and len(batch) < min(SEGMENTS, share):
            job = turns.popleft()
            characters += job.next_length()
            batch.append((job, job.take()))
            if job.untaken():
                turns.append(job)
            if characters >= CHARACTERS:
                break
        # Those that have segments left go behind the others.
        served = {id(job) for job, _ in batch}
        others = [job for job in self._jobs if id(job) not in served]
        unfinished = [job for job in turns if id(job) in served]
        self._jobs = deque([*others, *unfinished])
        self._waiting -= len(batch)
        return batch

    def _translate(self, batch):
        """Searches the segments of a batch, and gives each job its own."""
        searcher, nbest = batch[0][0].kind
        begin = time.monotonic()
        try:
            segments = [job.segments[number] for job, number in batch]
            found = searcher.search(segments, nbest)
        except Exception as error:
            # Each by itself: one that cannot be translated must not take others with it.
            if len(batch) == 1:
                batch[0][0].fail(error)
            else:
                for entry in batch:
                    self._translate([entry])
            return
        for (job, number), candidates in zip(batch, found, strict=True):
            job.give(number, candidates)
        waits = [begin - job.since for job, _ in batch]
        self._on_batch(len(batch), waits, time.monotonic() - begin)


class _Job:
    """Segments that one client waits for."""

    def __init__(self, searcher, segments, nbest):
        self.kind = (searcher, nbest)
        self.segments = segments
        self.since = time.monotonic()
        self.future: Future[list[Any]] = Future()
        self._taken = 0
        self._found: dict[int, Any] = {}
        self._lock = threading.Lock()

    def untaken(self):
        return len(self.segments) - self._taken

    def next_length(self):
        """Characters of the next segment."""
        segment = self.segments[self._taken]
        return len(segment if isinstance(segment, str) else segment.text)

    def take(self):
        """The number of the next segment."""
        self._taken += 1
        return self._taken - 1

    def give(self, number, candidates):
        """Takes the candidates of a segment; the last ones end the job."""
        with self._lock:
            self._found[number] = candidates
            if len(self._found) == len(self.segments) and self._begin_end():
                self.future.set_result([self._found[n] for n in range(len(self.segments))])

    def fail(self, error):
        """Ends the job, as one of its segments cannot be searched."""
        with self._lock:
            if self._begin_end():
                self.future.set_exception(error)

    def _begin_end(self):
        """Whether somebody still waits; then nobody can cancel any more."""
        return not self.future.done() and self.future.set_running_or_notify_cancel()
