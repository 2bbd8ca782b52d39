"""What a hypothesis gets on top of its log-probability for phrases that are wanted in it.

A soft form of constraints, in the way of translation pieces (Zhang et al. 2018): each token of a
wanted phrase adds a weight, so that the beam keeps what has begun one. What was begun and left is
taken back. A complete hypothesis has the weight of the phrases that stand in it, each as often as
it is wanted at most.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Phrase(NamedTuple):
    """Tokens that are wanted in a sentence."""

    forms: Sequence[tuple[int, ...]]  # ways to write it; each counts as much as the first one
    weight: float  # of a token, in natural logarithms
    times: int = 1  # how often it is wanted


class _Moves(NamedTuple):
    """What each next token does in a state: to most of them nothing was begun."""

    usual_gain: float
    usual_state: int
    tokens: np.ndarray  # those that begin a phrase or go on with one
    gains: np.ndarray
    states: dict[int, int]


class Wanted:
    """The phrases of one sentence as an automaton (Aho and Corasick 1975).

    A state is a number; 0 is that of an empty hypothesis. It stands for the node of a tree, which
    is what the last tokens have begun, and for how often each phrase is still wanted.
    """

    def __init__(self, phrases: Sequence[Phrase]):
        self.values = [phrase.weight * len(phrase.forms[0]) for phrase in phrases]
        self.most = sum(
            phrase.times * value for phrase, value in zip(phrases, self.values, strict=True)
        )
        # 1. A tree of all forms. Of each node: phrases and how much of each stands there.
        self.children: list[dict[int, int]] = [{}]
        self.shares: list[dict[int, float]] = [{}]
        for number, phrase in enumerate(phrases):
            for form in phrase.forms:
                self._plant(number, form)
        # 2. Where a node has no child for a token, the longest end of its tokens goes on.
        self.fallback = [0] * len(self.children)
        nodes = [0]
        for node in nodes:
            for token, child in self.children[node].items():
                self.fallback[child] = self._next(self.fallback[node], token) if node else 0
                _add_larger(self.shares[child], self.shares[self.fallback[child]])
                nodes.append(child)
        # 3. The states that have been reached so far.
        self.states: list[tuple[int, tuple[int, ...]]] = []
        self.numbers: dict[tuple[int, tuple[int, ...]], int] = {}
        self.found: list[float] = []  # what phrases that stand in a hypothesis have brought it
        self.totals: list[float] = []  # with what it has begun
        self.moves: dict[int, _Moves] = {}
        self._number(0, tuple(phrase.times for phrase in phrases), 0.0)

    def moves_from(self, state: int) -> _Moves:
        """What each next token does."""
        if state not in self.moves:
            node, wanted = self.states[state]
            usual = self._number(0, wanted, self.found[state])
            tokens = set(self.children[0])
            while node:
                tokens |= self.children[node].keys()
                node = self.fallback[node]
            states = {token: self._after(state, token) for token in sorted(tokens)}
            gains = [self.totals[after] - self.totals[state] for after in states.values()]
            usual_gain = self.totals[usual] - self.totals[state]
            ids = np.array(list(states), int)
            self.moves[state] = _Moves(usual_gain, usual, ids, np.array(gains), states)
        return self.moves[state]

    def _plant(self, number, form):
        node = 0
        for depth, token in enumerate(form, 1):
            if token not in self.children[node]:
                self.children[node][token] = len(self.children)
                self.children.append({})
                self.shares.append({})
            node = self.children[node][token]
            _add_larger(self.shares[node], {number: depth / len(form)})

    def _next(self, node, token):
        """The node after a token."""
        while node and token not in self.children[node]:
            node = self.fallback[node]
        return self.children[node].get(token, 0)

    def _after(self, state, token):
        node, wanted = self.states[state]
        node = self._next(node, token)
        found = self.found[state]
        # A phrase that stands there as a whole is wanted once less.
        for number, share in self.shares[node].items():
            if share == 1 and wanted[number]:
                wanted = (*wanted[:number], wanted[number] - 1, *wanted[number + 1 :])
                found += self.values[number]
        return self._number(node, wanted, found)

    def _number(self, node, wanted, found):
        """The number of a state, a new one if need be."""
        key = node, wanted
        if key not in self.numbers:
            self.numbers[key] = len(self.states)
            self.states.append(key)
            begun = (
                self.values[number] * share
                for number, share in self.shares[node].items()
                if wanted[number] and share < 1
            )
            self.found.append(found)
            self.totals.append(found + max(begun, default=0.0))
        return self.numbers[key]


class Bonus:
    """What is wanted in each sentence of a batch. `sentences` and `states`: [rows]."""

    def __init__(self, wanted: Sequence[Wanted]):
        self.wanted = wanted

    def add(self, log_probs: np.ndarray, sentences: np.ndarray, states: np.ndarray) -> None:
        """Adds to log-probabilities [rows, vocab] what each token gains."""
        for row, moves in enumerate(self._moves(sentences, states)):
            gains = log_probs[row, moves.tokens] + moves.gains
            log_probs[row] += moves.usual_gain
            log_probs[row, moves.tokens] = gains

    def after(self, sentences: np.ndarray, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The states after tokens: ids, and what is returned, [rows, k]."""
        moves = self._moves(sentences, states)
        pairs = zip(moves, ids.tolist(), strict=True)
        return np.array([[m.states.get(id, m.usual_state) for id in row] for m, row in pairs])

    def totals(self, sentences: np.ndarray, states: np.ndarray) -> np.ndarray:
        """What hypotheses have got: sentences [n], states [n, places]."""
        rows = zip(sentences.tolist(), states.tolist(), strict=True)
        totals = [[self.wanted[n].totals[state] for state in row] for n, row in rows]
        return np.array(totals).reshape(states.shape)

    def most(self, sentences: np.ndarray) -> np.ndarray:
        """What hypotheses of each sentence can get."""
        return np.array([self.wanted[n].most for n in sentences.tolist()])

    def _moves(self, sentences, states):
        rows = zip(sentences.tolist(), states.tolist(), strict=True)
        return [self.wanted[sentence].moves_from(state) for sentence, state in rows]


def _add_larger(shares, others):
    """Adds what others have, or have more of."""
    for number, share in others.items():
        shares[number] = max(share, shares.get(number, 0.0))
