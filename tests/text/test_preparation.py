"""Training and use prepare the same; what is copied comes back letter for letter."""

import itertools
import random
import re
import time

import numpy as np
import pytest

from nmt.recipe import DataOptions, Recipe, TokenizerOptions
from nmt.text.preparation import NO_PROFILE, IncrementalSource, Preparation
from nmt.text.profile import Profile
from nmt.text.symbols import SYMBOL, SYMBOLS
from tests.fakes import random_line

DATA = [
    DataOptions(source=source, target=target, preprocess=preprocess)
    for source, target in (("en", "de"), ("en", "ja"), ("ja", "en"), ("zh", "ja"))
    for preprocess in ("none", "tokens")
]


class Everything:
    """A set that has every character."""

    def __contains__(self, character):
        return True


class Characters:
    """A tokenizer whose pieces are characters."""

    symbols = len(SYMBOLS)

    def __init__(self, alphabet=None, bytes_of_ids=()):
        self.alphabet = alphabet or Everything()
        self.bytes_of_ids = bytes_of_ids

    def encode(self, lines):
        return [[*map(ord, line)] for line in lines]

    def decode(self, ids):
        return "".join(map(chr, ids))

    def decoded(self, ids, single_spaces=False):
        text = ""
        ranges = []
        for character in map(chr, ids):
            dropped = single_spaces and character == " " and text.endswith(" ")
            ranges.append((len(text), len(text) + (not dropped)))
            text += "" if dropped else character
        return text, ranges

    def offsets(self, text):
        return self.encode([text])[0], [(n, n + 1) for n in range(len(text))]

    def piece(self, id):
        return chr(id)

    def control_ids(self, controls):
        return []


def preparation(data, alphabet=None, profile=NO_PROFILE, normalization="none"):
    recipe = Recipe(data, TokenizerOptions(normalization=normalization))
    return Preparation(recipe, (Characters(alphabet), Characters()), profile)


def texts(names):
    return [copied.text for copied in names]


@pytest.fixture(params=DATA, ids=lambda data: f"{data.source}-{data.target}-{data.preprocess}")
def data(request):
    return request.param


WORDS = [
    "the",
    "dog,",
    "isn't",
    "{a}",
    "{b},",
    "%(n)s",
    "https://e.x/",
    "A",
    "犬",
    "1,234.5",
    "a_b",
]


def lines(number):
    """Lines of words, some of which are copied."""
    rng = random.Random(7)
    for n in range(number):
        yield " ".join(rng.choices(WORDS, k=1 + n % 12))


def test_training_and_use_prepare_the_same(data):
    """A source in training, whose target has all that is copied, and in use."""
    use = preparation(data)
    for source in lines(150):
        trained_source, trained_target = use.pair(source, source)
        line = use.source(source)
        assert line.text == trained_source
        assert line.ids == Characters().encode([trained_source])[0]
        if not data.tokenised:
            assert use.target_ids(source, line.names) == Characters().encode([trained_target])[0]


def test_a_tokenised_corpus_is_used_with_text_as_people_write_it():
    use = preparation(DataOptions(preprocess="tokens"))
    people = use.source("The Boy isn't here: %s.")
    corpus = use.source("the boy isn 't here : %s .")
    assert people.ids == corpus.ids and texts(people.names) == ["%s"]
    names = people.names
    assert use.target_ids("Er sieht %s.", names) == use.target_ids("er sieht %s .", names)


def test_a_copied_line_comes_back_letter_for_letter(data):
    """A model that copies symbols, and text of any kind around them."""
    use = preparation(data)
    rng = random.Random(3)
    for _ in range(150):
        source = random_line(rng)
        line = use.source(source)
        output = use.restored(line.ids, line)
        assert not output.warnings
        if not data.tokenised and not line.marks:
            assert output.text == source


def test_what_is_copied_is_there_as_often_as_in_the_source(data):
    """Whatever the model says: symbols that are missing come back, those too many go."""
    use = preparation(data)
    rng = random.Random(5)
    for source in lines(150):
        line = use.source(source)
        symbols = SYMBOL.findall(line.text)
        said = rng.choices([*SYMBOLS[:4], "x", "y", " "], k=rng.randrange(12))
        output = use.restored([*map(ord, said)], line)
        for name, symbol in zip(texts(line.names), SYMBOLS, strict=False):
            others = "".join(other for other in texts(line.names) if other != name)
            if name not in others:
                assert output.text.count(name) == symbols.count(symbol)
        assert not SYMBOL.search(output.text)
        changed = bool((set(symbols) ^ set(SYMBOL.findall("".join(said)))) & set(symbols))
        assert bool(output.warnings) >= changed


@pytest.mark.parametrize(
    ("source", "said", "text"),
    [
        ("The dog", "Der  Hund", "Der Hund"),
        ("The  dog", "Der  Hund", "Der  Hund"),
        # A symbol too many, and another one.
        ("The {a} dog", f"Der {SYMBOLS[0]} {SYMBOLS[0]} Hund", "Der {a} Hund"),
        ("The dog", f"Der {SYMBOLS[0]} {SYMBOLS[1]} Hund", "Der Hund"),
        ("The dog.", f"Der Hund {SYMBOLS[0]}.", "Der Hund ."),
    ],
)
def test_no_space_stands_twice_unless_the_source_has_it_so(source, said, text):
    use = preparation(DataOptions())
    assert use.restored([*map(ord, said)], use.source(source)).text == text


MARKED = [
    ("Press <b>here</b> now", "Press here now"),
    ("Turn off 😀.", "Turn off."),
    ("😀 Turn off", "Turn off"),
    ("Turn off 😀", "Turn off"),
    ("one<br/>two", "one two"),
    ("**Important** restart", "Important restart"),
    ("Click [here](https://e.x/a_b) now.", "Click here now."),
    ("<i><b>All</b></i>", "All"),
    ("Save &as", "Save as"),
    ("Sc&an it", "Scan it"),
    ("Fi_le", "File"),
    ("Press `Turn off` and `Keep on` now", "Press Turn off and Keep on now"),
]
# Where the marks stand of those that are not where they were.
PLACES = {"one<br/>two": "one <br/>two", "Sc&an it": "&Scan it", "Fi_le": "_File"}


@pytest.mark.parametrize(("source", "text"), MARKED)
def test_marks_are_left_out_and_come_back(source, text):
    """Of a model that copies, where the alignment is known they are where they were."""
    use = preparation(DataOptions())
    line = use.source(source)
    assert line.text == text
    size = len(text)
    identity = [[float(row == column) for column in range(size)] for row in range(size)]
    output = use.restored(line.ids, line, np.array(identity))
    assert output.text == PLACES.get(source, source)
    assert use.pair(source, source) == (text, text)


def test_a_span_of_one_side_only_stays_text():
    use = preparation(DataOptions())
    assert use.pair("It is 1,234.", "Es ist 1.234.") == ("It is 1,234.", "Es ist 1.234.")
    assert use.pair("{a} and {b}", "{b}") == (f"{{a}} and {SYMBOLS[0]}", SYMBOLS[0])
    assert use.pair("{a}", "{a} {a}") == ("{a}", "{a} {a}")


def test_training_adds_symbols_by_the_pair_alone():
    use = preparation(DataOptions(symbol_share=0.5))
    pairs = [(f"The Server {n} of MQTT", f"Der Server {n} von MQTT") for n in range(200)]
    first, second = (list(use.pairs(pairs, more=True)) for _ in range(2))
    assert first == second
    drawn = [source for source, _ in first if SYMBOL.search(source)]
    assert 150 < len(drawn) < 200
    for source, target in first:
        assert sorted(SYMBOL.findall(source)) == sorted(SYMBOL.findall(target))
    # All symbols are learnt, not the first ones alone.
    assert len({symbol for source, _ in first for symbol in SYMBOL.findall(source)}) > 20
    assert list(use.pairs(pairs)) == [use.pair(*pair) for pair in pairs] != first


LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,:()'\"-!?ä")
# Source, its text for a model that knows LETTERS, and what is copied.
UNKNOWN = [
    ("The Привет мир device", "The ~ device", ["Привет мир"]),
    ("At the café", "At the ~", ["café"]),
    ("Ärger", "~", ["Ärger"]),
    ("Very warm ☀ today ✓", "Very warm today", []),
    ("The device™ is on", "The device is on", []),
    ("e\u0301tude", "~", ["e\u0301tude"]),
    ("It is warm, ok", "It is warm, ok", []),
    ("x" * 300 + " is long", "~ is long", ["x" * 300]),
]


@pytest.mark.parametrize(("source", "text", "copied"), UNKNOWN)
def test_what_a_model_cannot_read_is_copied(source, text, copied):
    line = preparation(DataOptions(), LETTERS).source(source)
    assert SYMBOL.sub("~", line.text) == text
    assert texts(line.names) == copied


@pytest.mark.parametrize(
    ("has_bytes", "usual", "copied"),
    [
        (True, "Öä\N{DEGREE SIGN}", ["Ñandú"]),  # a letter that training text had often
        (True, "Öúñ", ["Ñandú"]),
        (False, "Öä", ["Öl", "Ñandú"]),
        (True, "", ["Öl", "Ñandú"]),  # nothing is known of the training text
    ],
)
def test_letters_that_bytes_spell_are_read_if_they_were_learnt(has_bytes, usual, copied):
    source = Characters(LETTERS, {0: 0} if has_bytes else {})
    use = Preparation(Recipe(), (source, Characters()), Profile(usual))
    assert texts(use.source("Das Öl der Ñandú").names) == copied


def test_tokens_are_read_in_lower_case():
    letters = LETTERS - set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    line = preparation(DataOptions(preprocess="tokens"), letters).source("He has ÉTÉ.")
    assert SYMBOL.sub("~", line.text) == "he has ~ ." and texts(line.names) == ["ÉTÉ"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{name} is not at home", "~ is not at home"),
        ("<b>turn off</b> the home", "Turn off the home"),
        ("5 lights are on", "5 lights are on"),
    ],
)
def test_capitals_begin_a_line_and_what_stands_in_a_tag(line, text):
    use = preparation(DataOptions(), profile=Profile(words=["home"], capitalised=True))
    assert SYMBOL.sub("~", use.source(line).text) == text


@pytest.mark.parametrize(
    "line", ["😀", "—", "(1)", "Привет мир", "24/7", "犬がいる", "{name}", "42"]
)
def test_a_line_without_text_of_the_source_language_has_nothing_to_translate(line):
    assert not preparation(DataOptions(), LETTERS).source(line).has_text()


def test_words_that_arrive_are_prepared_as_the_whole_line():
    rng = random.Random(8)
    words = ["the", "dog,", "isn't", "{a}", "{a},", "%s", "https://e.x/", "A"]
    for preprocess, number in itertools.product(("none", "tokens"), range(200)):
        use = preparation(DataOptions(preprocess=preprocess))
        chosen = rng.choices(words, k=1 + number % 12)
        arriving = IncrementalSource(use)
        prepared = [Characters().decode(arriving.ids(word)) for word in chosen]
        whole = use.source(" ".join(chosen))
        assert (" ".join(prepared), arriving.names) == (whole.text, whole.names)


def test_a_symbol_is_early_until_its_span_has_arrived():
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
    names = spaced.source("{{ x }} %s").names
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


def test_symbols_that_a_language_model_adds_have_names():
    use = preparation(DataOptions(format="text"))
    start = use.prompt("{name} and %s")
    assert start.text == f"{SYMBOLS[0]} and {SYMBOLS[1]}"
    output = use.output([*start.ids, ord(" "), ord(SYMBOLS[2])], start.names)
    assert output == "{name} and %s {2}"


def test_lines_without_translations_are_not_tokenised():
    line = "The Boy isn't here: {a}"
    prepared = f"The Boy isn't here: {SYMBOLS[0]}"
    use = preparation(DataOptions(format="text", preprocess="tokens"))
    assert use.pair(line, line, more=True) == (prepared, prepared)


def test_preparations_are_equal_if_they_make_the_same_ids_of_sources():
    tokenizers = (Characters(), Characters())

    def made(data, tokenizers=tokenizers, profile=NO_PROFILE):
        return Preparation(Recipe(data), tokenizers, profile)

    raw = made(DataOptions())
    assert raw == made(DataOptions(source="fr", target="en"))
    assert raw != made(DataOptions(), (Characters(), tokenizers[1]))
    assert raw != made(DataOptions(), profile=Profile("abc"))
    lower = made(DataOptions(preprocess="tokens"))
    assert lower != raw and len({raw, lower, made(DataOptions())}) == 2


@pytest.mark.parametrize(("source", "text"), MARKED)
@pytest.mark.parametrize("said", ["  x y  ", "   "])
def test_marks_keep_no_space_that_is_around_a_translation(source, text, said):
    use = preparation(DataOptions())
    line = use.source(source)
    weights = np.random.default_rng(1).random((len(said), len(text)))
    outputs = [
        use.restored([*map(ord, words)], line, weights[start : start + len(words)]).text
        for words, start in ((said, 0), (said.strip(), len(said) - len(said.lstrip())))
    ]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("said", [f"x {SYMBOLS[0]}", f"{SYMBOLS[0]} x", f" {SYMBOLS[1]} x  "])
def test_nor_what_was_around_a_symbol_too_many(said):
    use = preparation(DataOptions())
    output = use.restored([*map(ord, said)], use.source("<b>here</b>"))
    assert output.text == "<b>x</b>"


@pytest.mark.parametrize(
    ("given", "said", "expected"),
    [("x", "x y  ", "x y 😀"), ("x ", "x y", "x y 😀"), ("x  ", "x  ", "x   😀")],
)
def test_what_a_translation_begins_with_keeps_its_space(given, said, expected):
    use = preparation(DataOptions())
    line = use.source("here now 😀")
    begun = use.beginning(given, line)
    assert use.restored([*map(ord, said)], line, begun=begun).text == expected


TREES = [
    '<i class="icon"></i> Settings',
    '<a href="x"><img src="y"/></a> Open the door',
    "[😀](https://e.org) Open",
    "<b>Yes</b> <i>No</i> <u>OK</u>",
    "[![Logo](a.png)](b.html) Open the door",
    "Turn <b>off</b>😀 now",
    "<b>one <i>two</i></b><br/> three",
]


@pytest.mark.parametrize("source", TREES)
@pytest.mark.parametrize("said", ["x", "x y z", "x y z u v w", ""])
def test_tags_are_nested_as_in_the_source(source, said):
    """However few words the translation has, and without attention."""
    use = preparation(DataOptions())
    line = use.source(source)
    output = use.restored([*map(ord, said)], line).text
    marks = [line.line.copied[n].text for n in range(len(line.line.copied))]
    assert all(output.count(mark) == source.count(mark) for mark in marks)
    opened = []
    for slash, name in re.findall(r"<(/?)([abiu])\b[^<>]*>", output):
        if slash:
            assert opened.pop() == name
        else:
            opened.append(name)
    assert not opened


def test_private_characters_do_no_harm():
    use = preparation(DataOptions())
    assert use.pair("x \U000f0005 y", "z") == ("x  y", "z")
    assert use.pair("<b>x</b>", "<b>z</b> \U000f0000")[1].strip() == "z"
    line = use.source("{a} \U000f0000 \ue000")
    assert use.restored(line.ids, line).text == "{a} \U000f0000 \ue000"
    names = use.source("{a} x").names
    assert use.target_ids("{a} \ue000", names) == [*map(ord, f"{SYMBOLS[0]} ")]


def test_long_lines_are_prepared_in_linear_time():
    """A quadratic step would take ten seconds."""
    use = preparation(DataOptions(), normalization="source")
    for part in ("<br/> a ", "<b>", "😀", "1", "{a}", "犬", "A B ", "a\u00ad "):
        started = time.process_time()
        use.source(part * (10_000 // len(part)))
        assert time.process_time() - started < 2


def test_parts_of_a_long_line_are_prepared_in_linear_time():
    use = preparation(DataOptions())
    line = use.slotted("**a** b " * 10_000)
    started = time.process_time()
    for start in range(0, len(line.text), 100):
        use.prepared(line, line.text[start : start + 100])
    assert time.process_time() - started < 5
