"""A translation memory as a baseline: the target of the training source most similar in n-grams."""

import collections
import math
from collections.abc import Iterable, Iterator

from nmt.evaluation import metrics
from nmt.evaluation.scored_text import ScoredText
from nmt.inference.memory_files import training_pairs
from nmt.runs.folder import Run

N = 4  # characters a gram


def memory_baseline(run: Run, text: ScoredText) -> dict:
    """BLEU and chrF of a translation memory of the run's training pairs on a text."""
    pairs = training_pairs(run, text.data.target)
    targets = list(nearest_targets(pairs, text.sources))
    return metrics.scores(text.data, targets, text.references)


def grams(line: str) -> collections.Counter:
    """Character n-grams of a line, with its borders, counted."""
    line = f" {' '.join(line.lower().split())} "
    return collections.Counter(line[i : i + N] for i in range(max(1, len(line) - N + 1)))


def nearest_targets(pairs: Iterable[tuple[str, str]], sources: Iterable[str]) -> Iterator[str]:
    """For each source the target of the training pair whose source has the highest TF-IDF cosine.

    A source that shares no n-gram with any pair is its own translation.
    """
    # An inverted index: n-gram -> (number of the pair, count).
    index: dict[str, list[tuple[int, int]]] = collections.defaultdict(list)
    targets = []
    for number, (source, target) in enumerate(pairs):
        targets.append(target)
        for gram, count in grams(source).items():
            index[gram].append((number, count))

    # Inverse document frequencies, and the squared length of each source's vector.
    weight = {gram: math.log(1 + len(targets) / len(entries)) for gram, entries in index.items()}
    norms = [0.0] * len(targets)
    for gram, entries in index.items():
        for number, count in entries:
            norms[number] += (count * weight[gram]) ** 2

    # The products of a source with the vectors of those pairs that share an n-gram with it.
    for source in sources:
        products: dict[int, float] = collections.defaultdict(float)
        for gram, count in grams(source).items():
            for number, other in index.get(gram, ()):
                products[number] += count * other * weight[gram] ** 2
        # Of equal ones the first. The source's own length is the same for all.
        cosines = {n: product / math.sqrt(norms[n]) for n, product in products.items()}
        best = max(cosines, key=lambda number: (cosines[number], -number), default=None)
        yield source if best is None else targets[best]
