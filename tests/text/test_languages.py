"""Codes of languages, and words of text without spaces."""

import pytest

from nmt.text.languages import count_words, language, parse, unspaced


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ja", True),
        ("ja_JP", True),
        ("zh-Hant", True),
        ("zh_cn", True),
        ("TH", True),
        ("jpn", True),
        ("en", False),
        ("pt-BR", False),
        ("jam", False),
    ],
)
def test_script_and_region_of_a_language_do_not_matter(code, expected):
    assert unspaced(code) == expected


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("EN", ("en", "", "")),
        ("deu", ("de", "", "")),
        ("ger", ("de", "", "")),
        ("de_DE.UTF-8@euro", ("de", "", "de")),
        ("es-419", ("es", "", "419")),
        ("zh_TW", ("zh", "hant", "tw")),
        ("chi-CN", ("zh", "hans", "cn")),
        ("cmn-Hans-HK", ("zh", "hans", "hk")),
        ("zh-CHT", ("zh", "hant", "")),
        ("sr_RS@latin", ("sr", "latn", "rs")),
        ("iw", ("he", "", "")),
        ("nor", ("nb", "", "")),
        ("fil", ("fil", "", "")),
    ],
)
def test_the_parts_of_a_code(code, parts):
    assert parse(code) == parts
    assert language(code) == parts[0]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("en", "en-US", True),
        ("en-US", "en", True),
        ("en-US", "en-GB", False),
        ("en", "de", False),
        ("zh-TW", "zh-Hant", True),
        ("zh-TW", "zh", False),
        ("zh", "zh-TW", True),
        ("de-Latn", "de", True),
        ("sr-Latn", "sr", False),
    ],
)
def test_text_of_a_code_may_be_more_precise_but_nothing_else(code, text, expected):
    assert parse(code).includes(parse(text)) == expected


def test_words_are_counted():
    assert count_words("a dog  sleeps", spaced=True) == 3
    assert count_words("犬が寝ている", spaced=False) == 3
