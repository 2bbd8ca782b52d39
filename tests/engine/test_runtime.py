"""The engine: the same contract and the same translations as Keras, without Keras."""

import itertools
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from nmt.batches.padding import pad
from nmt.decoding.beam import beam_search
from nmt.decoding.contract import FromDistribution
from nmt.decoding.ensemble import Ensemble
from nmt.engine.runtime import Engine, share_shortlist
from nmt.engine.writer import reason_against, write
from nmt.inference.load import load
from nmt.models.cells import CELLS, LSTMCell
from nmt.recipe import ModelOptions
from nmt.runs.folder import Run
from nmt.text.vocabulary import BOS, EOS, PAD
from tests.small_models import MODELS, STRUCTURES, VOCAB, made, sentences

pytestmark = pytest.mark.usefixtures("load_once")

# Those of dropout alone are others where nothing is trained.
DROPOUT = {"dropout", "recurrent dropout"}
EXPORTED = [
    name
    for name in STRUCTURES
    if name not in DROPOUT and not reason_against(ModelOptions(**MODELS[name]))
]
MORE = {
    "deep plain lstm": {"encoder_layers": 3, "decoder_layers": 3, "tie": "all"},
    "deep plain gru": {"cell": "gru", "encoder_layers": 2, "decoder_layers": 2},
    "deep plain rnn": {"cell": "rnn", "decoder_layers": 2, "bidirectional": False},
    "dot": {"attention": "dot", "decoder_units": 10},
    "general": {"attention": "general", "cell": "gru"},
}


def engine_of(model, folder, precision="float32"):
    """The engine of a model, without a run."""
    write(model, precision, folder)
    return Engine(folder.joinpath)


@pytest.mark.parametrize("name", [*EXPORTED, *MORE])
def test_the_float32_engine_equals_keras(name, tmp_path):
    """Hypotheses of an n-best list, their scores and attention; and the scores of given targets."""
    model = made("lstm", **MORE[name]) if name in MORE else made(name)
    model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, 1.5, 0.0))
    engine, (source, target) = engine_of(model, tmp_path), sentences(5, seed=4)
    real = target[:, 1:] != PAD
    expected = model.log_probs(source, target).numpy()
    np.testing.assert_allclose(engine.log_probs(source, target)[real], expected[real], atol=2e-5)
    for beam in (1, 4):
        options = {"limits": [7] * 5, "nbest": beam, "want_attention": True}
        expected = beam_search(model, source, beam, **options)
        found = beam_search(engine, source, beam, **options)
        assert any(h.finished for ranked in expected for h in ranked)
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


@pytest.mark.parametrize("name", ["lstm", "gru", "fixed vector", "deep plain lstm"])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-5), ("int8", 0.15)])
def test_a_small_export_gives_the_same_scores_with_less_room(name, precision, tolerance, tmp_path):
    model = made("lstm", **MORE[name]) if name in MORE else made(name)
    source, target = sentences(5, seed=4)
    real = target[:, 1:] != PAD
    sizes = {}
    encoders = {}
    for small in (False, True):
        folder = tmp_path / str(small)
        folder.mkdir()
        write(model, precision, folder, small)
        scores = Engine(folder.joinpath).log_probs(source, target)[real]
        expected = model.log_probs(source, target).numpy()[real]
        np.testing.assert_allclose(scores, expected, atol=tolerance)
        sizes[small] = np.load(folder / "table.npy").size
        encoders[small] = (folder / "encoder.onnx").stat().st_size
    cell = model.decoder.cells[0]
    assert sizes[False] == VOCAB * cell.units * cell.gates
    assert sizes[True] == VOCAB * model.options.embedding
    # Tied embeddings are there once.
    saved = sizes[True] * (4 if precision == "float32" else 1) if model.options.tie == "all" else 0
    assert encoders[False] - encoders[True] == pytest.approx(saved, abs=200)


def test_the_distribution_of_models_is_what_they_advance_with(tmp_path):
    """Keras and ONNX Runtime, reordered rows included; the log_probs of both follow from it."""
    model, (source, target) = made("lstm"), sentences(3)
    write(model, "float32", tmp_path)
    origin, tokens = np.array([2, 2, 0], np.int32), np.array([BOS, 7, 9], np.int32)
    for one in (model, Engine(tmp_path.joinpath)):
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


def test_int8_and_shortlist_stay_close(tiny_run):
    run = Run.open(tiny_run)
    exact = run.load_model().compiled_model()
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
    rows, places = np.arange(3, dtype=np.int32), memory["places"][:, 0]
    log_probs, ids, _, _ = engine.advance(
        memory, state, rows, np.full(3, BOS, np.int32), places.shape[1] + 5
    )
    assert np.array_equal(np.sort(ids, 1), np.sort(words[places], 1)), "those of the shortlist"
    np.testing.assert_allclose(np.exp(log_probs).sum(1), 1, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "precision", "small"),
    [
        ("lstm", "float32", False),
        ("lstm", "int8", False),
        ("lstm", "int8", True),
        ("gru", "int8", False),
        ("deep plain lstm", "int8", False),
        ("dot", "int8", False),
    ],
)
def test_a_sentence_does_not_depend_on_its_neighbours(name, precision, small, tmp_path):
    """Alone, among others and beside padding: the same hypotheses and scores.

    In int8, which users translate with, to the last bit: rounding would enlarge what differs there.
    """
    engine, sources = engine_with_shortlist(name, precision, tmp_path, small=small)

    def found(size):
        """Ids and scores of the hypotheses, sentence by sentence, in batches of this size."""
        hypotheses = []
        for start in range(0, len(sources), size):
            batch = pad(sources[start : start + size], [], [EOS])
            for best in beam_search(engine, batch, 3, limits=[12] * len(batch), nbest=3):
                hypotheses += [(hypothesis.ids, hypothesis.log_prob) for hypothesis in best]
        return hypotheses

    alone = found(1)
    tolerance = 0 if precision == "int8" else 1e-4
    for size in (3, 30):
        for (ids, log_prob), (other, other_log_prob) in zip(alone, found(size), strict=True):
            assert ids == other
            assert log_prob == pytest.approx(other_log_prob, rel=0, abs=tolerance)


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn", "dot", "general", "fixed vector"])
@pytest.mark.parametrize("places", [1, 2])
def test_a_step_is_the_same_beside_others_to_the_last_bit(name, places, tmp_path):
    """The whole state: rounding may hide a difference for many steps."""
    engine, sources = engine_with_shortlist(name, "int8", tmp_path)

    def stepped(batch):
        """Of each sentence the state and the best words after two steps."""
        memory, state = engine.encode(pad(batch, [], [EOS]))
        rows = np.arange(len(batch), dtype=np.int32).repeat(places)
        for token in (BOS, 7):
            tokens = np.full(len(rows), token, np.int32)
            log_probs, ids, _, state = engine.advance(memory, state, rows, tokens, 3)
            rows = np.arange(len(rows), dtype=np.int32)
        leaves = (log_probs, ids, *(leaf for _, leaf in sorted(state.items())))
        return np.concatenate([leaf.reshape(len(batch), -1) for leaf in leaves], 1)

    for source, beside_others in zip(sources, stepped(sources), strict=True):
        assert np.array_equal(stepped([source])[0], beside_others)


def test_a_beam_wider_than_a_shortlist_finds_what_there_is(tmp_path):
    """Beside a sentence with a longer one, too."""
    engine, _ = engine_with_shortlist("lstm", "int8", tmp_path)
    suggested = np.full((400, 3), EOS, np.uint16)
    suggested[9] = [20, 21, 22]
    np.savez(tmp_path / "lexicon.npz", suggested=suggested, frequent=np.uint16([EOS, 7]))
    engine = Engine(tmp_path.joinpath, shortlist=True)
    few, _ = beam_search(engine, np.array([[8, EOS], [9, EOS]]), 5, limits=[2, 2], nbest=5)
    assert sorted(found.ids for found in few) == [[], [7], [7, 7]]


def test_members_of_an_ensemble_share_a_shortlist(tmp_path):
    """The tokens that either suggests; the mean of what each makes of them alone."""
    engines = []
    for seed in (5, 6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        engine, sources = engine_with_shortlist("lstm", "int8", folder, seed)
        engines.append(engine)
    source = pad(sources[:4], [], [EOS])
    rows, tokens = np.arange(4, dtype=np.int32).repeat(2), np.full(8, BOS, np.int32)
    own = [engine.encode(source)[0]["projection"]["ids"] for engine in engines]
    share_shortlist(engines)
    means, known = [], []
    for engine in engines:
        memory, state = engine.encode(source)
        words, places = memory["projection"]["ids"], memory["places"][:, 0]
        assert set(words) == set(own[0]) | set(own[1])
        every, _, _ = engine.distribution(memory, state, rows, tokens)
        # Those of a sentence, from all tokens.
        chosen = np.full((8, 400), -np.inf, np.float32)
        ids = words[places].repeat(2, 0)
        np.put_along_axis(chosen, ids, np.take_along_axis(every, ids, 1), 1)
        chosen[:, PAD] = -np.inf
        means.append(np.exp(chosen) / np.exp(chosen).sum(1, keepdims=True))
        known.append(ids)
    assert np.array_equal(*known) and PAD in known[0], "none is shorter than another"
    ensemble = Ensemble(engines, shortlist=True)
    log_probs, ids, _, _ = ensemble.advance(*ensemble.encode(source), rows, tokens, 5)
    expected = np.sort(np.mean(means, 0), 1)[:, :-6:-1]
    np.testing.assert_allclose(np.exp(log_probs), expected, rtol=0.02)
    np.testing.assert_allclose(np.take_along_axis(np.mean(means, 0), ids, 1), expected, rtol=0.02)


def engine_with_shortlist(name, precision, folder, seed=5, small=False):
    """An engine large enough that sums have an order, and sources of many lengths."""
    rng, vocab = np.random.default_rng(seed), 400
    structure = {**MORE.get(name, MODELS.get(name)), "attention_units": 40}
    # The encoder has half as many units a direction.
    structure |= {"encoder_units": 100, "decoder_units": 200}
    model = made("lstm", vocab, **structure)
    model.output_bias.assign(np.random.default_rng(seed).normal(size=vocab))
    write(model, precision, folder, small)
    suggested = rng.integers(EOS, vocab, (vocab, 30)).astype(np.uint16)
    np.savez(folder / "lexicon.npz", suggested=suggested, frequent=np.uint16([EOS, 7]))
    engine = Engine(folder.joinpath, shortlist=precision == "int8")
    return engine, [rng.integers(4, vocab, n % 15 + 1).tolist() for n in range(30)]


def test_translate_needs_neither_keras_nor_tensorflow(tiny_run, tmp_path):
    """Nor the run folder: the exported one can move anywhere."""
    folder = tmp_path / "alone"
    shutil.copytree(Run(tiny_run).export_path, folder)
    code = (
        "import sys, nmt; t = nmt.load(sys.argv[1])\n"
        "print(t.translate(['The boy reads a book.'])[0])\n"
        "print({'keras', 'tensorflow', 'onnx', 'sacrebleu', 'multiprocessing'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    text, loaded = done.stdout.splitlines()
    assert loaded == "set()" and text == load(tiny_run).translate(["The boy reads a book."])[0]


def test_several_threads_may_search_at_once(tiny_run):
    """Of an engine just loaded, so that graphs are loaded by the threads as well."""
    run = Run.open(tiny_run)
    rng = np.random.default_rng(3)
    vocab = run.tokenizers[0].size
    sources = [rng.integers(4, vocab, (3, n)).astype(np.int32) for n in range(2, 22, 2)]

    def results(engine, source):
        hypotheses = [h for one in beam_search(engine, source, 3) for h in one]
        scores = engine.log_probs(source, np.array([[BOS, 5, 9, EOS]] * len(source)))
        return [(h.ids, h.log_prob) for h in hypotheses], scores.tolist()

    engine = run.exported().load_engine()
    expected = [results(engine, source) for source in sources]
    engine = run.exported().load_engine()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(results, [engine] * len(sources), sources)) == expected


class PeepholeCell(LSTMCell):
    """An LSTM whose gates see c (Gers & Schmidhuber 2000), with its ONNX form: all it takes."""

    def build(self, input_size):
        super().build(input_size)
        self.peepholes = [self.add_weight((self.units,), name=f"peephole_{gate}") for gate in "iof"]

    def weights_of_step(self):
        peepholes = {
            gate: tf.convert_to_tensor(w) for gate, w in zip("iof", self.peepholes, strict=True)
        }
        return {**super().weights_of_step(), **peepholes}

    def step(self, z, state, weights, mask=None):
        i, f, g, o = ops.split(z + self.recur(state["h"], weights, mask), 4, axis=-1)
        c = state["c"]
        i = ops.sigmoid(i + weights["i"] * c)
        c = ops.sigmoid(f + weights["f"] * c) * c + i * ops.tanh(g)
        return {"h": ops.sigmoid(o + weights["o"] * c) * ops.tanh(c), "c": c}

    def onnx_step(self, g, x, recurrent, state):
        i, f, o, new = g.split(g("Add", x, recurrent), *[self.units] * 4)
        seen_i, seen_o, seen_f = (g.constant(w) for w in self.peepholes)
        c = state["c"]
        i = g("Sigmoid", g("Add", i, g("Mul", seen_i, c)))
        f = g("Sigmoid", g("Add", f, g("Mul", seen_f, c)))
        c = g("Add", g("Mul", f, c), g("Mul", i, g("Tanh", new)))
        o = g("Sigmoid", g("Add", o, g("Mul", seen_o, c)))
        return {"h": g("Mul", o, g("Tanh", c)), "c": c}


def test_a_new_cell_is_exported_by_what_its_class_says(tmp_path, monkeypatch):
    monkeypatch.setitem(CELLS, "peephole", PeepholeCell)
    model = made("lstm", cell="peephole", encoder_layers=2, decoder_layers=2)
    source, target = sentences(5, seed=4)
    real = target[:, 1:] != PAD
    assert reason_against(model.options) is None
    expected = model.log_probs(source, target).numpy()[real]
    for precision, tolerance in (("float32", 2e-5), ("int8", 0.2)):
        (tmp_path / precision).mkdir()
        engine = engine_of(model, tmp_path / precision, precision)
        scores = engine.log_probs(source, target)[real]
        np.testing.assert_allclose(scores, expected, atol=tolerance)
    monkeypatch.setattr(PeepholeCell, "onnx", None)
    assert "model.cell=peephole" in reason_against(model.options)
