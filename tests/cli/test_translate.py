"""A filter that keeps lines: any text in, as many lines out, in every format; whole files."""

import gzip
import json
import os
import random
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

import nmt
from nmt.corpora import toy as grammar
from nmt.inference.confidence import Curve
from nmt.runs.folder import Run
from tests.fakes import nmt_command, tree

pytestmark = pytest.mark.usefixtures("load_once")

SOURCES = [source for source, _ in grammar.generate("en-de", "test", 40)]
MISTAKE = 2


ODD = [
    "\0",
    "\x01",
    "\x1b[31m",
    "\x1f",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\r",
    "\t",
    " ",
    "\u200b",
    "\u200d",
    "\ufeff",
    "\u3000",
    "\xa0",
    "e\u0301",
    "😀",
    "👨‍👩‍👧",
    "犬がいます。",
    "ß",
    "{name}",
    "%s",
    "<b>",
    "</b>",
    "https://a.b/c",
    "\ue000",
    "\ue00b",
    "\uf8ff",
    "\u202e",
    "\U0010ffff",
    "﷽",
    "①",
    "x" * 150,
    ".",
    "!",
    "。",
    "\x0b",
    "\x0c",
    "\x1c",
    "\ufffd",
    "\ufffe",
    "a",
    "dog",
    "The dog sees a cat. ",
]


def odd_lines(count, seed):
    """Lines of any Unicode but surrogates and \\n, with no \\r at the end."""
    rng = random.Random(seed)

    def character():
        code = rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x110000)])
        return chr(code) if not 0xD800 <= code < 0xE000 else "?"

    for _ in range(count):
        kind = rng.random()
        if kind < 0.1:
            line = "".join(
                rng.choice(" \t\u3000\x85\u2028\xa0\x1f\r") for _ in range(rng.randrange(4))
            )
        elif kind < 0.6:
            line = "".join(
                rng.choice(ODD) + rng.choice(["", " "]) for _ in range(rng.randint(1, 4))
            )
        else:
            line = "".join(character() for _ in range(rng.randint(1, 6)))
        yield line.rstrip("\r")


def check_filter(run, count, *arguments):
    lines, rng = list(odd_lines(count, seed=count)), random.Random(1)
    stdin = "".join(line + rng.choice(["\n", "\r\n"]) for line in lines)
    done = nmt_command("translate", run, *arguments, stdin=stdin)
    assert done.status == 0
    *out, last = done.out.split("\n")
    assert len(out) == count and last == ""
    blank = [
        (line, translated) for line, translated in zip(lines, out, strict=True) if not line.strip()
    ]
    assert len(blank) > count / 50 and all(line == translated for line, translated in blank)
    assert all(line.startswith("warning: ") for line in done.err.splitlines())


def test_a_line_is_a_line_for_any_text(tiny_run):
    check_filter(tiny_run, 500, "--beam", 1)


def test_the_length_penalty_typed_is_that_of_the_search(tiny_run):
    scored = ["translate", tiny_run, *SOURCES[:1], "--format", "json"]
    ((best,),) = nmt.load(tiny_run, length_penalty=3).candidates(SOURCES[:1])
    typed, usual = nmt_command(*scored, "--length-penalty", 3), nmt_command(*scored)
    scores = [json.loads(each.out)["translations"][0]["score"] for each in (typed, usual)]
    assert scores[0] == pytest.approx(best.score) and scores[0] != pytest.approx(scores[1])


def test_terms_of_a_glossary(world, tiny_run):
    (world / "terms.tsv").write_text("dog\tXyz\n", encoding="utf-8")
    done = nmt_command("translate", tiny_run, "--glossary", "terms.tsv", stdin="a dog\na cat\n")
    plain = nmt_command("translate", tiny_run, stdin="a dog\na cat\n")
    lines = [each.out.splitlines() for each in (done, plain)]
    assert "Xyz" in lines[0][0] and lines[0][1] == lines[1][1]


def test_every_line_begins_with_a_prefix_but_blank_ones(tiny_run):
    lines = [*SOURCES[:3], "", "123"]
    result = nmt_command(
        "translate", tiny_run, "--prefix", "Der Hu", stdin="".join(f"{each}\n" for each in lines)
    )
    texts = result.out.split("\n")
    assert result.status == 0 and len(texts) == 6 and texts[3] == ""
    assert all(text.startswith("Der Hu") for text in [*texts[:3], texts[4]])
    for wrong, reason in (("a\nb", "line break"), ("犬", "cannot be written")):
        result = nmt_command("translate", tiny_run, "--prefix", wrong, SOURCES[0])
        assert result.status == MISTAKE and reason in result.err and result.err.count("\n") == 1


def test_a_line_is_a_line_for_any_output(babbling):
    check_filter("any", 499)


def test_a_translation_of_less_confidence_is_an_empty_line(tiny_run, tmp_path):
    """As many lines as before, the others in their places, in every format."""
    run = Run(shutil.copytree(tiny_run, tmp_path / "run"))
    run.exported().update(confidence=Curve(5.0, 3.0, 100, 50).to_dict())
    stdin = "\n".join([*SOURCES[:20], "", "123"])

    def out(*arguments):
        done = nmt_command("translate", run.path, *arguments, stdin=stdin)
        assert done.status == 0
        return done.out.splitlines(), done.err

    told, _ = out("--confidence")
    confidences = [float(line.split("\t")[0] or 1) for line in told]
    percentage = 100 * float(np.mean(confidences[:20]))
    kept = [100 * confidence >= percentage for confidence in confidences]
    plain, _ = out()
    lines, err = out("--min-confidence", percentage)
    assert lines == [line if keep else "" for line, keep in zip(plain, kept, strict=True)]
    assert lines[-1] == "123" and f"{kept.count(False)} of 22 lines left empty" in err

    rows, _ = out("--format", "tsv", "--confidence", "--min-confidence", percentage)
    assert [row.split("\t")[4] for row in rows] == lines
    assert [row.split("\t")[5] for row in rows] == [line.split("\t")[0] for line in told]
    for line, text in zip(out("--format", "json", "--confidence")[0], plain, strict=True):
        (translation,) = json.loads(line)["translations"]
        assert translation["confidence"] is None or 0 <= translation["confidence"] <= 1
        if translation["words"]:
            assert [word for word, _ in translation["words"]] == text.split()
    # Without --confidence nothing has changed.
    assert [row.count("\t") for row in out("--format", "tsv")[0]] == [4] * 22
    (translation,) = json.loads(out("--format", "json")[0][0])["translations"]
    assert list(translation) == ["translation", "log_prob", "score"]


def test_json_of_any_text(babbling):
    lines = list(odd_lines(300, seed=5))
    done = nmt_command("translate", "any", "--format", "json", "--nbest", 2, stdin="\n".join(lines))
    assert [json.loads(line)["source"] for line in done.out.split("\n")[:-1]] == lines


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (b"", 0),
        (b"\n", 1),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\nb", 2),
        (b"a\n\n", 2),
        (b"\r\n\r\n", 2),
        (b"a\rb\n", 1),
        ("\ufeffa\u2028b\x85c\n".encode(), 1),
    ],
)
def test_lines_are_split_at_newlines_only(babbling, stdin, expected):
    assert nmt_command("translate", "any", stdin=stdin).out.count("\n") == expected


def test_a_very_long_line_is_translated_with_a_warning(babbling):
    for line in ("a few words and more, " * 4_545, "a few words. " * 5_000):
        done = nmt_command("translate", "any", "--beam", 1, stdin=f"short\n{line}\n")
        assert done.status == 0
        first, second, end = done.out.split("\n")
        assert end == "" and len(second) > 20 * len(first) and len(second) > 300
        (warning,) = done.err.splitlines()
        assert warning.startswith("warning: ") and "line 2" in warning and "long" in warning


def test_the_warning_of_a_long_line_counts_from_the_first_line(babbling):
    done = nmt_command("translate", "any", "--window", 2, stdin="\n\n\n\n" + "word " * 500 + "\n")
    assert "line 5" in done.err and len(done.err.splitlines()) == 1


def test_text_may_be_an_argument(babbling, world):
    for arguments, sources in (
        (["a", "b  c"], ["a b  c"]),
        (["a\nb"], ["a", "b"]),
        ([" "], [" "]),
        (["--", "-1", "--x"], ["-1 --x"]),
        (["größe", "犬"], ["größe 犬"]),
    ):
        done = nmt_command("translate", "any", "--format", "json", *arguments, stdin=b"not read\n")
        assert [json.loads(line)["source"] for line in done.out.splitlines()] == sources


# With a model.


def test_stdout_has_translations_only(tiny_run):
    done = nmt_command("translate", tiny_run, "Anna sees a dog.")
    assert done.status == 0 and done.out.count("\n") == 1 and done.err == ""


def test_formats_agree(tiny_run, tmp_path):
    stdin = "\n".join(["", *SOURCES[:6], "  ", "\u200b", " indented "]) + "\n"
    sources = stdin.split("\n")[:-1]

    def run(*arguments):
        done = nmt_command("translate", tiny_run, *arguments, stdin=stdin)
        assert done.status == 0 and done.err == ""
        return done.out.split("\n")[:-1]

    texts = run()
    assert len(set(texts)) > 6  # a model whose lines differ, or this shows nothing
    assert (texts[0], texts[7], texts[8]) == ("", "  ", "\u200b") and texts[9][0] == texts[9][
        -1
    ] == " "

    found = [json.loads(line) for line in run("--format", "json", "--nbest", 3)]
    assert [line["source"] for line in found] == sources
    assert [line["translations"][0]["translation"] for line in found] == texts
    for line in found:
        scores = [one["score"] for one in line["translations"]]
        assert all(set(one) == {"translation", "log_prob", "score"} for one in line["translations"])
        assert 1 <= len(scores) <= 3 and all(one["log_prob"] <= 0 for one in line["translations"])
    assert [len(line["translations"]) for line in found[1:7]] == [3] * 6
    assert [line["translations"] for line in (found[0], found[7])] == [
        [{"translation": text, "log_prob": 0.0, "score": 0.0}] for text in ("", "  ")
    ]

    rows = [row.split("\t", 4) for row in run("--format", "tsv", "--nbest", 3)]
    expected = [
        (n, rank, one)
        for n, line in enumerate(found, 1)
        for rank, one in enumerate(line["translations"], 1)
    ]
    assert [(int(n), int(rank), text) for n, rank, _, _, text in rows] == [
        (n, rank, one["translation"]) for n, rank, one in expected
    ]
    np.testing.assert_allclose(
        [[float(row[2]), float(row[3])] for row in rows],
        [[one["log_prob"], one["score"]] for *_, one in expected],
        atol=1e-3,
    )

    scored = [
        line.split("\t", 2) for line in run("--scores", "--attention", str(tmp_path / "a.jsonl"))
    ]
    assert [text for *_, text in scored] == texts
    attention = [
        json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["source"] for line in attention] == sources
    assert [line["translation"] for line in attention] == texts
    assert attention[0]["attention"] is None and attention[8]["attention"] is None
    for line in attention[1:7]:
        weights = np.array(line["attention"])
        assert weights.shape == (len(line["target_pieces"]), len(line["source_pieces"]))
        assert line["source_pieces"][-1] == "</s>" and "</s>" not in line["target_pieces"][:-1]
        np.testing.assert_allclose(weights.sum(1), 1, atol=0.01)


def test_a_tab_in_the_text_makes_no_column(babbling):
    done = nmt_command("translate", "any", "--format", "tsv", stdin="a\tb\n\t\n" * 20)
    assert [row.count("\t") for row in done.out.splitlines()] == [4] * 40


def test_nbest_alone_widens_the_beam(tiny_run):
    done = nmt_command(
        "translate", tiny_run, SOURCES[0], "--nbest", 6, "--beam", 2, "--format", "tsv"
    )
    assert [row.split("\t")[1] for row in done.out.splitlines()] == list("123456")


def test_one_line_at_a_time_gives_the_same_text(tiny_run):
    stdin = "\n".join([*SOURCES[:10], "", "{name} and %s"])
    together, alone, three = (
        nmt_command("translate", tiny_run, "--engine=keras", *window, stdin=stdin).out
        for window in ([], ["--window", 1], ["--window", 3])
    )
    assert together == alone == three


def test_score_reproduces_what_translate_printed(tiny_run, tmp_path):
    """Where the output has an end and the segmentation that the tokenizer would choose."""
    path = str(tmp_path / "attention.jsonl")
    done = nmt_command(
        "translate",
        tiny_run,
        "--engine=keras",
        "--format",
        "tsv",
        "--attention",
        path,
        stdin="\n".join(SOURCES),
    )
    rows = [row.split("\t", 4) for row in done.out.splitlines()]
    pieces = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    scored = nmt_command(
        "score",
        tiny_run,
        "--engine=keras",
        stdin="".join(f"{source}\t{row[4]}\n" for source, row in zip(SOURCES, rows, strict=True)),
    )
    assert scored.status == 0 and scored.out.count("\n") == len(rows)
    compared, target = 0, Run.open(tiny_run).tokenizers[1]
    for row, line, again in zip(rows, pieces, scored.out.splitlines(), strict=True):
        canonical = [target.piece(i) for i in target.encode([row[4]])[0]]
        if [*canonical, "</s>"] == line["target_pieces"]:
            compared += 1
            np.testing.assert_allclose(
                np.float64(again.split("\t")), np.float64(row[2:4]), atol=1e-3
            )
    assert compared >= 5
    (tmp_path / "pairs.tsv").write_text(
        "".join(f"{s}\t{r[4]}\n" for s, r in zip(SOURCES, rows, strict=True))
    )
    assert (
        nmt_command("score", tiny_run, "--engine=keras", "-i", tmp_path / "pairs.tsv").out
        == scored.out
    )


# Files.


def test_files_in_and_out(babbling, world):
    (world / "in.txt").write_bytes("Größe\r\n\n犬\n".encode())
    done = nmt_command("translate", "any", "-i", "in.txt", "-o", "sub/out.json", "--format", "json")
    assert (done.status, done.out, done.err) == (0, "", "")
    lines = (world / "sub/out.json").read_bytes().decode().split("\n")
    assert [json.loads(line)["source"] for line in lines[:-1]] == ["Größe", "", "犬"]
    assert [path.name for path in (world / "sub").iterdir()] == ["out.json"]


def test_what_is_done_is_not_done_again(babbling, world):
    command = ["translate", "any", "-i", "good.en", "-o", "out/part.gz", "--skip-done"]
    assert nmt_command(*command).err == ""
    done = tree(world)
    assert len(gzip.decompress(done["out/part.gz"]).splitlines()) == 3
    again = nmt_command(*command)
    assert (again.status, again.err) == (0, "out/part.gz: there already, left as it is\n")
    assert tree(world) == done
    assert nmt_command(*command, "--attention", "a.jsonl").err == ""
    assert set(tree(world)) == {*done, "a.jsonl"}
    assert nmt_command("translate", "any", "--skip-done").status == MISTAKE


@pytest.mark.parametrize("arguments", [["-i", "bad.en"], []])
def test_an_output_is_whole_or_not_there(babbling, world, arguments):
    """Input that is bad in the middle, after windows that were translated."""
    before, stdin = tree(world), (world / "bad.en").read_bytes()
    for out in ("new.txt", "old.txt"):
        done = nmt_command(
            "translate",
            "any",
            *arguments,
            "--window",
            1,
            "-o",
            out,
            "--attention",
            "new.jsonl",
            stdin=stdin,
        )
        assert done.status == MISTAKE and "line 2" in done.err and len(done.err.splitlines()) == 1
        assert tree(world) == before


def test_an_output_need_not_be_a_plain_file(babbling, world):
    """A pipe or a device is written to, not replaced by a file; nor is a link."""
    os.mkfifo(world / "pipe")
    reader = os.open(world / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert nmt_command("translate", "any", "a", "--format", "json", "-o", "pipe").status == 0
        assert json.loads(os.read(reader, 10_000))["source"] == "a"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(os.stat(world / "pipe").st_mode)
    (world / "link").symlink_to("old.txt")
    assert nmt_command("translate", "any", "a", "--format", "json", "-o", "link").status == 0
    assert (world / "link").is_symlink() and json.loads((world / "old.txt").read_text())[
        "source"
    ] == "a"
