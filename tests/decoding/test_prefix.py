"""Search of outputs that begin with a text against exhaustive search in small worlds."""

import numpy as np
import pytest

from nmt.decoding.beam import beam_search
from nmt.decoding.bonus import Bonus, Phrase, Wanted
from nmt.decoding.characters import Characters
from nmt.decoding.prefix import Prefix, Spelling
from nmt.text.vocabulary import EOS
from tests.fakes import World

LIMIT = 4
WIDE = 150  # more hypotheses than there are
SOURCE = np.arange(3)[:, None]
# Tokens 4 to 7. The first one's space is not written at the beginning of an output.
WRITINGS = ["", "", "", "", " a", "a", "ab", "b"]
SPACED = [4]
PREFIXES = ["a", "ab", "aab", "a a", "b a", "b ab", "abb", "abab"]


def spelling(drops_spaces=False):
    return Spelling([text.encode() for text in WRITINGS], SPACED, drops_spaces)


def written(ids):
    text = "".join(WRITINGS[id] for id in ids)
    return text.removeprefix(" ") if ids and ids[0] in SPACED else text


# What may come after the prefix, and whether a rest of that is such.
AFTER = {
    "anything": ({}, lambda rest: True),
    "nothing": ({"whole": True}, lambda rest: rest == ""),
    "another word": ({"following": (EOS, 4)}, lambda rest: rest == "" or rest.startswith(" ")),
}


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("text", PREFIXES)
def test_wide_beam_equals_exhaustive_search(text, after, penalty=1.0):
    """Over all sequences whose text begins with the prefix, and goes on as it may."""
    world = World(3, words=4)
    options, may_follow = AFTER[after]
    prefix = Prefix(text, spelling(), **options)
    bonus = Bonus([Wanted([Phrase([(5, 7)], 1.5)])] * 3)
    options = {"beam": WIDE, "penalty": penalty, "limits": [LIMIT] * 3, "nbest": 2}
    found = beam_search(world, SOURCE, **options, prefixes=[prefix] * 3)
    helped = beam_search(world, SOURCE, **options, prefixes=[prefix] * 3, bonus=bonus)
    for sentence, hypotheses in enumerate(found):
        fitting = [
            (score, words)
            for score, _, words in world.exhaustive(sentence, LIMIT, penalty)
            if written(words).startswith(text) and may_follow(written(words)[len(text) :])
        ]
        complete = [hypothesis for hypothesis in hypotheses if hypothesis.finished]
        assert [h.ids for h in complete] == [words for _, words in fitting[:2]]
        assert [h.score for h in complete] == pytest.approx([score for score, _ in fitting[:2]])
        assert all(written(h.ids).startswith(text) for h in helped[sentence] if h.finished)


def test_no_prefix_changes_nothing_even_beside_others():
    """Bit for bit; and a sentence with a prefix is searched alone as in a batch."""
    world = World(5, words=4)
    texts = ["", "ab", "", "a ab", "aab"]
    prefixes = [Prefix(text, spelling()) for text in texts]
    options = {"beam": 3, "nbest": 3}
    source = np.arange(5)[:, None]
    plain = beam_search(world, source, limits=range(5, 10), **options)
    together = beam_search(world, source, limits=range(5, 10), prefixes=prefixes, **options)
    for n, prefix in enumerate(prefixes):
        (alone,) = beam_search(world, np.array([[n]]), limits=[5 + n], prefixes=[prefix], **options)
        expected = alone if texts[n] else plain[n]
        assert [(h.ids, h.log_prob, h.score) for h in together[n]] == [
            (h.ids, h.log_prob, h.score) for h in expected
        ]


@pytest.mark.parametrize("seed", range(2))
def test_the_beginning_of_what_is_best_gives_it_again(seed):
    """With a beam that loses nothing, and with a beam of one."""
    world = World(seed, words=4)
    for beam in (1, WIDE):
        found = beam_search(world, SOURCE, beam, limits=[LIMIT] * 3)
        for n, (best,) in enumerate(found):
            text = written(best.ids)
            for end in range(len(text) + 1):
                prefix = Prefix(text[:end], spelling())
                ((again,),) = beam_search(
                    world, np.array([[n]]), beam, limits=[LIMIT], prefixes=[prefix]
                )
                assert again.ids == best.ids


def test_bytes_spell_characters_that_have_no_piece():
    spelt = {4: 0xC3, 5: 0xA4, 6: 0xB6}
    table = Spelling(
        [b"", b"", b"", b"", b"\xc3", b"\xa4", b"\xb6", b"ab", "ä".encode()], [], False
    )
    prefix = Prefix("äö", table)
    found = beam_search(
        World(1, words=5),
        SOURCE,
        300,
        limits=[6] * 3,
        nbest=300,
        characters=Characters(spelt, 9),
        prefixes=[prefix] * 3,
    )
    for hypotheses in found:
        texts = [b"".join(table.writings[id] for id in h.ids) for h in hypotheses]
        assert all(text.startswith("äö".encode()) for text in texts)
        beginnings = {tuple(h.ids[:4]) for h in hypotheses}
        assert {ids[:1] for ids in beginnings} == {(4,), (8,)}


@pytest.mark.parametrize(
    ("text", "possible"), [("", True), ("ab", True), ("ac", False), ("cab", False), (" a", False)]
)
def test_what_cannot_be_written_is_known(text, possible):
    assert Prefix(text, spelling()).is_possible == possible


def test_no_token_leads_where_the_rest_cannot_be_written():
    table = Spelling([b"", b"", b"", b"", b"a", b"ab", b"bc"], [], False)
    prefix = Prefix("abc", table)
    assert prefix.moves[prefix.start] == {4: 2}
    assert table.writings[EOS] not in (b"", b"a")


def test_a_token_may_write_another_text_at_the_end():
    table = Spelling([b"", b"", b"", b"", b"a", b"?", b"b"], [], False)
    prefix = Prefix("ab", table, {5: "bcd"})
    assert prefix.moves[1] == {6: 0, 5: 0} and prefix.moves[prefix.start] == {4: 1}


def test_spaces_before_the_output_are_lost_where_the_tokenizer_drops_them():
    table = Spelling([b"", b"", b"", b"", b" ", b" a"], [4, 5], True)
    assert Prefix("a", table).moves[2] == {4: 2, 5: 0}
    table.drops_spaces = False
    assert Prefix("a", table).moves[2] == {5: 0}
