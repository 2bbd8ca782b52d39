"""What is served: a direction is a source language and a target language."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from nmt.errors import UserError
from nmt.inference.translator import Translator
from nmt.serving.detection import Detected, Detector
from nmt.text.languages import Tag, parse

# What LibreTranslate's clients also call these languages.
OTHER_CODES = {"pb": "pt-br", "zt": "zh-hant"}


class Direction(NamedTuple):
    """What translates from one language into another. Codes have hyphens: pt-BR."""

    source: str
    target: str
    translator: Translator


class Directions:
    """All directions of a server at one time; never changed."""

    def __init__(
        self, directions: Iterable[Direction], words: Mapping[str, Iterable[str]] | None = None
    ):
        """words: usual ones of each source, as `Detector` takes them.

        UserError for two directions from one language into one.
        """
        self._table: dict[tuple[str, str], Direction] = {}
        for direction in directions:
            key = direction.source, direction.target
            if key in self._table:
                raise UserError(
                    f"two runs translate {'-'.join(key)}; serve one of them, or both as an "
                    "ensemble: RUN1,RUN2"
                )
            self._table[key] = direction
        self._detector = Detector({code: (words or {}).get(code, ()) for code in self.sources()})

    def __iter__(self) -> Iterator[Direction]:
        return iter(self._table.values())

    def sources(self) -> list[str]:
        """The languages that are translated from."""
        return list(dict.fromkeys(source for source, _ in self._table))

    def targets(self, source: str = "") -> list[str]:
        """The languages that are translated into, or those from one source."""
        pairs = self._table
        return list(dict.fromkeys(t for s, t in pairs if not source or s == source))

    def languages(self) -> list[str]:
        """All of them."""
        return list(dict.fromkeys([*self.sources(), *self.targets()]))

    def find(self, source: str, target: str) -> Direction | None:
        """The direction of two codes of this class."""
        return self._table.get((source, target))

    def detect(self, text: str) -> list[Detected]:
        """The sources, the most probable first."""
        return self._detector.detect(text)

    def detected_source(self, text: str, target: str) -> Detected:
        """The most probable language of a text that is to be translated into `target`.

        It may be the target itself.
        """
        possible = (each for each in self.detect(text) if self._reaches(each.language, target))
        return next(possible)

    def _reaches(self, source, target):
        return source == target or (source, target) in self._table


def matching(code: str, codes: Sequence[str]) -> str | None:
    """The one of the codes that a client means: in any case, with _ or -, at least the language."""
    wanted = code.strip().lower().replace("_", "-")
    wanted = OTHER_CODES.get(wanted, wanted)
    by_lower_case = {each.lower(): each for each in codes}
    if wanted in by_lower_case:
        return by_lower_case[wanted]
    tag = parse(wanted)
    tests: tuple[Callable[[Tag], bool], ...] = (
        lambda other: other == tag,
        lambda other: other.includes(tag) or tag.includes(other),
        # Regions are no reason to refuse, scripts are.
        lambda other: (other.language, other.written_as()) == (tag.language, tag.written_as()),
    )
    for test in tests:
        for each in codes:
            if test(parse(each)):
                return each
    return None
