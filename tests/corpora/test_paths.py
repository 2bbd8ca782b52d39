"""One corpus of many files: a list, a folder, a pattern; pairs of files by their names."""

import os

import pytest

from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from nmt.recipe import DataOptions, load_recipe
from tests.corpora.texts import read, write
from tests.fakes import messages

TREE = {
    "b/de/LC_MESSAGES/b.po": 'msgid "b"\nmsgstr "B!"\n',
    "a/de/LC_MESSAGES/a.po": 'msgid "a"\nmsgstr "A!"\n',
    "a/fr/LC_MESSAGES/a.po": 'msgid "a"\nmsgstr "fr"\n',
    "a/de/LC_MESSAGES/notes.txt": "no catalogue\n",
    "text/en-de/1.en": "one\n",
    "text/en-de/1.de": "eins\n",
    "text/en-de/2.en": "two\n",
    "text/en-de/2.de": "zwei\n",
    "text/en-de/alone.en": "three\n",
    "sides/en/x/t.txt.gz": "four\n",
    "sides/de/x/t.txt.gz": "vier\n",
    "odd/[1]*.po": 'msgid "c"\nmsgstr "C!"\n',
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in TREE.items():
        write(tmp_path / name, text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("form", "paths", "expected"),
    [
        ("po", '["b/de/LC_MESSAGES/b.po", "a/de/LC_MESSAGES/a.po"]', ["b", "a"]),
        ("po", "**/de/LC_MESSAGES/*.po", ["a", "b"]),
        ("po", "*/{lang}/**/[ab].po", ["a", "b"]),
        ("po", "a/de", ["a"]),
        ("po", "~/b", ["b"]),
        ("po", "odd/[1]*.po", ["c"]),
        ("po", '["a/de", "odd"]', ["a", "c"]),
        ("files", "text/en-de/*.{lang}", ["one", "two"]),
        ("files", "**/?.{lang}", ["one", "two"]),
        ("files", "sides/{lang}", ["four"]),
        ("files", '["text/en-de/2.{lang}", "sides/{lang}/**/*.gz"]', ["two", "four"]),
    ],
)
def test_a_corpus_may_have_many_files(folder, form, paths, expected):
    recipe = load_recipe(None, [f"data.format={form}", f"data.train={paths}", "data.held_out=0"])
    assert [source for source, _ in read(recipe.data)] == expected


def test_files_without_a_counterpart_are_noted(folder):
    data = DataOptions(train="text/en-de/*.{lang}", held_out=0.0)
    with messages() as said:
        assert read(data) == [("one", "eins"), ("two", "zwei")]
    assert any("1 files have no counterpart in de: text/en-de/alone.en" in line for line in said)


def test_the_stamp_covers_every_file(folder):
    data = DataOptions(format="po", train="**/de/**/*.po")
    before = Corpus(data).stamp()
    os.utime("b/de/LC_MESSAGES/b.po", (1, 1))
    changed = Corpus(data).stamp()
    write(folder / "c/de/c.po", TREE["b/de/LC_MESSAGES/b.po"])
    assert len({before, changed, Corpus(data).stamp()}) == 3
    assert Corpus(DataOptions(format="po", train="gone/*.po")).stamp()


@pytest.mark.parametrize(
    ("form", "paths", "words"),
    [
        ("po", "c/**/*.po", "c/**/*.po: no file fits"),
        ("po", "text", "text: is a folder without a file of data.format=po (.po)"),
        ("po", ["a/de", "b/gone.po"], "b/gone.po: no such file"),
        ("tsv", ["a/de/LC_MESSAGES/notes.txt", "b/gone"], "notes.txt, line 1: 0 tabs"),
        ("files", "text/*/alone.{lang}", "no file of en has one of de: text/en-de/alone.de is"),
        ("files", "no/*.{lang}", "no file of en has one of de"),
    ],
)
def test_a_refusal_names_the_file(folder, form, paths, words):
    with pytest.raises(UserError) as caught:
        read(DataOptions(format=form, train=paths, held_out=0.0))
    assert words in str(caught.value)
