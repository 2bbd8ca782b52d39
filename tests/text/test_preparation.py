"""Training and use prepare the same; placeholders come back letter for letter."""

import itertools
import random

import pytest

from nmt.recipe import DataOptions
from nmt.text.placeholders import SYMBOLS, placeholders
from nmt.text.preparation import IncrementalSource, Preparation
from nmt.text.tokens import tokenise
from tests.fakes import random_line

DATA = [
    DataOptions(source=source, target=target, preprocess=preprocess)
    for source, target in (("en", "de"), ("en", "ja"), ("ja", "en"), ("zh", "ja"))
    for preprocess in ("none", "tokens")
]


class Characters:
    """A tokenizer whose pieces are characters."""

    def encode(self, lines):
        return [[*map(ord, line)] for line in lines]

    def decode(self, ids):
        return "".join(map(chr, ids))

    def piece(self, id):
        return chr(id)


def preparation(data):
    return Preparation(data, (Characters(), Characters()))


@pytest.fixture(params=DATA, ids=lambda data: f"{data.source}-{data.target}-{data.preprocess}")
def data(request):
    return request.param


def random_pairs(number):
    """Lines, and targets with placeholders of their lines and others."""
    rng = random.Random(7)
    for _ in range(number):
        source = random_line(rng)
        words = [
            *placeholders(source),
            *placeholders(random_line(rng)),
            *["A", "man,", "isn't", "犬", "が", ".", "(", "x", ")"],
        ]
        rng.shuffle(words)
        yield source, " ".join(words)


def test_training_and_use_prepare_the_same(data):
    """Text of the corpus for the tokenizers in training; ids of what people write in use."""
    training = Preparation(data)
    use = preparation(data)
    for source, target in random_pairs(500):
        if data.tokenised:
            target = tokenise(target, data.target)  # as it stands in the corpus
        trained_source, trained_target = training.pair(source, target)
        line = use.source(source)
        assert line.text == trained_source
        assert line.ids == Characters().encode([trained_source])[0]
        scored = use.target_ids(target, line.names)
        assert scored == Characters().encode([trained_target])[0]


def test_a_tokenised_corpus_is_used_with_text_as_people_write_it():
    use = preparation(DataOptions(preprocess="tokens"))
    people = use.source("The Boy isn't here: %s.")
    corpus = use.source("the boy isn 't here : %s .")
    assert people == corpus and people.names == ["%s"]
    assert use.target_ids("Er sieht %s.", ["%s"]) == use.target_ids("er sieht %s .", ["%s"])
    assert use.target_ids("A <b>", []) == use.target_ids("a <b>", [])


def test_copied_placeholders_come_back_letter_for_letter(data):
    use = preparation(data)
    for source, _ in random_pairs(500):
        line = use.source(source)
        assert len(line.names) <= len(SYMBOLS)
        assert all(name in source for name in line.names)
        copied = [symbol for symbol in SYMBOLS if symbol in line.text]
        output = use.output([*map(ord, " ".join(copied))], line.names)
        assert output == " ".join(line.names[: len(copied)])
        if not data.tokenised:
            assert use.output(line.ids, line.names) == source


def test_words_that_arrive_are_prepared_as_the_whole_line():
    rng = random.Random(8)
    words = ["the", "dog,", "isn't", "{a}", "{a},", "<b c>it</b>", "%s", "https://e.x/", "A"]
    for preprocess, number in itertools.product(("none", "tokens"), range(200)):
        use = preparation(DataOptions(preprocess=preprocess))
        chosen = rng.choices(words, k=1 + number % 12)
        arriving = IncrementalSource(use)
        texts = [Characters().decode(arriving.ids(word)) for word in chosen]
        whole = use.source(" ".join(chosen))
        assert (" ".join(texts), arriving.names) == (whole.text, whole.names)


def test_a_symbol_is_early_until_its_placeholder_has_arrived():
    arriving = IncrementalSource(preparation(DataOptions()))
    first, second = map(ord, SYMBOLS[:2])
    assert arriving.is_early(first) and not arriving.is_early(ord("a"))
    arriving.ids("the {name}")
    assert not arriving.is_early(first) and arriving.is_early(second)
    arriving.ids(" and {other}")
    assert not arriving.is_early(second)


def test_outputs_are_tokens_or_as_people_write_them():
    spaced = preparation(DataOptions(preprocess="tokens"))
    ids = [*map(ord, f"( {SYMBOLS[0]} , {SYMBOLS[1]} ) !")]
    names = ["{{ x }}", "%s"]
    assert spaced.output(ids, names, for_people=False) == "( {{ x }} , %s ) !"
    assert spaced.output(ids, names) == "({{ x }}, %s)!"
    unspaced = preparation(DataOptions(preprocess="tokens", target="ja"))
    assert unspaced.output([*map(ord, "犬 が い る")], []) == "犬がいる"
    raw = preparation(DataOptions())
    assert raw.output(ids, names) == raw.output(ids, names, for_people=False)


def test_segments_are_separated_as_the_language_is_written():
    assert preparation(DataOptions(target="de")).separator() == " "
    assert preparation(DataOptions(target="ja")).separator() == ""
    assert preparation(DataOptions(target="ja")).separator(for_people=False) == " "


def test_a_segment_of_a_prepared_source_is_prepared_alike(data):
    use = preparation(data)
    for source, _ in random_pairs(200):
        line = use.source(source)
        if len(set(placeholders(source))) <= len(SYMBOLS):
            assert Characters().decode(use.segment_ids(line.text)) == line.text


def test_placeholders_that_a_language_model_adds_have_names():
    use = preparation(DataOptions(format="text"))
    start = use.prompt("{name} and %s")
    assert start.text == f"{SYMBOLS[0]} and {SYMBOLS[1]}"
    output = use.output([*start.ids, ord(" "), ord(SYMBOLS[2])], start.names)
    assert output == "{name} and %s {2}"


def test_lines_without_translations_are_not_tokenised():
    data = DataOptions(format="text", preprocess="tokens")
    line = "The Boy isn't here: {a}"
    prepared = f"The Boy isn't here: {SYMBOLS[0]}"
    assert Preparation(data).pair(line, line) == (prepared, prepared)


def test_preparations_are_equal_if_they_make_the_same_ids_of_sources():
    tokenizers = (Characters(), Characters())
    raw = Preparation(DataOptions(), tokenizers)
    assert raw == Preparation(DataOptions(source="fr", target="ja"), tokenizers)
    assert raw != Preparation(DataOptions(), (Characters(), tokenizers[1]))
    lower = Preparation(DataOptions(preprocess="tokens"), tokenizers)
    assert lower != raw and len({raw, lower, Preparation(DataOptions(), tokenizers)}) == 2
