"""Text as people write it: what changes, and what does not."""

import numpy as np
import pytest

from nmt.text.variants import CHANGES, lower_beginning, misspelt, varied, without_end

RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (("Turn it off.", "Ausschalten."), ("Turn it off", "Ausschalten")),
        (("Really ?!", "Wirklich?!"), ("Really", "Wirklich")),
        (("Turn it off.", "電源を切ります。"), ("Turn it off", "電源を切ります")),
        (("Turn it off.", "Ausschalten"), ("Turn it off.", "Ausschalten")),
        (("...", "..."), ("...", "...")),
        (("A dog", "Ein Hund"), ("A dog", "Ein Hund")),
    ],
)
def test_both_sides_lose_their_end_or_none(pair, expected):
    assert without_end(*pair, RNG) == expected


def test_the_beginning_of_the_source_is_small():
    assert lower_beginning("Turn Off", "Ausschalten", RNG) == ("turn Off", "Ausschalten")
    assert lower_beginning("", "x", RNG) == ("", "x")


def test_a_typing_error_is_one_letter_within_a_word():
    source, seen = "Open the \ue000 window, Ärger 42!", set()
    for _ in range(300):
        changed, target = misspelt(source, "x", RNG)
        assert target == "x" and abs(len(changed) - len(source)) <= 1
        seen.add(changed)
        words = zip(source.split(), changed.split(), strict=True)
        assert sum(old != new for old, new in words) <= 1
        assert "\ue000" in changed and "42!" in changed and "the" in changed
    assert {"Opne the \ue000 window, Ärger 42!", "Open the \ue000 widow, Ärger 42!"} < seen
    assert misspelt("a 42 bc", "x", RNG) == ("a 42 bc", "x")


def test_a_varied_pair_has_one_of_the_changes():
    pair = ("Open the window.", "Öffne das Fenster.")
    seen = {varied(*pair, RNG) for _ in range(200)}
    assert {without_end(*pair, RNG), lower_beginning(*pair, RNG)} < seen and len(seen) > 20
    assert len(CHANGES) == 3
