"""A case of a measurement in a process, with threads, memory and TensorFlow of its own.

`run` starts `python -m nmt.experiments.<module>`, which ends in `serve`. Cases and results are
JSON.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nmt.errors import Failure, UserError
from nmt.machine import show_messages
from nmt.ray_cluster import ADDRESS

LOOK_SECONDS = 0.2  # between two looks at the memory of several processes
MAXRSS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kilobytes


def run(module: str, case: dict, log: Path | None = None, other: Path | None = None) -> Any:
    """The result of a case; Failure when the process ends badly.

    log: a file that its messages are appended to, instead of stderr. other: the folder of another
    version of the package, whose module this is.
    """
    package = "nmt.experiments"
    if other and not other.joinpath("nmt", "experiments").is_dir():
        package = "nmt"  # version 0.1
    env = environment(other)
    env.pop(ADDRESS, None)  # this machine is measured
    # The child's stdin stays open as long as this process lives; see `_end_with_parent`.
    with open(log or os.devnull, "ab") as file:
        command = [sys.executable, "-m", f"{package}.{module}", json.dumps(case)]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file if log else None,
            # What is run with -m is looked for here first.
            cwd=other,
            env=env,
        ) as child:
            printed = child.stdout.read()  # type: ignore[union-attr]
    if child.returncode:
        where = f"; see {log}" if log else ""
        raise Failure(f"the measurement of {case} ended with status {child.returncode}{where}")
    return json.loads(printed)


def environment(other: Path | None) -> dict[str, str]:
    """That of a process with this version of the package, or with that in the folder `other`."""
    return {**os.environ, **({"PYTHONPATH": str(other)} if other else {})}


def serve(run_case: Callable[[dict], Any]) -> None:
    """The other end of `run`: prints what `run_case` returns."""
    # Whatever ends the parent, no child goes on without it.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with show_messages():
            print(json.dumps(run_case(json.loads(sys.argv[1]))))
    except (UserError, Failure) as error:
        print(f"nmt: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt as stop:
        sys.exit(128 + getattr(stop, "number", signal.SIGINT))


def _end_with_parent():
    """Stops when the parent has ended, however it did: training then saves its state.

    stdin is a pipe that ends with the parent.
    """
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def seconds(function: Callable, *arguments: Any, **options: Any) -> float:
    """How long a call with these arguments takes."""
    started = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - started


def peak_memory() -> int:
    """The most memory that this process had, MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_PER_MB)


def processor_seconds() -> float:
    """The processor time of this process and of those that it has started and that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class MemoryOfAll(threading.Thread):
    """In a `with` block, watches the memory of this process and of those that it has started.

    peak: the most that they had together, MB. What they share counts once (Linux; elsewhere only
    this process is seen).
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.ended = threading.Event()

    def __enter__(self) -> "MemoryOfAll":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()
        self.peak = max(self.peak, peak_memory())

    def run(self) -> None:
        while not self.ended.wait(LOOK_SECONDS):
            kilobytes = sum(map(_proportional_memory, [os.getpid(), *_children()]))
            self.peak = max(self.peak, round(kilobytes / 2**10))


def _children():
    """The ids of the processes that this one has started, of any of its threads."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(number) for path in lists for number in _content(path).split()]


def _proportional_memory(process):
    """Kilobytes of a process; of pages that n processes share an n-th. 0 when it has ended."""
    fields = _content(Path(f"/proc/{process}/smaps_rollup")).split()
    return int(fields[fields.index("Pss:") + 1]) if "Pss:" in fields else 0


def _content(path):
    """What a file of /proc holds; nothing when its process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""
