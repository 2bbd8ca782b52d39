"""A run of several languages, with text of other corpora: trained, used and measured."""

import json
import shutil

import numpy as np
import pytest

from nmt import files
from nmt.cli.parser import parse
from nmt.errors import UserError
from nmt.evaluation.scored_text import of_split
from nmt.inference.load import load
from nmt.recipe import load_recipe
from nmt.runs.folder import HELD_OUT, Run
from nmt.runs.held_out import held_out, of_all
from nmt.text.vocabulary import BOS, EOS
from nmt.training.train import prepare, train
from tests.fakes import messages
from tests.short_run import LINES, trained

RECIPE = """
[data]
format = "grammar"
size = 80
temperature = 3.0

[[data.more]]
target = "ja"
size = 20

[[data.more]]
format = "tsv"
train = "made.tsv"
target = "ja"
tag = "bt"
splits = "train"
weight = 0.5

[tokenizer]
vocab_size = 250
byte_fallback = false

[model]
cell = "rnn"
bidirectional = false
embedding = 8
encoder_units = 8
decoder_units = 8
attention_units = 8

[train]
steps = 6
batch_tokens = 200
average = 0
valid_sentences = 6
save_minutes = 0
threads = 1
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    (folder / "several.toml").write_text(RECIPE)
    made = [f"A dog saw {n} cats.\t犬は{n}匹の猫を見た。\n" for n in range(40)]
    (folder / "made.tsv").write_text("".join(made), "utf-8")
    return folder / "several.toml"


@pytest.fixture(scope="module")
def run(recipe, once):
    def make(folder):
        logged = []
        trained(recipe, folder, lines=logged)
        assert [line for line in logged if line.startswith("corpus en-ja made.tsv: 40 training")]

    return Run(once("several", make))


def test_sources_begin_with_language_and_tag(recipe, tmp_path):
    options = load_recipe(recipe)
    run = Run(tmp_path / "run")
    run.path.mkdir()
    run.save_recipe(options)
    batches = prepare(run, options)
    tokenizer = run.tokenizers[0]
    ids = {piece: tokenizer.control_ids([piece])[0] for piece in ("<2de>", "<2ja>", "<bt>")}
    assert not set(ids.values()) & set(np.concatenate(tokenizer.encode(["<2de> <bt> 2ja", "x"])))
    begins = [[ids["<2de>"]], [ids["<2ja>"]], [ids["<2ja>"], ids["<bt>"]]]
    assert batches.prefixes == begins
    seen = np.concatenate(list(batches.epoch(0)))
    de, ja, made = batches.store.corpora
    counts = [
        np.sum((seen >= start) & (seen < start + size))
        for start, size in zip(batches.starts, batches.store.corpora, strict=False)
    ]
    factor = ((ja + made) / de) ** (1 / 3 - 1)
    assert counts == pytest.approx([de, ja * factor, made * factor / 2], abs=1)


def test_each_language_is_translated_into(run, capsys):
    into_german = load(run.path)
    into_japanese = load(run.path, to="ja")
    assert into_german.recipe.data.target == "de" and into_japanese.recipe.data.target == "ja"
    candidates = [
        translator.candidates(LINES, attention=True) for translator in (into_german, into_japanese)
    ]
    for language, lists in zip(("<2de>", "<2ja>"), candidates, strict=True):
        assert all(best.source_pieces[0] == language for best, *_ in lists)
    scores = [[best.log_prob for best, *_ in lists] for lists in candidates]
    assert np.abs(np.subtract(*scores)).max() > 1e-4
    again = into_german.into("ja").candidates(LINES)
    assert [best.log_prob for best, *_ in again] == pytest.approx(scores[1], abs=1e-5)
    keras = load(run.path, engine="keras", to="ja").candidates(LINES)
    # A shortlist makes those of the export larger, the more so as this model knows little.
    assert [best.log_prob for best, *_ in keras] == pytest.approx(scores[1], rel=0.2)
    with pytest.raises(UserError, match="into 'fr' it does not translate; languages: de, ja"):
        load(run.path, to="fr")
    args = parse(["translate", str(run.path), LINES[0], "--to", "ja"])
    args.run_command(args)
    assert capsys.readouterr().out.strip() == into_japanese.translate(LINES[:1])[0]


def test_a_translation_is_scored_as_one_into_its_language(run):
    source, target = LINES[0], "Der Junge liest ein Buch."
    tokenizers = run.tokenizers
    model = run.load_model()
    for code in ("de", "ja"):
        ((log_prob, _),) = load(run.path, to=code).score([source], [target])
        ids = tokenizers[0].control_ids([f"<2{code}>"]) + tokenizers[0].encode([source])[0]
        target_ids = tokenizers[1].encode([target])[0]
        expected = model.log_probs(np.array([[*ids, EOS]]), np.array([[BOS, *target_ids, EOS]]))
        assert log_prob == pytest.approx(float(np.sum(expected)), abs=0.05)


def test_each_corpus_is_evaluated(run, capsys):
    assert {len(held_out(run, split, number=n)) for split in ("valid", "test") for n in (0, 1)} == {
        500
    }
    args = parse(["evaluate", str(run.path), "--beam", "1"])
    args.run_command(args)
    lines = capsys.readouterr().out.splitlines()
    assert f"{run.path}, en-de: test, 500 sentences en-de, beam 1" in lines[0]
    assert any(line.startswith(f"{run.path}, en-ja: test, 500") for line in lines)
    report = json.loads((run.path / "report.json").read_text("utf-8"))
    assert report["target"] == "de" and report["corpora"]["en-ja"]["target"] == "ja"
    args = parse(["evaluate", str(run.path), "--once", "--beam", "1"])
    args.run_command(args)
    assert "en-ja: test, 500" in capsys.readouterr().out
    args = parse(["evaluate", str(run.path), "--to", "ja", "--split", "valid", "--beam", "1"])
    args.run_command(args)
    assert capsys.readouterr().out.startswith(f"{run.path}: valid, 500 sentences en-ja")


def test_a_corpus_without_held_out_text_is_left_out(run, tmp_path):
    folder = shutil.copytree(run.path, tmp_path / "run")
    digests = {}
    for name in HELD_OUT.values():
        lines = (folder / name).read_text("utf-8").splitlines(keepends=True)
        (folder / name).write_text(
            "".join(line for line in lines if line.endswith("\t1\n")), "utf-8"
        )
        digests[name] = files.digest(folder / name)
    small = Run(folder)
    small.update(held_out=digests)
    assert [text.number for text in of_split(small, "test")] == [1]
    assert {number: len(pairs) for number, pairs in of_all(small, "valid", 6).items()} == {1: 6}
    with pytest.raises(UserError, match="has no test text into de; name one with --source"):
        of_split(small, "test", "de")


def test_fine_tuning_for_one_language_keeps_its_symbol(run, tmp_path):
    recipe = tmp_path / "own.toml"
    recipe.write_text('[data]\nformat = "grammar"\ntarget = "ja"\nsize = 30\n')
    short = ["train.steps=1", "train.average=0", "train.valid_sentences=2", "train.threads=1"]
    tuned = trained(recipe, tmp_path / "tuned", f"train.from={run.path}", *short)
    for each in (tuned.path, run.path):
        (best, *_), *_ = load(each, to="ja").candidates(LINES, attention=True)
        assert best.source_pieces[0] == "<2ja>"


def test_another_mixture_is_another_run(recipe, run, tmp_path):
    other = recipe.parent / "other.toml"
    other.write_text(RECIPE.replace("weight = 0.5", "weight = 1.5"))
    with pytest.raises(UserError, match=r"the corpora of \[\[data.more\]\]"):
        train(load_recipe(other), run.path)


def test_a_tokenizer_without_the_language_is_refused(recipe, tiny_run, tmp_path):
    options = load_recipe(recipe, [f"tokenizer.from={tiny_run}"])
    with pytest.raises(UserError, match="its tokenizer has no <2de>, which is needed"), messages():
        train(options, tmp_path / "run")
    assert not (tmp_path / "run").exists()
