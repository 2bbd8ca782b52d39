"""Placeholders, tags, numbers and codes that a translation must copy: lost, added, repaired."""

from collections import Counter
from collections.abc import Iterator, Mapping

from nmt.evaluation.metrics import Lines
from nmt.text.common_spans import occurrences
from nmt.text.spans import find_spans

# group of `nmt.text.kinds` -> what reports call it
GROUPS = {
    "placeholder": "placeholders",
    "tag": "tags",
    "number": "numbers",
    "code": "addresses and codes",
    "symbol": "symbols",
}

Counts = dict[str, dict[str, int]]


def copied_spans(
    sources: Lines, hypotheses: Lines, references: Lines, repaired: Mapping[str, int]
) -> Counts:
    """group -> `copied`: spans that a source and its reference share, as often as both have them;
    `lost`: those of them that the output lacks; `added`: spans of the output that neither has.

    What the output has in a longer span (`S3` in `AWS-S3`) is not lost. A number that the reference
    writes in another way need not be copied. repaired: of each group how many were put right after
    the search.
    """
    counts: Counts = {
        group: {"copied": 0, "lost": 0, "added": 0, "repaired": repaired.get(group, 0)}
        for group in GROUPS
    }
    for source, hypothesis, reference in zip(sources, hypotheses, references, strict=True):
        before, after, expected = map(_spans, (source, hypothesis, reference))
        shared = before & expected
        lost = Counter(
            {
                span: shared[span] - len(occurrences(span[1]).findall(hypothesis))
                for span in shared - after
            }
        )
        for name, spans in (
            ("copied", shared),
            ("lost", +lost),
            ("added", after - (before | expected)),
        ):
            for (group, _), number in spans.items():
                counts[group][name] += number
    return counts


def _spans(line):
    """(group, text) of the spans of a line, counted."""
    spans = find_spans(line)
    return Counter((span.kind.group, line[span.start : span.end]) for span in spans)


def lines(counts: Counts) -> Iterator[str]:
    """A line for each group of which there is any."""
    for group, name in GROUPS.items():
        entry = counts[group]
        if any(entry.values()):
            yield (
                f"{entry['copied']:,} {name}: {entry['lost']:,} lost, {entry['added']:,} added, "
                f"{entry['repaired']:,} repaired"
            )
