"""Byte pieces spell whole characters: the automaton, and the search that obeys it."""

import itertools
import unicodedata

import numpy as np
import pytest

from nmt.decoding.beam import beam_search
from nmt.decoding.characters import FORBIDDEN, Characters
from nmt.decoding.contract import LOG_ZERO, best_tokens
from nmt.text.vocabulary import BOS, EOS, PAD, UNK
from tests.fakes import World

# Every byte has a piece: 4 for 0 to 259 for 255; 260 is another piece.
ALL_BYTES = Characters({4 + byte: byte for byte in range(256)}, 261)


def states_after(characters, ids):
    """The state after ids in a row, FORBIDDEN from where one may not follow."""
    states = [0]
    for id in ids:
        states.append(int(characters.after(np.array(states[-1:]), np.array([[id]]))[0, 0]))
    return states[1:]


def test_exactly_the_characters_of_text_are_spelt():
    """All sequences of up to two bytes; of three and four with the borders of every range."""
    borders = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBC, 0xBD, 0xBF, 0xC0, 0xED, 0xF4, 0xFF]
    sequences = [
        *itertools.product(range(256)),
        *itertools.product(range(256), range(256)),
        *itertools.product(range(0xC0, 256), borders, borders),
        *itertools.product(range(0xEE, 0xF8), borders, borders, borders),
    ]
    for _, group in itertools.groupby(sequences, len):
        group = list(group)
        # The states of all of them, byte by byte.
        states = [np.zeros(len(group), int)]
        for ids in 4 + np.array(group).T:
            states.append(ALL_BYTES.after(states[-1], ids[:, None])[:, 0])
        spelt = (states[-1] == 0) & ~np.any(np.array(states[1:-1]) == 0, 0)
        for sequence, is_spelt in zip(group, spelt, strict=True):
            try:
                (character,) = bytes(sequence).decode()
                is_private = "\ue000" <= character <= "\uf8ff" or character >= "\U000f0000"
                is_control = unicodedata.category(character) == "Cc" and character != "\t"
                allowed = not is_private and not is_control
                assert is_spelt == (allowed and character != "\ufffd")
            except ValueError:  # none, or several
                assert not is_spelt


def test_other_pieces_stand_between_characters():
    lead, following = 4 + 0xC3, 4 + 0xA4
    assert states_after(ALL_BYTES, [260, lead, following, 260, EOS]) == [
        0,
        states_after(ALL_BYTES, [lead])[0],
        0,
        0,
        0,
    ]
    for id in (260, EOS, lead):
        assert states_after(ALL_BYTES, [lead, id])[-1] == FORBIDDEN
    for id in (PAD, UNK, BOS, following):
        assert states_after(ALL_BYTES, [id]) == [FORBIDDEN]
    # After what may not follow, nothing does.
    assert set(states_after(ALL_BYTES, [following, 260, EOS])) == {FORBIDDEN}


class Shortlisted(World):
    """A world whose `advance` knows some tokens only, which share all probability."""

    SHORTLIST = np.array([EOS, 4, 5, 6, 7])

    def advance(self, memory, state, origin, tokens, k):
        log_probs, attention, state = self.distribution(memory, state, origin, tokens)
        log_probs = log_probs[:, self.SHORTLIST]
        best, places = best_tokens(log_probs - self.total(log_probs), k)
        return best, self.SHORTLIST[places], attention, state

    @staticmethod
    def total(log_probs):
        return np.log(np.exp(log_probs).sum(1, keepdims=True))


class Shared(World):
    """Its distribution, as if all tokens were compared with those of the shortlist."""

    def distribution(self, memory, state, origin, tokens):
        log_probs, attention, state = super().distribution(memory, state, origin, tokens)
        total = Shortlisted.total(log_probs[:, Shortlisted.SHORTLIST])
        return np.minimum(log_probs - total, 0), attention, state


@pytest.mark.parametrize(
    "searched, compared, beam",
    # In a beam of 60 each row has a token that may not follow, and is sought among all.
    [(World, World, 1), (World, World, 2), (World, World, 60), (Shortlisted, Shared, 60)],
)
@pytest.mark.parametrize("seed", range(4))
def test_search_is_that_of_a_world_without_forbidden_tokens(seed, searched, compared, beam):
    """What may not follow is as if the world never said it."""
    # Its words spell ä, or 😀 in part, or are whole.
    spelt = {4: 0xC3, 5: 0xA4, 6: 0xF0, 7: 0x9F}
    characters = Characters(spelt, 9)

    class Allowing(compared):
        def distribution(self, memory, state, origin, tokens):
            log_probs, attention, state = super().distribution(memory, state, origin, tokens)
            for row, history in enumerate(state["history"]):
                ids = []
                while history > 1:
                    ids.insert(0, int(history % 11))
                    history //= 11
                states = states_after(characters, ids[1:]) or [0]
                log_probs[row, ~characters.allowed(np.array(states[-1:]))[0]] = LOG_ZERO
            return log_probs, attention, state

    source = np.arange(5)[:, None]
    options = {"beam": beam, "limits": [5] * 5, "nbest": beam}
    found = beam_search(searched(seed, words=5), source, characters=characters, **options)
    expected = beam_search(Allowing(seed, words=5), source, **options)
    broken = beam_search(searched(seed, words=5), source, **options)
    for sentence in range(5):
        assert [(h.ids, h.log_prob, h.finished) for h in found[sentence]] == [
            (h.ids, pytest.approx(h.log_prob), h.finished) for h in expected[sentence]
        ]
        assert all(FORBIDDEN not in states_after(characters, h.ids) for h in found[sentence])
    assert any(FORBIDDEN in states_after(characters, h.ids) for ranked in broken for h in ranked), (
        "the world itself breaks characters"
    )
