"""A job from its start to its end, with progress on the screen."""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable

from nmt import ray_cluster
from nmt.bulk import cluster, processes
from nmt.bulk.job import Job
from nmt.errors import Failure, UserError
from nmt.machine import cores

log = logging.getLogger(__name__)

# Seconds between two lines of progress, at least; later a share of the time that went by.
PROGRESS_SECONDS = 10
PROGRESS_SHARE = 0.05


def run(job: Job, workers: int | None) -> None:
    """Does what is left of a job: on the Ray cluster of `RAY_ADDRESS`, else on this machine.

    workers: translators at the same time (default: one a core).
    """
    # 1. What cannot work is told before anything is started or written.
    on_cluster = ray_cluster.is_named()
    job.work.start()
    windows = job.windows()
    left = job.begin(windows)
    rows = sum(window.rows for window in windows)
    rows_left = sum(window.rows for window in left)
    counts = {"row": rows, "file": len({each.name for each in windows}), "window": len(windows)}
    texts = (f"{count:,} {what}{'s' * (count != 1)}" for what, count in counts.items())
    log.info(", ".join(texts))
    if len(left) < len(windows):
        log.info(f"{rows - rows_left:,} rows are done already")
    if not left:
        return
    # 2. The windows, in whatever order they come.
    if on_cluster:
        results = cluster.results(job, left, workers)
    else:
        results = processes.results(job, left, workers or cores())
    progress = Progress(rows, rows - rows_left)
    try:
        for result in results:
            if result["error"]:
                raise (UserError if result["status"] == UserError.exit_status else Failure)(
                    result["error"]
                )
            progress.add(result["rows"], json.loads(result["told"]).items())
    except KeyboardInterrupt:
        log.info(f"{progress.done:,} of {rows:,} rows are done; the same command goes on")
        raise
    progress.end()


class Progress:
    """Tells how far a job is, every few seconds, and at its end what there was to tell."""

    def __init__(self, rows: int, done: int):
        """rows: of the job; done: by earlier starts of it."""
        self.rows = rows
        self.done = done
        self.told: Counter[str] = Counter()
        self.started = time.monotonic()
        self.counted: tuple[float, int] | None = None  # time and rows that speed is counted from
        self.next = self.started

    def add(self, rows: int, told: Iterable[tuple[str, int]]) -> None:
        """Counts a window, and logs how far the job is, unless it just did."""
        self.done += rows
        for kind, count in told:
            self.told[kind] += count
        now = time.monotonic()
        # The first windows begin with the start of the workers.
        self.counted = self.counted or (now, self.done)
        if now >= self.next and self.done < self.rows:
            self.next = now + max(PROGRESS_SECONDS, PROGRESS_SHARE * (now - self.started))
            log.info(self.line(now))

    def line(self, now: float) -> str:
        """Rows, speed and the time left."""
        since, rows = self.counted or (now, self.done)
        text = f"{self.done:,} of {self.rows:,} rows"
        if self.done == rows or now == since:
            return text
        speed = (self.done - rows) / (now - since)
        return f"{text}, {speed:.0f} rows/s, left {duration((self.rows - self.done) / speed)}"

    def end(self) -> None:
        """Logs what was done in which time, and each kind of message with its number of rows."""
        for kind, count in self.told.most_common():
            if count:
                log.info(f"{count:,} rows: {kind}")
        log.info(f"{self.done:,} rows done in {duration(time.monotonic() - self.started)}")


def duration(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> duration(3725)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
