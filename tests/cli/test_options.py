"""`nmt options` shows every option of a recipe, and finds those that one asks for."""

import pytest

from nmt.recipe import Recipe, all_options
from tests.fakes import nmt_command


def names(*words):
    """The options that are listed."""
    done = nmt_command("options", *words)
    assert (done.status, done.err) == (0, "")
    return [line.split(" = ")[0] for line in done.out.splitlines() if not line.startswith(" ")]


def test_every_option_is_listed():
    assert names() == [name for name, _, _ in all_options(Recipe())]


@pytest.mark.parametrize("section", ["data", "train", "search"])
def test_a_section_is_listed_as_a_whole(section):
    assert names(section) == [name for name in names() if name.startswith(f"{section}.")]


def test_words_choose_options():
    assert names("search.lm") == ["search.lm", "search.lm_weight"]
    assert "model.dropout" in names("model", "DROPOUT")
    done = nmt_command("options", "nonsense")
    assert done.status == 2 and "nonsense" in done.err and len(done.err.splitlines()) == 1
