"""A translation memory: what it has is used as it is, what is similar helps the search."""

import json
import pickle
import random

import pytest

from nmt.corpora import toy as grammar
from nmt.errors import UserError
from nmt.inference.confidence import Curve
from nmt.inference.helped import FALL, LIKE_PAIR
from nmt.inference.load import load
from nmt.inference.memory import THRESHOLD, Memory
from nmt.inference.memory_files import read_memory
from nmt.text.glossary import Glossary, Term
from tests.fakes import nmt_command

pytestmark = pytest.mark.usefixtures("load_once")
rapidfuzz = pytest.importorskip("rapidfuzz")

PAIRS = [
    ("The small dog sees a cat.", "Eine Zitrone!"),
    ("The small dog sees a bird.", "Zwei Zitronen!"),
    ("Open {name}", "Öffne {name}"),
    ("Open <b>it</b>", "Öffne es"),
    ("Twice", "Doppelt"),
    ("Twice", "Zweimal"),
    ("Twice", "Zweimal"),
    ("", "nichts"),
    ("Press the button", "Taste\ndrücken"),
    ("Two\nlines", "Zwei\nZeilen"),
]


@pytest.fixture(scope="module")
def translator(tiny_run):
    return load(tiny_run)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("The small dog sees a bird.", [(1.0, "Zwei Zitronen!"), (0.86, "Eine Zitrone!")]),
        ("the small dog sees a cat.", [(0.99, "Eine Zitrone!"), (0.86, "Zwei Zitronen!")]),
        ("The dog sees a cat.", [(0.86, "Eine Zitrone!"), (0.71, "Zwei Zitronen!")]),
        (" Twice ", [(1.0, "Zweimal")]),
        ("Open <b>it</b>", [(0.99, "Öffne es")]),
        ("Open {name}", [(1.0, "Öffne {name}")]),
        ("Close {name} now!", []),
        ("Press the button", [(0.99, "Taste\ndrücken")]),
        ("Two\nlines", [(1.0, "Zwei\nZeilen")]),
        ("  ", []),
        ("nothing like it", []),
    ],
)
def test_matches(line, expected):
    matches = Memory(PAIRS).matches(line, 5)
    assert [(round(each.similarity, 2), each.target) for each in matches] == expected
    assert Memory(PAIRS).matches(line) == matches[:1]


def test_a_memory_can_be_sent_to_another_process():
    memory = Memory(PAIRS)
    matches = memory.matches("The dog sees a cat.", 3)
    assert pickle.loads(pickle.dumps(memory)).matches("The dog sees a cat.", 3) == matches


def test_other_threads_may_forget_what_was_looked_up(monkeypatch):
    class Forgotten(dict):
        def __setitem__(self, line, ranked):
            pass

    memory = Memory(PAIRS)
    monkeypatch.setattr(memory, "_ranked", Forgotten())
    assert [each.target for each in memory.matches("Twice")] == ["Zweimal"]


def test_of_each_line_few_matches_are_kept():
    """A manual may have thousands of sources that are alike."""
    sources = [f"Chapter {n} of the manual of this device" for n in range(200)]
    memory = Memory((source, source) for source in sources)
    assert len(memory.matches(sources[7], 3)) == 3
    kept = len(pickle.dumps(memory._ranked))
    assert kept < 1000, f"{kept} bytes"
    assert len(memory.matches(sources[7], 150)) == 150
    assert memory.matches(sources[7], 3)[0].source == sources[7]


def test_no_match_is_overlooked():
    """The index leaves out only what cannot be similar enough."""
    rng = random.Random(1)
    lines = [" ".join(rng.choices("abcdef", k=rng.randint(1, 12))) for _ in range(300)]
    memory = Memory((line, line) for line in lines)
    similarity = rapidfuzz.distance.Levenshtein.normalized_similarity
    for line in lines[::5]:
        expected = {
            other for other in lines if similarity(line.split(), other.split()) >= THRESHOLD
        }
        assert {each.source for each in memory.matches(line, 1000)} == expected


def test_what_it_has_is_used_and_other_lines_stay(translator):
    lines = [source for source, _ in grammar.generate("en-de", "test", 20)]
    using = translator.using(memory=Memory(PAIRS))
    known = ["  The small dog sees a cat.", "Open {name}"]
    exact = using.candidates(known, nbest=2, words=True)
    assert exact[0][0].word_confidence == [("Eine", None), ("Zitrone!", None)]
    assert [[each.text for each in best] for best in exact] == [
        ["  Eine Zitrone!"],
        ["Öffne {name}"],
    ]
    assert all(best[0].match.similarity == 1 for best in exact)
    found = using.candidates(lines)
    plain = translator.candidates(lines)
    unlike = [(a[0], b[0]) for a, b in zip(found, plain, strict=True) if not a[0].match]
    assert len(unlike) > 10
    for with_memory, without in unlike:
        assert (with_memory.text, with_memory.log_prob) == (without.text, without.log_prob)


def test_a_similar_pair_changes_the_search(translator):
    """Lines that have nothing in common in the model's eyes come closer to each other."""
    lines = [source for source, _ in grammar.generate("en-de", "test", 12)]
    plain = translator.translate(lines)
    changed = 0
    for line, before, other in zip(lines, plain, [*plain[1:], plain[0]], strict=True):
        ((best,),) = translator.using(memory=Memory([(f"{line} Now", other)])).candidates([line])
        assert best.match.target == other
        similarity = rapidfuzz.distance.Levenshtein.similarity
        changed += similarity(best.text, other) > similarity(before, other)
    assert changed > 6


def test_a_similar_pair_does_not_turn_the_meaning_round(translator, monkeypatch):
    """What it helps to is not rather a translation of its own source, and never much worse."""
    lines = [source for source, _ in grammar.generate("en-de", "test", 40)]
    pairs = {}
    for line in lines:
        for word, other in (("dog", "cat"), ("big", "small"), ("sees", "finds"), ("the", "a")):
            if f" {word} " in line:
                pairs[line] = line.replace(f" {word} ", f" {other} ")
    targets = translator.translate(pairs.values())
    changed = kept = 0
    for (line, source), target in zip(pairs.items(), targets, strict=True):
        ((plain,),) = translator.candidates([line])
        ((best,),) = translator.using(memory=Memory([(source, target)])).candidates([line])
        assert best.match.source == source
        helped = best.text != plain.text
        assert any(LIKE_PAIR in each and source in each for each in best.warnings) == helped
        if helped:
            changed += 1
            (own, _), (of_pair, _) = translator.score([line, source], [best.text] * 2)
            assert own >= of_pair and own / best.length > plain.log_prob / plain.length - FALL
        else:
            kept += target != plain.text
    assert kept > 5, (changed, kept)


def test_a_line_is_as_sure_as_without_a_memory(translator, monkeypatch):
    """What the search is made to choose is improbable, which says nothing of its worth."""
    monkeypatch.setattr(translator, "curve", Curve(2.0, 1.0, 100, 50))
    line = "The small dog sees a house."
    ((plain,),) = translator.candidates([line])
    for using in (
        translator.using(Glossary([Term("house", "Xyz")])),
        translator.using(memory=Memory([("The small dog sees a house", plain.text + " Haus")])),
    ):
        ((best,),) = using.candidates([line])
        assert best.confidence >= plain.confidence > 0


def test_white_space_of_a_similar_pair_is_folded(translator):
    using = translator.using(memory=Memory([("The dog sees a cat.", "Der Hund\n\tsieht")]))
    ((best,),) = using.candidates(["The dog sees a cat."])
    assert best.match.similarity < 1 and len(best.text.splitlines()) == 1


def test_beside_a_glossary(translator):
    using = translator.using(Glossary([Term("house", "Xyz")]), Memory(PAIRS))
    ((best,),) = using.candidates(["The small dog sees a house."])
    assert "Xyz" in best.text and best.match


TMX = """<tmx version="1.4"><header srclang="en"/><body><tu>
<tuv xml:lang="en"><seg>Twice</seg></tuv><tuv xml:lang="de"><seg>Zweimal</seg></tuv>
</tu></body></tmx>"""
PO = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n\nmsgid "Once"\nmsgstr "Einmal"\n'


def test_files_folders_and_runs(tmp_path, tiny_run):
    files = {"a.tmx": TMX, "sub/b.po": PO, "c.tsv": "Thrice\tDreimal\n", "note.md": "no"}
    for name, text in files.items():
        path = tmp_path / "all" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert read_memory(tmp_path / "all", "en", "de").pairs == {
        "Twice": "Zweimal",
        "Thrice": "Dreimal",
        "Once": "Einmal",
    }
    assert read_memory(tmp_path / "all/a.tmx", "en", "de").pairs == {"Twice": "Zweimal"}
    training = dict(grammar.generate("en-de", "train", 300))
    assert read_memory(tiny_run, "en", "de").pairs.items() <= training.items()
    for path, said in (
        ("all/note.md", "note.md: a translation memory ends in .tmx"),
        ("none", "none: no such file"),
        ("none.tmx", "none.tmx: no such file"),
    ):
        with pytest.raises(UserError, match=said):
            read_memory(tmp_path / path, "en", "de")
    # Other languages: a file is refused, in a folder it is left out; a run has no pairs of them.
    other = tmp_path / "all/sv.po"
    header = "charset=UTF-8\\nLanguage: sv\\n"
    other.write_text(PO.replace("charset=UTF-8", header), encoding="utf-8")
    (tmp_path / "all/sv.tmx").write_text(TMX.replace('"de"', '"sv"'), encoding="utf-8")
    with pytest.raises(UserError, match="sv"):
        read_memory(other, "en", "de")
    assert len(read_memory(tmp_path / "all", "en", "de").pairs) == 3
    with pytest.raises(UserError, match="no pair of fr and de"):
        read_memory(tiny_run, "fr", "de")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="folder without a translation memory"):
        read_memory(tmp_path / "empty", "en", "de")


def test_the_command_shows_matches(tmp_path, tiny_run, translator):
    path = tmp_path / "memory.tsv"
    path.write_text("The small dog.\tEine Zitrone!\n", encoding="utf-8")
    lines = "The small dog.\nthe small dog.\nA cat.\n"
    command = ["translate", tiny_run, "--memory", path]
    shown = nmt_command(*command, "--format", "json", stdin=lines).out.splitlines()
    assert [[m["similarity"] for m in json.loads(each)["matches"]] for each in shown] == [
        [1.0],
        [0.99],
        [],
    ]
    text = nmt_command(*command, stdin=lines).out.splitlines()
    assert text[0] == "Eine Zitrone!" and text[2] == translator.translate(["A cat."])[0]
    again = pickle.loads(pickle.dumps(translator.using(memory=path)))
    assert again.translate(["The small dog."]) == ["Eine Zitrone!"]
