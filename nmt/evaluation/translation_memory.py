"""A translation memory as a baseline: the target of the training source most alike in character n-grams."""

import collections
import math

N = 4  # characters a gram


def grams(line):
    """Character n-grams of a line, with borders, counted."""
    line = f" {' '.join(line.lower().split())} "
    return collections.Counter(line[i : i + N] for i in range(max(1, len(line) - N + 1)))


def nearest_targets(pairs, sources):
    """For each source the target of the training pair whose source has the highest TF-IDF cosine."""
    index = collections.defaultdict(list)
    targets = []
    for number, (source, target) in enumerate(pairs):
        targets.append(target)
        for gram, count in grams(source).items():
            index[gram].append((number, count))
    weight = {gram: math.log(1 + len(targets) / len(found)) for gram, found in index.items()}
    norms = [0.0] * len(targets)
    for gram, found in index.items():
        for number, count in found:
            norms[number] += (count * weight[gram]) ** 2
    for source in sources:
        alike = collections.defaultdict(float)
        for gram, count in grams(source).items():
            for number, other in index.get(gram, ()):
                alike[number] += count * other * weight[gram] ** 2
        best = max(
            alike,
            key=lambda number: (alike[number] / math.sqrt(norms[number]), -number),
            default=None,
        )
        yield targets[best] if best is not None else source
