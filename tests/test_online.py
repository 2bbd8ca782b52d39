"""Online translation: an encoder that goes on, a mask that hides what is ahead, streams that equal batches."""

import dataclasses
import functools
import io
import itertools
import os
import random
import select
import sys
import threading
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import nmt.simultaneous.model
from nmt.__main__ import main
from nmt.batches.padding import pad
from nmt.corpora import toy as grammar
from nmt.corpora.corpus import Corpus
from nmt.decoding.beam import beam_search
from nmt.errors import UserError
from nmt.inference.translator import Translator
from nmt.models.attention import AdditiveAttention
from nmt.models.compiled import CompiledModel
from nmt.models.translation import TranslationModel
from nmt.recipe import DataOptions, ModelOptions, TokenizerOptions, dump_recipe, load_recipe
from nmt.runs.folder import Run
from nmt.simultaneous import lagging
from nmt.simultaneous.lagging import average_lagging
from nmt.simultaneous.model import WaitKModel, WaitKSearch, load_model
from nmt.simultaneous.policy import WordStarts, source_words_read
from nmt.simultaneous.stream import Lines, Online, Source
from nmt.text import placeholders as text
from nmt.text.tokenizer import Tokenizer
from nmt.text.vocabulary import BOS, EOS, PAD
from nmt.training.train import train
from tests.fakes import messages

VOCAB = 14
SMALL = {
    "embedding": 6,
    "encoder_units": 5,
    "decoder_units": 7,
    "attention_units": 4,
    "dropout": 0.0,
    "bidirectional": False,
}
MODELS = {
    "lstm": {},
    "gru": {"cell": "gru", "attention": "general"},
    "before": {"cell": "gru", "reset_after": False, "layer_norm": True},
    "deep lstm": {"encoder_layers": 2, "decoder_layers": 2, "residual": True, "layer_norm": True},
    "deep gru": {"cell": "gru", "encoder_layers": 2},
    "deep rnn": {
        "cell": "rnn",
        "encoder_layers": 2,
        "tie": "all",
        "attention": "dot",
        "decoder_units": 5,
    },
}
every_model = pytest.mark.parametrize("name", MODELS)
every_attention = pytest.mark.parametrize("name", ["lstm", "gru", "deep rnn"])


def vocabulary(starts):
    """A tokenizer whose pieces from id 4 on begin words where `starts` has a 1."""
    pieces = ["<pad>", "<unk>", "<s>", "</s>", *("▁a" if start else "b" for start in starts)]
    return types.SimpleNamespace(size=len(pieces), piece=pieces.__getitem__)


def word_starts(source="de", target="en"):
    """Of 14 ids the even ones from 4 on begin words."""
    return WordStarts.of([vocabulary([1, 0] * 5)] * 2, DataOptions(source=source, target=target))


def made(name, source="de", target="en", **more):
    """A model of one's own, whose weights are large enough for differences to show."""
    options = ModelOptions(**{**SMALL, **MODELS[name], **more})
    model = WaitKModel(options, VOCAB, VOCAB, seed=3, word_starts=word_starts(source, target))
    for variable in model.trainable_variables:
        variable.assign(variable.value * 1.5 + 0.05)
    return model


@functools.cache
def shared(name):
    """A model that tests leave as it is."""
    return made(name)


def sentences(count=4, seed=0, longest=9):
    rng = np.random.default_rng(seed)
    ids = [
        [rng.integers(4, VOCAB, n).tolist() for n in rng.permutation(longest)[:count] + 1]
        for _ in range(2)
    ]
    return pad(ids[0], [], [EOS]), pad(ids[1], [BOS], [EOS])


def close(first, second, atol=1e-5):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_allclose(first[key], second[key], atol=atol, err_msg=key)


# ---- an encoder that goes on


@every_model
def test_reading_on_equals_reading_at_once(name):
    """In bits of any length, of sentences of different lengths: those that have ended stay as they are."""
    model, (source, _) = shared(name), sentences()
    memory, state = model.encode(source)
    parts = {}
    for start, end in itertools.pairwise([0, 1, 3, 4, 7, source.shape[1]]):
        parts, now = model.encode_more(source[:, start:end], parts)
    close(now, state, 1e-4)  # layer normalisation makes much of the last bit
    close({key: parts.pop(key) for key in memory}, memory, 1e-4)
    layers, cell = model.options.encoder_layers, model.encoder.layers[0][0]
    assert parts.keys() == {
        f"encoder_{part}{layer}" for layer in range(layers) for part in cell.states
    }
    assert all(leaf.shape == (len(source), 5) for leaf in parts.values())


@pytest.mark.parametrize(
    "options",
    [
        {"architecture": "transformer", "embedding": 8},
        {"bidirectional": True},
        {"reverse_source": True},
        {"attention": "none"},
    ],
)
def test_models_that_cannot_read_on_say_so(options):
    with pytest.raises(ValueError, match="model\\."):
        made("lstm", **options)
    typed = [
        f"model.{key}={str(value).lower()}"
        for key, value in {"bidirectional": False, **options}.items()
    ]
    with pytest.raises(UserError, match="train.wait: "):
        load_recipe(None, ["data.format=grammar", "train.wait=3", *typed])


# ---- the mask


def visible(looks):
    """How many positions of the source each output position attends to."""
    return (np.asarray(looks) > 0).sum(-1).tolist()


def test_the_policy_by_hand():
    """Words of 1, 2, 1 and 3 pieces, outputs of 2, 1, 2 and 1; positions visible when each piece is chosen."""
    source, target = (
        np.array([[4, 6, 7, 4, 8, 5, 5, EOS]] * 4),
        np.array([[BOS, 4, 5, 6, 8, 9, 4]] * 4),
    )
    waits = np.array([1, 2, 3, 9], np.int32)
    expected = [[1, 1, 1, 3, 4, 4, 7], [3, 3, 3, 4, 7, 7, 8], [4, 4, 4, 7, 8, 8, 8], [8] * 7]
    model = made("lstm")
    memory, state = model.encode_waiting(source, waits)
    assert visible(model.step(memory, state, target)[1]) == expected
    for row, (first, *_) in enumerate(expected):  # the state knows the first words only
        ids = np.where(np.arange(8) < first, source[row], PAD)[None, :first]
        close(
            {key: leaf[0] for key, leaf in model.encode(ids)[1].items()},
            {key: leaf[row] for key, leaf in state.items() if key not in ("t", "wait")},
        )
    model = made("lstm", target="ja")  # a piece is a word, complete at once
    memory, state = model.encode_waiting(source, 1)
    assert visible(model.step(memory, state, target)[1][0]) == [1, 3, 4, 7, 8, 8, 8]
    model = made("lstm", source="zh", target="ja")
    memory, state = model.encode_waiting(source, 2)
    assert visible(model.step(memory, state, target)[1][0]) == [2, 3, 4, 5, 6, 7, 8]
    assert [int(source_words_read(t, 3)) for t in (0, 1, 5)] == [3, 3, 7]


@every_attention
def test_what_is_ahead_changes_nothing(name, monkeypatch):
    """Another source beyond what the policy lets position t see: the same logits up to t; no gradient beyond."""
    model, rng = shared(name), np.random.default_rng(1)
    sentence, target = (
        np.array([4, 5, 6, 8, 7, 10, 12, 4, EOS]),
        np.array([[BOS, 4, 6, 7, 8, 10, 5, 12]]),
    )
    cases = []  # wait, position, visible positions
    for wait in (1, 3):
        memory, state = model.encode_waiting(sentence[None], wait)
        looks = visible(model.step(memory, state, target)[1][0])
        cases += [(wait, t, count) for t, count in enumerate(looks) if count < len(sentence)]
    waits, positions, counts = np.array(cases, np.int32).T
    assert len(cases) > 8
    others = [
        [*sentence[:count], 2 * rng.integers(2, 7), *rng.integers(4, VOCAB, rng.integers(1, 12))]
        for count in counts
    ]
    source, targets = np.array([sentence] * len(cases)), np.repeat(target, len(cases), 0)
    upto = (np.arange(target.shape[1]) <= positions[:, None])[..., None]
    with tf.GradientTape() as tape:
        x = model.embed(model.source_embedding, source, False)
        tape.watch(x)
        monkeypatch.setattr(
            model,
            "embed",
            lambda table, ids, training: (
                x if ids is source else TranslationModel.embed(model, table, ids, training)
            ),
        )
        logits = model.project(model.step(*model.encode_waiting(source, waits), targets)[0]) * upto
    found = (
        model.project(model.step(*model.encode_waiting(pad(others, [], [EOS]), waits), targets)[0])
        * upto
    )
    np.testing.assert_allclose(found, logits, atol=1e-5)
    gradient = np.abs(tape.gradient(logits, x)).max(-1)
    np.testing.assert_array_equal(gradient > 0, np.arange(len(sentence)) < counts[:, None])


@every_attention
def test_steps_equal_the_window(name):
    model, (source, target) = shared(name), sentences()
    memory, state = model.encode_waiting(source, 2)
    hidden, looks, last = model.step(memory, state, target)
    now = state
    for position in range(target.shape[1]):
        one, look, now = model.step(memory, now, target[:, position : position + 1])
        np.testing.assert_allclose(one[:, 0], hidden[:, position], atol=1e-5)
        np.testing.assert_allclose(look[:, 0], looks[:, position], atol=1e-5)
    close(now, last)


def test_scores_under_the_mask_are_those_of_search():
    """Of the contract with any beam: each hypothesis has come its own way."""
    model, (source, _) = made("deep gru"), sentences()
    graphs = CompiledModel(model, lambda source: model.encode_waiting(source, 2))
    found = beam_search(graphs, source, beam=3, limits=[9] * len(source))
    best = [hypotheses[0].ids for hypotheses in found]
    scored = graphs.log_probs(source, pad(best, [BOS], [EOS])).numpy()
    for row, hypotheses in zip(scored, found, strict=True):
        length = len(hypotheses[0].ids) + hypotheses[0].finished
        assert hypotheses[0].log_prob == pytest.approx(row[:length].sum(), abs=1e-4)


def test_a_wait_for_all_is_no_wait():
    model, (source, target) = made("lstm"), sentences()
    np.testing.assert_allclose(
        model.log_probs_after(*model.encode_waiting(source, 50), target),
        model.log_probs(source, target),
        atol=1e-5,
    )
    whole = model.losses_of(source, target, True)
    model.wait = (50, 50)
    np.testing.assert_allclose(model.losses_of(source, target, True)[0], whole[0], rtol=1e-5)
    model.wait = (1, 1)
    assert abs(model.losses_of(source, target, True)[0] - whole[0]) > 1e-2


def test_waits_are_drawn_from_seed_and_step_in_training_only():
    model, data = made("lstm"), sentences()
    model.compile(keras.optimizers.SGD(0.0), wait=(2, 6))

    def loss(step):
        model.optimizer.iterations.assign(step)
        model.reset_metrics()
        return float(model.train_step(data)["loss"])

    assert loss(5) == loss(5) != loss(6)
    assert set(model.draw_wait(500, training=True).numpy()) == {2, 3, 4, 5, 6}
    assert model.draw_wait(500, training=False) == 4
    model.compile(keras.optimizers.SGD(0.0), wait=(3, 3))
    assert model.draw_wait(500, training=True) == 3


def test_learning_without_a_wait_has_no_mask(monkeypatch):
    """An ordinary update is what it was: no table, no leaf, no comparison in the time loop."""
    model = TranslationModel(ModelOptions(**SMALL), VOCAB, VOCAB)
    (source, target), seen = sentences(), []
    step = AdditiveAttention.step
    monkeypatch.setattr(
        AdditiveAttention, "step", lambda *args: seen.append(args[-1]) or step(*args)
    )
    model.losses_of(source, target, True)
    memory, state = model.encode(source)
    assert memory.keys() == {"outputs", "keys", "mask"} and state.keys() == {"context", "h0", "c0"}
    assert set(map(type, seen)) == {type(None)}


# ---- the end of the source, and lagging


def test_no_translation_ends_before_its_source():
    """EOS too early means: nothing to say yet. A model that knows no other word reads all and says nothing."""
    model, (source, _) = made("lstm"), sentences(6, seed=2)
    waiting = WaitKSearch(model, 1)
    for bias in (0.5, 8.0):
        model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, bias, 0.0))
        found = [best for (best,) in beam_search(waiting, source, beam=1, want_attention=True)]
        for best in found:
            assert best.attention.shape == (len(best.ids) + best.finished, source.shape[1])
            assert (np.diff(best.attention.sum(1)) >= 0).all()
            assert not best.finished or (best.attention[-1] == 1).all(), "the source was not over"
        assert all(best.finished and not best.ids for best in found) == (bias == 8)


@pytest.mark.parametrize(
    ("read", "source", "expected"),
    [
        ([1, 2, 3, 4], 4, 1),
        ([2, 3, 4, 4], 4, 2),
        ([3, 4, 5, 6, 6, 6], 6, 3),  # wait-k, equal lengths: k
        ([4, 4, 4], 4, 4),
        ([7], 7, 7),
        ([], 5, 5),  # all of it first
        ([2, 4, 4, 4], 4, ((2 - 0) + (4 - 1)) / 2),
        ([1, 2, 3], 6, ((1 - 0) + (2 - 2) + (3 - 4)) / 3),  # r = 1/2; never all
        (
            [1, 2, 3, 3, 3, 3],
            3,
            ((1 - 0) + (2 - 0.5) + (3 - 1)) / 3,
        ),  # r = 2: a translation twice as long
    ],
)
def test_average_lagging_by_hand(read, source, expected):
    assert average_lagging(read, source) == pytest.approx(expected)


@pytest.mark.parametrize("wait", range(1, 6))
def test_the_policy_lags_by_its_wait(wait):
    """Ten words for ten words of one or two pieces, the words read when each was written."""
    rng = np.random.default_rng(wait)

    def pieces():
        return [piece for _ in range(10) for piece in ["▁a", "b"][: rng.integers(1, 3)]]

    source, target = pieces(), pieces()
    number = np.cumsum([piece == "▁a" for piece in [*source, "▁a"]])
    read = [
        int(source_words_read(t, wait))
        for t in np.cumsum([0, *(piece == "▁a" for piece in target)])
    ]
    found = types.SimpleNamespace(
        source_pieces=[*source, "</s>"],
        target_pieces=[*target, "</s>"],
        attention=(number <= np.array(read)[:, None]).astype(np.float32),
    )
    counted, total = lagging.words_read(found, (False, False))
    assert counted == [min(t + wait - 1, 10) for t in range(1, 11)] and total == 10
    assert average_lagging(counted, total) == wait


# ---- a trained run


@pytest.fixture(scope="module")
def online_run(once):
    """A run that stays 1 to 6 words behind; its translations are poor, but each line has its own."""
    recipe = load_recipe(
        None,
        [
            "data.format=grammar",
            "data.source=de",
            "data.target=en",
            "data.size=400",
            "tokenizer.vocab_size=250",
            "tokenizer.byte_fallback=false",
            "model.bidirectional=false",
            "model.embedding=24",
            "model.encoder_units=24",
            "model.decoder_units=32",
            "model.attention_units=24",
            "model.dropout=0",
            "train.epochs=5",
            "train.batch_tokens=512",
            "train.learning_rate=3e-2",
            "train.warmup_steps=10",
            "train.precision=float32",
            "train.valid_every=500",
            "train.valid_sentences=4",
            "train.average=0",
            "train.wait=1",
            "train.wait_to=6",
        ],
    )
    return Run(once("online", lambda folder: train(recipe, folder)))


@pytest.fixture(scope="module")
def model(online_run):
    return load_model(online_run)


LINES = [source for source, _ in grammar.generate("de-en", "test", 14)]


@pytest.fixture(scope="module")
def online(online_run, model):
    """The `Online` that waits for the given number of words."""
    words = Online(model, online_run.tokenizers, online_run.recipe, 1)
    whole = Online(model, online_run.tokenizers, online_run.recipe, 0)

    def waiting(wait):
        chosen = words if wait else whole
        chosen.wait = wait
        return chosen

    return waiting


@pytest.fixture(scope="module")
def behind(online_run, model):
    """The same in batches, behind a mask: a `Translator` that waits."""
    translator = Translator(WaitKSearch(model, 1), online_run.tokenizers, online_run.recipe)

    def waiting(wait):
        translator.model.wait.assign(wait)
        return translator

    return waiting


def streamed(translator, lines):
    data = iter(["\n".join(lines).encode()])
    return ["".join(translator.translate(line)) for line in Lines(lambda: next(data, b""))]


def test_streams_equal_batches(online_run, model, online, behind):
    """Word by word through a memory that grows, against all lines at once behind a mask."""
    lines = [*LINES[:6], "  Anna schläft. ", "{a} sieht {b} und <b title='x y'>{a}</b>.", "Hund"]
    ordinary = Translator(
        model.compiled_model(), online_run.tokenizers, online_run.recipe
    ).translate(lines, beam=1)
    for wait in (1, 3, 50):
        found = streamed(online(wait), lines)
        assert found == behind(wait).translate(lines, beam=1) and len(set(found)) > 6
        assert (found == ordinary) == (wait == 50)
    assert online(1).graphs.encode_more.experimental_get_tracing_count() == 1


def test_streams_equal_batches_where_a_piece_is_a_word(online_run, model, online, monkeypatch):
    """As for Japanese: pieces of the target are complete at once, so that more of the source is read sooner."""
    data = dataclasses.replace(online_run.recipe.data, target="ja")
    translator, word_starts = online(1), WordStarts.of(online_run.tokenizers, data)
    spaced = streamed(translator, LINES[:5])
    monkeypatch.setattr(model, "word_starts", word_starts)
    monkeypatch.setattr(translator, "words", word_starts)
    batch = Translator(WaitKSearch(model, 1), online_run.tokenizers, online_run.recipe)
    assert spaced != streamed(translator, LINES[:5]) == batch.translate(LINES[:5], beam=1)


def test_full_is_ordinary_translation_line_by_line(online_run, model, online):
    lines = [*LINES[:4], "", "  \t", " {name}  ist\u00a0da. ", "犬", "\u200b", LINES[4] * 9]
    ordinary = Translator(
        model.compiled_model(), online_run.tokenizers, online_run.recipe
    ).translate(lines, beam=1)
    with messages() as warnings:
        assert streamed(online(0), lines) == ordinary
    assert len(warnings) == 1


def test_blank_lines_and_odd_text_stay_lines(online):
    lines = ["", " ", "\t x", "\u200b", "a\u3000b \u00a0", "\ue003 {a}", "<b", "{", "\r", "ä" * 99]
    found = streamed(online(2), lines)
    assert len(found) == len(lines) and not any("\n" in line for line in found)
    assert found[0] == "" and found[1] == " " and found[3] == "\u200b"
    assert found[4].endswith(" \u00a0") and found[2].startswith("\t ")


def test_long_lines_lose_no_word(online_run, online):
    """More pieces than training data have: parts of whole words, one warning for each that follows."""
    line = " ".join(LINES)
    translator = online(2)
    limit = translator.recipe.data.max_pieces
    source, read, parts = Source(translator, [line[:50], line[50:]]), [], 0
    while source.more():
        part = list(iter(source.next, []))
        assert sum(map(len, part)) <= limit
        assert all(
            sum(translator.words.source[word]) == 1 and translator.words.source[word[0]]
            for word in part
        )
        read, parts = [*read, *itertools.chain(*part)], parts + 1
    assert read == [*itertools.chain(*online_run.tokenizers[0].encode([line[:50], line[50:]]))]
    assert source.line == line and parts > 1
    with messages() as warnings:
        (found,) = streamed(translator, [line])
    assert len(found.split()) > 20 and len(warnings) == parts - 1


def test_a_placeholder_is_not_named_before_it_has_come(online_run, online, monkeypatch):
    """The model may choose its symbol earlier; what is on the screen cannot be mended then."""
    translator, tokenizer = online(2), online_run.tokenizers[1]
    symbol, (first, *more) = (
        tokenizer.encode([text.SYMBOLS[1]])[0][-1],
        tokenizer.encode(["Anna sleeps"])[0],
    )
    source = Source(translator, ["{a} und", " {b}"])

    def chosen(source):
        yield from (first, symbol)
        while source._arrived():
            source.ready.clear()
        yield from (*more, symbol)

    monkeypatch.setattr(translator, "_choose", chosen)
    source._arrived()
    assert "".join(translator._part(source)) == tokenizer.decode([first, *more]) + "{b}"


def test_evaluate_measures_quality_and_lagging(online_run, model, monkeypatch, capsys, tmp_path):
    pairs = list(grammar.generate("de-en", "test", 25))
    monkeypatch.setattr(Corpus, "held_out", lambda *_: pairs)
    monkeypatch.setattr(nmt.simultaneous.model, "load_model", lambda run: model)
    path = tmp_path / "curve.png"
    assert main(["evaluate", str(online_run.path), "--wait", "1,3,full", "--plot", str(path)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:5]]
    assert [row[0] for row in rows] == ["1", "3", "full"]
    lags = [float(row[3]) for row in rows]
    assert lags == sorted(lags)
    assert lags[2] == pytest.approx(
        np.mean([len(source.split()) for source, _ in pairs]), abs=0.005
    )
    assert path.read_bytes().startswith(b"\x89PNG")


# ---- the text as it comes


@pytest.mark.parametrize("seed", range(30))
def test_lines_are_what_was_sent_however_it_comes(seed):
    rng = random.Random(seed)
    parts = [*"a  \t\nä犬😀<{\r\u00a0\u2028", "{x y}", "<a b>", "\r\n"]
    sent = "".join(rng.choices(parts, k=60))
    data, pieces = sent.encode(), []
    while data:
        size = rng.randrange(1, 6)
        pieces.append(data[:size])
        data = data[size:]
    found = [list(line) for line in Lines(iter([*pieces, b""]).__next__)]
    expected = [line.removesuffix("\r") for line in sent.removesuffix("\n").split("\n")]
    assert ["".join(line) for line in found] == expected
    for line, chunks in zip(expected, found, strict=True):
        names = []
        assert "".join(text.protect_more(chunk, names) for chunk in chunks) == text.protect(line)[0]
        assert names == text.protect(line)[1]
    whole = [list(line) for line in Lines(iter([*pieces, b""]).__next__, whole=True)]
    assert whole == [[line] for line in expected]


def test_chunks_are_words():
    data = iter([b" the dog <a href='x", b" y'>sees</a> {count", b"} c", b"ats \nnow", b""])
    lines = Lines(data.__next__)
    found = [list(line) for line in lines]
    assert found == [[" the", " dog", " <a href='x y'>sees</a>", " {count}", " cats", " "], ["now"]]


@pytest.mark.parametrize("data", [b"a \xff b\n", b"ok\nx \xe4\n", b"ok\nx \xe4"])
def test_text_that_is_not_utf8(data):
    pieces = iter([data, b""])
    with pytest.raises(UserError, match=f"input line {1 + data.count(b'ok')}: not valid UTF-8"):
        for line in Lines(pieces.__next__):
            list(line)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_words_have_the_pieces_they_have_in_their_line(kind):
    """What streams feed word by word is what training has seen."""
    lines = [source for source, _ in grammar.generate("de-en", "train", 300)]
    tokenizer = Tokenizer.train(
        lines, TokenizerOptions(kind=kind, vocab_size=400, byte_fallback=kind == "bpe")
    )
    for line in [*lines, "Ein  Haus\u00a0am See, \ue000 und x\u3000y: 10\u2009km ﬁn …"]:
        (words,) = (list(one) for one in Lines(iter([line.encode(), b""]).__next__))
        assert [*itertools.chain(*tokenizer.encode(words))] == tokenizer.encode([line])[0]


# ---- the command


def test_words_come_out_before_the_line_is_complete(online_run, online, behind, monkeypatch):
    """Through pipes: after each word that arrives, all that the policy allows is there, and no more is needed."""
    import nmt.simultaneous.stream

    monkeypatch.setattr(nmt.simultaneous.stream, "load", lambda *_: online(2))
    line = next(line for line in LINES if len(line.split()) > 8)
    ((best,),) = behind(2).candidates([line], beam=1, attention=True)
    read, _ = lagging.words_read(best, (False, False))
    (source, feed), (drain, sink) = os.pipe(), os.pipe()
    streams = sys.stdin, sys.stdout
    status = []
    with (
        os.fdopen(source) as stdin,
        os.fdopen(sink, "w") as stdout,
        os.fdopen(feed, "wb", 0) as words,
    ):
        sys.stdin, sys.stdout = stdin, stdout
        try:
            command = ["translate", str(online_run.path), "--stream", "--wait", "2"]
            thread = threading.Thread(target=lambda: status.append(main(command)), daemon=True)
            thread.start()
            out, grew = "", 0
            for n, word in enumerate(line.split()[:-1], 1):
                words.write(f"{word} ".encode())
                due = sum(g <= n for g in read)
                while len(out.split()) < due:
                    assert select.select([drain], [], [], 60)[0], (
                        f"{due} words are due after {n}, there is {out!r}"
                    )
                    out += os.read(drain, 1000).decode()
                assert best.text.startswith(out) and len(out.split()) == due
                grew += due > 0
            assert grew > 3 and "\n" not in out
            words.write(f"{line.split()[-1]}\n".encode())
            words.close()
            thread.join(60)
        finally:
            sys.stdin, sys.stdout = streams
    with os.fdopen(drain) as rest:
        assert out + rest.read() == best.text + "\n"
    assert status == [0]


def test_without_input_there_is_no_output(online_run, online, monkeypatch, capsys):
    import nmt.simultaneous.stream

    monkeypatch.setattr(nmt.simultaneous.stream, "load", lambda *_: online(2))
    for stdin in (None, io.TextIOWrapper(io.BytesIO(b""))):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["translate", str(online_run.path), "--stream", "--wait", "2"]) == 0
        assert capsys.readouterr().out == ""


REFUSED = {
    "both ways": (
        ["translate", "RUN", "--stream", "--wait", "3"],
        "model.bidirectional=false is needed",
    ),
    "both ways, whole lines": (
        ["translate", "RUN", "--stream"],
        "model.bidirectional=false is needed",
    ),
    "an ensemble": (["translate", "a,b", "--stream"], "a,b: no such run folder"),
    "a language model": (
        ["translate", "RUN", "--stream", "--lm", "lm"],
        "unknown option --lm with --stream",
    ),
    "evaluated": (["evaluate", "RUN", "--wait", "3"], "model.bidirectional=false is needed"),
    "beam": (
        ["translate", "RUN", "--stream", "--beam", "5"],
        "unknown option --beam with --stream",
    ),
    "text": (["translate", "RUN", "--stream", "text"], "too much: text"),
    "window": (
        ["translate", "RUN", "--stream", "--window", "2"],
        "unknown option --window with --stream",
    ),
    "engine": (
        ["translate", "RUN", "--stream", "--engine", "onnx"],
        "unknown option --engine with --stream",
    ),
    "no stream": (["translate", "RUN", "--wait", "full"], "it needs --stream"),
    "no wait": (["evaluate", "RUN", "--plot", "x.png"], "it needs --wait"),
    "beam, evaluated": (
        ["evaluate", "RUN", "--wait", "3", "--beam", "2"],
        "unknown option --beam with --wait",
    ),
}


@pytest.fixture
def both_ways(tmp_path):
    """A run folder as far as refusals look into it."""
    run = Run(tmp_path / "run")
    run.update(weights="none", source="en", target="de")
    (run.path / "recipe.toml").write_text(
        dump_recipe(load_recipe(None, ["data.format=grammar"])), encoding="utf-8"
    )
    return run.path


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(both_ways, capsys, case):
    arguments, message = REFUSED[case]
    try:
        status = main([str(both_ways) if one == "RUN" else one for one in arguments])
    except SystemExit as stop:  # the flag is unknown
        status = stop.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("wait", ["0", "x", "1,2", "-1"])
def test_a_wait_is_a_number_or_full(capsys, wait):
    with pytest.raises(SystemExit) as stop:
        main(["translate", "run", "--stream", f"--wait={wait}"])
    assert stop.value.code == 2 and "--wait" in capsys.readouterr().err


def test_recipes_that_cannot_wait(both_ways):
    one_way = ["data.format=grammar", "model.bidirectional=false"]
    for typed, message in (
        (["train.wait_to=3"], "it needs train.wait>0"),
        (["train.wait=3", "train.wait_to=2"], "train.wait_to=2 is below"),
    ):
        with pytest.raises(UserError, match=message):
            load_recipe(None, [*one_way, *typed])
    recipe = load_recipe(None, ["data.format=grammar", "train.wait=3", f"train.from={both_ways}"])
    with pytest.raises(UserError, match="bidirectional=false is needed"):
        train(recipe, both_ways.parent / "no")
    assert not (both_ways.parent / "no").exists()


def test_the_run_remembers_how_it_waits(online_run):
    recipe = Run(online_run.path).recipe
    assert (recipe.train.wait, recipe.train.wait_to) == (1, 6)
    assert PAD == 0 and online_run.exported() is not None, (
        "an online model is an ordinary one as well"
    )
