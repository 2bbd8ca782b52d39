"""An exported run: the same contract, the same translations, without Keras."""

import itertools
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from nmt.__main__ import main
from nmt.batches.padding import pad
from nmt.decoding.beam import beam_search
from nmt.decoding.contract import FromDistribution
from nmt.engine import builder as graph
from nmt.engine import lexicon
from nmt.engine import writer as export
from nmt.engine.runtime import Engine
from nmt.inference.load import load
from nmt.recipe import ModelOptions
from nmt.runs.folder import Run
from nmt.text.vocabulary import BOS, EOS, PAD
from tests.test_model import MODELS, VOCAB, compiled, made, sentences

pytestmark = pytest.mark.usefixtures("load_once")

EXPORTED = [name for name in MODELS if not export.reason_against(ModelOptions(**MODELS[name]))]
MORE = {
    "deep plain lstm": {"encoder_layers": 3, "decoder_layers": 3, "tie": "all"},
    "deep plain gru": {"cell": "gru", "encoder_layers": 2, "decoder_layers": 2},
    "deep plain rnn": {"cell": "rnn", "decoder_layers": 2, "bidirectional": False},
    "dot": {"attention": "dot", "decoder_units": 10},
    "general": {"attention": "general", "cell": "gru"},
}


def engine_of(model, folder, precision="float32", shortlist=False):
    """The engine of a model, without a run."""
    export.write(model, precision, folder)
    return Engine(lambda name: folder / name)


@pytest.mark.parametrize("name", [*EXPORTED, *MORE])
def test_the_float32_engine_equals_keras(name, tmp_path):
    """All hypotheses of an n-best list, their scores and attention; and the scores of given targets."""
    model = compiled(name) if name in MODELS else made("lstm", **MORE[name])
    model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, 1.5, 0.0))
    engine, (source, target) = engine_of(model, tmp_path), sentences(5, seed=4)
    real = target[:, 1:] != PAD
    expected = model.log_probs(source, target).numpy()
    np.testing.assert_allclose(engine.log_probs(source, target)[real], expected[real], atol=2e-5)
    for beam in (1, 4):
        expected = beam_search(model.graphs(), source, beam, nbest=beam, want_attention=True)
        found = beam_search(engine, source, beam, nbest=beam, want_attention=True)
        for a, b in zip(itertools.chain(*expected), itertools.chain(*found), strict=True):
            assert a.ids == b.ids and a.finished == b.finished
            assert a.log_prob == pytest.approx(b.log_prob, abs=1e-4)
            assert (
                (a.attention is None)
                == (b.attention is None)
                == (model.options.attention == "none")
            )
            if a.attention is not None:
                np.testing.assert_allclose(a.attention, b.attention, atol=1e-4)


def test_the_distribution_of_models_is_what_they_advance_with(tmp_path):
    """Keras and ONNX Runtime, reordered rows included; `log_probs` of both is what follows from it."""
    model, (source, target) = made("lstm"), sentences(3)
    export.write(model, "float32", tmp_path)
    origin, tokens = np.array([2, 2, 0], np.int32), np.array([BOS, 7, 9], np.int32)
    for one in (model.graphs(), Engine(lambda name: tmp_path / name)):
        memory, state = one.encode(source)
        every, attention, after = one.distribution(memory, state, origin, tokens)
        every = np.asarray(every)
        assert every.shape == (3, VOCAB)
        np.testing.assert_allclose(np.exp(every).sum(1), 1, rtol=1e-5)
        best, ids, same_attention, same_after = one.advance(memory, state, origin, tokens, 4)
        np.testing.assert_allclose(np.take_along_axis(every, np.asarray(ids), 1), best, atol=1e-5)
        np.testing.assert_allclose(attention, same_attention, atol=1e-6)
        for name in after:
            np.testing.assert_allclose(after[name], same_after[name], atol=1e-6)
        real = target[:, 1:] != PAD
        np.testing.assert_allclose(
            FromDistribution.log_probs(one, source, target)[real],
            np.asarray(one.log_probs(source, target))[real],
            atol=1e-5,
        )


def test_weights_of_seven_bits():
    """No weight is off by more than half a level of its own column, and no pair of products can overflow."""
    matrix = np.random.default_rng(0).normal(size=(9, 7)) * 10.0 ** np.arange(7)
    matrix[:, 3] = 0
    weights, scale = graph.quantise(matrix)
    assert weights.dtype == np.int8 and 2 * 255 * np.abs(weights.astype(int)).max() < 2**15
    assert np.all(np.abs(weights * scale - matrix) <= scale / 2 * 1.001)


def test_int8_and_shortlist_stay_close(tiny_run):
    run = Run.open(tiny_run)
    exact = run.load_model().graphs()
    lines = ["The boy reads a book.", "He is not calling my mother.", "Maria buys two cats."]
    source = pad(run.tokenizers[0].encode(lines), [], [EOS])
    target = pad(run.tokenizers[1].encode(load(tiny_run).translate(lines)), [BOS], [EOS])
    real = target[:, 1:] != PAD
    engine = run.exported().load_engine(shortlist=True)
    expected = np.asarray(exact.log_probs(source, target))[real]
    assert np.abs(engine.log_probs(source, target)[real] - expected).mean() < 0.1
    memory, state = engine.encode(source)
    words = memory["projection"]["ids"]
    assert EOS in words and len(words) < engine.vocab
    rows = np.arange(3, dtype=np.int32)
    log_probs, ids, _, _ = engine.advance(
        memory, state, rows, np.full(3, BOS, np.int32), len(words) + 5
    )
    assert np.array_equal(np.sort(ids, 1), [words] * 3), "the best words are those of the shortlist"
    np.testing.assert_allclose(np.exp(log_probs).sum(1), 1, rtol=1e-4)


def test_translate_needs_neither_keras_nor_tensorflow(tiny_run, tmp_path):
    """Nor the run folder: the exported one can move anywhere."""
    folder = tmp_path / "alone"
    shutil.copytree(Run(tiny_run).export_path, folder)
    code = (
        "import sys, nmt; t = nmt.load(sys.argv[1]); print(t.translate(['The boy reads a book.'])[0])\n"
        "print({'keras', 'tensorflow', 'onnx', 'sacrebleu'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    text, loaded = done.stdout.splitlines()
    assert loaded == "set()" and text == load(tiny_run).translate(["The boy reads a book."])[0]


def test_an_exported_folder_is_evaluated_like_a_run(tiny_run, tmp_path):
    """It lacks what only training knows, and its model card says nothing of that."""
    folder = tmp_path / "alone"
    shutil.copytree(Run(tiny_run).export_path, folder)
    assert main(["evaluate", str(folder), "--beam", "1"]) == 0
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "BLEU" in card and " steps" not in card


def test_an_export_of_another_version_is_not_used(tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    about = run / "export" / "run.json"
    meta = json.loads(about.read_text(encoding="utf-8"))
    meta["engine"]["graphs"] -= 1
    about.write_text(json.dumps(meta), encoding="utf-8")
    assert Run(run).exported() is None
    assert main(["translate", str(run / "export"), "Hello."]) == 1
    assert "export the run anew" in capsys.readouterr().err


def test_an_export_of_other_weights_is_not_used(tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    assert isinstance(load(run).model, Engine)
    Run(run).update(weights_sha256="0" * 64)
    assert Run(run).exported() is None
    assert main(["translate", str(run), "--engine", "onnx", "Hello."]) == 2
    assert "nmt export" in capsys.readouterr().err


def test_export_on_request(tiny_run, tmp_path, capsys):
    out = tmp_path / "float32"
    assert main(["export", str(tiny_run), "-o", str(out), "--precision", "float32"]) == 0
    lines = ["The boy reads a book.", "", "He is not calling my mother.  "]
    keras, onnx = load(tiny_run, engine="keras").candidates(lines), load(out).candidates(lines)
    assert [c[0].text for c in keras] == [c[0].text for c in onnx]
    capsys.readouterr()
    assert main(["translate", str(out), "--engine", "keras", "Hello."]) == 2
    assert "exported folder" in capsys.readouterr().err
    damaged = out / "step.onnx"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert main(["translate", str(out), "Hello."]) == 1
    assert "step.onnx" in capsys.readouterr().err


@pytest.mark.parametrize(
    "before, after",
    [
        ("layer_norm = false", "layer_norm = true"),
        ('architecture = "recurrent"', 'architecture = "transformer"'),
    ],
)
def test_a_model_that_cannot_be_exported_is_refused(before, after, tiny_run, tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    recipe = (run / "recipe.toml").read_text(encoding="utf-8")
    assert before in recipe
    (run / "recipe.toml").write_text(recipe.replace(before, after), encoding="utf-8")
    assert main(["export", str(run)]) == 2
    assert f"model.{after.split()[0]}" in capsys.readouterr().err


def test_an_export_replaces_nothing_but_an_export(tiny_run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("kept")
    (tmp_path / "file").write_text("kept")
    for name in ("mine", "file"):
        assert main(["export", str(tiny_run), "-o", str(tmp_path / name)]) == 2
        assert name in capsys.readouterr().err
    assert (
        (tmp_path / "mine" / "letter.txt").read_text() == (tmp_path / "file").read_text() == "kept"
    )
    for _ in range(2):
        assert main(["export", str(tiny_run), "-o", str(tmp_path / "new")]) == 0


class Store:
    """Three source pieces; each target piece translates one, whatever the order."""

    pairs = 200

    def __init__(self):
        rng = np.random.default_rng(0)
        chosen = [rng.permutation(6)[:3] for _ in range(self.pairs)]
        self.sides = [10 + c for c in chosen], [rng.permutation(20 + c) for c in chosen]
        self.lengths = [[3] * self.pairs] * 2

    def ids(self, side, pair_ids):
        return [self.sides[side][pair] for pair in pair_ids]

    def frequencies(self, vocab):
        return np.bincount(np.concatenate(self.sides[1]), minlength=vocab)


def test_the_lexicon_finds_translations(tmp_path):
    lexicon.write(tmp_path / "lexicon.npz", Store(), 17, 30)
    with np.load(tmp_path / "lexicon.npz") as arrays:
        assert arrays["suggested"][10:16, 0].tolist() == list(range(20, 26))
        assert set(arrays["suggested"][3]) == {EOS}, "a piece never seen suggests nothing"
        assert set(arrays["frequent"][:6]) == set(range(20, 26))
