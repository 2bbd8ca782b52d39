"""Codes of languages, and words of text without spaces."""

import pytest

from nmt.text.languages import count_words, language, unspaced


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ja", True),
        ("ja_JP", True),
        ("zh-Hant", True),
        ("zh_cn", True),
        ("TH", True),
        ("en", False),
        ("pt-BR", False),
        ("jam", False),
    ],
)
def test_script_and_region_of_a_language_do_not_matter(code, expected):
    assert unspaced(code) == expected


def test_the_language_of_a_code():
    assert [language(code) for code in ("zh-Hant", "ja_JP", "EN")] == ["zh", "ja", "en"]


def test_words_are_counted():
    assert count_words("a dog  sleeps", spaced=True) == 3
    assert count_words("犬が寝ている", spaced=False) == 3
