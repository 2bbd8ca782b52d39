"""Which of the served languages a text is in."""

import pytest

from nmt.corpora import toy
from nmt.serving.detection import Detector
from nmt.serving.directions import Direction, Directions, matching
from nmt.text.profile import ProfileCounter
from tests.serving.clients import Shouter


@pytest.fixture(scope="module")
def texts():
    """Generated sentences in three languages."""
    english, german = zip(*toy.generate("en-de", "train", 400), strict=True)
    _, japanese = zip(*toy.generate("en-ja", "train", 400), strict=True)
    return {"en": english, "de": german, "ja": japanese}


def test_sentences_are_in_their_language(texts):
    """Known by the words of other sentences; languages that are not served have no confidence."""
    words = {}
    for language, lines in texts.items():
        counter = ProfileCounter()
        for line in lines[:300]:
            counter.add(line)
        words[language] = counter.profile().words
    detector = Detector(words)
    found = [
        (language, detector.detect(line)[0])
        for language, lines in texts.items()
        for line in lines[300:]
    ]
    right = [language == detected.language for language, detected in found]
    assert sum(right) >= 0.99 * len(right)
    assert all(0 <= detected.confidence <= 100 for _, detected in found)
    assert detector.detect("Привет мир")[0].confidence == 0
    assert detector.detect("😀 123")[0].confidence == 0


def test_one_language_is_the_answer():
    assert Detector({"en": []}).detect("was auch immer") == [("en", 100)]


@pytest.mark.parametrize(
    ("code", "served", "found"),
    [
        ("EN", ["en"], "en"),
        ("en_US", ["de", "en"], "en"),
        ("pt", ["pt-BR"], "pt-BR"),
        ("pb", ["pt", "pt-BR"], "pt-BR"),
        ("pt-PT", ["pt-BR"], "pt-BR"),
        ("pt_br", ["pt", "pt-BR"], "pt-BR"),
        ("deu", ["de"], "de"),
        ("zt", ["zh-Hans", "zh-Hant"], "zh-Hant"),
        ("zh-TW", ["zh-Hans", "zh-Hant"], "zh-Hant"),
        ("zh-TW", ["zh-Hans"], None),
        ("zh", ["zh-Hans"], "zh-Hans"),
        ("xx", ["en"], None),
        ("", ["en"], None),
    ],
)
def test_codes_of_clients(code, served, found):
    assert matching(code, served) == found


def test_a_text_in_the_target_is_known_as_such(texts):
    words = {"en": texts["en"][0].split(), "de": texts["de"][0].split()}
    pairs = [("en", "de"), ("de", "en"), ("ja", "en")]
    directions = Directions([Direction(*pair, Shouter()) for pair in pairs], words)
    assert directions.detected_source(texts["de"][0], "de").language == "de"
    # No translator into German can read it; the nearest language is taken.
    assert directions.detected_source("日本語", "de").language in ("en", "de")
