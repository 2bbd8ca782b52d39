"""`nmt fill`: files change in place, whole or not at all; what cannot be filled stays as it is."""

import functools
import os
import stat

import pytest

from nmt.documents.filling import pools
from tests.fakes import UpperCase, nmt_command, tree

HEADER = 'msgid ""\nmsgstr "Language: de\\nContent-Type: text/plain; charset=UTF-8\\n"\n\n'
EMPTY = HEADER + 'msgid "a {}"\nmsgstr ""\n'
FILLED = HEADER + '#, fuzzy\nmsgid "a {}"\nmsgstr "A {}"\n'
MISTAKE = 2
FAILURE = 1


@pytest.fixture
def translator(monkeypatch):
    fake = UpperCase()
    monkeypatch.setattr("nmt.inference.load.load", lambda *_, to=None: fake)
    return fake


@pytest.fixture
def folder(tmp_path, monkeypatch, translator):
    """A working directory with catalogues."""
    monkeypatch.chdir(tmp_path)
    for name in ("one.po", "de/LC/two.po", "de/LC/three.pot"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(EMPTY.format(path.stem))
    return tmp_path


def filled(name):
    return FILLED.format(name, name.upper())


def test_files_are_filled_in_place(folder, translator):
    os.chmod("one.po", 0o640)
    (folder / "link.po").symlink_to("de/LC/two.po")
    done = nmt_command("fill", "RUN", "one.po", "link.po")
    assert (done.status, done.out) == (0, "")
    assert done.err.splitlines() == [
        "one.po: 1 filled",
        "link.po: 1 filled",
        "2 files: 2 filled",
    ]
    assert (folder / "one.po").read_text() == filled("one")
    assert stat.S_IMODE((folder / "one.po").stat().st_mode) == 0o640
    assert (folder / "link.po").is_symlink()
    assert (folder / "de" / "LC" / "two.po").read_text() == filled("two")
    assert (folder / "de" / "LC" / "three.pot").read_text() == EMPTY.format("three")
    assert translator.lines == ["a one", "a two"]
    # Nothing is left to do: no file is written again.
    before = (folder / "one.po").stat()
    assert nmt_command("fill", "RUN", "one.po").err == "one.po: 0 filled, 1 fuzzy before\n"
    assert (folder / "one.po").stat() == before


def test_outputs(folder):
    """A file for one, stdout, or a folder for several, in which they lie as they do here."""
    before = tree(folder)
    assert nmt_command("fill", "RUN", "one.po", "-o", "-").out == filled("one")
    assert nmt_command("fill", "RUN", "one.po", "-o", "new/x.po").status == 0
    assert nmt_command("fill", "RUN", "one.po", "-o", "slash/").status == 0
    os.mkdir("there")
    assert nmt_command("fill", "RUN", "one.po", "-o", "there").status == 0
    assert nmt_command("fill", "RUN", "one.po", "de/LC/two.po", "--output=out").status == 0
    two, three = "de/LC/two.po", "de/LC/../../de/LC/three.pot"
    assert nmt_command("fill", "RUN", two, three, "-o", "up").status == 0
    written = {"new/x.po": "one", "there/one.po": "one", "out/one.po": "one", "slash/one.po": "one"}
    written |= {"out/de/LC/two.po": "two", "up/two.po": "two", "up/three.pot": "three"}
    assert tree(folder) == before | {name: filled(it).encode() for name, it in written.items()}


def test_translations_that_are_there_are_not_replaced(folder):
    """Of catalogues; an empty file, or one without translations, is nobody's work."""
    own = HEADER + 'msgid "three"\nmsgstr "drei"\n'
    for content, status in ((own, MISTAKE), (FILLED.format("three", "x"), MISTAKE), ("", 0)):
        (folder / "de.po").write_text(content)
        done = nmt_command("fill", "RUN", "de/LC/three.pot", "-o", "de.po")
        assert done.status == status
        assert (folder / "de.po").read_text() == (content or filled("three"))
        assert not status or "has translations already" in done.err
    (folder / "de.po").write_text(EMPTY.format("old"))
    assert nmt_command("fill", "RUN", "de/LC/three.pot", "-o", "de.po").status == 0


def test_options_reach_the_documents(folder):
    (folder / "one.po").write_text(EMPTY.format("one").replace('msgid "a', '#, fuzzy\nmsgid "a'))
    assert nmt_command("fill", "--trusted", "RUN", "one.po", "--beam=3").status == 0
    assert (folder / "one.po").read_text() == filled("one").replace("#, fuzzy\n", "")
    nmt_command("fill", "RUN", "de/LC/two.po")
    done = nmt_command("fill", "RUN", "de/LC/two.po", "--refill")
    assert done.err == "de/LC/two.po: 1 filled\n"


SUBTITLES = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n"
# What is written in the place of what is read, under another name or as another file.
OVERWRITING = {
    "the whole path": (["film.srt", "-o", "{folder}/film.srt"], "would take the place"),
    "a link": (["film.srt", "-o", "link.srt"], "film.srt: its translation would take the place"),
    "its own folder": (["film.srt", "-o", "."], "film.srt: its translation would take the place"),
    "another input": (
        ["a/x.srt", "a/b/x.srt", "-o", "a/b"],
        "-o: a/x.srt would be written to a/b/x.srt, which is to be filled, too",
    ),
    "another input through a link": (
        ["a/x.srt", "a/b/x.srt", "-o", "b"],
        "-o: a/x.srt would be written to a/b/x.srt, which is to be filled, too",
    ),
    "one output": (["a/x.srt", "z/x.srt", "-o", "out"], "would both be written to"),
    "a template": (["de/LC/three.pot"], "three.pot: is a template, which stays empty; name"),
    "a memory over a file": (["one.po", "--tmx", "one.po"], "the name of a memory ends with .tmx"),
    "a memory over a link": (["one.po", "--tmx", "one.tmx"], "--tmx one.tmx: is one of the files"),
    "a memory over an output": (["one.po", "-o", "x.tmx", "--tmx=./x.tmx"], "is one of the files"),
}


@pytest.mark.parametrize("case", OVERWRITING)
def test_what_is_read_is_not_written_over(folder, case):
    for name in ("film.srt", "a/x.srt", "a/b/x.srt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SUBTITLES)
    for name, target in {"link.srt": "film.srt", "b": "a/b", "one.tmx": "one.po"}.items():
        (folder / name).symlink_to(target)
    # Two names that are one file in another folder.
    (folder / "z").mkdir()
    (folder / "z" / "x.srt").write_text(SUBTITLES)
    for name in ("out/a/x.srt", "out/z/x.srt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to("../../there.srt")
    (folder / "there.srt").write_text("there")
    arguments, message = OVERWRITING[case]
    before = tree(folder)
    done = nmt_command("fill", "RUN", *(each.format(folder=folder) for each in arguments))
    assert done.status == MISTAKE and message in done.err and len(done.err.splitlines()) == 1
    assert tree(folder) == before


def test_a_translation_by_key_is_gone_on_with(folder, translator):
    """The output is read where it is there: what is translated in it stays byte for byte."""
    (folder / "en.json").write_text('{"a": "one", "b": "two"}')
    (folder / "de.json").write_text('{"a":  "Eins"}')
    done = nmt_command("fill", "RUN", "en.json", "-o", "de.json")
    assert done.err == "en.json: 1 filled, 1 translated before\n"
    assert (folder / "de.json").read_text() == '{"a":  "Eins", "b": "TWO"}'
    assert (folder / "en.json").read_text() == '{"a": "one", "b": "two"}'
    # Nothing is left to do: the file is not written again.
    before = (folder / "de.json").stat()
    assert nmt_command("fill", "RUN", "en.json", "-o", "de.json").status == 0
    assert (folder / "de.json").stat() == before
    assert nmt_command("fill", "RUN", "en.json", "-o", "-").out == '{"a": "ONE", "b": "TWO"}'
    # What cannot be read is named and stays, as does what changes meanwhile.
    (folder / "de.json").write_text("{")
    done = nmt_command("fill", "RUN", "en.json", "-o", "de.json")
    assert done.status == MISTAKE and "nmt: de.json, line 1: not JSON" in done.err

    def save(line):
        (folder / "de.json").write_text("saved")
        return line.upper()

    translator.text = save
    (folder / "de.json").write_text("{}")
    done = nmt_command("fill", "RUN", "en.json", "-o", "de.json")
    assert done.status == MISTAKE and "de.json: has changed meanwhile" in done.err
    assert (folder / "de.json").read_text() == "saved"


def test_what_is_left_is_told_with_its_lines(folder, translator):
    translator.text = lambda line: ""
    (folder / "one.po").write_text(
        EMPTY.format("x") + "".join(f'msgid "{n}a"\nmsgstr ""\n' for n in range(7))
    )
    done = nmt_command("fill", "RUN", "one.po", "de/LC/two.po")
    assert done.err.splitlines()[:4] == [
        "one.po: 0 filled, 8 left (nothing was translated: 8)",
        "  one.po, lines 4, 6, 8, 10, 12 and 3 more: nothing was translated",
        "de/LC/two.po: 0 filled, 1 left (nothing was translated: 1)",
        "  de/LC/two.po, line 4: nothing was translated",
    ]


def test_alternatives_are_written_once(folder):
    unit = "<trans-unit id='1'><source>a</source></trans-unit>"
    (folder / "a.xlf").write_text(f"<xliff version='1.2'><file><body>{unit}</body></file></xliff>")
    assert nmt_command("fill", "RUN", "a.xlf", "--alternatives=2").status == 0
    written = (folder / "a.xlf").read_text()
    assert written.count("<alt-trans") == 2
    done = nmt_command("fill", "RUN", "a.xlf", "--alternatives=2")
    assert done.status == 0 and "alternatives are there already: 1" in done.err
    assert (folder / "a.xlf").read_text() == written


def test_a_file_that_changes_meanwhile_stays(folder, translator):
    def save(line):
        (folder / "one.po").write_text("# saved\n" + EMPTY.format("one"))
        return line.upper()

    translator.text = save
    done = nmt_command("fill", "RUN", "one.po", "de/LC/two.po")
    assert done.status == MISTAKE
    assert "one.po: has changed meanwhile; run the same command again\n" in done.err
    assert (folder / "one.po").read_text() == "# saved\n" + EMPTY.format("one")
    assert (folder / "de" / "LC" / "two.po").read_text() == filled("two")


BAD = {
    "no file": ("no.po", "no.po: no such file"),
    "a folder": ("de.po", "de.po: is a folder; name the files in it"),
    "an unknown format": ("x.docx", "x.docx: cannot be filled; Okapi"),
    "a misspelt ending": ("x.pop", "x.pop: cannot be filled; did you mean .po"),
    "a broken file": ("bad.po", "bad.po, line 3: not a line of a PO file"),
    "another charset": ("latin.po", "latin.po: its charset is ISO-8859-1, and UTF-8 is needed"),
    "another language": ("fr.po", "fr.po: is translated into 'fr', but this run translates en"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_cannot_be_filled_are_told_and_the_others_filled(folder, case):
    (folder / "de.po").mkdir()
    for name, content in {
        "x.docx": "PK",
        "x.pop": "",
        "bad.po": 'msgid "a"\nmsgstr ""\nmsgidx\n',
        "latin.po": EMPTY.replace("UTF-8", "ISO-8859-1"),
        "fr.po": EMPTY.replace("Language: de", "Language: fr"),
    }.items():
        (folder / name).write_text(content)
    name, message = BAD[case]
    before = tree(folder)
    done = nmt_command("fill", "RUN", name)
    assert done.status == MISTAKE and done.err.startswith(f"nmt: {message}")
    assert len(done.err.splitlines()) == 1 and tree(folder) == before
    done = nmt_command("fill", "RUN", "one.po", name, "de/LC/two.po")
    assert done.status == MISTAKE
    *lines, total, last = done.err.splitlines()
    assert any(line.startswith(f"warning: {message}") for line in lines)
    assert total == "2 files: 2 filled"
    assert last == "nmt: 1 of 3 files are left as they were, see above"
    changed = {"one.po": filled("one"), "de/LC/two.po": filled("two")}
    assert tree(folder) == before | {name: text.encode() for name, text in changed.items()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one.po", "de/LC/two.po", "-o", "one.po"], "-o one.po: a folder is needed for 2 files"),
        (["one.po", "de/LC/two.po", "-o", "-"], "-o -: a folder is needed for 2 files"),
        (["one.po", "--min-confidence=80"], "RUN: has no confidence yet"),
        (["one.po", "--note"], "RUN: has no confidence yet"),
        (["film.srt"], "film.srt: its translation would take the place of its text; name"),
        (["one.po", "--min-confidence=101"], "'101' is not"),
        (["one.po", "--alternatives=3"], "one.po: its format has no place for alternatives"),
        (["page.md", "-o", "x.md", "--alternatives=3"], "page.md: its format has no place"),
        (["page.md", "-o", "x.md", "--refill"], "--refill: no file has a place for it; those that"),
        (["page.md", "-o", "x.md", "--trusted"], "--trusted: no file has a place for it"),
        (["page.md", "film.srt", "-o", "x", "--note"], "have: .po, .pot\n"),
        (["no.xlf", "--note"], "--note: no file has a place for it"),
        ([], "required: file"),
    ],
)
def test_mistakes_change_nothing(folder, arguments, message):
    (folder / "film.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nHello.\n")
    (folder / "page.md").write_text("Hello.")
    before = tree(folder)
    done = nmt_command("fill", "RUN", *arguments)
    assert done.status == MISTAKE and message in done.err and len(done.err.splitlines()) == 1
    assert tree(folder) == before


def test_a_full_disk_leaves_files_as_they_were(folder, monkeypatch):
    def no_room(*_):
        raise OSError(28, os.strerror(28))

    before = tree(folder)
    monkeypatch.setattr(os, "fsync", no_room)
    done = nmt_command("fill", "RUN", "one.po", "de/LC/two.po")
    assert done.status == FAILURE and "cannot write one.po: No space left" in done.err
    assert tree(folder) == before


@pytest.mark.usefixtures("load_once")
def test_a_run_fills_files(folder, monkeypatch, tiny_run):
    monkeypatch.undo()
    path = folder / "one.po"
    path.write_text(HEADER + 'msgid "We see the dog in %s."\nmsgstr ""\n')
    assert nmt_command("fill", tiny_run, path, "--threads=1").status == 0
    assert "#, fuzzy\n" in path.read_text() and 'msgstr ""\n' not in path.read_text()[len(HEADER) :]


def test_what_was_filled_is_written_as_a_memory_too(folder):
    """Codes of a document are elements; subtitles go to another file."""
    (folder / "page.html").write_text("<p>Turn <b>on</b>.</p>")
    done = nmt_command("fill", "RUN", "one.po", "page.html", "-o", "out", "--tmx", "out/tm.tmx")
    assert done.status == 0 and "out/tm.tmx: 2 translations" in done.err
    memory = (folder / "out" / "tm.tmx").read_text()
    assert "<seg>A ONE</seg>" in memory and 'creationid="nmt"' in memory
    assert '<bpt i="1" x="1">&lt;b&gt;</bpt>ON<ept i="1">&lt;/b&gt;</ept>' in memory
    assert (folder / "out" / "page.html").read_text() == "<p>TURN <b>ON</b>.</p>"
    assert (folder / "page.html").read_text() == "<p>Turn <b>on</b>.</p>"


def test_a_second_run_keeps_the_memory(folder, monkeypatch):
    monkeypatch.setattr("nmt.documents.filling.pools", functools.partial(pools, size=1))
    nmt_command("fill", "RUN", "one.po", "de/LC/two.po", "--tmx", "tm.tmx")
    memory = (folder / "tm.tmx").read_text()
    assert memory.count("<tu>") == 2
    done = nmt_command("fill", "RUN", "one.po", "--tmx", "tm.tmx")
    assert done.err.endswith("tm.tmx: nothing was filled\n")
    assert (folder / "tm.tmx").read_text() == memory
    (folder / "new.po").write_text(EMPTY.format("new"))
    done = nmt_command("fill", "RUN", "new.po", "--tmx", "tm.tmx")
    assert done.err.endswith("tm.tmx: 1 translations\n")
    assert (folder / "tm.tmx").read_text().count("<tu>") == 3
    # Nothing is filled where the memory is another program's.
    (folder / "own.tmx").write_text("<tmx/>")
    (folder / "four.po").write_text(EMPTY.format("four"))
    before = tree(folder)
    done = nmt_command("fill", "RUN", "four.po", "--tmx", "own.tmx")
    assert done.status == MISTAKE and "was not written by nmt fill" in done.err
    assert tree(folder) == before
