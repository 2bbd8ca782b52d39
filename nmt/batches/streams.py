"""A long text for a language model: parallel streams, read in windows, and whole texts to measure on.

A sentence w1 … wn gives the inputs BOS w1 … wn and the labels w1 … wn EOS; sentences follow each other. Training
reads `streams` parts of the text side by side, `window` tokens of each a step, and a window begins with the state
that the one before it ended with. Example, sentences "a b", "c d e" and "f g h i", two streams, windows of 4:

    inputs   BOS a b BOS | c d e BOS  ...      labels   a b EOS c | d e EOS  ...
             BOS f g h   | i PAD PAD PAD                f g h i   | EOS PAD PAD PAD
"""

import itertools

import numpy as np

from nmt.batches.padding import cut, pad
from nmt.errors import UserError
from nmt.text.vocabulary import BOS, EOS, PAD


class Streams:
    """The batches of every epoch of truncated backpropagation through time; a `Store` holds the sentences.

    A stream has always the same sentences, in the order of the corpus or, with `shuffle`, in one that is a function
    of (seed, epoch): so all epochs have as many windows. Streams begin with a sentence; padding is at their ends.
    """

    def __init__(self, store, streams, window, seed, shuffle=True):
        if store.pairs < streams:
            raise UserError(
                f"train.streams={streams}: the training text has only {store.pairs} sentences"
            )
        self.store = store
        self.window = window
        self.seed = seed
        self.shuffle = shuffle
        self.sizes = store.lengths[-1] + 1  # BOS or EOS
        self.parts = parts(self.sizes, streams)

    def __len__(self):
        """Windows an epoch, the same for every epoch."""
        longest = max(int(self.sizes[part].sum()) for part in self.parts)
        return -(-longest // self.window)

    def epoch(self, number):
        """Of each stream its sentences in order, and after how many tokens each ends."""
        rng = np.random.default_rng([self.seed, number])
        orders = [rng.permutation(part) if self.shuffle else part for part in self.parts]
        return [(order, np.cumsum(self.sizes[order], dtype=np.int64)) for order in orders]

    def arrays(self, epoch, number):
        """(inputs, labels) of a window, int32 [streams, window], padded right."""
        inputs, labels = np.full((2, len(epoch), self.window), PAD, np.int32)
        start = number * self.window
        stop = (number + 1) * self.window
        for row, (order, ends) in enumerate(epoch):
            first, last = np.searchsorted(ends, (start, stop - 1), "right")
            sentences = self.store.side(-1, order[first : last + 1])
            if sentences:
                skipped = start - (ends[first] - self.sizes[order[first]])
                for out, tokens in zip((inputs, labels), joined(sentences), strict=True):
                    tokens = tokens[skipped : skipped + self.window]
                    out[row, : len(tokens)] = tokens
        return inputs, labels

    def batches_from(self, step):
        """Endless batches from a global step on."""
        while True:
            number, first = divmod(step, len(self))
            epoch = self.epoch(number)
            for window in range(first, len(self)):
                yield self.arrays(epoch, window)
                step += 1


def parts(sizes, count):
    """Numbers of adjacent sentences in so many parts of about as many tokens each; no part is empty."""
    ends = np.cumsum(sizes, dtype=np.int64)
    least = np.arange(1, count)
    borders = np.searchsorted(ends, ends[-1] * least / count) + 1
    rising = np.maximum.accumulate(np.maximum(borders - least, 0)) + least
    return np.split(np.arange(len(sizes)), np.minimum(rising, len(sizes) - least[::-1]))


def joined(sentences):
    """(inputs, labels) of sentences in a row."""
    return (
        [i for ids in sentences for i in (BOS, *ids)],
        [i for ids in sentences for i in (*ids, EOS)],
    )


def whole(sentences, budget, count=0):
    """Yields (inputs, labels) of whole texts, each from the zero state: about `budget` tokens at a time.

    A text is a sentence or, where the state runs on, one of `count` parts of all sentences in order.
    """
    texts = [[ids] for ids in sentences]
    if count:
        sizes = np.array([len(ids) + 1 for ids in sentences])
        texts = [[sentences[n] for n in part] for part in parts(sizes, min(count, len(sentences)))]
    texts = sorted(map(joined, texts), key=lambda text: len(text[0]))
    lengths = np.array([len(inputs) for inputs, _ in texts])
    for start, end in itertools.pairwise([0, *cut(lengths, lengths, budget)]):
        inputs, labels = zip(*texts[start:end], strict=True)
        yield pad(inputs, [], []), pad(labels, [], [])
