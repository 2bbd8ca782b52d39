"""Training text from runs: what is written, what is left out, and that work is never lost."""

import json
import shutil
from collections import Counter

import pytest

import nmt
from nmt.cli.parser import parse
from nmt.corpora import toy
from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from nmt.inference import augmentation
from nmt.inference.augmentation import Making, State
from nmt.inference.load import load
from nmt.inference.translation import Translation
from nmt.recipe import DataOptions, Recipe, load_recipe
from nmt.runs.folder import Run
from tests.short_run import LINES

MORE = [source for source, _ in toy.generate("en-de", "train", 40)]


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join([*LINES, "", LINES[0], *MORE]) + "\n")
    return path


def augment(*arguments):
    args = parse(["augment", *map(str, arguments)])
    args.run_command(args)


def rows(path):
    header, *rest = path.read_text("utf-8").splitlines()
    return header, [row.split("\t") for row in rest]


def test_a_corpus_that_a_recipe_can_name(tiny_run, lines, tmp_path, capsys):
    made = tmp_path / "deep" / "made.tsv"
    augment(tiny_run, "-i", lines, "-o", made, "--beam", 1)
    header, table = rows(made)
    assert header == "en\tde\tscore"
    translator = load(tiny_run)
    expected = dict(zip(LINES, translator.translate(LINES, beam=1), strict=True))
    written = {source: target for source, target, _ in table}
    kept = [source for source in LINES if source in written]
    assert kept and all(written[source] == expected[source] for source in kept)
    assert len(written) == len(table), "a line comes once"
    # What it was made from; every line is a pair, or was dropped for a reason.
    told = json.loads((tmp_path / "deep" / "made.tsv.json").read_text())
    assert told["lines"] == len({*LINES, *MORE}) == told["pairs"] + sum(told["dropped"].values())
    assert told["runs"] == [[{"path": str(tiny_run), "weights": Run(tiny_run).info.weights_sha256}]]
    assert sorted(path.name for path in made.parent.iterdir()) == ["made.tsv", "made.tsv.json"]
    # The snippet it prints is one that a recipe takes.
    (tmp_path / "own.toml").write_text(f'[data]\nformat = "grammar"\n\n{capsys.readouterr().out}')
    corpus = load_recipe(tmp_path / "own.toml").data.more[0]
    assert list(Corpus(corpus).read("train")) == [(source, target) for source, target, _ in table]
    # Once more: nothing to do.
    before = made.read_bytes()
    augment(tiny_run, "-i", lines, "-o", made, "--beam", 1)
    assert made.read_bytes() == before


def test_quotation_marks_are_read_as_they_were_written(tiny_run, lines, tmp_path, monkeypatch):
    """A table in which all enclose whole cells is no spreadsheet's."""
    pairs = [('"Where is it?"', "„Wo ist es?“", -0.3), ('"No."', '"Nein."', -0.2)]
    monkeypatch.setattr(Making, "pairs", lambda *_: pairs)
    augment(tiny_run, "-i", lines, "-o", tmp_path / "made.tsv")
    data = DataOptions(format="tsv", train=str(tmp_path / "made.tsv"), splits="train")
    assert list(Corpus(data).read("train")) == [pair[:2] for pair in pairs]


def test_the_best_is_chosen_by_the_length_penalty_given(tiny_run, lines, tmp_path):
    made, usual = tmp_path / "made.tsv", tmp_path / "usual.tsv"
    augment(tiny_run, "-i", lines, "-o", made, "--length-penalty", 3)
    augment(tiny_run, "-i", lines, "-o", usual)
    translator = nmt.load(tiny_run, length_penalty=3)
    scores = {each.text: each.score for (each,) in translator.candidates([*LINES, *MORE])}
    written = {target: float(score) for _, target, score in rows(made)[1]}
    assert written and written == pytest.approx({text: scores[text] for text in written}, abs=1e-4)
    assert made.read_bytes() != usual.read_bytes()
    with pytest.raises(UserError, match="made otherwise"):
        augment(tiny_run, "-i", lines, "-o", usual, "--length-penalty", 3)


def test_back_translations_stand_on_the_side_of_the_source(tiny_run, lines, tmp_path):
    augment(tiny_run, "-i", lines, "-o", tmp_path / "made.tsv", "--limit", 20)
    augment(tiny_run, "-i", lines, "-o", tmp_path / "back.tsv", "--limit", 20, "--back")
    header, table = rows(tmp_path / "back.tsv")
    assert header == "de\ten\tscore"
    assert [[source, target, score] for target, source, score in table] == rows(
        tmp_path / "made.tsv"
    )[1]


@pytest.mark.parametrize("how", [["--beam", 2, "--nbest", 2], ["--temperature", 0.7, "--nbest", 3]])
def test_what_was_stopped_goes_on_and_is_the_same(tiny_run, lines, tmp_path, monkeypatch, how):
    whole, stopped = tmp_path / "whole.tsv", tmp_path / "stopped.tsv"
    monkeypatch.setattr(augmentation, "WINDOW", 15)
    augment(tiny_run, tiny_run, "-i", lines, "-o", whole, *how)
    calls, pairs = [], Making.pairs

    def stop(making, translator, window, dropped):
        calls.append(len(window))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return pairs(making, translator, window, dropped)

    with monkeypatch.context() as patch:
        patch.setattr(Making, "pairs", stop)
        with pytest.raises(KeyboardInterrupt):
            augment(tiny_run, tiny_run, "-i", lines, "-o", stopped, *how)
    part = tmp_path / "stopped.tsv.part"
    assert not stopped.exists() and len(part.read_bytes()) > 100
    with open(part, "a") as file:
        file.write("half a li")
    with pytest.raises(UserError, match="made otherwise"):
        augment(tiny_run, tiny_run, "-i", lines, "-o", stopped, *how, "--back")
    augment(tiny_run, tiny_run, "-i", lines, "-o", stopped, *how)
    assert stopped.read_bytes() == whole.read_bytes() and len(rows(whole)[1]) > 30
    assert not part.exists()
    # Killed between the last two steps.
    content = stopped.read_bytes()
    stopped.rename(part)
    augment(tiny_run, tiny_run, "-i", lines, "-o", stopped, *how)
    assert stopped.read_bytes() == content and not part.exists()
    # The same runs and the same text elsewhere, with another version.
    moved = shutil.copytree(tiny_run, tmp_path / "moved")
    monkeypatch.setattr(augmentation, "__version__", "9.9")
    augment(moved, moved, "-i", lines.rename(tmp_path / "other.txt"), "-o", stopped, *how)
    assert stopped.read_bytes() == content


def test_two_processes_do_not_write_one_corpus(tiny_run, lines, tmp_path, monkeypatch):
    alone, made = tmp_path / "alone.tsv", tmp_path / "made.tsv"
    how = ["-i", lines, "--beam", 1, "--limit", 20]
    augment(tiny_run, "-o", alone, *how)
    pairs = Making.pairs

    def meanwhile(*arguments):
        with pytest.raises(UserError, match="made.tsv: another process is making it"):
            augment(tiny_run, "-o", made, *how)
        return pairs(*arguments)

    monkeypatch.setattr(Making, "pairs", meanwhile)
    augment(tiny_run, "-o", made, *how)
    assert made.read_bytes() == alone.read_bytes()


def test_a_corpus_that_another_process_completes_meanwhile(tmp_path):
    path, told = tmp_path / "made.tsv", {"source": "en", "target": "de"}
    late = State(path, told)
    with State(path, told) as state:
        state.add(["a\tb\t0"], 1, Counter())
    before = path.read_bytes()
    with late:
        assert late.complete and late.numbers["pairs"] == 1
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 2
    # Somebody has removed the corpus, but not what told of it.
    path.unlink()
    with State(path, told) as anew:
        assert not anew.complete and anew.numbers["lines"] == 0
        anew.add(["x\ty\t0"], 1, Counter())
    assert path.read_text() == "en\tde\tscore\nx\ty\t0\n"
    # A table that lacks what was told of it is not filled with nothing.
    with pytest.raises(KeyboardInterrupt), State(tmp_path / "cut.tsv", told) as state:
        state.add(["a\tb\t0", "c\td\t0"], 2, Counter())
        raise KeyboardInterrupt
    (tmp_path / "cut.tsv.part").write_text("en\tde\tscore\n")
    with pytest.raises(UserError, match="lacks what"), State(tmp_path / "cut.tsv", told):
        pass
    assert (tmp_path / "cut.tsv.part").read_text() == "en\tde\tscore\n"
    (tmp_path / "cut.tsv.part").unlink()
    with pytest.raises(UserError, match="lacks what"), State(tmp_path / "cut.tsv", told):
        pass
    assert not (tmp_path / "cut.tsv.part").exists()


def test_the_training_text_of_the_run_is_the_default(tiny_run, tmp_path):
    augment(tiny_run, "-o", tmp_path / "made.tsv", "--limit", 5, "--beam", 1)
    told = json.loads((tmp_path / "made.tsv.json").read_text())
    assert told["text"] == f"training text of {tiny_run}" and told["lines"] == 5


def test_all_corpora_of_a_direction_are_translated(tiny_run, tmp_path):
    """Not those of another one, nor what runs have made."""
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    for name in ("own", "made", "other"):
        rows = [f"the {name} dog sees {n} cats\tder Hund {name} {n}" for n in numbers]
        (tmp_path / f"{name}.tsv").write_text("\n".join(rows))
    run = shutil.copytree(tiny_run, tmp_path / "run")
    recipe = (run / "recipe.toml").read_text("utf-8")
    more = [
        f'[[data.more]]\nformat = "tsv"\ntrain = "{tmp_path}/{name}.tsv"\n{options}\n\n'
        for name, options in (
            ("own", 'valid = "v.tsv"\ntest = "t.tsv"'),
            ("made", 'splits = "train"'),
            ("other", 'splits = "train"\nsource = "de"\ntarget = "en"'),
        )
    ]
    for name in "vt":
        (run / f"{name}.tsv").write_text("a dog\tein Hund\n")
    first, rest = recipe.split("[tokenizer]")
    (run / "recipe.toml").write_text(f"{first}{''.join(more)}[tokenizer]{rest}", "utf-8")
    sources = {}
    for name, folder in (("one", tiny_run), ("all", run)):
        augment(folder, "-o", tmp_path / "out" / f"{name}.tsv", "--beam", 1)
        told = json.loads((tmp_path / "out" / f"{name}.tsv.json").read_text())
        sources[name] = told["lines"]
    assert sources["all"] == sources["one"] + len(numbers)


@pytest.mark.parametrize(
    ("translation", "reason"),
    [
        (Translation("Das Haus ist rot."), None),
        (Translation("Das Haus ist rot.", finished=False), "no end"),
        (Translation("Haus Haus Haus Haus Haus."), "repeats itself"),
        (Translation("das Haus und das Haus und das Haus und das Haus und"), "repeats itself"),
        (Translation("Das Haus ist rot.", repaired={"placeholder": 1}), "a copied span was lost"),
        (Translation("Das Haus ist rot.", score=-2.5), "score"),
        (Translation("The house is red."), "same on both sides"),
        (Translation(""), "empty side"),
        (Translation("Das " + "Haus, " * 3 + "ist " + "so " * 3 + "rot " * 30), "repeats itself"),
    ],
)
def test_what_is_no_text_to_learn_from(translation, reason):
    making = Making(min_score=-2.0)
    assert making._fault("The house is red.", translation, DataOptions()) == reason


def test_of_equal_translations_the_best_counts():
    """Others may be worse, or cut, only by how they were written."""

    class Same:
        recipe = Recipe()

        def candidates(self, lines, *_, **__):
            first, second = "Das Haus ist rot.", "Rot ist das Haus."
            cut = Translation(first, score=-1.5, finished=False)
            return [[Translation(first, score=-0.2), Translation(second, score=-0.3), cut]]

    dropped = Counter()
    found = list(Making(nbest=3, min_score=-1.0).pairs(Same(), ["The house is red."], dropped))
    assert [score for *_, score in found] == [-0.2, -0.3] and not dropped


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--top-k", 3], "they need --temperature"),
        (["--temperature", 1, "--beam", 2], "exclude each other"),
        (["-i", "missing.txt"], "missing.txt"),
        (["-o", "."], "is a folder"),
    ],
)
def test_mistakes_change_nothing(tiny_run, lines, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UserError, match=words):
        augment(tiny_run, "-i", lines, "-o", "made.tsv", *options)
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "made.tsv").write_text("mine\n")
    with pytest.raises(UserError, match="made otherwise"):
        augment(tiny_run, "-i", lines, "-o", "made.tsv")
    assert (tmp_path / "made.tsv").read_text() == "mine\n"
