"""How long each stage of a training takes: what a first translation waits for."""

import contextlib
import time
from collections.abc import Iterator


class Stages:
    """Seconds by stage, in the order in which the stages begin."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a stage, also if the block ends with an exception."""
        started = time.perf_counter()
        self.seconds.setdefault(name, 0.0)
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started

    def move(self, seconds: float, source: str, target: str) -> None:
        """Counts a part of one stage as another one."""
        self.seconds[source] -= seconds
        self.seconds[target] = self.seconds.get(target, 0.0) + seconds

    def line(self) -> str:
        """All stages in minutes and seconds: "time: text 0:41, steps 14:20, 15:01 in all"."""
        total = sum(self.seconds.values())
        parts = [f"{name} {_clock(seconds)}" for name, seconds in self.seconds.items()]
        return f"time: {', '.join(parts)}; {_clock(total)} in all"


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
