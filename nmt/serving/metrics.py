"""Figures of a server for Prometheus, by language, path and status."""

from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from nmt.serving.directions import Direction

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16)


class Metrics:
    """Counts requests, text and time."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kinds: dict[str, Any] = {"registry": self.registry, "namespace": "nmt"}
        languages = ("source", "target")
        self._requests = Counter("requests", "Requests answered", ("path", "status"), **kinds)
        self._lines = Counter("lines", "Lines translated", languages, **kinds)
        self._characters = Counter("characters", "Characters translated", languages, **kinds)
        self._waited = Histogram(
            "wait_seconds", "What a line waited in the queue", buckets=SECONDS, **kinds
        )
        self._worked = Histogram(
            "batch_seconds", "What a batch took to translate", buckets=SECONDS, **kinds
        )
        self._sizes = Histogram("batch_lines", "Lines of a batch", buckets=SIZES, **kinds)
        self._waiting = Gauge("waiting_lines", "Lines in the queue", **kinds)

    def watch(self, waiting: Callable[[], int]) -> None:
        """waiting: gives the length of the queue."""
        self._waiting.set_function(waiting)

    def answered(self, path: str, status: int) -> None:
        """A request of a route was answered."""
        self._requests.labels(path, str(status)).inc()

    def translated(self, direction: Direction, lines: Sequence[str]) -> None:
        """Lines go to the queue."""
        languages = direction.source, direction.target
        self._lines.labels(*languages).inc(len(lines))
        self._characters.labels(*languages).inc(sum(map(len, lines)))

    def on_batch(self, lines: int, waits: Sequence[float], seconds: float) -> None:
        """A batch is done; see `Batcher`."""
        self._sizes.observe(lines)
        self._worked.observe(seconds)
        for wait in waits:
            self._waited.observe(wait)

    def text(self) -> bytes:
        """All figures, as Prometheus reads them."""
        return generate_latest(self.registry)
