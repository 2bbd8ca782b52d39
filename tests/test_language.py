"""The language model: the contract, truncated backpropagation through time, perplexity, samples, a whole run."""

import csv
import dataclasses
import gzip
import itertools
import json
import shutil
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from nmt import __main__ as command
from nmt.batches.padding import pad
from nmt.batches.store import write_ids, write_text
from nmt.batches.streams import Streams
from nmt.corpora import toy as grammar
from nmt.corpora.corpus import Corpus
from nmt.decoding.beam import beam_search
from nmt.decoding.sampling import sample
from nmt.inference import generator as language
from nmt.inference.generator import TextGenerator
from nmt.inference.load import load_generator
from nmt.models.language import LanguageModel
from nmt.recipe import DataOptions, ModelOptions, Recipe, TrainOptions, load_recipe
from nmt.runs.folder import Run
from nmt.text.preparation import Preparation
from nmt.text.vocabulary import BOS, EOS, UNK
from nmt.training import prepare
from nmt.training.history import COLUMNS, History, Rewind
from nmt.training.train import train
from tests.fakes import messages

VOCAB = 11
SMALL = {"architecture": "language_model", "embedding": 6, "decoder_units": 7, "dropout": 0.0}
MODELS = {
    "lstm": {},
    "gru": {"cell": "gru", "tie": "target", "across_sentences": True},
    "reset before": {"cell": "gru", "reset_after": False, "layer_norm": True, "decoder_layers": 2},
    "relu": {"cell": "rnn", "activation": "relu", "decoder_layers": 2, "residual": True},
    "dropout": {"dropout": 0.3, "variational": True, "recurrent_dropout": 0.3},
}
every_model = pytest.mark.parametrize("name", MODELS)
some_models = pytest.mark.parametrize("name", ["lstm", "gru"])


def made(name, streams=3, **more):
    """A model whose weights are large enough for differences to show."""
    model = LanguageModel(
        ModelOptions(**{**SMALL, **MODELS[name], **more}), VOCAB, seed=3, streams=streams
    )
    for variable in model.trainable_variables:
        variable.assign(variable.value * 1.5 + 0.05)
    return model


def texts(rows=3, n=12, seed=0):
    """Inputs: sentences in a row, BOS before each; labels: what follows, EOS after each."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(4, VOCAB, (rows, n)).astype(np.int32)
    inputs[:, 0] = BOS
    inputs[0, 5] = inputs[1, [3, 7]] = BOS
    labels = np.concatenate([inputs[:, 1:], np.full((rows, 1), EOS)], 1)
    return inputs, np.where(labels == BOS, EOS, labels).astype(np.int32)


def close(first, second, **tolerance):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_allclose(first[key], second[key], err_msg=key, **tolerance)


def test_the_table_has_every_choice_of_every_option():
    for field in dataclasses.fields(ModelOptions):
        needs = str(field.metadata["needs"] or "")
        if (needs and "language_model" not in needs) or field.name == "architecture":
            continue
        used = {
            MODELS[name].get(field.name, SMALL.get(field.name, field.default)) for name in MODELS
        }
        if field.type is bool or field.metadata["choices"]:
            assert used == set(field.metadata["choices"] or (True, False)) - {"all"}, field.name
        elif field.name not in ("embedding", "decoder_units"):
            assert len(used) > 1, field.name


# ---- the contract


@every_model
def test_one_step_on_n_tokens_equals_n_steps_on_one(name):
    """Sentences begin amid the tokens: there the state starts anew, whether they come at once or one by one."""
    model, (inputs, _) = made(name), texts()
    memory, state = model.encode(inputs)
    assert memory == {} and all(
        leaf.shape == (3, 7) and not np.any(leaf) for leaf in state.values()
    )
    hidden, attention, last = model.step(memory, state, inputs)
    assert attention is None
    now = state
    for position in range(inputs.shape[1]):
        one, _, now = model.step(memory, now, inputs[:, position : position + 1])
        np.testing.assert_allclose(one[:, 0], hidden[:, position], atol=1e-5)
    close(now, last, atol=1e-5)
    middle = model.step(memory, state, inputs[:, :4])[2]  # and windows of any size
    close(model.step(memory, middle, inputs[:, 4:])[2], last, atol=1e-5)
    alone = model.step({}, model.encode(inputs[1:2, 7:])[1], inputs[1:2, 7:])[0]
    anew = np.abs(alone - hidden[1:2, 7:]).max() < 1e-5
    assert anew != model.options.across_sentences


@some_models
def test_graphs_equal_the_eager_contract_row_by_row(name):
    """What search and shallow fusion call: rows reordered and multiplied, one trace for all shapes."""
    model, k = made(name), 4
    graphs = model.compiled_model()
    for count in (2, 4, 1):
        rng = np.random.default_rng(count)
        memory, state = graphs.encode(np.full((count, 5), EOS, np.int32))
        assert memory == {} == graphs.take(memory, np.array([0], np.int32))
        rows = np.arange(count, dtype=np.int32)
        _, _, _, state = graphs.advance(memory, state, rows, np.full(count, BOS, np.int32), k)
        origin, tokens = (
            np.repeat(rows, 3)[::-1],
            rng.integers(4, VOCAB, 3 * count).astype(np.int32),
        )
        tokens[0] = BOS
        log_probs, ids, attention, after = graphs.advance(memory, state, origin, tokens, k)
        words, looks, _ = graphs.distribution(memory, state, origin, tokens)
        assert attention is None and looks is None
        for row, parent in enumerate(origin):
            former = {key: leaf[parent : parent + 1] for key, leaf in state.items()}
            hidden, _, expected = model.step({}, former, tokens[row : row + 1, None])
            every = tf.nn.log_softmax(model.project(hidden)[0, 0]).numpy()
            np.testing.assert_allclose(words[row], every, atol=3e-5)
            np.testing.assert_array_equal(ids[row], np.argsort(-every)[:k])
            np.testing.assert_allclose(log_probs[row], np.sort(every)[::-1][:k], atol=3e-5)
            close(
                {key: leaf[row] for key, leaf in after.items()},
                {key: leaf[0] for key, leaf in expected.items()},
                atol=1e-5,
            )
    for name in ("encode", "advance"):
        assert graphs.functions[name].experimental_get_tracing_count() == 1


@some_models
def test_search_and_samples_say_what_the_model_scores(name):
    """A beam and samples through the contract; their log-probability is that of the whole sentence at once."""
    model = made(name)
    model.output_bias.assign(np.where(np.arange(VOCAB) == EOS, 1.5, 0.0))
    graphs = model.compiled_model()
    found = [
        *beam_search(graphs, np.full((1, 1), EOS), beam=4, nbest=4)[0],
        *sample(graphs, 6, length=20),
    ]
    assert sum(one.finished for one in found) > 6
    for one in found:
        if one.finished:
            target = pad([one.ids], [BOS], [EOS])
            log_probs = graphs.log_probs(np.full((1, 1), EOS), target)
            assert one.log_prob == pytest.approx(float(np.sum(log_probs)), abs=1e-4)
    ((best,),) = beam_search(graphs, np.full((1, 1), EOS), beam=1, limits=[20])
    assert sample(graphs, 1, length=20, temperature=0)[0].ids == best.ids


@some_models
def test_saved_models_come_back(name, tmp_path):
    """Without what training carries from batch to batch: the weights do not depend on the number of streams."""
    model, (inputs, labels) = made(name), texts()
    model.compile(keras.optimizers.Adam(0.01))
    model.train_step((inputs, labels))
    expected = model((inputs, inputs)).numpy()
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.options == model.options and loaded.streams == 3
    np.testing.assert_array_equal(loaded((inputs, inputs)), expected)
    fresh = LanguageModel(model.options, VOCAB, seed=99, streams=5)
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(fresh((inputs, inputs)), expected)
    assert not any(np.any(leaf) for leaf in fresh.carried.read().values())


# ---- truncated backpropagation through time


HALVES = (slice(0, 6), slice(6, 12))  # two windows of `texts`


def gradient(tape, loss, variables):
    """Dense gradients."""
    return [
        tf.convert_to_tensor(one)
        for one in tape.gradient(loss, [variable.value for variable in variables])
    ]


@every_model
def test_the_state_crosses_the_border_of_a_window(name):
    """The loss of the second window depends on the words of the first, and is that of one long text."""
    model, (inputs, labels) = made(name, dropout=0.0, recurrent_dropout=0.0), texts(seed=1)
    inputs[inputs == BOS] = 4  # no sentence begins in the second window
    seconds = []
    for word in (5, 9):
        model.carried.clear()
        inputs[:, :6][inputs[:, :6] == 5] = word
        first, second = (
            model.losses_of(inputs[:, half], labels[:, half], training=True) for half in HALVES
        )
        for own, other in zip(
            zip(first, second, strict=True), model.losses_of(inputs, labels, False), strict=True
        ):
            np.testing.assert_allclose(sum(own), other, rtol=1e-5)
        seconds.append(float(second[0]))
    assert abs(seconds[0] - seconds[1]) > 1e-3, "the first window makes no difference"
    close(model.carried.read(), model.step({}, model.encode(inputs)[1], inputs)[2], atol=1e-5)


@some_models
def test_gradients_do_not_cross_it(name):
    """Words that only the first window has get no gradient from the loss of the second; undivided, they do."""
    model, (inputs, labels) = made(name, tie="none"), texts()
    inputs = np.where(inputs == BOS, BOS, 4 + (inputs % 3) + 3 * (np.arange(12) >= 6)).astype(
        np.int32
    )
    inputs[:, 6:][inputs[:, 6:] == BOS] = 7
    with tf.GradientTape(persistent=True) as tape:
        _, cut = (
            model.losses_of(inputs[:, half], labels[:, half], training=True)[0] for half in HALVES
        )
        hidden, _, _ = model.step({}, model.encode(inputs)[1], inputs)
        undivided, _, _ = model.summed_losses(hidden[:, 6:], labels[:, 6:])
    cut, undivided = (
        np.any(gradient(tape, loss, [model.target_embedding])[0], 1) for loss in (cut, undivided)
    )
    assert not cut[4:7].any() and cut[7:10].all() and undivided[4:10].all()


@some_models
def test_a_window_as_long_as_the_text_is_full_backpropagation(name, tmp_path):
    """The gradient of an epoch's only batch, against that of the probabilities of the text by their definition."""
    lines = [
        " ".join(map(str, np.random.default_rng(n).integers(4, VOCAB, 3 + n % 4))) for n in range(7)
    ]
    write_text((("", line) for line in lines), tmp_path, ("target",))
    spelled = types.SimpleNamespace(
        encode=lambda lines: [list(map(int, line.split())) for line in lines]
    )
    store, model = write_ids(tmp_path, [spelled], 9), made(name)
    streams = Streams(store, 3, 40, seed=1, shuffle=False)
    assert len(streams) == 1
    with tf.GradientTape() as tape:
        loss = model.losses_of(*next(streams.batches_from(0)), training=True)[0]
    gradients = gradient(tape, loss, model.trainable_variables)
    with tf.GradientTape() as tape:
        total = 0.0
        for part in streams.parts:
            text = [token for ids in store.ids(-1, part) for token in (BOS, *ids, EOS)]
            state = model.encode(np.zeros((1, 1)))[1]
            for token, following in itertools.pairwise(text):
                if token != EOS:
                    hidden, _, state = model.step({}, state, np.array([[token]], np.int32))
                    total -= tf.nn.log_softmax(model.project(hidden)[0, 0])[int(following)]
    np.testing.assert_allclose(loss, total, rtol=1e-5)
    expected = gradient(tape, total, model.trainable_variables)
    for variable, own, other in zip(model.trainable_variables, gradients, expected, strict=True):
        np.testing.assert_allclose(
            own, other, atol=1e-4 * max(1, np.abs(other).max()), err_msg=variable.path
        )


def test_padding_counts_for_nothing():
    model, (inputs, labels) = made("lstm"), texts()
    padded = [np.pad(side, [(0, 0), (0, 4)]) for side in (inputs, labels)]
    for own, other in zip(
        model.losses_of(inputs, labels, False), model.losses_of(*padded, False), strict=True
    ):
        np.testing.assert_allclose(own, other, rtol=1e-6)


# ---- perplexity


class Letters:
    """A fake tokenizer: each word is a piece, numbered by its first letter; an unknown one is UNK."""

    size = VOCAB

    def encode(self, lines):
        return [
            ["abcdefg".index(word[0]) + 4 if word[0] in "abcdefg" else UNK for word in line.split()]
            for line in lines
        ]

    def decode(self, ids):
        return " ".join("abcdefg"[i - 4] for i in ids)


def generator(name, **data):
    model, letters = made(name), Letters()
    recipe = Recipe(
        data=DataOptions(**data), model=model.options, train=TrainOptions(streams=2, bptt=8)
    )
    return TextGenerator(model, (letters, letters), recipe)


@some_models
def test_perplexity_by_its_definition(name):
    """EOS once a sentence; of a text in parts where the state runs on."""
    made_up, lines = generator(name), ["a b c", "", "d d e f g", "a x", "c", "b b b", "f"]
    model, total, tokens = made_up.model, 0.0, 0
    ids = made_up.tokenizer.encode(lines)
    for n, words in enumerate(ids):
        if n in (0, 3) or not model.options.across_sentences:  # two parts of 11 tokens
            state = model.encode(np.zeros((1, 1)))[1]
        for token, following in itertools.pairwise([BOS, *words, EOS]):
            hidden, _, state = model.step({}, state, np.array([[token]], np.int32))
            total -= float(tf.nn.log_softmax(model.project(hidden)[0, 0])[following])
            tokens += 1
    found = made_up.perplexity(lines)
    assert tokens == found["tokens"] == 22 and found["unknown"] == 1
    assert found["log_likelihood"] == pytest.approx(-total, rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(total / 22), rel=1e-5)


def test_units_of_perplexity():
    """Words differ from pieces; a language without spaces has characters, unless its corpus is tokenised."""
    lines = ["ab cd", "a"]
    for data, unit, count in (
        ({}, "word", 5),
        ({"target": "ja"}, "character", 7),
        ({"target": "ja", "preprocess": "tokens"}, "word", 5),
    ):
        found = generator("lstm", **data).perplexity(lines)
        assert (found["unit"], found["words"]) == (unit, count)
        assert found["words"] * np.log(found["word_perplexity"]) == pytest.approx(
            -found["log_likelihood"]
        )


def test_a_line_is_scored_by_itself():
    made_up, lines = generator("lstm"), ["a b c", "d", "", "e f a b"]
    together = made_up.score(lines)
    for line, (log_prob, score) in zip(lines, together, strict=True):
        assert score == pytest.approx(log_prob / (len(line.split()) + 1))
        assert made_up.score([line])[0] == pytest.approx((log_prob, score), abs=1e-4)
    total = made_up.perplexity(lines)["log_likelihood"]
    assert sum(log_prob for log_prob, _ in together) == pytest.approx(total, abs=1e-4)


# ---- generated text


def test_generated_lines_begin_with_the_prompt():
    made_up = generator("lstm")
    lines = made_up.generate("c a b", count=5, length=6)
    assert len(set(lines)) > 1 and all(line.startswith("c a b") for line in lines)
    assert max(len(line.split()) for line in lines) <= 3 + 6
    assert lines == made_up.generate("c a b", count=5, length=6)
    assert lines != made_up.generate("c a b", count=5, length=6, seed=2)
    assert len(set(made_up.generate(count=5, length=6, temperature=0))) == 1


def test_placeholders_of_the_prompt_come_through(monkeypatch):
    """And those that the model adds get names of their own."""
    made_up = generator("lstm")
    fake = types.SimpleNamespace(
        encode=lambda lines: [[4] * len(line) for line in lines],
        decode=lambda ids: "\ue000 geht \ue001 in \ue002",
    )
    made_up.preparation = Preparation(DataOptions(), (fake, fake))
    assert made_up.generate("{name} und %s", length=1) == ["{name} geht %s in {2}"]


# ---- a run


RECIPE = """\
[data]
format = "text"
target = "de"
train = "train.txt.gz"
held_out = 0.1

[tokenizer]
vocab_size = 120
byte_fallback = false

[model]
architecture = "language_model"
embedding = 16
decoder_units = 24
dropout = 0.1
recurrent_dropout = 0.1

[train]
epochs = 2
streams = 6
bptt = 20
learning_rate = 2e-2
warmup_steps = 5
label_smoothing = 0.0
precision = "float32"
average = 2
save_minutes = 0
"""


def lines_of_text():
    return [target for _, target in grammar.generate("en-de", "train", 160)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "lm.toml"
    path.write_text(RECIPE, encoding="utf-8")
    path.with_name("train.txt.gz").write_bytes(gzip.compress("\n".join(lines_of_text()).encode()))
    return path


@pytest.fixture(scope="module")
def said():
    return []


@pytest.fixture(scope="module")
def run(recipe, said):
    """A complete run that nothing interrupted. Not to be changed."""
    with messages() as lines:
        run = train(load_recipe(recipe), recipe.parent / "run")
    said += lines
    return run


@pytest.fixture
def nmt(capsys):
    """Runs a command in this process."""

    def call(*arguments):
        capsys.readouterr()
        status = command.main([str(argument) for argument in arguments])
        return types.SimpleNamespace(status=status, **capsys.readouterr()._asdict())

    return call


def numbers(run):
    """All that training has come to: weights, moments, the carried state."""
    with np.load(run.state_path) as state:
        found = {name: state[name] for name in state.files if name != "history"}
    return {
        **found,
        **{str(n): np.array(v) for n, v in enumerate(run.load_model().trainable_variables)},
    }


def test_a_run_of_a_language_model(run, said):
    with open(run.path / "history.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and {row["bleu"] + row["chrf"] for row in rows} == {""}
    perplexities = [float(row["valid_perplexity"]) for row in rows]
    assert perplexities[-1] < 0.9 * perplexities[0] < 40
    store = prepare.training_store(Run(run.path), run.recipe)
    assert (
        int(rows[-1]["target_tokens"]) == 2 * store.target_tokens
    )  # EOS counts, BOS and padding do not
    assert run.tokenizers[0] is run.tokenizers[1]
    run.drop_cache()
    names = {path.name for path in run.path.iterdir()} - {"tensorboard"}
    assert names == {
        "run.json",
        "run.lock",
        "recipe.toml",
        "history.csv",
        "tokenizer.model",
        "state",
        run.info.weights,
    }
    assert (
        run.info.complete
        and said[-1].startswith("note: not exported")
        and "language_model" in said[-1]
    )
    best = load_generator(run.path).perplexity(language.lines_of(run.recipe, "valid"))["perplexity"]
    assert best <= min(perplexities) * 1.001


def test_stopped_amid_an_epoch_a_run_is_bit_for_bit_the_same(run, recipe):
    """The carried state included: it is saved, and it is not that of an epoch's beginning."""
    folder = recipe.parent / "stopped"

    def interrupt(batch, logs):
        if batch == 12:
            raise KeyboardInterrupt

    after_one_epoch = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(after_one_epoch, "on_train_batch_end", interrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        train(load_recipe(recipe), folder, [after_one_epoch])
    assert Run(folder).state_path.exists()
    resumed = train(load_recipe(recipe), folder)
    first, second = numbers(run), numbers(resumed)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    carried = [value for value in second.values() if value.shape == (6, 24)]
    assert len(carried) == 2 and all(map(np.any, carried))


def test_an_epoch_begins_without_a_state(monkeypatch):
    model = made("gru")
    model.carried.write({name: leaf + 1 for name, leaf in model.carried.read().items()})
    history = History(20, 5)
    rewind = Rewind(history)
    rewind.set_model(model)
    for step, cleared in ((4, False), (5, True)):
        history.step = step
        rewind.on_train_batch_begin(0)
        assert cleared != any(np.any(leaf) for leaf in model.carried.read().values())


def test_evaluate_reports_perplexity(run, nmt, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run.path, folder)
    done = nmt("evaluate", folder)
    report = json.loads((folder / "report.json").read_text())
    assert (
        done.status == 0
        and "perplexity {perplexity:.2f} a token, {word_perplexity:.2f} a word".format(**report)
        in done.out
    )
    assert (report["split"], report["sentences"]) == (
        "test",
        len(Corpus(run.recipe.data).held_out("test")),
    )
    assert 1 < report["perplexity"] < report["word_perplexity"] and len(report["samples"]) == 10
    card = (folder / "README.md").read_text()
    assert (
        "# A language model of de" in card
        and "nmt generate ." in card
        and "nmt translate" not in card
    )
    (folder / "report.json").write_text(json.dumps({**report, "perplexity": 123.0}))
    assert "123.00 a token" in nmt("evaluate", folder, "--once").out
    assert "123.00" not in nmt("evaluate", folder, "--split", "valid").out


def test_generate_writes_a_line_a_sample(run, nmt):
    done = nmt("generate", run.path, "Der", "Hund", "--count", 3, "--length", 12)
    lines = done.out.split("\n")
    assert done.status == 0 and lines.pop() == "" and len(lines) == 3
    assert all(line.startswith("Der Hund") for line in lines)
    assert done.out == nmt("generate", run.path, "--count=3", "Der Hund", "--length=12").out
    assert (
        done.out
        != nmt("generate", run.path, "--count=3", "Der Hund", "--length=12", "--seed=2").out
    )
    greedy = nmt("generate", run.path, "--count=2", "--temperature=0").out
    assert greedy == nmt("generate", run.path, "--count=2", "--top-k=1", "--seed=9").out


def test_score_takes_lines_of_text(run, nmt, tmp_path):
    """A sentence of the corpus is likelier than the same words in disorder."""
    line = lines_of_text()[0]
    (tmp_path / "lines.txt").write_text(f"{line}\n{' '.join(line.split()[::-1])}\n\n")
    done = nmt("score", run.path, "-i", tmp_path / "lines.txt")
    scores = [float(row.split("\t")[0]) for row in done.out.splitlines()]
    assert done.status == 0 and len(scores) == 3 and scores[0] > scores[1]


@pytest.fixture
def translator(tmp_path):
    """A run folder that looks like one of a translator."""
    (tmp_path / "translator").mkdir()
    (tmp_path / "translator" / "recipe.toml").write_text('[data]\nformat = "grammar"\n')
    (tmp_path / "translator" / "run.json").write_text(
        '{"format": 1, "source": "en", "target": "de", "weights": "w"}'
    )
    return tmp_path / "translator"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["translate", "LM", "ein Hund"],
            "use nmt generate",
        ),
        (["generate", "TRANSLATOR"], "is a translator, no language model; use nmt translate"),
        (["export", "LM"], "cannot be exported: the graphs are those of translators"),
        (["evaluate", "LM", "--beam", 3], "--beam"),
        (["evaluate", "LM", "--memory"], "--memory"),
        (["evaluate", "LM", "LM"], "no other run"),
        (["score", "LM", "--engine", "onnx"], "has no export"),
        (
            ["train", "RECIPE", "train.from=TRANSLATOR", "--run=NEW"],
            "cannot turn into language_model",
        ),
        (["train", "RECIPE", "search.beam=3", "--run=NEW"], "search.beam has no effect"),
        (["train", "RECIPE", "train.streams=1000", "--run=NEW"], "the training text has only"),
    ],
)
def test_what_a_language_model_cannot_do_is_one_clear_line(
    run, recipe, translator, nmt, arguments, expected
):
    places = {
        "LM": run.path,
        "TRANSLATOR": translator,
        "RECIPE": recipe,
        "NEW": recipe.parent / "new",
    }
    typed = []
    for argument in map(str, arguments):
        for name, place in places.items():
            argument = argument.replace(name, str(place))
        typed.append(argument)
    done = nmt(*typed)
    errors = [line for line in done.err.splitlines() if line.startswith("nmt: ")]
    assert done.status == 2 and done.out == "" and len(errors) == 1 and expected in errors[0]
    assert not places["NEW"].exists()


def test_another_text_can_go_on_from_a_run(run, recipe):
    """With other streams than those of the run it starts from."""
    options = [
        f"train.from={run.path}",
        "train.streams=3",
        "train.epochs=1",
        "train.learning_rate=1e-8",
    ]
    tuned = train(load_recipe(recipe, options), recipe.parent / "tuned")
    assert tuned.tokenizers[1].digest == run.tokenizers[1].digest
    for own, other in zip(
        *(one.load_model().trainable_variables for one in (tuned, run)), strict=True
    ):
        np.testing.assert_allclose(own, other, atol=1e-5)


def test_the_target_side_of_a_corpus_with_the_tokenizer_of_its_translator(tmp_path):
    """For shallow fusion: the same text, symbols for placeholders included, in the same pieces."""
    (tmp_path / "t.tsv").write_text(
        "".join(f"{{a}} the {n} <b>\t<b> die {n} {{a}} {{c}}\n" for n in range(80))
    )
    common = [
        "data.format=tsv",
        f"data.train={tmp_path / 't.tsv'}",
        "tokenizer.vocab_size=60",
        "tokenizer.byte_fallback=false",
    ]
    pair = load_recipe(None, [*common, "tokenizer.joint=false"])
    alone = load_recipe(
        None,
        [option for option in common if "tokenizer" not in option]
        + ["model.architecture=language_model", f"tokenizer.from={tmp_path / 'pair'}"],
    )
    stores = {}
    for name, made_recipe in (("pair", pair), ("alone", alone)):
        (tmp_path / name).mkdir()
        stores[name] = prepare.training_store(Run(tmp_path / name), made_recipe)
    tokenizers = [Run(tmp_path / name).tokenizers for name in ("pair", "alone")]
    assert (
        tokenizers[1][0].digest
        == tokenizers[1][1].digest
        == tokenizers[0][1].digest
        != tokenizers[0][0].digest
    )
    assert "\ue001 die" in stores["alone"].text(-1, [0])[0]
    rows = range(stores["pair"].pairs)
    for one, other in zip(stores["pair"].ids(1, rows), stores["alone"].ids(-1, rows), strict=True):
        np.testing.assert_array_equal(one, other)
