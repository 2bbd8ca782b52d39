"""Training a language model: what its run holds, and that its carried state is resumed."""

import shutil

import numpy as np
import pytest

from nmt.cli.parser import parse
from nmt.inference.generator import lines_of
from nmt.inference.load import load_generator
from nmt.recipe import load_recipe
from nmt.runs.folder import HELD_OUT, Run
from nmt.training.history import COLUMNS, History, Rewind
from nmt.training.prepare import training_store
from tests.language_models import made
from tests.short_run import after_step, arrays, assert_same_numbers, history, interrupt, trained


def test_a_run_of_a_language_model(language_run, tmp_path):
    run = Run(shutil.copytree(language_run, tmp_path / "run"))
    rows = history(run.path)
    assert tuple(rows[0]) == COLUMNS and {row["bleu"] + row["chrf"] for row in rows} == {""}
    perplexities = [float(row["valid_perplexity"]) for row in rows]
    assert perplexities[-1] < 0.9 * perplexities[0] < 40
    store = training_store(run, run.recipe)
    # EOS counts, BOS and padding do not.
    assert int(rows[-1]["target_tokens"]) == 2 * store.target_tokens
    assert run.tokenizers[0] is run.tokenizers[1]

    run.drop_cache()
    ours = {"run.json", "run.lock", "recipe.toml", "history.csv", "tokenizer.model", "state"}
    names = {path.name for path in run.path.iterdir()} - {"tensorboard"}
    assert run.info.complete and names == {*ours, *HELD_OUT.values(), run.info.weights}
    lines = lines_of(run, "valid")
    assert load_generator(run.path).perplexity(lines)["perplexity"] <= min(perplexities) * 1.001


def test_stopped_amid_an_epoch_a_run_is_bit_for_bit_the_same(
    language_run, language_recipe, tmp_path
):
    """The carried state included: it is saved, and it is not that of an epoch's beginning."""
    folder, lines = tmp_path / "stopped", []
    with pytest.raises(KeyboardInterrupt):
        trained(language_recipe, folder, callbacks=[after_step(50, interrupt)])
    trained(language_recipe, folder, lines=lines)
    assert "resuming at step 50 of 76" in lines
    assert lines[-2].startswith("note: not exported") and "language_model" in lines[-2]
    assert_same_numbers(folder, language_run)
    carried = [value for value in arrays(folder).values() if value.shape == (6, 24)]
    assert len(carried) == 2 and all(map(np.any, carried))


def test_an_epoch_begins_without_a_state():
    model = made("gru")
    model.carried.write({name: leaf + 1 for name, leaf in model.carried.read().items()})
    progress = History(total_steps=20, steps_per_epoch=5)
    rewind = Rewind(progress)
    rewind.set_model(model)
    for step, cleared in ((4, False), (5, True)):
        progress.step = step
        rewind.on_train_batch_begin(0)
        assert cleared != any(np.any(leaf) for leaf in model.carried.read().values())


def test_another_text_can_go_on_from_a_run(language_run, language_recipe, tmp_path):
    """With other streams than those of the run it starts from."""
    options = ("train.streams=3", "train.epochs=1", "train.learning_rate=1e-8")
    parent = Run(language_run)
    tuned = trained(language_recipe, tmp_path / "tuned", *options, f"train.from={parent.path}")
    assert tuned.tokenizers[1].digest == parent.tokenizers[1].digest
    models = [run.load_model() for run in (tuned, parent)]
    for own, other in zip(*(model.trainable_variables for model in models), strict=True):
        np.testing.assert_allclose(own, other, atol=1e-5)


def test_the_target_side_of_a_corpus_with_the_tokenizer_of_its_translator(tmp_path):
    """For shallow fusion: the same text, symbols for placeholders included, in the same pieces."""
    path = tmp_path / "t.tsv"
    path.write_text("".join(f"{{a}} the {n} <b>\t<b> die {n} {{a}} {{c}}\n" for n in range(80)))
    data = ["data.format=tsv", f"data.train={path}"]
    tokenizer = [
        "tokenizer.vocab_size=60",
        "tokenizer.byte_fallback=false",
        "tokenizer.joint=false",
    ]
    shared = [f"tokenizer.from={tmp_path / 'pair'}"]
    language_model = ["model.architecture=language_model"]
    stores, digests = {}, {}
    for name, options in (("pair", tokenizer), ("alone", [*language_model, *shared])):
        run = Run(tmp_path / name)
        stores[name] = training_store(run, load_recipe(None, [*data, *options]))
        digests[name] = [each.digest for each in run.tokenizers]
    assert digests["alone"] == [digests["pair"][1]] * 2
    assert digests["pair"][0] != digests["pair"][1]

    assert "die 0 \ue000 {c}" in stores["alone"].text(-1, [0])[0]
    pair_ids = range(stores["pair"].pairs)
    for own, other in zip(
        stores["pair"].ids(1, pair_ids), stores["alone"].ids(-1, pair_ids), strict=True
    ):
        np.testing.assert_array_equal(own, other)


def test_a_language_model_of_two_corpora_is_evaluated_on_both(tmp_path, capsys):
    for name in ("one", "two"):
        lines = [f"{name} sees {n} birds.\n" for n in range(200)]
        (tmp_path / f"{name}.txt").write_text("".join(lines))
    (tmp_path / "lm.toml").write_text(
        '[data]\nformat = "text"\ntarget = "en"\ntrain = "one.txt"\nheld_out = 0.1\n'
        '[[data.more]]\nformat = "text"\ntrain = "two.txt"\n'
        "[tokenizer]\nvocab_size = 80\nbyte_fallback = false\n"
        '[model]\narchitecture = "language_model"\nembedding = 8\ndecoder_units = 8\n'
        "[train]\nsteps = 2\naverage = 0\nstreams = 4\nthreads = 1\n"
    )
    run = trained(tmp_path / "lm.toml", tmp_path / "run")
    args = parse(["evaluate", str(run.path)])
    args.run_command(args)
    out = capsys.readouterr().out
    assert out.count(": test, ") == 2 and "two.txt" in out
