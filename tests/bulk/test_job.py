"""Files are cut by position, in every format; each row comes out once, and a job goes on."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from nmt.bulk.formats import Contents
from nmt.bulk.job import RECORD, Job, cut, result_of
from nmt.bulk.running import duration
from nmt.bulk.storage import Folder
from nmt.errors import UserError
from nmt.files import partial_name
from tests.bulk_work import Shout, shouted
from tests.fakes import tree

TEXTS = [f"line {number} ä\u2028 {'x' * number}" for number in range(23)]
ENDINGS = [
    kind + compression for kind in (".txt", ".en", ".jsonl") for compression in ("", ".gz", ".zst")
] + [".parquet", ""]
PACK = {".gz": gzip.compress, ".zst": lambda data: pa.compress(data, "zstd", asbytes=True)}


def write(path, texts, **columns):
    """A file of texts in the format of its name; tables have other columns, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pa.table({"text": texts, **columns}), path, row_group_size=4)
        return
    lines = texts
    if ".jsonl" in path.name:
        names = ["text", *columns]
        rows = zip(texts, *columns.values(), strict=True)
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(PACK.get(path.suffix, bytes)(data))


def read(path):
    """Translations, and rows as dictionaries where they are some."""
    if path.suffix == ".parquet":
        rows = parquet.read_table(path).to_pylist()
    else:
        data = path.read_bytes()
        unpack = {
            ".gz": gzip.decompress,
            ".zst": lambda d: pa.CompressedInputStream(pa.py_buffer(d), "zstd").read(),
        }
        lines = unpack.get(path.suffix, bytes)(data).decode().split("\n")[:-1]
        if ".jsonl" not in path.name:
            return lines, []
        rows = [json.loads(line) for line in lines]
    return [row["translation"] for row in rows], rows


def job(folder, window=5, id_column=None, columns=("text",)):
    source, only = Folder.of(str(folder / "in"))
    return Job(Shout(), source, only, Folder(str(folder / "out")), columns, id_column, window)


def do(job):
    """Does what is left; the windows that were."""
    left = job.begin(job.windows())
    for window in left:
        assert result_of(job, window._asdict(), shouted)["error"] == ""
    return left


@pytest.mark.parametrize("window", [1, 4, 5, 23, 100])
@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_stay_once_and_in_order(tmp_path, ending, window):
    write(tmp_path / "in" / "deep" / f"a.b{ending}", TEXTS, id=list(range(23)))
    do(job(tmp_path, window))
    outputs = sorted(path for path in (tmp_path / "out" / "deep").iterdir())
    assert len(outputs) == -(-23 // window)
    found = [read(path) for path in outputs]
    assert [text for texts, _ in found for text in texts] == [text.upper() for text in TEXTS]
    rows = [row for _, rows in found for row in rows]
    if rows:
        assert [(row["id"], row["text"]) for row in rows] == list(enumerate(TEXTS))


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_one_column_can_stay_and_missing_texts_stay_missing(tmp_path, ending):
    write(
        tmp_path / "in" / f"a{ending}", ["one", None, "three"], id=["x", "y", "z"], more=[1, 2, 3]
    )
    do(job(tmp_path, id_column="id"))
    _, rows = read(tmp_path / "out" / f"a-00001{ending}")
    assert rows == [
        {"id": "x", "translation": "ONE"},
        {"id": "y", "translation": None},
        {"id": "z", "translation": "THREE"},
    ]


def test_an_empty_file_has_an_empty_output(tmp_path):
    for ending in (".txt", ".txt.gz", ".jsonl", ".parquet"):
        write(tmp_path / "in" / f"a{ending}", pa.array([], pa.string()))
    assert len(do(job(tmp_path))) == 4
    assert read(tmp_path / "out" / "a-00001.parquet") == ([], [])
    assert (tmp_path / "out" / "a-00001.txt").read_bytes() == b""


def test_a_file_is_an_input_by_itself(tmp_path):
    write(tmp_path / "in" / "a.txt", TEXTS)
    write(tmp_path / "in" / "b.txt", TEXTS)
    source, only = Folder.of(str(tmp_path / "in" / "b.txt"))
    alone = Job(Shout(), source, only, Folder(str(tmp_path / "out")), ["text"])
    assert [window.output for window in do(alone)] == ["b-00001.txt"]


def test_a_job_goes_on_with_what_it_lacks(tmp_path):
    write(tmp_path / "in" / "a.txt", TEXTS)
    write(tmp_path / "in" / "_hidden.txt", TEXTS)
    do(job(tmp_path))
    whole = tree(tmp_path / "out")
    for name in ("a-00002.txt", "a-00005.txt"):
        (tmp_path / "out" / name).unlink()
    (tmp_path / "out" / partial_name()).write_text("of a killed worker")
    assert [window.start for window in do(job(tmp_path))] == [5, 20]
    assert tree(tmp_path / "out") == whole
    assert do(job(tmp_path)) == []


@pytest.mark.parametrize("ending", [".txt", ".jsonl", ".parquet"])
def test_another_job_does_not_mix_with_the_first(tmp_path, ending):
    write(tmp_path / "in" / f"a{ending}", TEXTS)
    do(job(tmp_path))
    before = tree(tmp_path)
    with pytest.raises(UserError, match="differs in window; choose another folder"):
        do(job(tmp_path, window=6))
    assert tree(tmp_path) == before
    # Fewer rows; or as many, of as many bytes.
    for texts in (TEXTS[:-1], [*TEXTS[:-1], TEXTS[-1][::-1]]):
        write(tmp_path / "in" / f"a{ending}", texts)
        with pytest.raises(UserError, match="differs in input"):
            do(job(tmp_path))
    (tmp_path / "out" / RECORD).unlink()
    with pytest.raises(UserError, match="holds other files"):
        do(job(tmp_path))


# File, its content, the columns that are read -> what the one line says.
WRONG = {
    "none.txt": (None, ["text"], "no such file"),
    "a.jsonl": ('{"other": "x"}\n', ["text"], "has no column text; it has other"),
    "b.jsonl": ('{"text": "x"}\n{"text": 5}\n', ["text"], "line 2: has no text in the field text"),
    "c.jsonl": ('{"text": "x"}\n{"other": "x"}\n', ["text"], "line 2: has no text in the field"),
    "d.jsonl": ('{"text": "x"}\nx\n', ["text"], "line 2: no JSON"),
    "e.jsonl": ("[1]\n", ["text"], "line 1: a JSON object is needed"),
    "f.jsonl": ('{"text": "x", "translation": ""}\n', ["text"], "has a column translation already"),
    "g.txt": ("a\tb\nc\n", ["text", "translation"], "line 2: 0 tabs"),
    "h.txt": (b"a\n\xff\n", ["text"], "line 2: not valid UTF-8"),
    "i.parquet": ("x", ["text"], "cannot be read"),
    "k.jsonl": (
        '{"text": "x"}\n{"text": "x", "translation": ""}\n',
        ["text"],
        "line 2: has a field translation already; --id NAME keeps",
    ),
    "l.jsonl": (
        '{"text": "x"}\n{"text": "\\ud83d\\ude00", "a": "\\ude00"}\n',
        ["text"],
        "line 2: \\ude00 is half a character",
    ),
    "m.jsonl": ('{"text": "x"}\n' + "[" * 99_999, ["text"], ", rows 1 to 2: RecursionError"),
    "j.gz": (gzip.compress(b"one\n" * 999)[:-12], ["text"], "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_one_line_that_says_where(tmp_path, name):
    content, columns, said = WRONG[name]
    path = tmp_path / "in" / name
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        source, only = Folder.of(str(path))
        wrong = Job(Shout(), source, only, Folder(str(tmp_path / "out")), columns)
        window = wrong.windows()[0]
        error = result_of(wrong, window._asdict(), shouted)["error"]
    except Exception as caught:
        error = str(caught)
    assert error.startswith(f"{path}") and said in error and "\n" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_windows_begin_where_their_rows_stand(tmp_path, monkeypatch, name, end, ending):
    """A window is read without the rows before it."""
    if name == "a.jsonl" and end == "\n\n":
        return
    rows = [f"\ufeff ä{number} {'x' * 3_000}" for number in range(10)]
    lines = [json.dumps({"text": row}) for row in rows] if name == "a.jsonl" else rows
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(f" {ending.join(lines)}{end}".encode())
    expected = [f" {rows[0]}" if name == "a.txt" else rows[0], *rows[1:]]
    expected += [""] * (len(end) - 1)
    cut_job = job(tmp_path, 3)
    windows = cut_job.windows()
    assert [bool(window.at) for window in windows] == [False, True, True, True]
    monkeypatch.setattr(Folder, "text", None)
    for window in windows[1:]:
        assert result_of(cut_job, window._asdict(), shouted)["error"] == ""
    found = [text for path in sorted((tmp_path / "out").iterdir()) for text in read(path)[0]]
    assert found == [text.upper() for text in expected[3:]]


@pytest.mark.parametrize(
    "content",
    [b"a\rb\rc\rd\re", "a\nb\nਊc\nd\ne".encode("utf-16"), b"\xef\xbb\xbfa\nb\nc\nd\ne"],
)
def test_lines_that_end_otherwise_are_read_from_the_beginning(tmp_path, content):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_bytes(content)
    assert not any(window.at for window in job(tmp_path, 2).windows())
    do(job(tmp_path, 2))
    found = [text for n in (1, 2, 3) for text in read(tmp_path / "out" / f"a-0000{n}.txt")[0]]
    assert [text.strip("ਊ") for text in found] == list("ABCDE")


def test_of_a_table_no_more_is_read_than_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr("nmt.bulk.formats.BATCH", 2)
    write(tmp_path / "in" / "a.parquet", TEXTS, id=list(range(23)), more=[1] * 23)
    asked = []
    original = parquet.ParquetFile.iter_batches

    def blocks(table, size, **options):
        for batch in original(table, size, **options):
            asked.append((batch.schema.names, len(batch)))
            yield batch

    monkeypatch.setattr(parquet.ParquetFile, "iter_batches", blocks)
    own = job(tmp_path, 5, "id")
    window = own.windows()[1]
    assert result_of(own, window._asdict(), shouted)["error"] == ""
    # Rows 5 to 9: of the groups 4 to 7 and 8 to 11.
    assert [rows for _, rows in asked] == [2, 2, 2]
    assert all(sorted(names) == ["id", "text"] for names, _ in asked)
    _, rows = read(tmp_path / "out" / window.output)
    assert [row["id"] for row in rows] == [5, 6, 7, 8, 9]


def test_what_a_killed_start_left_is_no_file(tmp_path):
    write(tmp_path / "in" / "a.txt", TEXTS)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / partial_name()).write_text("{")
    assert len(do(job(tmp_path))) == 5


@pytest.mark.parametrize("kind", [pa.int64(), pa.binary()])
def test_a_column_of_something_else_is_no_text(tmp_path, kind):
    write(tmp_path / "in" / "a.parquet", pa.array([1], pa.int64()).cast(pa.string()).cast(kind))
    with pytest.raises(AssertionError, match="holds"):
        do(job(tmp_path))


def test_names_of_windows_sort_as_their_rows():
    names = [window.output for window in cut("a.txt", Contents(100_001, ()), 1)]
    assert names == sorted(names) and len(set(names)) == 100_001
    assert cut("part-1.gz", Contents(2, ()), 5)[0].output == "part-1-00001.gz"


def test_durations_read_as_on_a_clock():
    assert [duration(seconds) for seconds in (0, 59.6, 3725, 90_000)] == [
        "0:00:00",
        "0:01:00",
        "1:02:05",
        "25:00:00",
    ]


def test_files_in_object_storage_are_read_and_written(tmp_path, monkeypatch):
    """By the way that has no file system below it: nothing is renamed there."""
    from pyarrow import fs

    write(tmp_path / "in" / "a.jsonl.gz", TEXTS)
    subtree = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    monkeypatch.setattr("nmt.bulk.storage._located", lambda path: (subtree, Path(path).name))
    (tmp_path / "out").mkdir()
    stored = Job(Shout(), Folder("s3://b/in"), None, Folder("s3://b/out"), ["text"], None, 10)
    do(stored)
    outputs = sorted((tmp_path / "out").glob("a-*"))
    assert [text for path in outputs for text in read(path)[0]] == [t.upper() for t in TEXTS]
