"""What a translation says of itself: as a whole, and of each of its words."""

import math

import numpy as np
import pytest

from nmt.corpora import toy as grammar
from nmt.inference.confidence import Curve, word_confidence
from nmt.inference.load import load

pytestmark = pytest.mark.usefixtures("load_once")

LINES = [source for source, _ in grammar.generate("en-de", "test", 30)]
HALF = math.log(0.5)


@pytest.fixture
def translator(tiny_run):
    translator = load(tiny_run, "keras", threads=1)
    translator.curve = Curve(slope=5.0, intercept=2.0, sentences=100, good=50)
    return translator


def test_confidence_rises_with_log_probability_per_token(translator):
    best = [best for best, *_ in translator.candidates(LINES)]
    finished = [each for each in best if each.finished]
    assert len({each.confidence for each in finished}) > 10
    assert all(0 <= each.confidence <= 1 for each in best)
    finished.sort(key=lambda each: each.log_prob / each.length)
    confidences = [each.confidence for each in finished]
    assert confidences == sorted(confidences)


def test_confidence_is_the_same_alone_and_in_a_batch(translator):
    together_of = dict(zip(LINES, translator.candidates(LINES, words=True), strict=True))
    for line in LINES[:5]:
        (together,) = together_of[line]
        ((alone,),) = translator.candidates([line], words=True)
        assert alone.confidence == pytest.approx(together.confidence, abs=1e-4)
        for (word, chance), (other, expected) in zip(
            alone.word_confidence, together.word_confidence, strict=True
        ):
            assert word == other and chance == pytest.approx(expected, abs=1e-4)


def test_a_line_in_parts_is_as_sure_as_its_worst_part(translator):
    ((first,), (second,), (both,)) = translator.candidates(
        [*LINES[:2], "\n".join(LINES[:2])], words=True
    )
    worst = min(first.confidence, second.confidence)
    assert both.confidence == pytest.approx(worst, abs=1e-4)
    assert both.length == first.length + second.length
    assert [word for word, _ in both.word_confidence] == both.text.split()


def test_what_is_copied_or_cut_or_has_no_curve(translator):
    ((blank,), (number,)) = translator.candidates(["", "123"], words=True)
    assert blank.confidence is None and number.confidence is None
    translator.recipe.search.max_ratio, translator.recipe.search.max_extra = 0.1, 1
    ((cut,),) = translator.candidates(LINES[:1])
    assert not cut.finished and cut.confidence == 0
    translator.curve = None
    ((unknown,),) = translator.candidates(LINES[:1])
    assert unknown.confidence is None and unknown.word_confidence == []


def test_words_have_the_product_of_their_pieces(translator):
    candidates = translator.candidates(["The boy reads a {book}.", *LINES], words=True)
    for best, *_ in candidates:
        assert [word for word, _ in best.word_confidence] == best.text.split()
        assert all(0 <= chance <= 1 for _, chance in best.word_confidence if chance is not None)
        # All pieces but the end are in some word; none is in two.
        log_prob = sum(math.log(chance) for _, chance in best.word_confidence if chance)
        assert best.log_prob - 1e-4 <= log_prob


@pytest.mark.parametrize(
    ("text", "pieces", "spaced", "expected"),
    [
        ("ein Hund", [("ein", HALF), (" Hu", HALF), ("nd", HALF)], True, [0.5, 0.25]),
        # A tag is of no piece, beside a word it is a part of it.
        ("<b>Ein</b> <i> Hund", [("ein", HALF), (" Hund", 0.0)], True, [0.5, None, 1.0]),
        ("EIN HUND", [("ein", HALF), (" Hund", 0.0)], True, [0.5, 1.0]),
        # A piece too many was left out.
        ("ein Hund", [("ein", 0.0), (" {x}", HALF), (" Hund", HALF)], True, [1.0, 0.5]),
        ("犬がいる", [("犬", HALF), ("がい", 0.0), ("る", HALF)], False, [0.5, 1.0, 0.5]),
        ("", [], True, []),
        ("x", [], True, [None]),
    ],
)
def test_words_of_a_text_that_is_not_quite_what_the_model_wrote(text, pieces, spaced, expected):
    words = word_confidence(text, pieces, spaced)
    assert "".join(word for word, _ in words) == "".join(text.split())
    assert [chance for _, chance in words] == [
        each if each is None else pytest.approx(each) for each in expected
    ]


def test_a_curve_stays_within_0_and_1_for_any_log_probability():
    curve = Curve(slope=9.0, intercept=2.0, sentences=100, good=50)
    confidences = [curve.confidence(log_prob, 3) for log_prob in (-1e30, -1e4, -1.0, 0.0)]
    assert confidences == sorted(confidences) and np.isfinite(confidences).all()
    assert confidences[0] == pytest.approx(0) and confidences[-1] < 1
