"""Sentences that users have corrected are answered so, whatever way they come in."""

import pickle
import shutil

import pytest

import nmt
from nmt.inference.load import load
from nmt.inference.memory import Memory
from nmt.runs.corrections import Corrections
from tests.fakes import nmt_command

pytestmark = pytest.mark.usefixtures("load_once")

MESSAGE = "{n, plural, one {a\nbook} other {# books}}"


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A run with corrections."""
    folder = shutil.copytree(tiny_run, tmp_path_factory.mktemp("corrected") / "run")
    pairs = [
        ("The dog sees a cat.", "Eine Zitrone, bitte"),
        ("A cat.", "Na ja"),
        ("Two lines", "2"),
    ]
    Corrections.of(folder, "en", "de").add([*pairs, (MESSAGE, "{n} Bücher")])
    return folder


@pytest.fixture(scope="module")
def translators(run):
    plain = load(run)
    return plain, plain.using(memory=Memory([("A cat.", "Nein")]), corrections=run)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("The dog sees a cat.", "Eine Zitrone, bitte"),
        ("  A cat. ", "  Na ja "),
        (MESSAGE, "{n} Bücher"),
        # Not exactly that text.
        ("the dog sees a cat.", None),
        ("The dog sees a cat. A cat.", None),
        ("Two\nlines", None),
        ("", None),
    ],
)
def test_exactly_what_was_corrected_is_answered_so(translators, line, expected):
    plain, corrected = translators
    ((best,),) = corrected.candidates([line], words=True)
    if expected is None:
        assert not best.corrected and best.text == plain.translate([line])[0]
        return
    assert best.corrected and best.confidence == 1.0 and best.text == expected
    assert [word for word, _ in best.word_confidence] == expected.split()
    # Others follow, as the model finds them.
    (best, *others), _ = corrected.candidates([line, "A dog."], nbest=3)
    (found,) = plain.using(memory=corrected.memory).candidates([line], nbest=3)
    assert best.text == expected and others
    assert [each.text for each in others] == [each.text for each in found][: len(others)]


def test_a_correction_that_does_not_begin_as_given_is_no_answer(translators):
    line = "The dog sees a cat."
    for prefix in ("Eine Zit", "Der "):
        ((best,),) = translators[1].candidates([line], prefixes=[prefix])
        assert best.text.startswith(prefix) and best.corrected == (prefix == "Eine Zit")


def test_every_way_in_has_them(run, tmp_path):
    line = "The dog sees a cat."
    translator = nmt.load(run)
    for each in (translator, pickle.loads(pickle.dumps(translator)), nmt.load(f"{run},{run}")):
        assert each.translate([line]) == ["Eine Zitrone, bitte"]
    assert load(run).translate([line]) != ["Eine Zitrone, bitte"], "what is measured has none"
    done = nmt_command("translate", run, line, "--confidence")
    assert done.out == "1.0000\tEine Zitrone, bitte\n" or "no confidence" in done.err
    assert nmt_command("translate", run, line).out == "Eine Zitrone, bitte\n"
    (tmp_path / "a.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n{line}\n")
    done = nmt_command("fill", run, tmp_path / "a.srt", "-o", tmp_path / "b.srt")
    assert done.status == 0 and "Eine Zitrone, bitte" in (tmp_path / "b.srt").read_text()
    pytest.importorskip("pyarrow")
    from nmt.bulk import work

    done = work.Translation(str(run)).start()([[line, None]])
    assert done.added.columns["translation"] == ["Eine Zitrone, bitte", None]
