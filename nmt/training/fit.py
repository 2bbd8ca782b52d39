"""The training itself: a model, where it starts, Keras's `fit`, the choice of weights."""

import logging
from collections.abc import Iterable
from typing import Any

import keras
import tensorflow as tf

from nmt.batches.buckets import Batches
from nmt.batches.store import Store
from nmt.batches.streams import Streams
from nmt.errors import UserError
from nmt.machine import gpus
from nmt.packages import is_installed
from nmt.recipe import Recipe, TrainOptions
from nmt.runs.folder import Run
from nmt.runs.weights import read_weights
from nmt.training import devices, tasks
from nmt.training.checkpoint import ResumeState, average_snapshots
from nmt.training.following import Following, Leading
from nmt.training.history import Clock, History
from nmt.training.pipeline import compiled, endless
from nmt.training.progress import Progress
from nmt.training.resume import length_option
from nmt.training.stages import Stages
from nmt.training.team import Team
from nmt.training.transfer import transfer
from nmt.training.validation import Validation

log = logging.getLogger(__name__)


def fit(
    run: Run,
    recipe: Recipe,
    batches: Batches | Streams,
    callbacks: Iterable[keras.callbacks.Callback],
    stages: Stages,
    team: Team,
) -> None:
    """Trains the run's model to the end, from the start or from where a training stopped.

    callbacks: Keras's, called after ours. stages: get what the stages of the training take. team:
    its first process measures and writes, the others compute along.
    """
    options = recipe.train
    task = tasks.of(recipe)
    history = History(options.steps or options.epochs * len(batches), len(batches))

    # The model, and where it starts.
    with devices.scope(devices.strategy(recipe, team)):
        model = task.model(run.tokenizers)
        compiled(model, recipe, history.total_steps, **task.compile_options())
    if not team.alone:
        model.asked_to_stop = tf.Variable(0.0, trainable=False)
    carried = task.carried(model)
    state = ResumeState(run, history, model, options.save_minutes, carried, team)
    set_starting_point(run, recipe, model, state, batches.store)

    # What happens beside the steps. The first process measures.
    validation = None
    if team.leads:
        validation = task.validation(run, history, model)
        validation.set_model(model)
    ours = beside_steps(run, options, state, validation) + task.callbacks(history)

    # The steps, and what comes of them.
    log.info(
        f"model: {model.count_params():,} weights, {run.tokenizers[1].size:,} target pieces, "
        f"{model.precision}; {batches.store.pairs:,} {task.unit}, "
        f"{len(batches)} batches an epoch, {history.total_steps} steps"
    )
    if 2 * options.warmup_steps > history.total_steps:
        log.info(
            f"note: train.warmup_steps={options.warmup_steps} is over half of the "
            f"{history.total_steps} steps; the learning rate hardly gets to its peak"
        )
    if team.leads:
        run.update(complete=False)
    seconds_before = history.seconds
    with state, stages.stage("steps"), devices.losses_of_others(run, team):
        take_steps(model, batches, history, options, [*ours, *callbacks])
    if validation is None:
        team.say(done=True)
        return
    team.gather()  # nobody reads the batches any more
    outside = stages.seconds["steps"] - (history.seconds - seconds_before)
    stages.move(outside, "steps", "validation and saving")
    with stages.stage("lexicon"):
        task.write_lexicon(run, batches.store)
    with stages.stage("choice of weights"):
        choose_weights(run, recipe, model, validation, history)


def beside_steps(
    run: Run,
    options: TrainOptions,
    state: ResumeState,
    validation: Validation | None,
) -> list[keras.callbacks.Callback]:
    """Callbacks that count, measure and record, then save, then show; in their order."""
    history = state.history
    # Each look at the losses would wait for a GPU.
    clock = Clock(history, options.log_every if gpus() else 1)
    if validation is None:
        return [clock, Following(state, options.patience), state]
    progress = Progress(history, options.log_every, length_option(options))
    ours = [clock, validation, Leading(state), state, progress]
    if is_installed("tensorboard"):
        ours.append(keras.callbacks.TensorBoard(run.path / "tensorboard", write_graph=False))
    return ours


def set_starting_point(
    run: Run, recipe: Recipe, model: Any, state: ResumeState, store: Store
) -> None:
    """Gives the model the saved state, the weights of train.from, or frequencies as output bias.

    Raises UserError for a complete run whose state is gone.
    """
    if run.state_path.exists():
        state.restore()
        history = state.history
        if history.step >= history.total_steps and run.info.weights is None:
            raise UserError(
                f"{run.path}: is at step {history.step} and has no weights yet that were measured; "
                f"train.{length_option(recipe.train)} must be higher"
            )
        log.info(f"resuming at step {state.history.step} of {state.history.total_steps}")
    elif run.info.complete:
        # Training anew would replace weights that took hours by those of the first minutes.
        raise UserError(
            f"{run.state_path}: missing, so training cannot go on; choose another run folder "
            f"(--run), with train.from={run.path} to start from these weights"
        )
    elif recipe.train.from_ and not recipe.tokenizer.own:
        read_weights(model, Run.open(recipe.train.from_).weights_path())
    else:
        model.start_from_frequencies(store.frequencies(run.tokenizers[1].size))
        if recipe.train.from_:
            transfer(Run.open(recipe.train.from_), model, run.tokenizers)


def take_steps(
    model: Any,
    batches: Batches | Streams,
    history: History,
    options: TrainOptions,
    callbacks: list[keras.callbacks.Callback],
) -> None:
    """Calls `fit` until all steps are done, patience ends or a callback stops the training.

    A Keras epoch is an interval.
    """
    interval = options.valid_every or len(batches)
    while history.step < history.total_steps:
        if options.patience and history.stale >= options.patience:
            break

        # To the end of an interval that was begun, or all whole ones, or the rest after them.
        left = history.total_steps - history.step
        steps = min(interval - history.step % interval, left)
        epochs = left // steps if steps == interval else 1
        epochs_done = history.step // interval
        model.fit(
            endless(lambda: batches.batches_from(history.step), model.distribute_strategy),
            epochs=epochs_done + epochs,
            initial_epoch=epochs_done,
            steps_per_epoch=steps,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
        )
        # A callback stopped it. In a team the other processes would go on: there it does not count.
        if model.stop_training and model.asked_to_stop is None:
            break


def choose_weights(
    run: Run, recipe: Recipe, model: Any, validation: Validation, history: History
) -> None:
    """Ends a training: averaged weights where they beat the best ones, entries of run.json."""
    # The better of best and average.
    average_is_better = False
    read_weights(model, run.weights_path())
    best = chosen = validation.final()
    if len(history.snapshots) > 1:
        average_snapshots(run, history, model)
        average = validation.final()
        log.info(
            f"validation {validation.final_name}: best {abs(best.score):.2f}, "
            f"average of the last {len(history.snapshots)} {abs(average.score):.2f}"
        )
        average_is_better = average.score >= best.score
        chosen = average if average_is_better else best

    if chosen.fit:
        log.info(chosen.fit.note)

    # What run.json says of a complete run.
    length = length_option(recipe.train)
    stopped_early = history.step < history.total_steps
    patience = recipe.train.patience
    ended_by = patience if 0 < patience <= history.stale else 0
    entries = {
        "complete": True,
        length: getattr(recipe.train, length),
        "patience": ended_by if stopped_early else None,
        "step": history.step,
        "target_tokens": history.target_tokens,
        "train_seconds": round(history.seconds, 1),
        "valid_score": round(abs(chosen.score), 3),
        "confidence": chosen.fit.curve.to_dict() if chosen.fit and chosen.fit.curve else None,
    }
    if average_is_better:
        run.save_weights(model, f"average-{history.step:07d}", **entries)
    else:
        run.update(**entries)
    run.drop_cache()
    log.info(
        f"{run.path}: complete after {history.step} steps, "
        f"{history.seconds / 60:.1f} minutes of training"
    )
