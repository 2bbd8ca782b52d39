"""Outputs that begin with a given text: which tokens may follow until it is written; NumPy alone.

Every sequence of tokens whose text begins with the prefix is allowed, not only the tokenizer's own
segmentation of it. At each step these are the tokens that agree with what is left of the prefix:
those that it begins with, bytes too, and those that begin with it and go on. A token after which
the rest cannot be written is left out. Where the last word of the prefix is whole, nothing goes on
with it, and one more token is limited to those that end it.

A state is the number of bytes that are left, and one more before the first token; 0: anything may
follow.
"""

import functools
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from nmt.decoding.contract import LOG_ZERO, best_tokens
from nmt.text.vocabulary import EOS

# What EOS writes: no text has this byte. A prefix that is the whole output ends in it.
END = b"\xff"
# What a token writes that ends the last word of a prefix. No text has this byte either.
BORDER = b"\xfe"
FEW = 500  # tokens: of more, sorting takes longer than finding the best


class Moves(dict[int, int]):
    """The tokens that may follow, and the state after each; never changed."""

    @functools.cached_property
    def tokens(self) -> np.ndarray:
        """Those that may follow."""
        return np.fromiter(self, np.int64)

    @functools.cached_property
    def completing(self) -> np.ndarray:
        """Whether the prefix is written after each of them."""
        return np.fromiter(self.values(), np.int64) == 0


class Spelling:
    """What the tokens of a vocabulary write."""

    def __init__(self, writings: Sequence[bytes], spaced: Collection[int], drops_spaces: bool):
        """writings: of each token; those that write nothing never stand within a prefix.

        spaced: tokens whose first byte is a space that is not written at the beginning of an
        output. drops_spaces: then a space alone leaves the output at its beginning.
        """
        self.writings = list(writings)
        self.writings[EOS] = END
        self.spaced = frozenset(spaced)
        self.drops_spaces = drops_spaces
        self.tokens: dict[bytes, list[int]] = {}
        for token, writing in enumerate(self.writings):
            if writing and (writing != END or token == EOS):
                self.tokens.setdefault(writing, []).append(token)
        self.sorted = sorted(self.tokens)
        self.longest = max(map(len, self.sorted))
        self._last_moves: dict[bytes, Moves] = {}

    def agreeing(self, rest: bytes) -> dict[int, int]:
        """The tokens that may follow before `rest`, and how many bytes of it each writes."""
        agreeing = {}
        for length in range(1, min(len(rest) - 1, self.longest) + 1):
            for token in self.tokens.get(rest[:length], ()):
                agreeing[token] = length
        # Those that begin with all of it stand side by side.
        place = bisect_left(self.sorted, rest)
        while place < len(self.sorted) and self.sorted[place].startswith(rest):
            for token in self.tokens[self.sorted[place]]:
                agreeing[token] = len(rest)
            place += 1
        return agreeing

    def last_moves(self, byte: bytes) -> Moves:
        """The moves that write the last byte of a prefix, and maybe more.

        Kept: after a space they are those of nearly all of a vocabulary.
        """
        if byte not in self._last_moves:
            self._last_moves[byte] = Moves(dict.fromkeys(self.agreeing(byte), 0))
        return self._last_moves[byte]


class Prefix:
    """What one output begins with, as an automaton."""

    def __init__(
        self,
        text: str,
        spelling: Spelling,
        endings: Mapping[int, str] | None = None,
        whole: bool = False,
        following: tuple[int, ...] = (),
    ):
        """endings: tokens that write a text of their own where it goes to the end of the prefix.

        whole: the output is nothing but the prefix. following: the tokens that may come next, and
        then no token goes beyond the prefix; empty: any.
        """
        self.bytes = text.encode() + (END if whole else b"") + (BORDER if following else b"")
        self.spelling = spelling
        self.endings = {token: own.encode() for token, own in (endings or {}).items()}
        self.start = len(self.bytes) + 1 if self.bytes else 0
        # For each state the tokens that may follow, and the state after each; from the end on, so
        # that only tokens stay after which the prefix can be completed.
        self.moves = [Moves()]
        if self.bytes:
            self.moves.append(_moves_to_the_end(following) if following else self._last_moves())
            for left in range(2, len(self.bytes) + 1):
                self.moves.append(self._possible(left, self._agreeing(self.bytes[-left:])))
            self.moves.append(self._first_moves())

    @property
    def is_possible(self) -> bool:
        """Whether tokens can write it."""
        return self.start == 0 or bool(self.moves[self.start])

    def _agreeing(self, rest):
        agreeing = self.spelling.agreeing(rest)
        for token, own in self.endings.items():
            if own.startswith(rest.removesuffix(BORDER)):
                agreeing.setdefault(token, len(rest))
        return agreeing

    def _last_moves(self):
        """Those of the last byte."""
        byte = self.bytes[-1:]
        moves = self.spelling.last_moves(byte)
        own = [token for token, text in self.endings.items() if text.startswith(byte)]
        return Moves(moves | dict.fromkeys(own, 0)) if own else moves

    def _possible(self, left, agreeing):
        """The moves that lead to states from which the end can be reached."""
        return Moves(
            (token, left - length)
            for token, length in agreeing.items()
            if left == length or self.moves[left - length]
        )

    def _first_moves(self):
        """Those of the first token, which loses its space."""
        spaced = self.spelling.spaced
        left = len(self.bytes)
        moves = {
            token: after
            for token, after in self._possible(left, self._agreeing(self.bytes)).items()
            if token not in spaced
        }
        agreeing = {
            token: length - 1
            for token, length in self.spelling.agreeing(b" " + self.bytes).items()
            if token in spaced
        }
        moves |= self._possible(left, agreeing)
        if self.spelling.drops_spaces and moves:
            moves |= {token: self.start for token, length in agreeing.items() if length == 0}
        return Moves(moves)

    @functools.cached_property
    def fewest(self) -> int:
        """How many tokens it needs at least."""
        fewest = [0]
        for state, moves in enumerate(self.moves[1:], 1):
            counts = [fewest[after] for after in set(moves.values()) if after < state]
            fewest.append(1 + min(counts, default=state))
        return fewest[self.start]


@functools.lru_cache(maxsize=8)
def _moves_to_the_end(tokens):
    # Nearly all of a vocabulary, and the same ones for many prefixes.
    return Moves(dict.fromkeys(tokens, 0))


class Prefixes:
    """Those of the sentences of a batch. `sentences` and `states`: [rows]."""

    def __init__(self, prefixes: Sequence[Prefix]):
        self.prefixes = prefixes
        self.starts = np.array([prefix.start for prefix in prefixes], int)

    def best(
        self, log_probs: np.ndarray, sentences: np.ndarray, states: np.ndarray, k: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """`best_tokens` among those that may follow; where these are fewer, LOG_ZERO for the rest.

        log_probs: [rows, vocab].
        """
        k = min(k, log_probs.shape[1])
        best = np.full((len(states), k), LOG_ZERO, log_probs.dtype)
        ids = np.zeros((len(states), k), np.int64)
        is_free = states == 0
        if is_free.any():
            best[is_free], ids[is_free] = best_tokens(log_probs[is_free], k)
        # Of these few: partitions of rows that are nearly all LOG_ZERO take several times as long.
        for row in np.flatnonzero(states):
            allowed = self.prefixes[sentences[row]].moves[states[row]].tokens
            own = log_probs[row, allowed]
            if len(own) > FEW:
                order = best_tokens(own[None], k)[1][0]
            else:
                order = np.argsort(-own, kind="stable")[:k]
            best[row, : len(order)] = own[order]
            ids[row, : len(order)] = allowed[order]
        return best, ids

    def after(self, sentences: np.ndarray, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The states after tokens: ids, and what is returned, [rows, k]."""
        after = np.zeros(ids.shape, int)
        for row in np.flatnonzero(states):
            moves = self.prefixes[sentences[row]].moves[states[row]]
            # Those that may not follow are in no live hypothesis.
            after[row] = [moves.get(token, states[row]) for token in ids[row].tolist()]
        return after
