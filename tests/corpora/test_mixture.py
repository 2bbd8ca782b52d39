"""Several corpora: each as it is alone, nothing that one holds out in another."""

import collections
import dataclasses

import pytest

from nmt.corpora.corpus import SPLITS, Corpus
from nmt.corpora.mixture import Mixture, weights
from nmt.errors import UserError
from nmt.recipe import DataOptions
from tests.corpora.texts import own, read, write
from tests.fakes import messages

PAIRS = [(f"the house {n}", f"das Haus {n}") for n in range(1000)]


def table(pairs):
    return "".join(f"{source}\t{target}\n" for source, target in pairs)


def further(tmp_path, name, pairs, **options):
    """The options of a further corpus that is trained on as a whole."""
    path = write(tmp_path / f"{name}.tsv", table(pairs))
    return DataOptions(format="tsv", train=str(path), splits="train", **options)


def mixture(tmp_path, *more):
    data = own(tmp_path, "tsv", table(PAIRS), held_out=0.1)
    data.more = list(more)
    return Mixture(data, "nowhere")


def test_one_corpus_is_read_as_ever(tmp_path):
    alone = mixture(tmp_path)
    assert list(alone.training_pairs(0)) == read(alone.data)
    assert alone.held_out("test") == {0: read(alone.data, "test")}
    assert alone.held_out("valid", 7) == {0: Corpus(alone.data).held_out("valid", 7)}


@pytest.mark.parametrize(
    "made_from",
    [
        lambda source, target: (f"{source} once more", target),  # translated back
        lambda source, target: (source, f"{target} von Neuem"),  # translated again
        lambda source, target: (target, source),  # the other direction
        lambda source, target: (f"A {source}", target.upper()),  # case is no difference
    ],
)
def test_nothing_leaks_through_text_made_from_pairs(tmp_path, made_from):
    """Text made from all pairs, also from those held out, by somebody who did not know."""
    made = further(tmp_path, "made", [made_from(*pair) for pair in PAIRS])
    both = mixture(tmp_path, made)
    held_out = {
        side.casefold()
        for split in ("valid", "test")
        for pair in read(both.data, split)
        for side in pair
    }
    dropped = collections.Counter()
    kept = list(both.training_pairs(1, dropped))
    assert len(held_out) > 200
    assert not {side.casefold() for pair in kept for side in pair} & held_out
    assert dropped == {"held out by another corpus": len(held_out) // 2}
    assert len(kept) == len(PAIRS) - len(held_out) // 2
    assert list(both.training_pairs(0)) == read(both.data)


def test_only_measured_corpora_hold_out(tmp_path):
    whole = further(tmp_path, "whole", [("a cat", "eine Katze")] * 3 + [("a dog", "ein Hund")])
    measured = dataclasses.replace(whole, splits="all", held_out=0.0, test=whole.train)
    both = mixture(tmp_path, whole, dataclasses.replace(measured, valid=whole.train))
    assert both.measured() == [0, 2]
    assert len(both.held_out("test")[2]) == 4
    assert {n: len(pairs) for n, pairs in both.held_out("valid", 10).items()} == {0: 5, 2: 4}
    with pytest.raises(ValueError):
        list(both.corpora[0].read("other"))
    assert Corpus(whole).standalone_splits() == set(SPLITS)


def test_a_corpus_too_small_to_hold_out_costs_the_others_nothing(tmp_path):
    tiny = dataclasses.replace(further(tmp_path, "tiny", [("a cat", "eine Katze")]), splits="all")
    both = mixture(tmp_path, tiny)
    with messages() as notes:
        assert both.held_out("test") == {0: read(both.data, "test")}
    assert len(notes) == 1 and "tiny.tsv has no test text" in notes[0]
    with pytest.raises(UserError, match="no test pair"):
        Mixture(tiny).held_out("test")


@pytest.mark.parametrize(
    ("temperature", "pairs", "expected"),
    [
        (1.0, [900, 100, 100], [1.0, 2.0, 1.0]),
        (2.0, [900, 100, 100], [1.0, 2 * 3 / 2**0.5, 3 / 2**0.5]),
        (100.0, [800, 4, 4], [1.0, 2 * 95.5, 95.5]),
    ],
)
def test_small_languages_are_seen_more_often(temperature, pairs, expected):
    data = DataOptions(target="sv", temperature=temperature)
    data.more = [DataOptions(target="da", weight=2.0), DataOptions(target="da")]
    assert weights(data, pairs) == pytest.approx(expected, rel=2e-3)
    # So are small source languages.
    for each in data.corpora():
        each.source, each.target = each.target, "en"
    assert weights(data, pairs) == pytest.approx(expected, rel=2e-3)
