"""Documents are filled together: each text once, and what is not sure or does not fit is left."""

import dataclasses

import pytest

from nmt.documents.filling import Choice, Summary, check, fill, pools
from nmt.documents.units import Document, Edit, State, Unit
from nmt.errors import UserError
from tests.fakes import UpperCase


def document(*words, **options):
    """A document of words, of which each is a unit that takes the place of the word."""
    data = " ".join(words).encode()
    made, at = [], 0
    for word in words:
        made.append(unit(word, at, at + len(word.encode()), **options))
        at += len(word.encode()) + 1
    return Document(data, made)


def unit(word, start, end, **options):
    def edits(translations):
        if word == "bad":
            raise ValueError("bad words")
        return [Edit(start, end, each.text.encode()) for each in translations]

    return Unit((word,), edits, 1, **options)


def test_equal_texts_of_all_documents_are_translated_once():
    translator = UpperCase()
    documents = [document("a", "b", "a"), document("b", "c"), document()]
    results = fill(translator, documents, Choice())
    assert [done.data for done in results] == [b"A B A", b"B C", b""]
    assert [done.summary.filled for done in results] == [3, 2, 0]
    assert translator.lines == ["a", "b", "c"]


def test_progress_is_told_window_by_window():
    told = []
    fill(UpperCase(), [document(*"abcde")], Choice(), lambda *numbers: told.append(numbers), 2)
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_only_texts_that_need_attention_are_translated_with_it():
    translator = UpperCase()
    fill(translator, [document("a", "b"), document("b", "c", attention=True)], Choice())
    assert translator.attended == ["b", "c"] and translator.lines == ["a", "b", "c"]


def test_states_decide_what_is_filled():
    made = [
        dataclasses.replace(each, state=state)
        for each, state in zip(document("a", "b", "c").units, State, strict=True)
    ]
    mixed = Document(b"a b c", made)
    (done,) = fill(UpperCase(), [mixed], Choice())
    assert done[:2] == (b"A b c", Summary(filled=1, fuzzy=1, translated=1))
    (done,) = fill(UpperCase(), [mixed], Choice(refill=True))
    assert done[:2] == (b"A B c", Summary(filled=2, translated=1))


def test_what_does_not_fit_is_left_with_the_reason():
    (done,) = fill(UpperCase(), [document("a", "bad", "bad")], Choice())
    assert done.data == b"A bad bad"
    assert str(done.summary) == "1 filled, 2 left (bad words: 2)"
    assert done.refused == {"bad words": [1, 1]}


def test_what_is_less_sure_is_left():
    # Nothing is known of a text that is only copied.
    translator = UpperCase(sure={"A": 0.3, "B": 0.6, "C": 0.9})
    for minimum, data in ((0.0, b"A B C 1"), (0.6, b"a B C 1"), (1.0, b"a b c 1")):
        (done,) = fill(translator, [document("a", "b", "c", "1")], Choice(False, minimum))
        assert done.data == data
        assert done.summary.filled + done.summary.unsure == 4


def test_a_unit_is_as_sure_as_the_least_sure_of_its_texts():
    translator = UpperCase(sure={"A": 0.3, "B": 0.6})
    both = Unit(("a", "b"), lambda translations: [Edit(0, 1, b"x")], 1)
    for minimum, data in ((0.3, b"x"), (0.5, b"a")):
        (done,) = fill(translator, [Document(b"a", [both])], Choice(min_confidence=minimum))
        assert done.data == data


def test_alternatives_stand_beside():
    def beside(lists):
        (candidates,) = lists
        return [Edit(1, 1, f" [{'|'.join(each.text for each in candidates)}]".encode())]

    translator = UpperCase()
    made = Document(
        b"a", [dataclasses.replace(unit("a", 0, 1), alternatives=beside)], alternatives=True
    )
    (done,) = fill(translator, [made], Choice(alternatives=3))
    assert done.data == b"a [A|A (1)|A (2)]"
    check(made, translator, Choice(alternatives=3), "a.x")
    # A unit may have all that it can have.
    full = dataclasses.replace(document("a"), alternatives=True)
    check(full, translator, Choice(alternatives=3), "a.x")
    (done,) = fill(translator, [full], Choice(alternatives=3))
    assert done.data == b"a" and done.refused == {"alternatives are there already": [1]}
    with pytest.raises(UserError, match="b.x: .* no place for alternatives"):
        check(document("a"), translator, Choice(alternatives=3), "b.x")


@pytest.mark.parametrize(
    ("language", "source_language", "message"),
    [
        ("de_AT", "en-GB", None),
        (None, None, None),
        ("fr", None, "x.po: is translated into 'fr', but this run translates en into de"),
        ("de", "fr", "x.po: is translated from 'fr', but this run"),
    ],
)
def test_languages_must_be_those_of_the_run(language, source_language, message):
    made = Document(b"", [], language, source_language)
    if message is None:
        check(made, UpperCase(), Choice(), "x.po")
    else:
        with pytest.raises(UserError, match=message):
            check(made, UpperCase(), Choice(), "x.po")


def test_pools_are_as_large_as_memory_allows():
    sizes = [1, 2, 3, 9, 1, 1]
    named = [(number, document(*"x" * size)) for number, size in enumerate(sizes)]
    assert [[name for name, _ in pool] for pool in pools(iter(named), 5)] == [
        [0, 1],
        [2],
        [3],
        [4, 5],
    ]
