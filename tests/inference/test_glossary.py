"""Terms in translations: used wherever they stand in a line; other lines stay what they are."""

import pickle

import pytest

from nmt.corpora import toy as grammar
from nmt.decoding.bonus import Wanted
from nmt.decoding.sampling import Sampling
from nmt.inference import terms
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
    places = [GLOSSARY.find(source) for source in SOURCES]
    assert 5 < sum(map(bool, places)) < 60
    for expected, before, after in zip(places, plain, found, strict=True):
        assert [term for term, _ in after[0].terms] == [each.target for each in expected]
        for each, (_, used) in zip(expected, after[0].terms, strict=True):
            assert bool(each.used(after[0].text)) == used
            assert used != (f"a term is not used: {each.target}" in after[0].warnings)
        assert "  " not in after[0].text
        if not expected:
            same = [[(c.text, c.log_prob, c.score) for c in each] for each in (before, after)]
            assert same[0] == same[1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dog", "Xyz"),
        ("Dog\n<b>a dog</b> {dog}", "Xyz"),
        ("A CAT", "BUNTE ZITRONE"),
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
    # No copy too many has left a hole.
    assert "  " not in best.text and not any("left out" in each for each in best.warnings)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("The CO2 dog sees a cat.", ["Xyz"]),
        ("THE CO2 DOG SEES A CAT.", ["XYZ"]),
        ("A dog 12 and a dog.", ["Wq 12"]),
        ("A dog 12.5 and dog 123.", []),  # a part of a number
        ("The <b>CO2</b> dog", []),
    ],
)
def test_numbers_and_codes_may_be_parts_of_terms(translator, line, expected):
    glossary = Glossary([Term("CO2 dog", "Xyz"), Term("dog 12", "Wq 12")])
    ((best,),) = translator.using(glossary).candidates([line])
    assert best.terms == [(target, True) for target in expected]
    assert all(target in best.text for target in expected)


@pytest.mark.parametrize("case", [("dog", 1), ("dog dog", 1), ("The dog sees a cat.", 3)])
def test_candidates_of_terms_are_distinct_and_have_words(translator, case):
    line, count = case
    (candidates,) = translator.using(GLOSSARY).candidates([line], nbest=3, words=True)
    assert len(candidates) == count
    for each in candidates:
        assert [word for word, _ in each.word_confidence] == each.text.split()


STECKER = [
    Term("plug", "Stecker"),
    Term("smart plug", "intelligenter Stecker"),
    Term("outlet", "STECKER"),
    Term("strip", "Stecker Leiste"),
]


@pytest.mark.parametrize(
    ("line", "translation", "lacking"),
    [
        ("plug outlet", "ein Stecker", [1]),
        ("plug outlet", "ein Stecker, Stecker", []),
        ("plug smart plug", "ein intelligenter Stecker", [0]),
        ("smart plug plug", "Stecker, intelligenter Stecker", []),
        ("plug strip", "Stecker Leiste", [0]),
        ("plug", "ein intelligenter Stecker", []),
    ],
)
def test_what_is_used_for_a_term_is_not_used_for_another(translator, line, translation, lacking):
    """Neither where terms are counted nor where a search gains by them."""
    preparation = translator.preparations[0]
    found = Glossary(STECKER).find(line)
    assert [found.index(each) for each in terms.missing(found, translation)] == lacking
    phrases = terms.phrases(found, preparation)
    wanted = Wanted(phrases)
    state = 0
    for id in preparation.target_ids(translation, []):
        moves = wanted.moves_from(state)
        state = moves.states.get(id, moves.usual_state)
    used = [each for number, each in enumerate(found) if number not in lacking]
    tokens = sum(len(preparation.target_ids(each.term.target, [])) for each in used)
    # Capitals may have other tokens.
    gained = wanted.totals[state] / terms.WEIGHT
    assert gained == pytest.approx(tokens) if line != "plug outlet" else gained <= tokens


def test_samples_have_no_terms(translator):
    (drawn,) = translator.using(GLOSSARY).candidates(["The dog."], 2, sampling=Sampling())
    assert all(not each.terms and not each.warnings for each in drawn)


def test_equal_segments_are_searched_once(translator, monkeypatch):
    using = translator.using(GLOSSARY)
    searched = []
    search_ids = translator.searcher.search_ids

    def counted(ids, *options):
        searched.extend(map(str, ids))
        return search_ids(ids, *options)

    monkeypatch.setattr(using.searcher, "search_ids", counted)
    ((best,),) = using.candidates(["The dog sees a bird. " * 40])
    # Without help, and twice with it.
    assert len(searched) <= 3 * len(set(searched)) and len(searched) <= 12
    assert best.text.count("Xyz") == 40


def test_what_the_search_finds_by_itself_is_searched_once(translator, monkeypatch):
    """Terms that the model uses anyway cost nothing."""
    texts = translator.translate(SOURCES[:5])
    glossary = Glossary([Term(word, texts[0].split()[1], True) for word in SOURCES[0].split()[1:2]])
    searches = []
    search_ids = translator.searcher.search_ids

    def counted(ids, *options):
        searches.append(len(ids))
        return search_ids(ids, *options)

    using = translator.using(glossary)
    monkeypatch.setattr(using.searcher, "search_ids", counted)
    assert using.translate(SOURCES[:1]) == texts[:1]
    assert [number for number in searches if number] == [1]


def test_a_glossary_is_remembered_and_left(translator, tmp_path, monkeypatch):
    path = tmp_path / "terms.tsv"
    path.write_text("dog\tZitrone\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    using = translator.using("terms.tsv")
    monkeypatch.chdir("/")
    assert "Zitrone" in pickle.loads(pickle.dumps(using)).translate(["The dog sees a cat."])[0]
    assert translator.glossary is None and using.into("de").glossary is None
