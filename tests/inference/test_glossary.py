"""Terms in translations: used wherever they stand in a line; other lines stay what they are."""

import pickle

import pytest

from nmt.corpora import toy as grammar
from nmt.inference.load import load
from nmt.text.glossary import Glossary, Term

pytestmark = pytest.mark.usefixtures("load_once")

SOURCES = [source for source, _ in grammar.generate("en-de", "test", 60)]
# Words that the model has never seen.
GLOSSARY = Glossary(
    [Term("dog", "Xyz"), Term("cat", "bunte Zitrone"), Term("garden", "Xyz"), Term("rabbit", "Wq")]
)


@pytest.fixture(scope="module")
def translator(tiny_run):
    return load(tiny_run)


def test_terms_are_used_and_other_lines_stay(translator):
    plain = translator.candidates(SOURCES, nbest=2)
    found = translator.using(GLOSSARY).candidates(SOURCES, nbest=2)
    terms = [GLOSSARY.find(source) for source in SOURCES]
    assert 5 < sum(map(bool, terms)) < 60
    for expected, before, after in zip(terms, plain, found, strict=True):
        assert after[0].terms == [(each.target, True) for each in expected]
        assert all(each.used(after[0].text) for each in expected)
        if not expected:
            same = [[(c.text, c.log_prob, c.score) for c in each] for each in (before, after)]
            assert same[0] == same[1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dog", "Xyz"),
        ("Dog\n<b>a dog</b> {dog}", "Xyz"),
        ("A CAT SEES A BIRD", "BUNTE ZITRONE"),
        ("The dog sees a bird. " * 20, "Xyz"),
        ("dog dog", "Xyz Xyz"),
    ],
)
def test_of_any_line(translator, line, expected):
    """A term alone, beside spans, in capitals, in a line of several segments, and many times."""
    ((best,),) = translator.using(GLOSSARY).candidates([line])
    assert best.terms and all(used for _, used in best.terms), best
    assert expected in best.text and not any("not used" in each for each in best.warnings)
    assert line.count("{dog}") == best.text.count("{dog}")


def test_what_the_search_finds_by_itself_is_searched_once(translator, monkeypatch):
    """Terms that the model uses anyway cost nothing."""
    texts = translator.translate(SOURCES[:5])
    glossary = Glossary([Term(word, texts[0].split()[1], True) for word in SOURCES[0].split()[1:2]])
    searches = []
    search_ids = translator.search_ids

    def counted(ids, *options):
        searches.append(len(ids))
        return search_ids(ids, *options)

    using = translator.using(glossary)
    monkeypatch.setattr(using, "search_ids", counted)
    assert using.translate(SOURCES[:1]) == texts[:1]
    assert [number for number in searches if number] == [1]


def test_a_glossary_is_remembered_and_left(translator, tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_text("dog\tZitrone\n", encoding="utf-8")
    using = translator.using(str(path))
    assert "Zitrone" in pickle.loads(pickle.dumps(using)).translate(["The dog sees a cat."])[0]
    assert translator.glossary is None and using.into("de").glossary is None
