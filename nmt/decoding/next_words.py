"""The words that may follow a prefix, with their probabilities: a small search; NumPy alone.

A word ends where a token follows that does not go on with it: one that begins with a space or a
sign, or EOS. Its probability is that of its tokens after the prefix times that of such an end,
summed over the ways to write prefix and word that the search keeps.
"""

import functools
from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from nmt.decoding.characters import Characters
from nmt.decoding.contract import LOG_ZERO, Contract, best_tokens
from nmt.decoding.prefix import END, Prefix
from nmt.text.letters import is_of_word
from nmt.text.vocabulary import BOS, EOS

WIDTH = 10  # hypotheses
PREFIX_WIDTH = 4  # as long as none has written the prefix
STEPS = 12  # tokens of a word at most
JOINING = "-'’_"  # within words


class _Partial(NamedTuple):
    """A hypothesis: its tokens, what is left of the prefix, and how its word ends so far."""

    ids: tuple[int, ...]
    log_prob: float
    left: int
    spelling: int  # state of `Characters`
    word: bool = False  # whether it has begun one
    joins: bool = False  # whether a letter would go on with it


class Words:
    """How the tokens of a vocabulary begin and go on with words."""

    def __init__(self, writings: Sequence[bytes], spaced: bool):
        """writings: of each token, as `Spelling` has them. spaced: False where each is a word."""
        self.texts = [writing.decode(errors="replace") for writing in writings]
        self.is_byte = [
            len(writing) == 1 and writing[0] >= 0x80 and writing != END for writing in writings
        ]
        continuing = [len(writing) == 1 and 0x80 <= writing[0] < 0xC0 for writing in writings]
        letters = [
            byte or (spaced and is_letter(text[:1]))
            for byte, text in zip(self.is_byte, self.texts, strict=True)
        ]
        self.begin_with_letter = np.array(letters if spaced else continuing)

    @functools.cached_property
    def ending(self) -> tuple[int, ...]:
        """The tokens that end a word which a letter would go on with."""
        return tuple(
            token for token in np.flatnonzero(~self.begin_with_letter).tolist() if self.texts[token]
        )

    def after(self, token: int, written: int) -> tuple[bool, bool]:
        """Whether a token has begun a word, and whether a letter would go on with that.

        written: how many of its last bytes stand behind the prefix.
        """
        rest = self.texts[token].encode()[-written:].decode(errors="replace") if written else ""
        word = (self.is_byte[token] and written > 0) or bool(rest.strip())
        return word, word and (self.is_byte[token] or is_letter(rest[-1:]))


def is_letter(character: str) -> bool:
    """Whether a character goes on with a word; of an empty text False."""
    if not character:
        return False
    # Symbols are private (Co); they stand for something within a word.
    return is_of_word(character) or character in JOINING or "\ue000" <= character <= "\uf8ff"


def next_words(
    model: Contract,
    source: Any,
    prefix: Prefix,
    words: Words,
    characters: Characters | None = None,
    limit: int = 5,
) -> list[tuple[tuple[int, ...], float]]:
    """(tokens of prefix and word, probability of the word after the prefix), in no order.

    source: one sentence. A word without tokens is the end of the output. limit: the search stops
    when so many are more probable than all that is unfinished.
    """
    memory, state = model.encode(source)
    live = [_Partial((), 0.0, prefix.start, 0)]
    origin = np.zeros(1, np.int32)
    begun = 1.0 if prefix.start == 0 else 0.0  # probability of the prefix
    found: list[tuple[tuple[int, ...], float]] = []
    for _ in range(prefix.fewest + STEPS):
        last = [partial.ids[-1] if partial.ids else BOS for partial in live]
        every, _, state = model.distribution(memory, state, origin, np.array(last, np.int32))
        every = np.asarray(every)
        # 1. What may follow each hypothesis, and the words that may end.
        following: list[tuple[float, int, int]] = []
        behind = [n for n, partial in enumerate(live) if not partial.left]
        for n in (n for n, partial in enumerate(live) if partial.left):
            chance, log_probs, tokens = _within_prefix(every[n], live[n], prefix)
            begun += chance
            following += zip(log_probs, repeat(n), tokens)
        if behind:
            partials = [live[n] for n in behind]
            chances, *best = _behind_prefix(every[behind], partials, words, characters)
            found += zip((partial.ids for partial in partials), chances, strict=True)
            for n, log_probs, tokens in zip(behind, *best, strict=True):
                following += zip(log_probs, repeat(n), tokens)
        # 2. Keep the best, of those that write the prefix few.
        following = sorted((each for each in following if each[0] > LOG_ZERO / 2), reverse=True)
        enough = sorted((chance for _, chance in found), reverse=True)[limit - 1 : limit]
        if not following or (enough and np.exp(following[0][0]) < enough[0]):
            break
        following = following[: WIDTH if begun else PREFIX_WIDTH]
        live = [
            _extended(live[n], token, log_prob, prefix, words, characters)
            for log_prob, n, token in following
        ]
        origin = np.array([n for _, n, _ in following], np.int32)
    return [(ids, chance / begun) for ids, chance in found] if begun else []


def _within_prefix(every, partial, prefix):
    """Of a hypothesis that has not written the prefix: its chance to do that now, and what follows.

    every: log-probabilities of all tokens. The second and third as those of `_behind_prefix`.
    """
    moves = prefix.moves[partial.left]
    tokens = moves.tokens
    log_probs = partial.log_prob + every[tokens]
    chance = float(np.exp(log_probs[moves.completing]).sum())
    # After a space nearly all may follow.
    if len(tokens) > WIDTH:
        best = np.argpartition(log_probs, -WIDTH)[-WIDTH:]
        log_probs, tokens = log_probs[best], tokens[best]
    return chance, log_probs.tolist(), tokens.tolist()


def _behind_prefix(every, partials, words, characters):
    """Of hypotheses with words: their chances to end there, and what else follows.

    every: log-probabilities of all tokens, a row a hypothesis. The second and third: sums of
    log-probabilities and the tokens, lists of the best ones of each.
    """
    if characters:
        allowed = characters.allowed(np.array([each.spelling for each in partials]))
        every = np.where(allowed, every, np.float32(LOG_ZERO))
    # Without a letter at its end a word ends with any token, without a word with EOS alone.
    ends = np.ones_like(every, bool)
    ends[[each.joins for each in partials]] = ~words.begin_with_letter
    ends[[not each.word for each in partials]] = np.arange(every.shape[1]) == EOS
    former = np.array([partial.log_prob for partial in partials])
    chances = np.exp(former) * (np.exp(every) * ends).sum(1)
    log_probs, tokens = best_tokens(np.where(ends, np.float32(LOG_ZERO), every), WIDTH)
    return chances.tolist(), (log_probs + former[:, None]).tolist(), tokens.tolist()


def _extended(partial, token, log_prob, prefix, words, characters):
    """A hypothesis with one more token."""
    left = prefix.moves[partial.left][token] if partial.left else 0
    spelling = 0
    if characters:
        # `after` is for arrays, and takes thirty times as long for one token.
        spelling = int(characters.transitions[partial.spelling, characters.classes[token]])
    ids = (*partial.ids, token)
    if left:
        return _Partial(ids, log_prob, left, spelling)
    # Of a token that completes the prefix a part may stand behind it.
    writing = prefix.spelling.writings[token]
    written = len(writing.rstrip(END))
    if partial.left:
        rest = prefix.bytes[-partial.left :]
        if not writing.lstrip(b" ").startswith(rest.lstrip(b" ")[:1]):
            # A text of its own, that is longer (`Prefix.endings`).
            return _Partial(ids, log_prob, 0, spelling, True)
        first = partial.left > len(prefix.bytes) and token in prefix.spelling.spaced
        written -= min(partial.left, len(prefix.bytes)) + first
    elif not partial.ids and token in prefix.spelling.spaced:
        written -= 1
        if written < 0 or (token in prefix.endings and not writing.startswith(prefix.bytes[-1:])):
            # It has another text of its own, which goes on.
            return _Partial(ids, log_prob, 0, spelling, True)
    word, joins = words.after(token, max(0, written))
    return _Partial(ids, log_prob, 0, spelling, word or partial.word, joins)
