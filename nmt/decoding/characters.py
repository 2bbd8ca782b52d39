"""Which tokens may follow, so that byte pieces always spell whole characters; NumPy alone.

A byte piece (byte fallback) may only begin or continue a valid character of UTF-8 (The Unicode
Standard, table 3-7): no overlong form, no surrogate, nothing above U+10FFFF. Control characters
but the tab, U+FFFD and characters for private use are no text and not spelt either. EOS and other
pieces stand between characters only. PAD, UNK and BOS, which no target of byte pieces has, never
follow.
"""

from collections.abc import Mapping

import numpy as np

from nmt.text.vocabulary import BOS, PAD, UNK

# For each state, ranges of bytes (first, last) and the state that they lead to.
BYTES = {
    # Between characters.
    "whole": [
        (0x09, 0x09, "whole"),
        (0x20, 0x7E, "whole"),
        (0xC2, 0xC2, "after C2"),
        (0xC3, 0xDF, "1 left"),
        (0xE0, 0xE0, "after E0"),
        (0xE1, 0xEC, "2 left"),
        (0xED, 0xED, "after ED"),
        (0xEF, 0xEF, "after EF"),
        (0xF0, 0xF0, "after F0"),
        (0xF1, 0xF2, "3 left"),
        (0xF3, 0xF3, "after F3"),
    ],
    "1 left": [(0x80, 0xBF, "whole")],
    "2 left": [(0x80, 0xBF, "1 left")],
    "3 left": [(0x80, 0xBF, "2 left")],
    # No control characters.
    "after C2": [(0xA0, 0xBF, "whole")],
    # No overlong forms.
    "after E0": [(0xA0, 0xBF, "1 left")],
    "after F0": [(0x90, 0xBF, "2 left")],
    # No surrogates.
    "after ED": [(0x80, 0x9F, "1 left")],
    # Nothing for private use (EE, EF 80 to EF A3, F3 B0 and above): symbols are pieces.
    "after F3": [(0x80, 0xAF, "2 left")],
    # No U+FFFD.
    "after EF": [(0xA4, 0xBE, "1 left"), (0xBF, 0xBF, "after EF BF")],
    "after EF BF": [(0x80, 0xBC, "whole"), (0xBE, 0xBF, "whole")],
}
# Classes of tokens: the 256 bytes, other pieces, and what never follows.
PIECE = 256
NEVER = 257
# The state that a token leads to which may not follow. It is the last row: nothing follows.
FORBIDDEN = -1


class Characters:
    """The automaton over the tokens of a vocabulary. State 0 is between characters.

    classes: [vocab]; transitions: the state after a token, [states, classes].
    """

    def __init__(self, bytes_of_ids: Mapping[int, int], vocab: int):
        """bytes_of_ids: the byte of each byte piece by its id."""
        self.classes = np.full(vocab, PIECE, np.int16)
        self.classes[[PAD, UNK, BOS]] = NEVER
        self.classes[list(bytes_of_ids)] = list(bytes_of_ids.values())
        numbers = {state: number for number, state in enumerate(BYTES)}
        self.transitions = np.full((len(BYTES) + 1, NEVER + 1), FORBIDDEN, np.int8)
        self.transitions[0, PIECE] = 0
        for state, ranges in BYTES.items():
            for first, last, after in ranges:
                self.transitions[numbers[state], first : last + 1] = numbers[after]
        self.from_whole = self.transitions[0].take(self.classes)  # [vocab]

    def after(self, states: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """The states after tokens: states [rows], ids [rows, k]."""
        # In every step of a search: mostly all stand between characters.
        if not states.any():
            return self.from_whole.take(ids)
        # `take` is faster than indexing.
        rows = np.multiply(states, self.transitions.shape[1], dtype=np.int64)
        return self.transitions.take(rows[:, None] + self.classes.take(ids))

    def allowed(self, states: np.ndarray) -> np.ndarray:
        """Whether each token may follow: [rows, vocab], for states [rows]."""
        return self.transitions[states][:, self.classes] != FORBIDDEN
