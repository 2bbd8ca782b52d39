"""Plural categories are those of CLDR, and each is translated with a number that takes it."""

import pytest

from nmt.documents.categories import NAMES, categories, forms

FILES = {"one": "a file in %s", "other": "%d files in %s"}


def made(messages, language, fit=lambda singular, plural: False, exact=False):
    chosen = forms(messages, language, lambda name: "%d" if name == "other" else None, fit, exact)
    return {name: form.source for name, (_, form) in chosen.items()}


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("de", "one other"),
        ("ja_JP", "other"),
        ("fr-CA", "one many other"),
        ("ru", "one few many other"),
        ("ar", "zero one two few many other"),
        ("sl", "one two few other"),
        ("lv", "zero one other"),
    ],
)
def test_categories_are_those_of_the_language(language, names):
    assert " ".join(categories(language)) == names
    assert [name for name in NAMES if name in categories(language)] == names.split()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (None, FILES),
        ("de", {"one": "a file in %s", "other": "2 files in %s"}),
        ("ja", {"other": "2 files in %s"}),
        # 21 files are one, too, and a message without a number is for 1 alone.
        (
            "uk",
            {"one": "21 files in %s", "few": "2 files in %s", "many": "5 files in %s"}
            | {"other": "1.5 files in %s"},
        ),
        ("pl", {"one": "a file in %s", "few": "2 files in %s"}
         | {"many": "5 files in %s", "other": "1.5 files in %s"}),
    ],
)  # fmt: skip
def test_each_category_has_a_number_of_its_own(language, expected):
    assert made(FILES, language) == expected


def test_a_fraction_is_found_however_its_point_is_written():
    chosen = forms(FILES, "cs", lambda name: "%d", lambda *_: False)
    _, form = chosen["many"]
    assert form.source == "1.5 files in %s"
    assert form.put_back("1,5 souboru v %s") == form.put_back("1.5 souboru v %s")
    assert form.put_back("1,5 souboru v %s") == "%d souboru v %s"
    assert form.put_back("1 souboru 5") is None


def test_a_message_for_one_is_taken_where_it_has_the_number():
    messages = {"one": "%d file", "other": "%d files"}
    assert made(messages, "ru", fit=lambda singular, plural: True)["one"] == "%d file"


@pytest.mark.parametrize(
    ("language", "name", "number"), [("lv", "zero", 10), ("gd", "two", 2), ("sl", "two", 2)]
)
def test_a_message_without_a_number_is_for_one_number_alone(language, name, number):
    messages = {name: "some files", **FILES}
    assert made(messages, language)[name] == f"{number} files in %s"
    messages[name] = "%d such files"
    assert made(messages, language, fit=lambda *_: True)[name] == "%d such files"
    # Arabic has a form for this number alone.
    assert made({name: "some files", **FILES}, "ar")[name] == "some files"


def test_what_a_program_asks_for_in_any_language_stays():
    messages = {"zero": "no file", **FILES}
    assert made(messages, "de")["zero"] == "no file"
    assert made(messages, "ar")["zero"] == "no file"
    # The number 1 has a message of its own.
    assert "one" not in made({"other": "%d files"}, "de", exact=True)
    assert "one" in made({"other": "%d files"}, "ru", exact=True)
