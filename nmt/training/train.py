"""Training a run from a recipe: claim the folder, prepare the text, fit, export."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nmt import files
from nmt.corpora.mixture import Mixture
from nmt.errors import UserError
from nmt.machine import start_keras
from nmt.packages import TRAINING, is_installed, require
from nmt.recipe import Recipe
from nmt.runs.folder import Run
from nmt.training import corrections, resume, tasks, threads
from nmt.training.prepare import training_store
from nmt.training.stages import Stages

if TYPE_CHECKING:
    import keras

    from nmt.batches.buckets import Batches
    from nmt.batches.streams import Streams

log = logging.getLogger(__name__)


def train(
    recipe: Recipe,
    folder: str | Path,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    export: bool = True,
) -> Run:
    """Trains `recipe` in a run folder, or goes on where an earlier training stopped.

    callbacks: Keras's, called after ours. export: end with what `translate` runs without Keras.
    Raises UserError when the folder belongs to another recipe, naming what differs, and where
    packages are not installed.
    """
    # Refuse before anything is touched.
    require(*TRAINING)
    run = Run(folder)
    recipe = resume.with_parent(run, recipe)
    resume.recorded_recipe(run, recipe)
    stages = Stages()
    with run.lock():
        # Read again: nobody else changes it from now on.
        run = Run(folder)
        recorded = resume.recorded_recipe(run, recipe)
        complete = resume.is_complete(run.info, recipe.train)
        files.remove_leftovers(run.path, run.state_path.parent, run.cache)

        # The text, as batches of ids.
        with stages.stage("text and tokenizer"):
            if recorded is None:
                with run.renewed():
                    run.save_recipe(recipe)
                    corrections.keep(recipe)
                    batches = prepare(run, recipe)
            elif not complete:
                corrections.keep(recipe)
                batches = prepare(run, recipe)
                run.save_recipe(recipe)
            else:
                if recorded.data != recipe.data:  # must be another path to the same text
                    prepare(run, recipe)
                run.save_recipe(dataclasses.replace(recipe, train=recorded.train))

        if not complete:
            corrections.hand_on(run, recipe)

        # The weights.
        if complete:
            report_complete(run, recipe)
            run.drop_cache()
        else:
            with stages.stage("start of Keras"):
                threads.start(recipe)
                from nmt.training.fit import fit  # imports Keras
            fit(run, recipe, batches, callbacks, stages)

        if export:
            with stages.stage("export"):
                export_weights(run)
            with stages.stage("before and after"):
                corrections.report(run)
    if not complete:
        log.info(stages.line())
    return run


def prepare(run: Run, recipe: Recipe) -> Batches | Streams:
    """Fetches the corpus and makes the training batches; UserError if it is not the run's text."""
    Mixture(recipe.data).fetch()
    store = training_store(run, recipe)
    return tasks.of(recipe).batches(store, run.tokenizers)


def report_complete(run: Run, recipe: Recipe) -> None:
    """Says that there is nothing to train, and what would be."""
    ended_by = "patience" if run.info.patience is not None else resume.length_option(recipe.train)
    log.info(
        f"{run.path}: complete after {run.info.step} steps; nothing to train (another seed or "
        f"recipe needs another run folder, more training a higher train.{ended_by})"
    )


def export_weights(run: Run) -> None:
    """Ends a training with what `translate` runs, unless it is there or cannot be made."""
    from nmt.engine.writer import reason_against
    from nmt.evaluation.calibration import calibrate
    from nmt.runs.export import export

    if run.exported():
        return
    if reason := reason_against(run.recipe.model):
        log.info(f"note: not exported, the run needs Keras: {reason}")
    elif not is_installed("onnx"):
        log.info("note: not exported, the run needs Keras: the package onnx is not installed")
    else:
        start_keras()
        try:
            folder = export(run)
        except UserError as error:
            # A folder of that name that is not ours is no reason to call the training failed.
            log.info(f"note: not exported: {error}")
        else:
            log.info(f"exported to {folder}")
            note = calibrate(Run(folder), "onnx", run.recipe.train.threads)
            log.info(f"export: {note}")
