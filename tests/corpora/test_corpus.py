"""Corpora: pairs never shift, splits never move, every drop is counted, every refusal names its place."""

import collections
import gzip
import hashlib
import io
import json
import random
import subprocess
import sys
import tracemalloc
import types
import urllib.request
import zipfile
from pathlib import Path

import pytest

import nmt
from nmt.corpora import toy
from nmt.corpora.corpus import SPLITS, Corpus, split_of
from nmt.corpora.formats import catalogues
from nmt.corpora.hashing import TextSet, hash_fraction
from nmt.errors import Failure, UserError
from nmt.recipe import DataOptions
from tests.fakes import messages

TMX = """<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd">
<tmx version="1.4"><header srclang="en"/><body>{}</body></tmx>"""


def unit(**texts):
    variants = (f'<tuv xml:lang="{code}"><seg>{text}</seg></tuv>' for code, text in texts.items())
    return "<tu>" + "".join(variants).replace("_", "-") + "</tu>"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(data, split="train", dropped=None, downloads="nowhere"):
    return list(Corpus(data, downloads).read(split, dropped))


def own(tmp_path, form, text, held_out=0.0):
    return DataOptions(
        format=form, train=str(write(tmp_path / f"own.{form}", text)), held_out=held_out
    )


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, request):
    if "frozen" in request.node.name:  # needs the corpus itself
        return
    for name in ("NMT_DATA", "NMT_HOME", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


# Formats


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
        ("the\u2028end", "das\u2028Ende"),
    ]
    assert dropped == {"empty side": 1, "control characters": 1}
    dropped.clear()
    assert read(data, "valid", dropped) == [("same", "same")] * 2  # read as it stands
    assert dropped == {"empty side": 2}


def test_tsv(tmp_path):
    data = own(tmp_path, "tsv", "a dog\tein Hund\n\nno word\t\ntwo dogs\tzwei Hunde\n")
    assert read(data) == [("a dog", "ein Hund"), ("two dogs", "zwei Hunde")]


def test_text(tmp_path):
    """Lines that are their own source; how often one is said is not changed, but for faults."""
    write(tmp_path / "t.txt.gz", "ein Haus\nja\n\nja\nbell\x07\nein\u2028Haus\n" + "x" * 70)
    data = DataOptions(format="text", train=str(tmp_path / "t.txt.gz"), held_out=0.0, max_chars=60)
    dropped = collections.Counter()
    good = ["ein Haus", "ja", "ja", "ein\u2028Haus"]
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


def test_tmx(tmp_path):
    units = [
        unit(
            en_US="Open <bpt i='1'>&lt;b&gt;</bpt>the<ept i='1'/> door",
            DE="Mach die Tür auf",
            fr="Ouvre",
        ),
        unit(en="alone"),
        unit(en_GB="grey", en="gray", de_AT="grau"),
        unit(en="first line\nsecond", de="erste Zeile\nzweite"),
    ]
    dropped = collections.Counter()
    assert read(own(tmp_path, "tmx", TMX.format("\n".join(units))), dropped=dropped) == [
        ("Open <b>the door", "Mach die Tür auf"),
        ("gray", "grau"),
        ("first line", "erste Zeile"),
        ("second", "zweite"),
    ]
    assert dropped == {"language missing": 1}


def test_tmx_memory_is_flat(tmp_path):
    """A unit that was read is forgotten: half of this file would not fit."""
    units = (unit(en=f"{n} " + "x" * 4000, de=f"{n} " + "y" * 4000) for n in range(1000))
    data = own(tmp_path, "tmx", TMX.format("".join(units)))
    data.max_chars = 5000
    tracemalloc.start()
    try:
        assert sum(1 for _ in Corpus(data).read("train")) == 1000
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_po(tmp_path):
    text = r"""
# A comment
msgid ""
msgstr "Language: de\n"

#: menu.c:1
msgid "Open \"%s\"\\"
msgstr "„%s“ öffnen"
#, c-format, fuzzy
msgid "Close"
msgstr "Öffnen"
#, c-format
msgctxt "noun"
msgid "one"
" file"
msgid_plural "%d files"
msgstr[0] "eine Datei"
msgstr[1] ""
"%d Dateien"
msgid "Not done"
msgstr ""

msgid "First\nSecond\n"
msgstr "Erstens\nZweitens\n"

#~ msgid "Gone"
#~ msgstr "Weg"
"""
    dropped = collections.Counter()
    assert read(own(tmp_path, "po", text), dropped=dropped) == [
        ('Open "%s"\\', "„%s“ öffnen"),
        ("one file", "eine Datei"),
        ("%d files", "%d Dateien"),
        ("First", "Erstens"),
        ("Second", "Zweitens"),
    ]
    assert dropped == {"header": 1, "fuzzy": 1, "empty side": 1, "obsolete": 1}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("nplurals=2; plural=(n != 1);", ("f0", "f1")),
        (
            "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
            ("f1", "f3"),
        ),  # Arabic
        (
            "nplurals=4; plural=(n%100==1 ? 1 : n%100==2 ? 2 : n%100==3 || n%100==4 ? 3 : 0);",
            ("f1", "f0"),
        ),  # Slovenian
        ("nplurals=1; plural=0;", ("f0", "f0")),  # Japanese
        ("nplurals=2; plural=import os;", ("f0", "f5")),
        ("", ("f0", "f5")),
    ],
)
def test_po_plurals_by_the_rule_of_the_header(tmp_path, rule, expected):
    """The header may be marked as fuzzy; an obsolete entry that is, says nothing of the next one."""
    header = f"Plural-Forms: {rule}\\n" if rule else "Language: xx\\n"
    forms = "".join(f'msgstr[{n}] "f{n}"\n' for n in range(6))
    text = (
        f'#, fuzzy\nmsgid ""\nmsgstr ""\n"{header}"\n\n#, fuzzy\n#~ msgid "old"\n#~ msgstr "alt"\n\n'
        f'msgid "a file"\nmsgid_plural "%d files"\n{forms}'
    )
    assert read(own(tmp_path, "po", text)) == list(
        zip(("a file", "%d files"), expected, strict=True)
    )


def test_generated_pairs():
    data = DataOptions(format="grammar", source="en", target="ja", size=70, sentences=2)
    train = list(toy.generate("en-ja", "train", 70, sentences=2))
    assert read(data) == list(dict.fromkeys(train))
    assert read(data, "test") == list(toy.generate("en-ja", "test", 500, sentences=2))
    data.target = "fr"
    with pytest.raises(UserError, match=r"data.source, data.target: no generated corpus 'en-fr'"):
        read(data)


# Catalogues


def catalogue(folder, components, name="house-1.0-py3-none-any.whl"):
    data, path = io.BytesIO(), folder / "house" / name
    with zipfile.ZipFile(data, "w") as archive:
        for component, languages in components.items():
            for code, texts in languages.items():
                archive.writestr(
                    f"house/components/{component}/translations/{code}.json", json.dumps(texts)
                )
    write(path, data.getvalue())
    return path, DataOptions(format="catalogues", name="house==1.0", folder="house")


def component_of(split, number=0):
    """The n-th name of a component that falls into a split."""
    names = (f"lamp{i}" for i in range(10000))
    return [name for name in names if catalogues.split_of(name) == split][number]


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


@pytest.mark.slow
@pytest.mark.parametrize("target", ["de", "ja", "fr"])
def test_default_test_set_is_frozen(target):
    folder = Path(nmt.__file__).parents[1] / "data"
    data = DataOptions(
        format="catalogues", target=target, name="homeassistant==2026.11.0", folder="homeassistant"
    )
    if not Corpus(data, folder / "downloads").ready():
        pytest.skip("the default corpus is not there")
    readme = (folder / "README.md").read_text("utf-8")
    for split, name in (("valid", "validation"), ("test", "test")):
        pairs = read(data, split, downloads=folder / "downloads")
        text = "".join(f"{source}\t{target}\n" for source, target in pairs)
        checksum = hashlib.sha256(text.encode()).hexdigest()
        assert f"| en-{data.target} | {name} | {len(pairs):,} | `{checksum}` |" in readme


# Splits and cleaning


def test_held_out_splits_are_disjoint_complete_and_stable(tmp_path):
    random.seed(1)
    sources = [f"sentence {random.randrange(700)}" for _ in range(2000)]
    text = "".join(f"{source}\tSatz {i}\n" for i, source in enumerate(sources))
    data = own(tmp_path, "tsv", text, held_out=0.1)
    found = {split: read(data, split) for split in SPLITS}
    sides = {split: {source for source, _ in pairs} for split, pairs in found.items()}
    assert sides["train"] | sides["valid"] | sides["test"] == set(sources)
    assert sum(map(len, sides.values())) == len(set(sources))  # no source on two sides
    assert 30 < len(sides["valid"]) < 120 and 30 < len(sides["test"]) < 120
    assert len(found["test"]) == len(sides["test"])  # each held-out source once
    assert split_of("The  END", 0.3) == split_of("the end", 0.3)
    assert round(hash_fraction("abc"), 9) == 0.846604636  # if this changes, every split moves
    data.valid = data.train  # given: only test is held out now
    assert len(read(data, "valid")) == 2000
    assert {s for s, _ in read(data)} == sides["train"] | sides["valid"]


def test_cleaning_counts_every_reason(tmp_path):
    good = [("a house", "ein Haus"), ("a house", "ein Häuschen"), ("東京", "Tokyo")]
    bad = {
        "empty side": [("", "x"), ("x", "  ")],
        "same on both sides": [("Radio", "Radio ")],
        "too long": [("x " * 60, "y " * 60)],
        "length ratio": [("no", "n" * 60)],
        "control characters": [("bell\x07", "Glocke"), ("bad \ufffd", "kaputt")],
        "duplicate": [("a house", "ein Haus")],
    }
    pairs = good + [pair for group in bad.values() for pair in group]
    data = own(tmp_path, "tsv", "".join(f"{a}\t{b}\n" for a, b in pairs))
    data.max_chars = 100
    dropped = collections.Counter()
    assert read(data, dropped=dropped) == good
    assert dropped == {reason: len(group) for reason, group in bad.items()}


def test_fewer_pairs_are_a_part_of_more_whatever_their_order(tmp_path):
    pairs, seen = [(f"a{n}", f"b{n}") for n in range(40)], []
    for order in (pairs, pairs[::-1]):
        data = own(tmp_path, "tsv", "".join(f"{a}\t{b}\n" for a, b in order))
        for data.pairs in (5, 20, 100):
            seen.append(read(data))
    assert seen[:3] == seen[3:] and [len(some) for some in seen[:3]] == [5, 20, 40]
    assert set(seen[0]) < set(seen[1]) < set(seen[2]) and seen[2][:20] != pairs[:20]


def test_hashes_are_a_set():
    random.seed(2)
    hashes, texts = TextSet(newest=5), set()
    for _ in range(500):
        text = str(random.randrange(300))
        assert (text in hashes) == (text in texts)
        assert hashes.add(text) == (text not in texts)
        texts.add(text)


# Mistakes: (format, content, words of the message)

BAD = [
    ("tsv", b"", ["own.tsv", "no train pair left of 0"]),
    ("tsv", "a\ta\nb\t\n", ["no train pair left of 2", "same on both sides 1", "empty side 1"]),
    ("tsv", "a\tb\nno tab\n", ["own.tsv, line 2", "0 tabs", "source TAB target"]),
    ("tsv", "a\tb\tc\n", ["own.tsv, line 1", "2 tabs"]),
    ("tsv", b"a\tb\n\xff\tc\n", ["own.tsv, line 2", "UTF-8"]),
    ("tmx", TMX.format("\n<tu><tuv></tu>"), ["own.tmx, line 3", "mismatched tag"]),
    ("tmx", "", ["own.tmx, line 1", "no element"]),
    ("tmx", TMX.format(unit(en="a", fr="b")), ["no unit has both en and de", "found: en, fr"]),
    ("po", 'msgid "a\nmsgstr "b"\n', ["own.po, line 1", "not a line of a PO file"]),
    ("po", 'msgstr "b"\n', ["own.po, line 1", "without a msgid"]),
    ("po", 'msgid "a"\nmsgid "b"\n', ["own.po, line 2", "msgid twice"]),
    ("po", 'msgid "a"\nmsgstr "b"\nmsgid "c"\n', ["own.po, line 3", "ends before"]),
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


@pytest.mark.parametrize("form", ["files", "tsv", "tmx", "po"])
def test_missing_files(tmp_path, form):
    with pytest.raises(UserError, match="gone.*no such file"):
        read(DataOptions(format=form, train=str(tmp_path / "gone.{lang}")))


# Fetching


def public(tmp_path, **changes):
    """A recipe whose public address is a local folder."""
    checksums = {}
    for code, text in (("en", "a bird\n"), ("de", "ein Vogel\n")):
        write(tmp_path / "public" / f"t.{code}.gz", text)
        checksums[f"t.{code}"] = hashlib.sha256(text.encode()).hexdigest()
    values = {
        "train": "t.{lang}.gz",
        "url": (tmp_path / "public").as_uri(),
        "folder": "birds",
        "held_out": 0.0,
    }
    return DataOptions(**{**values, "checksums": checksums, **changes})


def test_fetch_once_then_offline(tmp_path, monkeypatch):
    data = public(tmp_path)
    assert not Corpus(data, tmp_path / "down").ready()
    with messages() as said:
        Corpus(data, tmp_path / "down").fetch()
    assert len(said) == 2 and Corpus(data, tmp_path / "down").ready()
    monkeypatch.setattr(urllib.request, "urlopen", None)
    Corpus(data, tmp_path / "down").fetch()
    assert read(data, downloads=tmp_path / "down") == [("a bird", "ein Vogel")]
    write(tmp_path / "down/birds/t.de.gz", "ein Fisch\n")
    with pytest.raises(
        Failure, match=r"t.de.gz: wrong checksum: expected \w{64}, got \w{64}; delete "
    ):
        Corpus(data, tmp_path / "down").fetch()


def test_nmt_home_is_the_folder_of_downloads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Corpus(public(tmp_path)).fetch()
    assert (tmp_path / "data/downloads/birds/t.de.gz").exists()
    monkeypatch.setenv("NMT_HOME", str(tmp_path / "home"))
    Corpus(public(tmp_path)).fetch()
    assert (tmp_path / "home/birds/t.de.gz").exists()


def test_what_arrives_wrong_is_not_kept(tmp_path):
    data = public(tmp_path, checksums={"t.en": "0" * 64})
    with pytest.raises(
        Failure, match="t.en.gz: wrong checksum: expected 0{64}, got .*nothing was kept"
    ):
        Corpus(data, tmp_path / "down").fetch()
    write(tmp_path / "public/t.en.gz", "").write_bytes(b"\x1f\x8bnonsense")
    with pytest.raises(Failure, match="damaged gzip data"):
        Corpus(data, tmp_path / "down").fetch()
    (tmp_path / "public/t.en.gz").unlink()
    with pytest.raises(Failure, match="cannot be fetched .*NMT_DATA"):
        Corpus(data, tmp_path / "down").fetch()
    assert list((tmp_path / "down/birds").iterdir()) == []


def test_nmt_data_is_used_instead_of_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", None)
    monkeypatch.setenv("NMT_DATA", str(tmp_path / "mine"))
    data = public(tmp_path, train="t.{lang}")
    with pytest.raises(UserError, match="mine/birds/t.en: no such file; .*NMT_DATA"):
        Corpus(data, tmp_path / "down").fetch()
    for code, text in (("en", "a bird\n"), ("de", "ein Vogel\n")):
        write(
            tmp_path / f"mine/birds/t.{code}.gz", text
        )  # compressed, though the recipe says plain
    Corpus(data, tmp_path / "down").fetch()
    assert read(data, downloads=tmp_path / "down") == [("a bird", "ein Vogel")]


def test_wheel(tmp_path, monkeypatch):
    texts = {component_of("train"): {"en": {"a": "Lamp"}, "de": {"a": "Lampe"}}}
    path, data = catalogue(tmp_path / "index", texts)

    def pip(command, **options):
        assert command[1:4] == ["-m", "pip", "download"] and command[-1] == "house==1.0"
        write(Path(command[command.index("-d") + 1]) / path.name, path.read_bytes())
        return types.SimpleNamespace(returncode=0, stderr="")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(Failure, match="not there; fetch it first"):
        read(data, downloads=tmp_path / "down")
    data.checksums = {path.name: "1" * 64}
    with pytest.raises(Failure, match=f"{path.name}: wrong checksum: expected 1{{64}}, got "):
        Corpus(data, tmp_path / "down").fetch()
    assert list((tmp_path / "down/house").iterdir()) == []
    data.checksums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}
    Corpus(data, tmp_path / "down").fetch()
    monkeypatch.setattr(subprocess, "run", None)
    Corpus(data, tmp_path / "down").fetch()
    assert read(data, downloads=tmp_path / "down") == [("Lamp", "Lampe")]
    monkeypatch.setenv("NMT_DATA", str(tmp_path / "index"))
    Corpus(data, tmp_path / "elsewhere").fetch()
    write(path, path.read_bytes()[:-30])
    with pytest.raises(Failure, match="damaged"):
        read(data, downloads=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "WARNING: Retrying (Retry(total=0)) after NewConnectionError\nERROR: none\n",
            "no connection to the package",
        ),
        (
            "ERROR: could not (from versions: ...)\nERROR: No matching distribution\n",
            "No matching distribution",
        ),
        ("python: No module named pip\n", "No module named pip"),
    ],
)
def test_no_wheel(tmp_path, monkeypatch, stderr, reason):
    answer = types.SimpleNamespace(returncode=1, stderr=stderr)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: answer)
    data = DataOptions(format="catalogues", name="house==1.0", folder="house")
    with pytest.raises(Failure, match=f"house==1.0: cannot be fetched .*{reason}.*NMT_DATA"):
        Corpus(data, tmp_path).fetch()


# TensorFlow Datasets


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
