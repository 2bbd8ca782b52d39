"""Training a run: prepare or resume, `compile` and `fit`, choose the weights."""

import dataclasses
import importlib.util
import itertools
import logging

import numpy as np

from nmt import files
from nmt.corpora.corpus import Corpus
from nmt.engine import lexicon
from nmt.errors import UserError
from nmt.machine import start_keras
from nmt.recipe import differences, reason_against_waiting
from nmt.runs.folder import Run
from nmt.runs.weights import read_weights
from nmt.training.prepare import training_store

log = logging.getLogger(__name__)

VALID_PAIRS = 1000  # pairs that validation loss and perplexity are taken over, at most


def train(recipe, folder, export=True):
    """Trains `recipe` in a run folder, or goes on where a former training stopped. Returns the Run.

    export: end with what `translate` runs under ONNX Runtime, without Keras.
    Raises UserError when the folder belongs to another recipe, naming what differs.
    """
    run = Run(folder)
    recipe = _started_from(run, recipe)
    _claimed(run, recipe)  # before anything is touched
    with run.lock():
        return _train(Run(folder), recipe, export)  # read again: nobody changes it from now on


def _train(run, recipe, export):
    former = _claimed(run, recipe)
    complete = _complete(run.info, recipe.train)
    files.remove_leftovers(run.path, run.state_path.parent, run.cache)

    def prepare():
        Corpus(recipe.data).fetch()
        return _batches(run, recipe, training_store(run, recipe))

    if not former:
        with run.renewed():
            run.save_recipe(recipe)
            batches = prepare()
    else:
        if (
            not complete or former.data != recipe.data
        ):  # another path to the same text, or another text
            batches = prepare()
        run.save_recipe(dataclasses.replace(recipe, train=former.train) if complete else recipe)
    if complete:
        higher = (
            "train.patience" if run.info.patience is not None else f"train.{_measure(recipe.train)}"
        )
        log.info(
            f"{run.path}: complete after {run.info.step} steps; nothing to train (another seed or recipe needs "
            f"another run folder, more training a higher {higher})"
        )
        run.drop_cache()
        if export:
            _export(run)
        return run
    start_keras(recipe.train.threads)
    _fit(run, recipe, batches)
    if export:
        _export(run)
    return run


def _measure(options):
    """The option that tells how long to train."""
    return "steps" if options.steps else "epochs"


def _complete(info, options):
    """Whether a run (its `RunInfo`) was trained for as long as `options` say, or to where its patience ended."""
    if not info.complete:
        return False
    if info.patience is not None:
        return 0 < options.patience <= info.patience
    return getattr(options, _measure(options)) <= (getattr(info, _measure(options)) or 0)


def _export(run):
    """Ends a training with what `translate` runs, unless it is there or cannot be made."""
    from nmt.engine.writer import reason_against
    from nmt.runs.export import export

    if run.exported():
        return
    if reason := reason_against(run.recipe.model):
        log.info(f"note: not exported, the run needs Keras: {reason}")
    elif not importlib.util.find_spec("onnx"):
        log.info("note: not exported, the run needs Keras: the package onnx is not installed")
    else:
        start_keras()
        try:
            log.info(f"exported to {export(run)}")
        except (
            UserError
        ) as error:  # somebody's own folder of that name: no reason to call the training failed
            log.info(f"note: not exported: {error}")


def _started_from(run, recipe):
    """With train.from: model and tokenizer are those of the run it names."""
    if not recipe.train.from_:
        return recipe
    if _trained(run) and run.recipe.train.from_ == recipe.train.from_:  # its parent may be gone
        return dataclasses.replace(recipe, model=run.recipe.model, tokenizer=run.recipe.tokenizer)
    parent = Run.open(recipe.train.from_)
    if parent.info.weights is None:
        raise UserError(
            f"train.from={parent.path}: is an exported folder, without Keras weights; name its run"
        )
    parent = parent.recipe
    if parent.language_model != recipe.language_model:
        raise UserError(
            f"train.from={recipe.train.from_}: its model.architecture is {parent.model.architecture}, "
            f"which training cannot turn into {recipe.model.architecture}"
        )
    kept = {
        name: getattr(recipe.model, name)
        for name in ("dropout", "variational", "recurrent_dropout")
    }
    model = dataclasses.replace(parent.model, **kept)
    tokenizer = dataclasses.replace(
        parent.tokenizer, from_=recipe.train.from_, sampling=recipe.tokenizer.sampling
    )
    if recipe.train.wait and (reason := reason_against_waiting(model)):
        raise UserError(f"{recipe.train.from_}: train.wait: {reason}")
    log.info(f"starting from {recipe.train.from_}: its model and its tokenizer")
    return dataclasses.replace(recipe, model=model, tokenizer=tokenizer)


def _trained(run):
    """Whether there is anything in a run folder that took time to train."""
    return run.info.weights is not None or run.state_path.exists()


def _claimed(run, recipe):
    """The recipe of a run folder, None where its preparation begins anew; refuses what holds anything else."""
    if not run.begun:
        if run.holds_else():
            raise UserError(
                f"{run.path} is not empty and not a run folder; choose another one (--run)"
            )
        return None
    if run.info.engine is not None:
        raise UserError(f"{run.path} is an exported folder; choose another run folder (--run)")
    if not (run.path / "recipe.toml").exists() and not _trained(run):
        return None  # killed between the two first files
    different = differences(run.recipe, recipe)
    if different and _trained(run):
        raise UserError(
            f"{run.path} holds another training; choose another run folder (--run). It differs in\n  "
            + "\n  ".join(different)
        )
    return None if different else run.recipe


def _fit(run, recipe, batches):
    import keras

    from nmt.training.callbacks import Clock, History, Progress, Rewind, State

    options = recipe.train
    store = batches.store
    history = History(options.steps or options.epochs * len(batches), len(batches))
    model = _compiled_model(recipe, run.tokenizers, history.total_steps)
    state = State(run, history, options.save_minutes)
    state.set_model(model)
    if run.state_path.exists():
        state.restore()
        log.info(f"resuming at step {history.step} of {history.total_steps}")
    elif run.info.complete:
        raise UserError(
            f"{run.state_path}: missing, so training cannot go on; choose another run folder (--run), "
            f"with train.from={run.path} to start from these weights"
        )
    elif options.from_:
        parent = Run.open(options.from_)
        read_weights(model, parent.path / parent.info.weights)
    else:
        model.start_from_frequencies(store.frequencies(run.tokenizers[1].size))

    clock = Clock(history)
    progress = Progress(history, clock, options.log_every)
    validation = _validation(run, recipe, model, history, clock)
    log.info(
        f"model: {model.count_params():,} weights, {run.tokenizers[1].size:,} target pieces, {model.precision}; "
        f"{store.pairs:,} {'sentences' if recipe.language_model else 'pairs'}, {len(batches)} batches an epoch, "
        f"{history.total_steps} steps"
    )
    if 2 * options.warmup_steps > history.total_steps:
        log.info(
            f"note: train.warmup_steps={options.warmup_steps} is over half of the {history.total_steps} steps; the "
            "learning rate hardly gets to its peak"
        )
    callbacks = [clock, validation, state, progress]
    if recipe.language_model:
        callbacks.append(Rewind(history))
    if importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(run.path / "tensorboard", write_graph=False))

    interval = options.valid_every or len(batches)
    run.update(complete=False)
    with state:
        while history.step < history.total_steps and not (
            options.patience and history.stale >= options.patience
        ):
            steps = min(interval - history.step % interval, history.total_steps - history.step)
            epochs = (history.total_steps - history.step) // steps if steps == interval else 1
            done = history.step // interval
            model.fit(
                dataset(lambda: batches.batches_from(history.step)),
                epochs=done + epochs,
                initial_epoch=done,
                steps_per_epoch=steps,
                callbacks=callbacks,
                verbose=0,
                shuffle=False,
            )
    if not recipe.language_model:
        lexicon.write(
            run.path / "lexicon.npz", store, *(tokenizer.size for tokenizer in run.tokenizers)
        )
    _choose(run, recipe, model, validation, history)


def _compiled_model(recipe, tokenizers, total_steps):
    from nmt.models.build import build
    from nmt.simultaneous.model import build as build_waiting

    options = recipe.train
    more = {}
    if options.wait:
        model = build_waiting(recipe, tokenizers)
        more["wait"] = (options.wait, max(options.wait, options.wait_to))
    else:
        model = build(recipe, *(tokenizer.size for tokenizer in tokenizers))
    model.compile(
        optimizer(options, total_steps),
        options.label_smoothing,
        options.precision,
        jit_compile=False,
        **more,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _batches(run, recipe, store):
    """The training batches of every epoch."""
    from nmt.batches.buckets import Batches
    from nmt.batches.streams import Streams

    options = recipe.train
    if recipe.language_model:
        return Streams(
            store, options.streams, options.bptt, options.seed, not recipe.model.across_sentences
        )
    return Batches(
        store, options.batch_tokens, options.seed, run.tokenizers, recipe.tokenizer.sampling
    )


def _validation(run, recipe, model, history, clock):
    """The callback that measures the model on validation text."""
    from nmt.inference.generator import TextGenerator
    from nmt.inference.translator import Translator
    from nmt.simultaneous.model import WaitKSearch
    from nmt.training.callbacks import LanguageValidation, TranslationValidation

    common = run, recipe, history, clock, _validation_batches(run, recipe)
    if recipe.language_model:
        validation = LanguageValidation(
            *common, generator=TextGenerator(model, run.tokenizers, recipe)
        )
    else:
        if recipe.train.wait:
            searched = WaitKSearch(model, model.draw_wait(0, training=False))
        else:
            searched = model.compiled_model()
        validation = TranslationValidation(
            *common,
            translator=Translator(searched, run.tokenizers, recipe),
            pairs=Corpus(recipe.data).held_out("valid", recipe.train.valid_sentences),
        )
    validation.set_model(model)
    return validation


def optimizer(options, total_steps):
    """Adam or AdamW with warm-up, decay and clipping by global norm; options: TrainOptions."""
    import keras

    from nmt.training.schedule import WarmUp

    schedule = WarmUp(options.learning_rate, options.warmup_steps, total_steps, options.decay)
    common = {"learning_rate": schedule, "global_clipnorm": options.clip_norm or None}
    if options.optimizer == "adamw":
        return keras.optimizers.AdamW(weight_decay=options.weight_decay, **common)
    return keras.optimizers.Adam(**common)


def dataset(stream):
    """A tf.data pipeline over a generator of pairs of id matrices; one signature, so one trace."""
    import tensorflow as tf

    ids = tf.TensorSpec((None, None), tf.int32)
    return tf.data.Dataset.from_generator(stream, output_signature=(ids, ids)).prefetch(4)


def _validation_batches(run, recipe):
    """Validation text as batches for `model.evaluate`."""
    import tensorflow as tf

    found = list((_validation_lines if recipe.language_model else _validation_pairs)(run, recipe))
    return dataset(lambda: iter(found)).apply(
        tf.data.experimental.assert_cardinality(len(found))
    )  # or Keras warns


def _validation_lines(run, recipe):
    """Yields (inputs, labels)."""
    from nmt.inference.generator import batches_of, lines_of

    coded = run.tokenizers[1].encode(lines_of(recipe, "valid", VALID_PAIRS))
    return batches_of(recipe, [ids for ids in coded if len(ids) <= 2 * recipe.data.max_pieces])


def _validation_pairs(run, recipe):
    """Yields (source, target)."""
    from nmt.batches.padding import cut, pad
    from nmt.text.preparation import Preparation
    from nmt.text.vocabulary import BOS, EOS

    held_out = Corpus(recipe.data).held_out("valid", VALID_PAIRS)
    sides = zip(*Preparation(recipe.data).pairs(held_out), strict=True)
    limit = 2 * recipe.data.max_pieces
    coded = zip(
        *(t.encode(side) for t, side in zip(run.tokenizers, sides, strict=True)), strict=True
    )
    pairs = sorted(
        ((s, t) for s, t in coded if s and len(s) <= limit and len(t) <= limit),
        key=lambda pair: (len(pair[1]), len(pair[0])),
    )
    if not pairs:
        raise UserError(
            f"no validation pair has at most {limit} pieces a side; give others as data.valid"
        )
    lengths = np.array([[len(target) + 1, len(source) + 1] for source, target in pairs]).T
    for start, end in itertools.pairwise([0, *cut(*lengths, recipe.train.batch_tokens)]):
        source, target = zip(*pairs[start:end], strict=True)
        yield pad(source, [], [EOS]), pad(target, [BOS], [EOS])


def _choose(run, recipe, model, validation, history):
    """Ends a training: averaged weights where they beat the best ones on validation."""
    from nmt.training.callbacks import average

    name = None
    if len(history.snapshots) > 1:
        read_weights(model, run.path / run.info.weights)
        best = validation.final_score()
        average(model, run, history.snapshots)
        averaged = validation.final_score()
        log.info(
            f"validation {validation.final_name}: best {abs(best):.2f}, "
            f"average of the last {len(history.snapshots)} {abs(averaged):.2f}"
        )
        if averaged >= best:
            name = f"average-{history.step:07d}"
    measure = _measure(recipe.train)
    end = {
        "complete": True,
        measure: getattr(recipe.train, measure),
        "step": history.step,
        "target_tokens": history.target_tokens,
        "train_seconds": round(history.seconds, 1),
    }
    end["patience"] = None
    if history.step < history.total_steps:
        end["patience"] = recipe.train.patience
    if name:
        run.save_weights(model, name, **end)
    else:
        run.update(**end)
    run.drop_cache()
    log.info(
        f"{run.path}: complete after {history.step} steps, {history.seconds / 60:.1f} minutes of training"
    )
