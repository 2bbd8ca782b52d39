"""A long text for a language model: parallel streams, read in windows, and texts to measure on.

A sentence w1 … wn gives the inputs BOS w1 … wn and the labels w1 … wn EOS; sentences follow each
other. Training reads `streams` parts of the text side by side, `window` tokens of each a step, and
a window begins with the state that the one before it ended with. Example: the sentences "a b",
"c d e" and "f g h i", two streams, windows of 4:

    inputs   BOS a b BOS | c d e BOS  ...      labels   a b EOS c | d e EOS  ...
             BOS f g h   | i PAD PAD PAD                f g h i   | EOS PAD PAD PAD
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nmt.batches.padding import Arrays, Ids, cut, pad
from nmt.batches.store import Store
from nmt.errors import UserError
from nmt.text.vocabulary import BOS, EOS, PAD


class Stream(NamedTuple):
    """One stream in an epoch: [sentences] each."""

    # Its sentences in order.
    pair_ids: np.ndarray
    # After how many tokens each of them ends.
    ends: np.ndarray


class Streams:
    """The batches of every epoch of truncated backpropagation through time.

    store: holds the sentences; streams: rows of a batch; window: tokens of a row.
    A stream always has the same sentences, in the order of the corpus or, with `shuffle`, in an
    order that is a function of (seed, epoch); so all epochs have the same number of windows.
    Streams begin with a sentence; padding is at their ends.
    """

    def __init__(self, store: Store, streams: int, window: int, seed: int, shuffle: bool = True):
        if store.pairs < streams:
            raise UserError(
                f"train.streams={streams}: the training text has only {store.pairs} sentences"
            )
        self.store = store
        self.window = window
        self.seed = seed
        self.shuffle = shuffle
        # With BOS or EOS.
        self.sizes = store.lengths[-1] + 1
        self.parts = equal_parts(self.sizes, streams)

    def __len__(self) -> int:
        """Windows an epoch, the same for every epoch."""
        longest = max(int(self.sizes[part].sum()) for part in self.parts)
        return -(-longest // self.window)

    def epoch(self, number: int) -> list[Stream]:
        """The streams as an epoch orders their sentences."""
        rng = np.random.default_rng([self.seed, number])
        orders = [rng.permutation(part) if self.shuffle else part for part in self.parts]
        return [Stream(order, np.cumsum(self.sizes[order], dtype=np.int64)) for order in orders]

    def arrays(self, epoch: list[Stream], number: int) -> Arrays:
        """(inputs, labels) of a window, int32 [streams, window], padded right."""
        inputs = np.full((len(epoch), self.window), PAD, np.int32)
        labels = inputs.copy()
        start = number * self.window
        stop = start + self.window
        for row, stream in enumerate(epoch):
            # The sentences that the window touches.
            first, last = np.searchsorted(stream.ends, (start, stop - 1), "right")
            pair_ids = stream.pair_ids[first : last + 1]
            if len(pair_ids):
                # Of these, what lies inside of the window.
                begin = stream.ends[first] - self.sizes[pair_ids[0]]
                inside = slice(start - begin, stop - begin)
                ins, outs = inputs_and_labels(self.store.ids(-1, pair_ids))
                inputs[row, : len(ins[inside])] = ins[inside]
                labels[row, : len(outs[inside])] = outs[inside]
        return inputs, labels

    def batches_from(self, step: int) -> Iterator[Arrays]:
        """Endless batches from a step of the training on."""
        while True:
            number, first = divmod(step, len(self))
            epoch = self.epoch(number)
            for window in range(first, len(self)):
                yield self.arrays(epoch, window)
                step += 1


def equal_parts(sizes: np.ndarray, count: int) -> list[np.ndarray]:
    """Numbers of adjacent sentences in `count` parts of about equal size; no part is empty.

    sizes: tokens of each sentence, [sentences].
    """
    ends = np.cumsum(sizes, dtype=np.int64)
    numbers = np.arange(1, count)

    # Borders where the sizes would have them, moved so that every part keeps a sentence.
    borders = np.searchsorted(ends, ends[-1] * numbers / count) + 1
    rising = np.maximum.accumulate(np.maximum(borders - numbers, 0)) + numbers
    latest = len(sizes) - numbers[::-1]
    return np.split(np.arange(len(sizes)), np.minimum(rising, latest))


def inputs_and_labels(sentences: Sequence[Ids]) -> tuple[list[int], list[int]]:
    """(inputs, labels) of sentences that follow each other."""
    inputs = [token for ids in sentences for token in (BOS, *ids)]
    labels = [token for ids in sentences for token in (*ids, EOS)]
    return inputs, labels


def whole_texts(sentences: Sequence[Ids], budget: int, parts: int = 0) -> Iterator[Arrays]:
    """Yields (inputs, labels) of whole texts, each read from the zero state, in padded batches.

    A text is a sentence or, where the state runs on, one of `parts` parts of all sentences in
    order. budget: tokens of a batch, padding included, unless one text alone has more.
    """
    # 1. Texts of one sentence or of several.
    texts = [[ids] for ids in sentences]
    if parts:
        sizes = np.array([len(ids) + 1 for ids in sentences])
        split = equal_parts(sizes, min(parts, len(sentences)))
        texts = [[sentences[number] for number in part] for part in split]
    # 2. Batches of texts of about one length.
    batch_texts = sorted(map(inputs_and_labels, texts), key=lambda text: len(text[0]))
    lengths = np.array([len(inputs) for inputs, _ in batch_texts])
    for start, end in itertools.pairwise([0, *cut(lengths, lengths, budget)]):
        inputs, labels = zip(*batch_texts[start:end], strict=True)
        yield pad(inputs, [], []), pad(labels, [], [])
