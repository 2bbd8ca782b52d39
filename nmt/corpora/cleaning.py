"""Which pairs of a corpus are kept; every dropped pair is counted by its reason."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from nmt.corpora.hashing import TextSet
from nmt.files import one_line
from nmt.recipe import DataOptions
from nmt.text.languages import count_words, language, unspaced

Pair = tuple[str, str]

# English words of validation and test sources; shorter ones repeat everywhere.
MIN_WORDS = 3
# Characters added to both lengths: the ratio of short texts means little.
RATIO_OFFSET = 10
# Control characters but the tab, and what broken decoding leaves behind.
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd\ud800-\udfff]")


def by_line(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Splits texts of several lines into a pair a line, without white space at their ends.

    If the sides have different numbers of lines, breaks become spaces. Empty lines are left out.
    What only some programs take for the end of a line becomes a space: carriage return, U+2028.
    """
    for source, target in pairs:
        # Most texts are one line.
        if "\n" not in source and "\n" not in target:
            yield one_line(source).strip(), one_line(target).strip()
            continue
        sources = _lines(source)
        targets = _lines(target)
        if len(sources) == len(targets):
            yield from zip(sources, targets, strict=True)
        else:
            yield " ".join(sources), " ".join(targets)


def _lines(text):
    return [one_line(line).strip() for line in text.split("\n") if line.strip()]


def fit_for_training(
    pairs: Iterable[Pair], data: DataOptions, dropped: Counter[str]
) -> Iterator[Pair]:
    """Pairs without faults, each once. Text without translations keeps its repeated lines."""
    seen = TextSet()
    for source, target in pairs:
        reason = fault(source, target, data)
        if reason is None and data.format != "text" and not seen.add(f"{source}\n{target}"):
            reason = "duplicate"
        if reason:
            dropped[reason] += 1
        else:
            yield source, target


def fault(source: str, target: str, data: DataOptions) -> str | None:
    """Why a training pair is dropped, or None.

    An untranslated pair teaches copying (Khayrallah and Koehn 2018).
    """
    # What is missing, or the same.
    if not source or not target:
        return "empty side"
    if source == target and data.format != "text":
        return "same on both sides"
    # Lengths.
    shorter, longer = sorted((len(source), len(target)))
    if longer > data.max_chars:
        return "too long"
    if longer + RATIO_OFFSET > data.max_ratio * (shorter + RATIO_OFFSET):
        return "length ratio"
    if CONTROL.search(source) or CONTROL.search(target):
        return "control characters"
    return None


def with_two_sides(pairs: Iterable[Pair], dropped: Counter[str], once: bool) -> Iterator[Pair]:
    """Pairs without an empty side, in their order; with `once` only the first of each source."""
    seen = TextSet()
    for source, target in pairs:
        if not source or not target:
            dropped["empty side"] += 1
        elif once and not seen.add(source):
            dropped["duplicate"] += 1
        else:
            yield source, target


def worth_testing(
    pairs: Iterable[Pair],
    data: DataOptions,
    known: Sequence[TextSet],
    known_from: str,
    dropped: Counter[str],
) -> Iterator[Pair]:
    """Translated pairs of catalogues that are long enough and whose sources are not in `known`.

    Only constants decide, no option: every recipe has the same test set. English words are counted.
    """
    # The side whose words are counted.
    english_first = language(data.target) != "en"
    spaced = not unspaced(data.source if english_first else data.target)
    for source, target in pairs:
        if count_words(source if english_first else target, spaced) < MIN_WORDS:
            dropped[f"fewer than {MIN_WORDS} words"] += 1
        elif source == target:
            dropped["same on both sides"] += 1
        elif any(source in sources for sources in known):
            dropped[f"also in {known_from}"] += 1
        else:
            yield source, target
