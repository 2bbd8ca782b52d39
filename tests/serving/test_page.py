"""The page: its files, the details that it shows, and what it does in a browser."""

import json
import re
from importlib import resources

import numpy as np
import pytest

from nmt.inference.translator import Translation
from tests.serving.clients import ask, ask_json, fixed_runs, serving

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

MOST_BYTES = 40_000
FILES = {
    "/": "text/html; charset=utf-8",
    "/page.css": "text/css; charset=utf-8",
    "/page.js": "text/javascript; charset=utf-8",
    "/favicon.ico": "image/svg+xml",
}


class Backwards:
    """Translates word by word, from the last one to the first, with all that a run may tell.

    The n-th candidate has n more words at the end. Each word attends to the one that it is of.
    """

    def candidates(self, lines, nbest=1, attention=False, words=False):
        return [[self._candidate(line, rank) for rank in range(nbest)] for line in lines]

    def _candidate(self, line, rank):
        source = line.split()
        order = [*range(len(source))][::-1]
        target = [source[number].upper() for number in order] + ["MORE"] * rank
        translation = Translation(" ".join(target), log_prob=-1.0 - rank)
        translation.source_pieces = [f"▁{word}" for word in source] + ["</s>"]
        translation.target_pieces = [f"▁{word}" for word in target] + ["</s>"]
        ends = [len(source)] * (rank + 1)
        translation.attention = np.eye(len(source) + 1)[[*order, *ends]]
        translation.confidence = 0.75
        sure = {"UNSURE": 0.3, "FAIR": 0.7}
        translation.word_confidence = [(word, sure.get(word, 0.9)) for word in target]
        return translation


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrections")
    runs = fixed_runs(("en", "de"), ("de", "en"), folder=folder, translator=Backwards())
    with serving(runs, suggestions=True) as port:
        yield port


def page(name):
    return (resources.files("nmt.serving") / "page" / name).read_text(encoding="utf-8")


def texts():
    """The table of what the page says."""
    found = re.search(r"^const TEXTS = (\{.*?^\});$", page("page.js"), re.S | re.M)
    return json.loads(found[1])


@pytest.mark.parametrize("path", FILES)
def test_files_are_served_and_may_load_nothing_from_elsewhere(port, path):
    status, headers, content = ask(port, "GET", path)
    assert status == 200 and headers["content-type"] == FILES[path]
    policy = dict(part.split(maxsplit=1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    addresses = re.findall(r"(?:https?:)?//[\w.]+", content.decode().replace("\n//", "\n"))
    assert set(addresses) <= {"http://www.w3.org"}  # the name of a format


def test_the_page_is_small_and_keeps_nothing():
    content = [page(name) for name in ("page.html", "page.css", "page.js")]
    assert sum(len(each.encode()) for each in content) < MOST_BYTES
    for word in ("localStorage", "sessionStorage", "cookie", "innerHTML", "eval("):
        assert word not in content[2]
    # The policy forbids both.
    assert not re.search(r"\bstyle=|\bon\w+=|<style", content[0])


def test_each_language_says_everything_that_is_asked_for():
    table = texts()
    assert set(table) == {"en", "de", "ja"}
    html, script = page("page.html"), page("page.js").split("\n};", 1)[1]
    asked = set(re.findall(r'data-(?:text|label|title|placeholder)="(\w+)"', html))
    used = asked | {key for key in table["en"] if re.search(rf'"{key}"', script)}
    for language, said in table.items():
        assert set(said) == used, language
        for key, text in said.items():
            assert text.strip()
            gaps = [sorted(re.findall(r"\{\w+\}", each)) for each in (text, table["en"][key])]
            assert gaps[0] == gaps[1], (language, key)


def details(port, text, **fields):
    fields = {"q": text, "source": "en", "target": "de", "details": True, **fields}
    status, answer = ask_json(port, "/translate", fields)
    assert status == 200, answer
    return answer


@pytest.mark.parametrize(
    "text", ["one two {x} three", "  a b\n\nc d e \n", "ä 犬 😀 b", " \n", "a"]
)
def test_details_are_places_of_both_texts(port, text):
    answer = details(port, text)
    translated = answer["translatedText"]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    assert len(answer["details"]) == len(lines)
    for line, segment in zip(lines, answer["details"], strict=True):
        source, target = segment["source"], segment["target"]
        assert text[source["start"] : source["end"]] == line
        assert [text[slice(*place)] for place in source["words"]] == line.split()
        words = line.upper().split()[::-1]
        assert translated[target["start"] : target["end"]] == " ".join(words)
        assert [translated[slice(*place)] for place in target["words"]] == words
        # Each word attends to the one that it was made of.
        assert segment["attention"] == np.eye(len(words))[::-1].tolist()
        assert segment["wordConfidence"] == [90] * len(words)
        assert segment["confidence"] == 75 and not segment["corrected"]


def test_details_of_lists_and_detected_languages(port):
    answer = details(port, ["the light", "das licht"], source="auto")
    assert [len(each) for each in answer["details"]] == [1, 1]
    # The second text is in the target's language already.
    assert answer["details"][1][0]["attention"] == []
    assert "details" not in details(port, "a", details=False)
    assert "details" not in details(port, "<p>a</p>", format="html")


# Source, its pieces, target, its pieces (without the end), and the words of the target.
PIECES = {
    "words of several pieces": (
        "isn't it",
        ["▁is", "n't", "▁it"],
        "Ist es nicht?",
        ["▁I", "st", "▁es", "▁nicht", "?"],
        ["Ist", "es", "nicht?"],
    ),
    "symbols of placeholders": (
        "Delete {name}?",
        ["▁Delete", "▁", "\ue000", "?"],
        "{name} löschen?",
        ["▁", "\ue000", "▁löschen", "?"],
        ["{name}", "löschen?"],
    ),
    "other capitals, other signs": (
        "ＯＰＥＮ it",
        ["▁open", "▁it"],
        "ÖFFNE es",
        ["▁öff", "ne", "▁es"],
        ["ÖFFNE", "es"],
    ),
    "no spaces": ("the light", ["▁the", "▁light"], "明かりです", ["▁明", "かり", "です"], None),
}


@pytest.mark.parametrize("name", PIECES)
def test_pieces_become_words(name):
    from nmt.serving.details import segments

    source, source_pieces, target, target_pieces, expected = PIECES[name]
    weights = np.random.default_rng(1).dirichlet(
        np.ones(len(source_pieces) + 1), len(target_pieces) + 1
    )
    translation = Translation(target)
    translation.source_pieces = [*source_pieces, "</s>"]
    translation.target_pieces = [*target_pieces, "</s>"]
    translation.attention = weights
    (segment,) = segments(source, [(source, translation)], "en", "ja" if not expected else "de")
    words = [target[slice(*place)] for place in segment["target"]["words"]]
    assert words == (expected or ["明", "かり", "です"])
    attention = np.array(segment["attention"])
    assert attention.shape == (len(words), len(source.split()))
    # The means of rows lie between those of pieces: none of the attention is lost but the end's.
    shares = weights[:-1, :-1].sum(1)
    assert (attention.sum(1) >= shares.min() - 0.01).all()
    assert (attention.sum(1) <= shares.max() + 0.01).all()


def test_alternatives_begin_with_the_prefix_and_differ_after_it(port):
    fields = {"q": "one two", "source": "en", "target": "de"}
    status, answer = ask_json(port, "/alternatives", {**fields, "prefix": "TWO ONE", "limit": 3})
    assert status == 200
    assert {each["word"] for each in answer["alternatives"]} <= {"MORE"}
    assert all(each["text"].startswith("TWO ONE") for each in answer["alternatives"])
    _, answer = ask_json(port, "/alternatives", fields)
    assert [each["word"] for each in answer["alternatives"]] == ["TWO"]
    assert sum(each["probability"] for each in answer["alternatives"]) == pytest.approx(1)
    chosen = details(port, "one two", prefix="TWO ONE MORE")
    assert chosen["translatedText"] == "TWO ONE MORE" and len(chosen["details"]) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"q": "a\nb"}, "one line"),
        ({"limit": 0}, "limit"),
        ({"limit": 99}, "limit"),
        ({"limit": True}, "limit"),
        ({"prefix": 3}, "prefix must be text"),
        ({"q": ""}, "missing q"),
        ({"target": "zz"}, "zz is not supported"),
    ],
)
def test_alternatives_that_are_refused(port, fields, message):
    fields = {"q": "a", "source": "en", "target": "de", **fields}
    status, answer = ask_json(port, "/alternatives", fields)
    assert status == 400 and message in answer["error"]


def test_a_kept_translation_is_told_as_such(port):
    pair = {"source": "en", "target": "de"}
    assert ask_json(port, "/suggest", {"q": "keep me", "s": "Behalt mich", **pair})[0] == 200
    (segment,) = details(port, "keep me")["details"]
    assert segment["corrected"] and segment["confidence"] == 100
    assert segment["attention"] == [] and len(segment["target"]["words"]) == 2
