"""Documents filled: the texts of all their units translated together, and put in place."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from nmt.documents.units import Document, State, Unit, spliced
from nmt.errors import UserError
from nmt.inference.translation import Translation
from nmt.inference.translator import Translator
from nmt.text import languages
from nmt.windows import windows

WINDOW = 1000  # texts translated together
POOL = 10_000  # texts of documents that are filled together; a larger document is alone


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is filled, and with what."""

    refill: bool = False  # fuzzy units, too
    min_confidence: float = 0.0  # from 0 to 1: what is less sure stays as it is
    alternatives: int = 0  # so many beside the targets, instead of the best as a target
    beam: int | None = None  # hypotheses kept a sentence (default: the recipe's)

    def takes(self, unit: Unit) -> bool:
        return unit.state is State.EMPTY or (self.refill and unit.state is State.FUZZY)


@dataclasses.dataclass
class Summary:
    """What became of the units of a document, or of several."""

    filled: int = 0
    unsure: int = 0  # left as they were for want of confidence
    refused: Counter[str] = dataclasses.field(default_factory=Counter)  # by reason
    fuzzy: int = 0  # there already, for somebody to look at
    translated: int = 0  # there already

    def __add__(self, other: "Summary") -> "Summary":
        mine, theirs = vars(self), vars(other)
        return Summary(**{name: mine[name] + theirs[name] for name in mine})

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.refused.most_common())
        parts = {
            "left, not sure enough": self.unsure,
            f"left ({reasons})": self.refused.total(),
            "fuzzy before": self.fuzzy,
            "translated before": self.translated,
        }
        shown = (f"{count:,} {part}" for part, count in parts.items() if count)
        return ", ".join([f"{self.filled:,} filled", *shown])


class Filled(NamedTuple):
    """The bytes of a filled document, and what became of its units."""

    data: bytes
    summary: Summary
    units: list[tuple[Unit, list[Translation]]]  # what was filled, a translation a source
    refused: dict[str, list[int]]  # lines of what was left, by reason


def check(document: Document, translator: Translator, choice: Choice, name: str) -> None:
    """UserError for a document that the translator, or its format, is not for.

    Its languages are those of the run, whatever their regions are.
    """
    data = translator.recipe.data
    pairs = (
        ("is translated into", document.language, data.target),
        ("is translated from", document.source_language, data.source),
    )
    for what, own, ours in pairs:
        if own and languages.language(own) != languages.language(ours):
            raise UserError(
                f"{name}: {what} {own!r}, but this run translates {data.source} into "
                f"{data.target}; take another run or --to, or correct what the file says"
            )
    if choice.alternatives and not document.alternatives:
        raise UserError(f"{name}: its format has no place for alternatives; leave out that option")


def pools(
    named: Iterable[tuple[Any, Document]], size: int = POOL
) -> Iterator[list[tuple[Any, Document]]]:
    """Lists of named documents to fill together: as many as have about `size` texts."""
    pool: list[tuple[Any, Document]] = []
    texts = 0
    for name, document in named:
        count = sum(len(unit.sources) for unit in document.units)
        if pool and texts + count > size:
            yield pool
            pool, texts = [], 0
        pool.append((name, document))
        texts += count
    if pool:
        yield pool


def fill(
    translator: Translator,
    documents: Sequence[Document],
    choice: Choice,
    progress: Callable[[int, int], None] | None = None,
    window: int = WINDOW,
) -> list[Filled]:
    """Each document with what it lacks; equal texts are translated once.

    progress: is told how many texts have been translated, and of how many. window: texts that are
    translated together.
    """
    chosen = [unit for document in documents for unit in document.units if choice.takes(unit)]
    translations = _translated(translator, chosen, choice, progress, window)
    return [_filled(document, choice, translations) for document in documents]


def _translated(translator, chosen, choice, progress, window):
    """{source: its translations, best first}."""
    # 1. Each text once, with attention where any unit needs that.
    needs: dict[str, bool] = {}
    for unit in chosen:
        for source in unit.sources:
            needs[source] = needs.get(source, False) or unit.attention
    # 2. Window by window, as attention takes time.
    translations: dict[str, list[Translation]] = {}
    nbest = max(1, choice.alternatives)
    for attention in (False, True):
        texts = (text for text, needed in needs.items() if needed is attention)
        for together in windows(texts, window):
            results = translator.candidates(together, nbest, choice.beam, attention)
            translations.update(zip(together, results, strict=True))
            if progress:
                progress(len(translations), len(needs))
    return translations


def _filled(document, choice, translations):
    """A document with the edits of its units."""
    summary = Summary()
    edits = []
    filled = []
    refused: dict[str, list[int]] = {}
    for unit in document.units:
        if not choice.takes(unit):
            summary.fuzzy += unit.state is State.FUZZY
            summary.translated += unit.state is State.TRANSLATED
            continue
        found = [translations[source] for source in unit.sources]
        if choice.min_confidence and _confidence(found) < choice.min_confidence:
            summary.unsure += 1
            continue
        try:
            edits += _edits(unit, found, choice)
            summary.filled += 1
            filled.append((unit, [best for best, *_ in found]))
        except ValueError as error:
            summary.refused[str(error)] += 1
            refused.setdefault(str(error), []).append(unit.line)
    if summary.filled:
        edits += document.edits
    return Filled(spliced(document.data, edits), summary, filled, refused)


def _edits(unit, found, choice):
    """found: of each source its translations."""
    if not choice.alternatives:
        return unit.edits([best for best, *_ in found])
    if not unit.alternatives:
        raise ValueError("alternatives are there already")
    return unit.alternatives(found)


def _confidence(found):
    """How sure the least sure of its best translations is."""
    sure = [best.confidence for best, *_ in found]
    # What was only copied has none.
    return min((each for each in sure if each is not None), default=1.0)
