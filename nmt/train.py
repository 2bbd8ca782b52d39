"""Training a run: prepare or resume, `compile` and `fit`, choose the weights."""

import dataclasses
import importlib.util
import shutil
import sys

import numpy as np

from nmt import config, files, lexicon
from nmt.errors import Failure, UserError
from nmt.prepare import DOWNLOADS, held_out, prepared, training_store
from nmt.quiet import start_keras
from nmt.run import Run, read_weights

VALID_PAIRS = 1000  # pairs that validation loss and perplexity are taken over, at most


def train(recipe, folder, log=lambda line: print(line, file=sys.stderr, flush=True), export=True):
    """Trains `recipe` in a run folder, or goes on where a former training stopped. Returns the Run.

    export: end with what `translate` runs under ONNX Runtime, without Keras.
    Raises UserError when the folder belongs to another recipe, naming what differs.
    """
    from nmt.corpus import fetch

    run = Run(folder)
    recipe = _started_from(recipe, log)
    new = not run.path.exists() or (run.path.is_dir() and not any(run.path.iterdir()))
    try:
        _claim(run, recipe)
        measure = _measure(recipe.train)
        if run.meta.get("complete") and getattr(recipe.train, measure) <= run.meta.get(measure, 0):
            log(f"{run.path}: complete after {run.meta['step']} steps; nothing to train "
                "(another seed or recipe needs another run folder, more training a higher "
                f"train.{measure})")  # fmt: skip
            run.drop_cache()
            if export:
                _export(run, log)
            return run
        fetch(recipe.data, DOWNLOADS, log)
        store = training_store(run, recipe, log)
    except (UserError, Failure):
        if new:  # nothing is trained yet: the folder must not stand in the way of the mended recipe
            shutil.rmtree(run.path, ignore_errors=True)
        raise
    start_keras(recipe.train.threads)
    _fit(run, recipe, store, log)
    if export:
        _export(run, log)
    return run


def _measure(options):
    """The option that tells how long to train."""
    return "steps" if options.steps else "epochs"


def _export(run, log):
    """Ends a training with what `translate` runs, unless it is there or cannot be made."""
    from nmt.export import export, reason_against

    if run.exported():
        return
    if reason := reason_against(run.recipe.model):
        log(f"note: not exported, translate runs on Keras: {reason}")
    elif not importlib.util.find_spec("onnx"):
        log("note: not exported, translate runs on Keras: the package onnx is not installed")
    else:
        start_keras()
        log(f"exported to {export(run)}")


def _started_from(recipe, log):
    """With train.from: model and tokenizer are those of the run it names."""
    if not recipe.train.from_:
        return recipe
    parent = Run.open(recipe.train.from_).recipe
    kept = {name: getattr(recipe.model, name) for name in ("dropout", "variational", "recurrent_dropout")}
    model = dataclasses.replace(parent.model, **kept)
    tokenizer = dataclasses.replace(parent.tokenizer, from_=recipe.train.from_, sampling=recipe.tokenizer.sampling)
    log(f"starting from {recipe.train.from_}: its model and its tokenizer")
    return dataclasses.replace(recipe, model=model, tokenizer=tokenizer)


def _claim(run, recipe):
    """Writes the recipe into a new run folder; refuses a folder of another recipe."""
    path = run.path / "recipe.toml"
    if run.path.exists() and not run.path.is_dir():
        raise UserError(f"{run.path}: is a file, a run folder is needed")
    for pattern in (".*.partial", "partial-*"):  # what a killed training was writing
        for leftover in run.path.rglob(pattern):
            leftover.unlink(missing_ok=True)
    if path.exists():
        different = config.differences(run.recipe, recipe)
        if different:
            raise UserError(
                f"{run.path} holds another training; choose another run folder (--run). It differs in\n  "
                + "\n  ".join(different)
            )
    elif run.path.is_dir() and any(run.path.iterdir()):
        raise UserError(f"{run.path} is not empty and not a run folder; choose another one (--run)")
    with files.atomic(path) as file:
        file.write(config.dump(recipe))
    run.update(source=recipe.data.source, target=recipe.data.target)


def _fit(run, recipe, store, log):
    import keras

    from nmt.batches import Batches
    from nmt.callbacks import Clock, History, Progress, State, Validation
    from nmt.model import build
    from nmt.translate import Translator

    options = recipe.train
    batches = Batches(store, options.batch_tokens, options.seed, run.tokenizers, recipe.tokenizer.sampling)
    history = History(options.steps or options.epochs * len(batches), len(batches))
    model = build(recipe, *(tokenizer.size for tokenizer in run.tokenizers))
    model.compile(optimizer(options, history.total_steps), options.label_smoothing, options.precision,
                  jit_compile=False)  # fmt: skip
    model.optimizer.build(model.trainable_variables)
    state = State(run, history, options.save_minutes)
    state.set_model(model)
    if run.state_path.exists():
        state.restore()
        log(f"resuming at step {history.step} of {history.total_steps}")
    elif options.from_:
        parent = Run.open(options.from_)
        read_weights(model, parent.path / parent.meta["weights"])
    else:
        model.start_from_frequencies(store.frequencies(run.tokenizers[1].size))

    clock = Clock(history)
    progress = Progress(history, clock, options.log_every)
    translator = Translator(model.graphs(), run.tokenizers, recipe)
    sentences = held_out(recipe, "valid", options.valid_sentences)
    validation = Validation(run, recipe, history, clock, translator, sentences,
                            _validation_batches(run, recipe), progress.log)  # fmt: skip
    log(f"model: {model.count_params():,} weights, {run.tokenizers[1].size:,} target pieces, {model.precision}; "
        f"{store.pairs:,} pairs, {len(batches)} batches an epoch, {history.total_steps} steps")  # fmt: skip
    callbacks = [clock, validation, state, progress]
    if importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(run.path / "tensorboard", write_graph=False))

    interval = options.valid_every or len(batches)
    with state:
        while history.step < history.total_steps and not (options.patience and history.stale >= options.patience):
            steps = min(interval - history.step % interval, history.total_steps - history.step)
            epochs = (history.total_steps - history.step) // steps if steps == interval else 1
            done = history.step // interval
            model.fit(dataset(lambda: batches.stream(history.step)), epochs=done + epochs, initial_epoch=done,
                      steps_per_epoch=steps, callbacks=callbacks, verbose=0, shuffle=False)  # fmt: skip
    lexicon.write(run.path / "lexicon.npz", store, *(tokenizer.size for tokenizer in run.tokenizers))
    _choose(run, recipe, model, translator, sentences, history, progress.log)


def optimizer(options, total_steps):
    """Adam or AdamW with warm-up, decay and clipping by global norm; options: config.Train."""
    import keras

    from nmt.schedule import WarmUp

    schedule = WarmUp(options.learning_rate, options.warmup_steps, total_steps, options.decay)
    common = {"learning_rate": schedule, "global_clipnorm": options.clip_norm or None}
    if options.optimizer == "adamw":
        return keras.optimizers.AdamW(weight_decay=options.weight_decay, **common)
    return keras.optimizers.Adam(**common)


def dataset(stream):
    """A tf.data pipeline over a generator of (source, target) arrays; one signature, so one trace."""
    import tensorflow as tf

    ids = tf.TensorSpec((None, None), tf.int32)
    return tf.data.Dataset.from_generator(stream, output_signature=(ids, ids)).prefetch(4)


def _validation_batches(run, recipe):
    """Validation pairs as batches for `model.evaluate`."""
    import tensorflow as tf

    from nmt.batches import cut, pad
    from nmt.config import BOS, EOS

    sides = zip(*prepared(zip(*held_out(recipe, "valid", VALID_PAIRS), strict=True), recipe.data), strict=True)
    limit = 2 * recipe.data.max_pieces
    coded = zip(*(t.encode(side) for t, side in zip(run.tokenizers, sides, strict=True)), strict=True)
    pairs = sorted(((s, t) for s, t in coded if s and len(s) <= limit and len(t) <= limit),
                   key=lambda pair: (len(pair[1]), len(pair[0])))  # fmt: skip
    lengths = np.array([[len(target) + 1, len(source) + 1] for source, target in pairs]).T
    ends = cut(*lengths, recipe.train.batch_tokens)

    def stream():
        start = 0
        for end in ends:
            source, target = zip(*pairs[start:end], strict=True)
            yield pad(source, [], [EOS]), pad(target, [BOS], [EOS])
            start = end

    return dataset(stream).apply(tf.data.experimental.assert_cardinality(len(ends)))  # or Keras warns at the end


def _choose(run, recipe, model, translator, sentences, history, log):
    """Ends a training: averaged weights where they beat the best ones on validation, by real search."""
    from nmt.callbacks import average, scored

    metric, name = recipe.train.metric, None
    if len(history.snapshots) > 1:
        sources, references = sentences

        def score():
            return scored(translator.translate(sources, joined=False), references, recipe)[metric]

        read_weights(model, run.path / run.meta["weights"])
        best = score()
        average(model, run, history.snapshots)
        averaged = score()
        log(f"validation {metric}, beam {recipe.search.beam}: best {best:.2f}, "
            f"average of the last {len(history.snapshots)} {averaged:.2f}")  # fmt: skip
        if averaged >= best:
            name = f"average-{history.step:07d}"
    measure = _measure(recipe.train)
    end = {"complete": True, measure: getattr(recipe.train, measure), "step": history.step,
           "target_tokens": history.target_tokens, "train_seconds": round(history.seconds, 1)}  # fmt: skip
    if name:
        run.save_weights(model, name, **end)
    else:
        run.update(**end)
    run.drop_cache()
    log(f"{run.path}: complete after {history.step} steps, {history.seconds / 60:.1f} minutes of training")
