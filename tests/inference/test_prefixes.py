"""Translations begin with a given text letter for letter, whatever the line and the text hold."""

import random

import pytest

from nmt.corpora import toy as grammar
from nmt.decoding.sampling import Sampling
from nmt.errors import UserError
from nmt.inference.confidence import Curve
from nmt.inference.load import load
from nmt.inference.memory import Memory
from nmt.runs.export import export
from nmt.runs.folder import Run
from nmt.text.glossary import Glossary, Term

pytestmark = pytest.mark.usefixtures("load_once")

SOURCES = [source for source, _ in grammar.generate("en-de", "test", 30)]


@pytest.fixture(scope="module")
def exported(tiny_run, once):
    return once("prefixes", lambda folder: export(Run.open(tiny_run), folder))


@pytest.fixture(scope="module")
def translator(exported):
    return load(exported, "onnx", threads=1)


def cuts(texts, seed=1):
    rng = random.Random(seed)
    return [text[: rng.randrange(len(text) + 1)] for text in texts]


def shown(candidates):
    return [[(c.text, c.log_prob, c.score) for c in ranked] for ranked in candidates]


@pytest.mark.parametrize(("engine", "count"), [("keras", 6), ("onnx", 30)])
def test_any_cut_is_there_letter_for_letter(tiny_run, translator, engine, count):
    """Cuts of a line's own translation, of another one's, and with unseen words."""
    translator = translator if engine == "onnx" else load(tiny_run, engine, threads=1)
    sources = SOURCES[:count]
    own = translator.translate(sources)
    others = [*own[1:], own[0]]
    unseen = [f"{cut[:7]}Zierhund {cut[7:]}" for cut in cuts(own)]
    for prefixes in (cuts(own), cuts(others), unseen):
        for ranked, prefix in zip(
            translator.candidates(sources, nbest=2, prefixes=prefixes), prefixes, strict=True
        ):
            assert all(candidate.text.startswith(prefix) for candidate in ranked)


def test_an_empty_prefix_changes_nothing_even_beside_others(translator):
    plain = translator.candidates(SOURCES, nbest=2)
    assert shown(translator.candidates(SOURCES, nbest=2, prefixes=[""] * 30)) == shown(plain)
    some = ["" if n % 2 else "Ein" for n in range(30)]
    mixed = translator.candidates(SOURCES, nbest=2, prefixes=some)
    for n in range(1, 30, 2):
        assert mixed[n][0].text == plain[n][0].text
        assert mixed[n][0].log_prob == pytest.approx(plain[n][0].log_prob, abs=1e-4)


def finished(translator):
    """Lines whose translation ends by itself, and these translations, both greedy."""
    found = translator.candidates(SOURCES, beam=1)
    pairs = zip(SOURCES, found, strict=True)
    ended = [(source, best.text) for source, (best,) in pairs if best.finished]
    assert len(ended) > 10
    return zip(*ended, strict=True)


@pytest.mark.slow
def test_greedy_search_gives_its_own_translations_again(tiny_run):
    translator = load(tiny_run, "keras", threads=1)
    sources, own = finished(translator)
    for seed in range(2):
        again = translator.candidates(sources, beam=1, prefixes=cuts(own, seed))
        assert [best.text for best, *_ in again] == [*own]
    # Also of a line of several segments.
    line, text = ("\n".join(texts[:4]) for texts in (sources, own))
    for end in range(0, len(text), 9):
        ((again,),) = translator.candidates([line], beam=1, prefixes=[text[:end]])
        assert again.text == text


LINES = [
    ("The dog sees {name}.", "Der {name} und", 1),
    ("The dog sees {name}.", "Der {na", 1),
    ("The dog sees a <b>bird</b>.", "Der <b>H", 1),
    ("The dog sees a <b>bird</b>.", "Der <b>H</b", 1),
    ("The dog sees a <b>bird</b>.", "<b>", 1),
    ("THE DOG SEES A BIRD IN THE GARDEN", "Der HU", 0),
    ("THE DOG SEES A BIRD IN THE GARDEN", "DER hu", 0),
    ('"The dog sees a bird."', '"Der H', 0),
    ("123", "12 H", 0),
    ("  The dog sees a bird.", " Der", 0),
    ("The dog sees a bird. ", "Der  Hund ", 0),
    ("The dog sees a bird.\nThe cat sees {name}.", "Der Vogel.\nDie K", 1),
    ("The dog sees a bird. " * 20, "Der Hund. Die Katze. Ein V", 0),
    ("", "Der", 0),
]


@pytest.mark.parametrize(("line", "prefix", "copied"), LINES)
def test_of_any_line(translator, line, prefix, copied):
    """What is copied is in the translation as often as in the source."""
    candidates = translator.candidates([line], nbest=2, attention=True, prefixes=[prefix])[0]
    for candidate in candidates:
        assert candidate.text.startswith(prefix)
        for part in ("{name}", "<b>", "</b>") if copied else ():
            assert candidate.text.count(part) == line.count(part), candidate.text


def test_capitals_of_the_source_go_on_behind_it(translator):
    ((best,),) = translator.candidates(["THE DOG SEES A BIRD IN THE GARDEN"], prefixes=["der Hu"])
    assert best.text[:6] == "der Hu" and best.text[6:].isupper()


def test_lines_with_the_same_pieces_are_searched_by_what_each_begins_with(translator):
    """A line in capitals has the pieces of another one."""
    lines = [each for line in SOURCES[:6] for each in (line, line.upper())]
    prefixes = ["DE"] * len(lines)
    alone = [
        shown(translator.candidates([one], prefixes=[prefix]))[0]
        for one, prefix in zip(lines, prefixes, strict=True)
    ]
    assert shown(translator.candidates(lines, prefixes=prefixes)) == alone
    assert shown(translator.candidates(lines[::-1], prefixes=prefixes[::-1])) == alone[::-1]


def test_with_all_that_a_search_may_have(translator):
    """A glossary, a memory, confidence, attention and several candidates."""
    full = translator.using(
        Glossary([Term("dog", "Zitrone")]), Memory([("The dog sees a cat.", "Ein Hund.")])
    )
    full.curve = Curve(5.0, 2.0, 100, 50)
    lines = ["The dog sees a cat.", "The dog sees a bird.", "dog"]
    prefixes = ["Zwei H", "Die Zi", "Eine "]
    found = full.candidates(lines, nbest=3, attention=True, words=True, prefixes=prefixes)
    for ranked, prefix in zip(found, prefixes, strict=True):
        assert all(candidate.text.startswith(prefix) for candidate in ranked)
        assert all(candidate.confidence is not None for candidate in ranked)
        assert [word for word, _ in ranked[0].word_confidence] == ranked[0].text.split()
    # What the memory has as it is stays so where it begins as given.
    ((best,),) = full.candidates(lines[:1], prefixes=["Ein H"])
    assert best.text == "Ein Hund."


def test_a_whole_word_is_not_gone_on_with(translator):
    """Nor what a memory has, if that would go on with it."""
    own = translator.translate(SOURCES)
    places = [(n, text.rindex(" ")) for n, text in enumerate(own) if " " in text]
    lines = [SOURCES[n] for n, _ in places]
    # The last word without its end.
    prefixes = [own[n][: space + 3] for n, space in places]
    options = {"prefixes": prefixes, "words": True}
    free = translator.candidates(lines, **options)
    whole = translator.candidates(lines, **options, whole_words=True)
    goes_on = [
        [best.text[len(prefix) :][:1].isalpha() for best, *_ in found]
        for found, prefix in zip(zip(free, whole, strict=True), prefixes, strict=True)
    ]
    assert any(of_free for of_free, _ in goes_on)
    assert not any(of_whole for _, of_whole in goes_on)
    assert all(best.text.startswith(p) for (best,), p in zip(whole, prefixes, strict=True))
    full = translator.using(memory=Memory([(SOURCES[0], "Eine Zitronentorte.")]))
    for whole_words in (False, True):
        ((best,),) = full.candidates(
            SOURCES[:1], prefixes=["Eine Zitronen"], whole_words=whole_words
        )
        assert (best.text == "Eine Zitronentorte.") != whole_words
    # Behind a space and in a placeholder there is no such word.
    for prefix in ("Der ", "Der {na", "Der {name}"):
        ((best,),) = translator.candidates(
            ["The dog sees {name}."], prefixes=[prefix], whole_words=True
        )
        assert best.text.startswith(prefix) and best.text.count("{name}") == 1


@pytest.mark.parametrize(
    ("prefixes", "options", "reason"),
    [
        (["犬"], {}, "no pieces for: 犬"),
        (["a\0"], {}, "U\\+0000"),
        (["\ue000"], {}, "U\\+E000"),
        (["\ud800"], {}, "half a character"),
        ([], {}, "must pair up"),
        (["Der"], {"sampling": Sampling()}, "exclude each other"),
    ],
)
def test_what_cannot_be_is_told(translator, prefixes, options, reason):
    with pytest.raises(UserError, match=reason):
        translator.candidates(SOURCES[:1], prefixes=prefixes, **options)


def test_alternatives_are_the_most_probable_first(translator):
    for source, prefix in zip(SOURCES[:8], cuts(translator.translate(SOURCES[:8])), strict=True):
        alternatives = translator.alternatives(source, prefix, 3)
        chances = [each.probability for each in alternatives]
        assert chances == sorted(chances, reverse=True) and 0 < sum(chances) < 1 + 1e-4
        assert len(alternatives) == len({each.text for each in alternatives}) == 3
    assert translator.alternatives("123", "") == []


def test_alternatives_behind_a_space_begin_with_a_word(translator):
    for source, text in zip(SOURCES[:8], translator.translate(SOURCES[:8]), strict=True):
        for end in (n + 1 for n, character in enumerate(text) if character == " "):
            found = [each.text for each in translator.alternatives(source, text[:end], 5)]
            assert not any(each.startswith(" ") for each in found)
            assert len(found) == len(set(found))


def test_alternatives_of_any_beginning(translator):
    """Each is the rest of a word, or stands behind what was given."""
    own = translator.translate(SOURCES[:1])[0]
    first, *_ = own.split()
    (best, *_) = translator.alternatives(SOURCES[0], first)
    assert best.text.startswith(" ") or best.text.strip(".,") == ""
    (best, *_) = translator.alternatives("The dog sees {name}.", "Der {na", 2)
    assert best.text.startswith("me}")
    assert "" in {each.text for each in translator.alternatives(SOURCES[0], own)}
