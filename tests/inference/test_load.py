"""`nmt.load`: options of the search, and what cannot be loaded."""

import pytest

import nmt
from nmt.errors import UserError

LINES = ["The boy reads a book.", "Where did the students buy the old camera yesterday?"]

pytestmark = pytest.mark.usefixtures("load_once")


def test_options_of_the_search_replace_those_of_the_recipe(tiny_run):
    default = nmt.load(tiny_run)
    changed = nmt.load(tiny_run, beam=1, length_penalty=0.5)
    assert changed.recipe.search.beam == 1 and changed.recipe.search.length_penalty == 0.5
    assert changed.translate(LINES) == default.translate(LINES, beam=1)


def test_batches_and_threads_change_no_text(tiny_run):
    expected = nmt.load(tiny_run, threads=1).translate(LINES * 5)
    for options in ({"hypotheses_per_batch": 1}, {"hypotheses_per_batch": 7, "threads": 2}):
        assert nmt.load(tiny_run, **options).translate(LINES * 5) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"beams": 3}, "search.beams, did you mean search.beam"),
        ({"beam": 0}, "search.beam"),
        ({"length_penalty": "much"}, "search.length_penalty"),
        ({"hypotheses_per_batch": 0}, "at least 1"),
        ({"lm_weight": 0.3}, "it needs search.lm"),
    ],
)
def test_wrong_options_are_told(tiny_run, options, words):
    with pytest.raises(UserError, match=words):
        nmt.load(tiny_run, **options)
