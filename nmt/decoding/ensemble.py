"""Several models as one: ensembles, and shallow fusion with a language model.

What combines models, and is combined, gives the log-probabilities of all words of a step:

    distribution(memory, state, origin[rows], tokens[rows]) -> log_probs[rows, vocab], attention, state

`advance` and `log_probs` follow from it (`Contract`), so search, scoring and evaluation know nothing of all this.
`memory` and `state` are lists with an entry a model; search does not look inside.
"""

import numpy as np

from nmt.errors import UserError

NEVER = -1e30  # stands in for the logarithm of zero where infinity would turn into no number


class Contract:
    """What of a model's contract follows from `encode`, `take` and `distribution`."""

    rows = 320  # hypotheses in a batch of search

    def advance(self, memory, state, origin, tokens, k):
        """The k best next words of each row, best first: log_probs, ids [rows, k], attention, state."""
        every, attention, state = self.distribution(memory, state, origin, tokens)
        every = np.asarray(every)
        k = min(k, every.shape[1])
        ids = np.argpartition(every, -k, 1)[:, -k:]
        order = np.argsort(-np.take_along_axis(every, ids, 1), 1, "stable")
        ids = np.take_along_axis(ids, order, 1)
        return np.take_along_axis(every, ids, 1), ids, attention, state

    def log_probs(self, source, tokens):
        """Natural log-probabilities of tokens[:, 1:] (BOS first, padded right): [sentences, n - 1]."""
        memory, state = self.encode(source)
        rows = np.arange(len(tokens), dtype=np.int32)
        out = np.empty((len(tokens), tokens.shape[1] - 1), np.float32)
        for n in range(tokens.shape[1] - 1):
            every, _, state = self.distribution(memory, state, rows, tokens[:, n].astype(np.int32))
            out[:, n] = np.asarray(every)[rows, tokens[:, n + 1]]
        return out


class Sources:
    """The same sentences in several matrices of ids, for models that read differently.

    As large as the first matrix, which lengths and attention refer to.
    """

    def __init__(self, matrices):
        self.matrices = matrices
        self.shape = matrices[0].shape

    def __len__(self):
        return len(self.matrices[0])


class Ensemble(Contract):
    """Models of one target vocabulary whose probabilities are averaged at every step.

    reads: for each member the number of its matrix in `Sources`; all members read the same one if not given.
    Attention is averaged over the members that read as the first one does, since that of others is over other
    pieces; there is none where one of them has none.
    """

    def __init__(self, members, reads=None):
        self.members, self.reads = members, reads or [0] * len(members)
        self.rows = min(member.rows for member in members)

    def encode(self, source):
        """source: [sentences, source_len], or `Sources`."""
        matrices = _matrices(source)
        pairs = [m.encode(matrices[n]) for m, n in zip(self.members, self.reads, strict=True)]
        return [memory for memory, _ in pairs], [state for _, state in pairs]

    def take(self, memory, sentences):
        """The memory of the given sentences."""
        return [
            member.take(leaves, sentences)
            for member, leaves in zip(self.members, memory, strict=True)
        ]

    def distribution(self, memory, state, origin, tokens):
        """log_probs of all words [rows, vocab], attention [rows, source_len] or None, state."""
        found = [
            member.distribution(m, s, origin, tokens)
            for member, m, s in zip(self.members, memory, state, strict=True)
        ]
        every, attention, state = zip(*found, strict=True)
        looks = [a for a, n in zip(attention, self.reads, strict=True) if n == self.reads[0]]
        mean = None if any(a is None for a in looks) else np.mean([np.asarray(a) for a in looks], 0)
        return log_mean(every), mean, list(state)

    def log_probs(self, source, tokens):
        """As `Contract.log_probs`; a call a member instead of one a word."""
        matrices = _matrices(source)
        return log_mean(
            [
                m.log_probs(matrices[n], tokens)
                for m, n in zip(self.members, self.reads, strict=True)
            ]
        )


class Fusion(Contract):
    """Shallow fusion (Gulcehre et al. 2015, section 4.1): log p(word) + weight * log p_lm(word), EOS included.

    lm: a model with an empty memory whose states are as many rows as `encode` gets sentences. The sums are what
    search ranks by and reports as log-probability, and `log_probs` gives the same ones; they are no probabilities.
    Search may stop early because sums only fall: weight >= 0.
    """

    def __init__(self, model, lm, weight):
        self.model = model
        self.lm = lm
        self.weight = weight
        self.rows = model.rows

    def encode(self, source):
        """source: as the model takes it."""
        memory, state = self.model.encode(source)
        lm_memory, lm_state = self.lm.encode(_matrices(source)[0])
        return [memory, lm_memory], [state, lm_state]

    def take(self, memory, sentences):
        """The memory of the given sentences."""
        return [self.model.take(memory[0], sentences), self.lm.take(memory[1], sentences)]

    def distribution(self, memory, state, origin, tokens):
        """log_probs of all words [rows, vocab], attention [rows, source_len] or None, state."""
        every, attention, after = self.model.distribution(memory[0], state[0], origin, tokens)
        fluent, _, lm_after = self.lm.distribution(memory[1], state[1], origin, tokens)
        return np.asarray(every) + self.weight * np.asarray(fluent), attention, [after, lm_after]

    def log_probs(self, source, tokens):
        """As `Contract.log_probs`; a call a model instead of one a word."""
        fluent = self.lm.log_probs(_matrices(source)[0], tokens)
        return np.asarray(self.model.log_probs(source, tokens)) + self.weight * np.asarray(fluent)


def _matrices(source):
    return source.matrices if isinstance(source, Sources) else [source]


def log_mean(log_probs):
    """Logarithm of the mean of probabilities that are given as logarithms: a sequence of arrays of one shape."""
    stacked = np.stack([np.asarray(one) for one in log_probs])
    top = np.maximum(stacked.max(0), NEVER)
    with np.errstate(divide="ignore"):  # a word that is impossible to all stays so
        return top + np.log(np.exp(stacked - top).mean(0))


def check_words(first, other):
    """UserError where two runs have other target pieces: their probabilities are not of the same words."""
    if first.tokenizers[1] != other.tokenizers[1]:
        raise UserError(
            f"{first.path} and {other.path} have different target tokenizers and cannot be combined; "
            "train one of them with tokenizer.from naming the other"
        )
