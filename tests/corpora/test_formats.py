"""Formats: pairs never shift, every refusal names its place, unfinished text is counted."""

import collections
import hashlib
import json
import sys
import types
import urllib.request
import zipfile

import pytest

from nmt.corpora import toy
from nmt.corpora.corpus import SPLITS, Corpus
from nmt.errors import Failure, UserError
from nmt.recipe import DataOptions
from tests.corpora.texts import catalogue, component_of, own, read, write
from tests.fakes import messages


def test_files_keep_pairs_together(tmp_path):
    write(tmp_path / "t.en.gz", "a cat\r\n\r\nthe\u2028end\nno\x85 line\n")
    write(tmp_path / "t.de.gz", "\ufeffeine Katze\n\ndas\u2028Ende\nkeine Zeile")
    write(tmp_path / "v.en", "same\n\nsame\nsame\n")
    write(tmp_path / "v.de", "same\nleer\nsame\n\n")
    data = DataOptions(
        train=str(tmp_path / "t.{lang}.gz"), valid=str(tmp_path / "v.{lang}"), held_out=0.0
    )
    dropped = collections.Counter()
    assert read(data, "train", dropped) == [
        ("a cat", "eine Katze"),
        ("the end", "das Ende"),
        ("no  line", "keine Zeile"),
    ]
    assert dropped == {"empty side": 1}
    dropped.clear()
    assert read(data, "valid", dropped) == [("same", "same")] * 2  # read as it stands
    assert dropped == {"empty side": 2}


def test_tsv(tmp_path):
    data = own(tmp_path, "tsv", "a dog\tein Hund\n\nno word\t\ntwo dogs\tzwei Hunde\n")
    assert read(data) == [("a dog", "ein Hund"), ("two dogs", "zwei Hunde")]


def test_a_line_is_one_for_every_program(tmp_path):
    breaks = ["\r", "\r\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
    text = "".join(f"a{mark}b {n}\tc{mark}d {n}\n" for n, mark in enumerate(breaks))
    data = own(tmp_path, "tsv", text)
    data.test = data.train
    for split in ("train", "test"):
        pairs = read(data, split)
        assert len(pairs) == len(breaks)
        assert all(len(side.splitlines()) == 1 for pair in pairs for side in pair)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        # Quotation marks of spreadsheets.
        ("tsv", '"He said ""no""."\t"„Nein“"\nA "b"\t"c"\n', ['He said "no".|„Nein“', 'A "b"|c']),
        ("tsv", '"two\nlines"\t"zwei\nZeilen"\n', ["two|zwei", "lines|Zeilen"]),
        ("tsv", '"a\tb"\tc\nd\te\n', ["a\tb|c", "d|e"]),
        ("tsv", '"Come here."\t"Komm her."\n', ["Come here.|Komm her."]),
        # Quotation marks of sentences.
        ("tsv", '"Go."\t"Geh."\nHe says "go"\tx\n', ['"Go."|"Geh."', 'He says "go"|x']),
        ("tsv", '"Go," he says\t"Geh"\n', ['"Go," he says|"Geh"']),
        ("tsv", '"Come.\t„Komm.\nNow."\tJetzt.“\n', ['"Come.|„Komm.', 'Now."|Jetzt.“']),
        ("tsv", '5" pipe\t5"-Rohr\n', ['5" pipe|5"-Rohr']),
        # Separators.
        ("csv", "Good day;Guten Tag, Frau X\n", ["Good day|Guten Tag, Frau X"]),
        ("csv", 'a; b,"c, ""d"""\ne,f\n', ['a; b|c, "d"', "e|f"]),
        ("csv", "a, b\tc\nd\te\n", ["a, b|c", "d|e"]),
        ("csv", "sep=;\na,x;b,y\n", ["a,x|b,y"]),
        ("csv", "a,b\r\n\r\n,\r\nc,d", ["a|b", "c|d"]),
        # Headers.
        ("tsv", "en\tde\na\tb\n", ["a|b"]),
        ("csv", "id,German,English\n1,b,a\n", ["a|b"]),
        ("csv", "Note;DE_at;en-GB\n1;b;a\n", ["a|b"]),
        ("csv", "Source,Target\na,b\n", ["a|b"]),
        ("tsv", "it\tes\n", ["it|es"]),
        # More columns.
        ("tsv", "a\tb\tCC-BY\nc\td\n", ["a|b", "c|d"]),
    ],
)
def test_tables_are_read_as_spreadsheets_read_them(tmp_path, form, text, expected):
    pairs = read(own(tmp_path, form, text))
    assert ["|".join(pair) for pair in pairs] == expected


def test_columns_by_number_or_name(tmp_path):
    data = own(tmp_path, "csv", "key,Text,de\n1,a,b\n")
    for data.columns in ("text,de", "2,3", " Text , DE "):
        assert ("a", "b") in read(data)
    data.columns = "3,1"
    assert read(data)[-1] == ("b", "1")
    data.columns = "text,fr"
    with pytest.raises(UserError, match="line 1: no column 'fr'; the first row is: key, Text, de"):
        read(data)
    data.columns = "1,4"
    with pytest.raises(UserError, match="line 1: 3 columns, but data.columns=1,4"):
        read(data)


def test_unused_columns_are_noted_once(tmp_path):
    data = own(tmp_path, "tsv", "a\tb\tc\nd\te\tf\n")
    with messages() as said:
        for _ in range(2):
            assert read(data) == [("a", "b"), ("d", "e")]
    assert len(said) == 1 and "3 columns" in said[0] and "data.columns" in said[0]


def test_text(tmp_path):
    """Lines that are their own source; how often one is said is not changed, but for faults."""
    write(tmp_path / "t.txt.gz", "ein Haus\nja\n\nja\nbell\x07\nein\u2028Haus\n" + "x" * 70)
    data = DataOptions(format="text", train=str(tmp_path / "t.txt.gz"), held_out=0.0, max_chars=60)
    dropped = collections.Counter()
    good = ["ein Haus", "ja", "ja", "ein Haus"]
    assert read(data, dropped=dropped) == [(line, line) for line in good]
    assert dropped == {"empty side": 1, "control characters": 1, "too long": 1}
    lines = [f"Satz {n % 300}" for n in range(900)]
    write(tmp_path / "t.txt.gz", "\n".join(lines))
    data.held_out = 0.1
    found = {split: [target for _, target in read(data, split)] for split in SPLITS}
    assert sorted(line for split in found.values() for line in split) == sorted(lines)
    assert len(found["test"]) == 3 * len(set(found["test"])) > 40  # equal lines stay together
    data.train = str(write(tmp_path / "e.txt", "\n"))
    with pytest.raises(UserError, match="no train line left of 1"):
        read(data)


def test_generated_pairs():
    data = DataOptions(format="grammar", source="en", target="ja", size=70, sentences=2)
    train = list(toy.generate("en-ja", "train", 70, sentences=2))
    assert read(data) == list(dict.fromkeys(train))
    assert read(data, "test") == list(toy.generate("en-ja", "test", 500, sentences=2))
    data.target = "fr"
    with pytest.raises(UserError, match=r"data.source, data.target: no generated corpus 'en-fr'"):
        read(data)


def test_catalogues(tmp_path):
    train = (
        {
            "a": {"b": "Lamp", "c": "Turn on the lamp", "d": "[%key:x%]"},
            "n": 3,
            "o": "OK",
            "x": "only",
        },
        {"a": {"b": "Lampe", "c": "Lampe einschalten", "d": "?"}, "n": 3, "o": "OK", "y": "nur"},
    )
    test = (
        {
            "a": "Lamp is broken",
            "b": "Turn on the lamp",
            "c": "Short one",
            "d": "Lamp is broken",
            "e": "A B C",
            "f": "{n, plural, one {a lamp} other {# lamps}}",
        },
        {
            "a": "Lampe defekt",
            "b": "Lampe an",
            "c": "Kurz",
            "d": "Lampe kaputt",
            "e": "A B C",
            "f": "?",
        },
    )
    valid = {"a": "Lamp is broken", "b": "Lamp is new"}, {"a": "Lampe defekt", "b": "Lampe ist neu"}
    components = {
        component_of(split): {"en": left, "de": right}
        for split, (left, right) in (("train", train), ("test", test), ("valid", valid))
    }
    components[component_of("train", 1)] = {"en": {"a": "No German here"}}
    _, data = catalogue(tmp_path, components)
    dropped = collections.Counter()
    pairs = {split: read(data, split, dropped, tmp_path) for split in SPLITS}
    assert pairs == {
        "train": [("Lamp", "Lampe"), ("Turn on the lamp", "Lampe einschalten")],
        "valid": [("Lamp is new", "Lampe ist neu")],
        "test": [("Lamp is broken", "Lampe defekt")],
    }
    assert dropped == {
        "reference": 1,
        "same on both sides": 2,
        "ICU plural block": 1,
        "fewer than 3 words": 1,
        "also in train": 1,
        "also in train or test": 1,
        "duplicate": 1,
    }
    data.source, data.target = "de", "en"  # the English side still decides what is long enough
    assert read(data, "test", downloads=tmp_path) == [
        ("Lampe defekt", "Lamp is broken"),
        ("Lampe an", "Turn on the lamp"),
        ("Lampe kaputt", "Lamp is broken"),
    ]
    data.target = "xx"
    with pytest.raises(UserError, match="no catalogues in 'xx'; languages: de, en"):
        read(data, downloads=tmp_path)


PO_HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: {}\\n"\n\n'


def gettext_wheel(folder, catalogues):
    """(path, options) of a wheel with PO files: {name of the file: (language, {msgid: msgstr})}."""
    path = folder / "site" / "site-1.0-py3-none-any.whl"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, (code, texts) in catalogues.items():
            entries = [f'msgid "{a}"\nmsgstr "{b}"\n\n' for a, b in texts.items()]
            archive.writestr(name, PO_HEADER.format(code) + "".join(entries))
    return DataOptions(format="catalogues", name="site==1.0", folder="site")


def test_gettext_in_a_wheel(tmp_path):
    texts = {f"This is message {n}": f"Das ist Meldung {n}" for n in range(300)}
    data = gettext_wheel(
        tmp_path,
        {
            "site/admin/locale/de/LC_MESSAGES/django.po": ("de", texts),
            "site/admin/locale/sv/LC_MESSAGES/django.po": ("sv", {"Yes": "Ja"}),
            "site/web/locale/de_DE/LC_MESSAGES/django.po": ("de_DE", {"A new page": "Neue Seite"}),
        },
    )
    pairs = {split: read(data, split, downloads=tmp_path) for split in SPLITS}
    every = {**texts, "A new page": "Neue Seite"}
    assert {pair for split in SPLITS for pair in pairs[split]} == set(every.items())
    assert sum(map(len, pairs.values())) == 301
    assert 10 < len(pairs["test"]) < 45 and 3 < len(pairs["valid"]) < 30
    # The same splits in the other direction; other languages need English.
    data.source, data.target = "de", "en"
    swapped = {split: read(data, split, downloads=tmp_path) for split in SPLITS}
    for split in SPLITS:
        assert {pair[::-1] for pair in swapped[split]} == set(pairs[split])
    data.target = "sv"
    with pytest.raises(UserError, match="de-sv needs English"):
        read(data, downloads=tmp_path)
    data.source, data.target = "en", "fr"
    with pytest.raises(UserError, match="no catalogues in 'fr'; languages: de, de_DE, sv"):
        read(data, downloads=tmp_path)


def test_a_program_of_many_parts_is_split_by_its_parts(tmp_path):
    data = gettext_wheel(
        tmp_path,
        {
            f"site/part{n}/locale/de/LC_MESSAGES/django.po": (
                "de",
                {f"Part {n} says {m}": f"Teil {n} sagt {m}" for m in range(3)},
            )
            for n in range(60)
        },
    )
    parts = [
        {source.split()[1] for source, _ in read(data, split, downloads=tmp_path)}
        for split in SPLITS
    ]
    assert sum(map(len, parts)) == 60 == len(set().union(*parts)) and all(parts)


def test_hashed_names_of_json_catalogues(tmp_path):
    path = tmp_path / "front" / "front-1.0-py3-none-any.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for code in ("en", "de"):
            texts = {str(n): f"{code} text number {n}" for n in range(200)}
            name = f"front/static/translations/{{}}{code}-{hashlib.md5(code.encode()).hexdigest()}"
            archive.writestr(f"{name.format('')}.json", json.dumps({"a": texts}))
            archive.writestr(f"{name.format('page/')}.json", json.dumps({"b": f"{code} is there"}))
            archive.writestr(f"{name.format('')}.json.gz", b"x")
    data = DataOptions(format="catalogues", name="front==1.0", folder="front")
    pairs = [pair for split in SPLITS for pair in read(data, split, downloads=tmp_path)]
    assert len(pairs) == 201 and ("en is there", "de is there") in pairs
    assert all(source[2:] == target[2:] for source, target in pairs)


def example(**texts):
    return {code: text.encode() for code, text in texts.items()}


def fake_set(monkeypatch, features, **splits):
    """A stand-in for TFDS with one prepared set."""
    info = types.SimpleNamespace(splits=splits, features=features)
    builder = types.SimpleNamespace(info=info, data_dir="d")
    builder.as_dataset = lambda split, **options: splits[split]
    tfds = types.SimpleNamespace(
        as_numpy=iter,
        ReadConfig=lambda **options: None,
        builder=lambda name, data_dir: builder,
    )
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", tfds)


def test_tfds_splits_and_features(monkeypatch):
    data = DataOptions(format="tfds", name="talks/de_en", held_out=0.2)
    train = [example(de=f"Satz {i}", en=f"sentence {i}") for i in range(100)]
    fake_set(monkeypatch, ["de", "en"], train=train, validation=train[:7])
    assert len(read(data, "valid")) == 7
    held = read(data, "test")
    assert 5 < len(held) < 40 and len(read(data)) + len(held) == 100
    fake_set(monkeypatch, ["de", "en"], test=train)
    with pytest.raises(UserError, match="talks/de_en: has no split 'train', but test"):
        read(data)
    data.target = "fr"
    with pytest.raises(UserError, match="talks/de_en: has no en and fr, but de, en"):
        read(data)


def test_tfds_other_layouts(monkeypatch):
    data = DataOptions(format="tfds", name="noisy/en-de", source="de", target="en", held_out=0.0)
    fake_set(monkeypatch, ["src", "dst"], train=[example(src="yes!", dst="ja!")])
    assert read(data) == [("ja!", "yes!")]
    texts = [
        {"language": [b"de", b"en"], "translation": [b"ja", b"yes"]},
        {"language": [b"de"], "translation": [b"x"]},
    ]
    fake_set(monkeypatch, ["translations", "title"], train=[{"translations": one} for one in texts])
    dropped = collections.Counter()
    assert read(data, dropped=dropped) == [("ja", "yes")]
    assert dropped == {"language missing": 1}


def no_network():
    raise OSError("no network")


@pytest.mark.slow
def test_tfds_itself(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    data = DataOptions(
        format="tfds", name="ted_hrlr_translate/pt_to_en", source="pt", target="en", held_out=0.2
    )
    with tfds.testing.mock_data(num_examples=20):
        pairs = [pair for split in SPLITS for pair in read(data, split, downloads=tmp_path)]
    assert len(pairs) >= 19 and all(
        isinstance(text, str) and text for pair in pairs for text in pair
    )
    with pytest.raises(Failure, match="fetch it first"):
        read(data, downloads=tmp_path)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: no_network())
    with pytest.raises(Failure, match="no answer from www.phontron.com"):
        Corpus(data, tmp_path).fetch()
    for name, close in (
        ("ted_hrlr_translat/pt_to_en", "ted_hrlr_translate"),
        ("ted_hrlr_translate/pt_to_n", "ted_hrlr_translate/pt_to_en"),
    ):
        data.name = name
        with pytest.raises(Failure, match=f"did you mean {close}"):
            Corpus(data, tmp_path).fetch()


# (format, content, words of the message)
BAD = [
    ("tsv", b"", ["own.tsv", "no train pair left of 0"]),
    ("tsv", "a\ta\nb\t\n", ["no train pair left of 2", "same on both sides 1", "empty side 1"]),
    ("tsv", "no tab\n", ["own.tsv, line 1", "0 tabs", "source TAB target"]),
    ("tsv", "a\tb\nno tab\n", ["own.tsv, line 2", "1 columns", "first row has 2"]),
    ("tsv", "a\tb\na\tb\tc\n", ["own.tsv, line 2", "3 columns", "first row has 2"]),
    ("tsv", "a    b\n", ["own.tsv, line 1", "0 tabs", "parted by spaces"]),
    ("tsv", "a;b\n", ["own.tsv, line 1", "0 tabs", "data.format=csv"]),
    ("csv", "one\n", ["own.csv, line 1", "one column"]),
    ("csv", 'a,b\n"c" d,e\n', ["own.csv, line 2", "twice"]),
    ("csv", 'a,b\nc,"d\ne,f\n', ["own.csv, line 2", "unexpected end"]),
    ("tsv", b"a\tb\n\xff\tc\n", ["own.tsv, line 2", "UTF-8"]),
]


@pytest.mark.parametrize(("form", "text", "words"), BAD)
def test_mistakes_are_named(tmp_path, form, text, words):
    with pytest.raises(UserError) as caught:
        read(own(tmp_path, form, text))
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("left", "right"), [(3, 5), (4, 0), (2, 1)])
def test_differing_line_counts(tmp_path, left, right):
    write(tmp_path / "t.en", "x\n" * left)
    write(tmp_path / "t.de", "y\n" * right)
    with pytest.raises(UserError, match=rf"t.en has {left} lines but .*t.de has {right}:"):
        read(DataOptions(train=str(tmp_path / "t.{lang}")))


@pytest.mark.parametrize("form", ["files", "tsv", "tmx", "po", "mo"])
def test_missing_files(tmp_path, form):
    with pytest.raises(UserError, match="gone.*no such file"):
        read(DataOptions(format=form, train=str(tmp_path / "gone.{lang}")))
