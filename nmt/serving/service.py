"""What all interfaces share: texts in, translations out, with limits."""

import asyncio
import dataclasses
import hmac
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nmt.errors import UserError
from nmt.inference.translation import Translation
from nmt.inference.translator import Translator
from nmt.serving.batching import Batcher, BusyError
from nmt.serving.detection import Detected
from nmt.serving.directions import Direction, Directions, matching
from nmt.serving.runs import Runs
from nmt.serving.texts import cut

if TYPE_CHECKING:
    from nmt.serving.metrics import Metrics

AUTO = "auto"
MANY_CHARACTERS = 2_000  # that take a few milliseconds to prepare
RETRY_SECONDS = 10  # what a client is told to wait when too much waits already


class Refusal(Exception):
    """What a client did that is not served: an HTTP status and a message."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that one request may have."""

    characters: int = 100_000
    texts: int = 1_000
    body: int = 2**20  # bytes
    file: int = 2**24  # bytes
    alternatives: int = 10


@dataclasses.dataclass(frozen=True)
class Answer:
    """The translations of a text, best first, and the language that was detected for it."""

    candidates: list[Translation]
    detected: Detected | None = None
    # What of the text was translated by itself, and into what.
    units: Sequence[tuple[str, Translation]] = ()

    def source(self, asked: str) -> str:
        """The language of the text: the one that was asked for, or the detected one."""
        return self.detected.language if self.detected else asked


class Service:
    """Translates for any interface."""

    def __init__(
        self,
        runs: Runs,
        batcher: Batcher,
        limits: Limits | None = None,
        keys: Sequence[str] = (),
        suggestions: bool = False,
        metrics: "Metrics | None" = None,
    ):
        """keys: one of them is needed, where there are any. suggestions: corrections are taken."""
        self.runs = runs
        self.batcher = batcher
        self.limits = limits or Limits()
        self.keys = [key.encode() for key in keys]
        self.suggestions = suggestions
        self.metrics = metrics

    @property
    def directions(self) -> Directions:
        """Those of now: a request keeps what it begins with."""
        return self.runs.directions

    def check_key(self, key: str) -> None:
        """Refusal without a right key, where one is needed."""
        if not self.keys:
            return
        if not key:
            raise Refusal(400, "Please contact the server operator to get an API key")
        # All are compared, so that the time tells nothing.
        equal = [hmac.compare_digest(key.encode(), each) for each in self.keys]
        if not any(equal):
            raise Refusal(403, "Invalid API key")

    def check_size(self, texts: Sequence[str]) -> None:
        """Refusal of too many texts or characters."""
        for size, limit in (
            (len(texts), self.limits.texts),
            (sum(map(len, texts)), self.limits.characters),
        ):
            if size > limit:
                message = f"Invalid request: request ({size}) exceeds text limit ({limit})"
                raise Refusal(400, message)

    def languages(self, source: str, target: str) -> tuple[str, str]:
        """The codes of this server for those of a client; Refusal of what is not served."""
        directions = self.directions
        every = directions.languages()
        # A text may be asked for in its own language, as when that was detected.
        known: str | None = AUTO
        if source.lower() != AUTO:
            known = matching(source, directions.sources()) or matching(source, every)
        if not known:
            raise Refusal(400, f"{source} is not supported")
        near = directions.targets("" if known == AUTO else known)
        into = matching(target, near) or matching(target, every)
        if not into:
            raise Refusal(400, f"{target} is not supported")
        if into != known and into not in near:
            raise Refusal(400, f"{into} is not supported as a target of {known}")
        return known, into

    async def translate(
        self,
        texts: Sequence[str],
        source: str,
        target: str,
        nbest: int = 1,
        form: str = "text",
        through: Callable[[Translator], Any] | None = None,
    ) -> list[Answer]:
        """The translations of each text. source, target: codes that `languages` returned.

        through: makes of a translator the one that gives the candidates.
        Refusal of half characters, and while too much waits.
        """
        # 1. Each text has its direction; one in the target's language already has none.
        directions = self.directions
        found = [
            directions.detected_source(text, target) if source == AUTO else None for text in texts
        ]
        sources = [each.language if each else source for each in found]
        cuts = [cut(text, form) for text in texts]
        # 2. All units of a direction go to the queue together.
        numbers: dict[str, list[int]] = {}
        for number, each in enumerate(sources):
            numbers.setdefault(each, []).append(number)
        candidates: list[list[Translation]] = [[] for _ in texts]
        best: list[list[tuple[str, Translation]]] = [[] for _ in texts]
        work = []
        for each, of_source in numbers.items():
            direction = directions.find(each, target)
            units = [cuts[number].units for number in of_source]
            work.append(self._units(direction, units, nbest, through))
        results = await _all(work)
        # 3. Back to texts.
        for of_source, translated in zip(numbers.values(), results, strict=True):
            for number, units in zip(of_source, translated, strict=True):
                candidates[number] = _distinct(cuts[number].joined(units))
                firsts = [of_unit[0] for of_unit in units]
                best[number] = list(zip(cuts[number].units, firsts, strict=True))
        return [Answer(*each) for each in zip(candidates, found, best, strict=True)]

    async def _units(self, direction, units_of_texts, nbest, through):
        """The candidates of each unit of each text."""
        if direction is None:
            return [[[Translation(unit)] for unit in units] for units in units_of_texts]
        flat = [unit for units in units_of_texts for unit in units]
        found = iter(await self.search(direction, flat, nbest, through))
        return [[next(found) for _ in units] for units in units_of_texts]

    async def search(
        self,
        direction: Direction,
        lines: Sequence[str],
        nbest: int,
        through: Callable[[Translator], Any] | None = None,
    ) -> list[list[Any]]:
        """The candidates of lines, as the translator of a direction gives them; see `translate`."""
        if self.metrics:
            self.metrics.translated(direction, lines)
        translator = direction.translator
        try:
            searcher = through(translator) if through else translator
            ready = await _prepared(translator, searcher, lines, nbest)
            future = self.batcher.submit(searcher, ready.segments, nbest)
            return ready.joined(await asyncio.wrap_future(future))
        except BusyError:
            headers = {"Retry-After": str(RETRY_SECONDS)}
            raise Refusal(503, "Too much waits to be translated", headers) from None
        except UserError as error:
            raise Refusal(400, f"Invalid request: {error}") from None


async def _prepared(translator, searcher, lines, nbest):
    """Lines that are ready; in a thread if that may take long, so that others have their turn."""
    corrections = translator.corrections
    if (
        sum(map(len, lines)) < MANY_CHARACTERS
        and translator.memory is None
        and not (corrections and corrections.changed())
    ):
        return searcher.ready(lines, nbest)
    return await asyncio.to_thread(searcher.ready, lines, nbest)


async def _all(work):
    """What all of these return; the first error cancels the rest."""
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _distinct(candidates):
    """The candidates without those whose text came before."""
    first: dict[str, Translation] = {}
    for candidate in candidates:
        first.setdefault(candidate.text, candidate)
    return list(first.values())
