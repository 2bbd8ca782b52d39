"""`nmt bulk` says what `nmt translate`, `score` and `filter` say, of folders in any format."""

import json
import re
import sys

import pyarrow as pa
import pytest
from pyarrow import parquet

from nmt.bulk import processes
from nmt.bulk.job import result_of
from nmt.corpora import toy as grammar
from tests.fakes import nmt_command, tree

SOURCES = [source for source, _ in grammar.generate("en-de", "test", 7)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return tmp_path


@pytest.fixture
def work_here(monkeypatch):
    """work_here(): from now on windows are worked on in this process, as a worker does it."""

    def tried(job, windows, workers):
        function = job.work.start()
        for window in windows:
            yield window, result_of(job, window._asdict(), function)

    return lambda: monkeypatch.setattr(processes, "_tried", tried)


def bulk(task, *arguments):
    done = nmt_command("bulk", task, *arguments, "--workers", "1")
    assert (done.status, done.out) == (0, ""), done.err


def told(task, *arguments):
    """What the ordinary command prints."""
    done = nmt_command(task, *arguments)
    assert done.status == 0, done.err
    return done.out


def joined(folder):
    return "".join(path.read_text() for path in sorted(folder.glob("*.txt")))


def test_text_becomes_what_the_filters_print(folder, tiny_run, work_here):
    work_here()
    (folder / "a.txt").write_text("".join(f"{source}\n" for source in [*SOURCES, ""]))
    translated = told("translate", tiny_run, "-i", "a.txt", "--scores", "--window", "4")
    bulk("translate", tiny_run, "a.txt", "out", "--scores", "--window", "4")
    assert len(list((folder / "out").glob("*.txt"))) == 2
    assert joined(folder / "out") == translated

    targets = [line.split("\t")[2] for line in translated.splitlines()]
    pairs = [*zip(SOURCES, targets, strict=False), (SOURCES[0], targets[1])]
    (folder / "pairs.txt").write_text("".join("\t".join(pair) + "\n" for pair in pairs))
    bulk("score", tiny_run, "pairs.txt", "scored")
    assert joined(folder / "scored") == told("score", tiny_run, "-i", "pairs.txt")
    for options in ([], ["--clean", "--threshold", "0.9"]):
        bulk("filter", tiny_run, "pairs.txt", f"filtered{len(options)}", *options)
        expected = told("filter", tiny_run, "-i", "pairs.txt", *options)
        assert joined(folder / f"filtered{len(options)}") == expected


def test_tables_go_from_one_task_to_the_next(folder, tiny_run, work_here):
    (folder / "in").mkdir()
    table = pa.table({"id": list(range(7)), "text": SOURCES})
    parquet.write_table(table, folder / "in" / "a.parquet")
    rows = [json.dumps(row) for row in table.to_pylist()]
    (folder / "in" / "b.jsonl").write_text("".join(f"{row}\n" for row in rows))
    bulk("translate", tiny_run, "in", "out")
    work_here()
    bulk("filter", tiny_run, "out", "clean", "--threshold", "-99", "--clean")
    bulk("score", tiny_run, "clean", "scored", "--id", "id")

    made = parquet.read_table(folder / "clean" / "a-00001-00001.parquet").to_pylist()
    texts = told("translate", tiny_run, *SOURCES[:1]).splitlines()
    assert made[0] == {"id": 0, "text": SOURCES[0], "translation": texts[0]}
    lines = (folder / "clean" / "b-00001-00001.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == made
    (scored,) = (folder / "scored").glob("b-*")
    assert [sorted(json.loads(line)) for line in scored.read_text().splitlines()] == [
        ["id", "log_prob", "score"]
    ] * 7


# Behind "bulk TASK RUN" -> the one line; RUN stands for a run.
MISTAKES = {
    "translate RUN none out": "none: no such file, or a folder without any",
    "translate RUN in in/out": "in/out: lies in the input in; choose another folder",
    "translate RUN in in": "in: lies in the input in; choose another folder",
    "translate none in out": "none: no such run folder",
    "translate RUN in out --text other": "in/b.jsonl: has no column other; it has text",
    "translate RUN in out --id other": "in/b.jsonl: has no column other; it has text",
    "translate RUN in hdfs://x": "hdfs://x: ",
    "score RUN in out": "in/b.jsonl: has no column translation; it has text",
    "filter RUN in out --reverse RUN": "translates en-de, but de-en is needed",
    "translate RUN in out --threads 2": "unknown option --threads",
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_is_one_line_and_changes_nothing(folder, tiny_run, typed):
    (folder / "in").mkdir()
    (folder / "in" / "b.jsonl").write_text('{"text": "x"}\n')
    before = tree(folder)
    done = nmt_command("bulk", *typed.replace("RUN", str(tiny_run)).split())
    assert done.status in (1, 2) and done.out == ""
    assert MISTAKES[typed] in done.err
    assert re.fullmatch(r"nmt[^\n]*: [^\n]*\n", done.err)
    assert tree(folder) == before


def test_a_cluster_needs_ray(folder, tiny_run, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    (folder / "a.txt").write_text("x\n")
    before = tree(folder)
    done = nmt_command("bulk", "translate", tiny_run, "a.txt", "out")
    assert done.status == 2 and done.err.endswith('pip install "own-nmt[ray]"\n')
    assert done.err.startswith("nmt: RAY_ADDRESS names a cluster, which needs")
    assert tree(folder) == before
