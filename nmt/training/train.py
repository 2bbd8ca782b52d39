"""Training a run from a recipe: claim the folder, prepare the text, fit, export."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from nmt import files, ray_cluster
from nmt.batches.store import Store, shard_folders
from nmt.corpora.mixture import Mixture
from nmt.errors import Failure, UserError
from nmt.machine import start_keras
from nmt.packages import TRAINING, is_installed, require
from nmt.recipe import Recipe, dump_recipe
from nmt.runs.folder import Run
from nmt.training import corrections, resume, tasks, threads
from nmt.training.cluster import of_environment
from nmt.training.prepare import training_store
from nmt.training.stages import Stages
from nmt.training.team import Team, together

if TYPE_CHECKING:
    import keras

    from nmt.batches.buckets import Batches
    from nmt.batches.streams import Streams

log = logging.getLogger(__name__)

SHARED_SECONDS = 60.0  # in which a network file system shows what another machine has written


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
    ray_cluster.is_named()
    run = Run(folder)
    recipe = resume.with_parent(run, recipe)
    resume.recorded_recipe(run, recipe)
    cluster = of_environment()
    if cluster.size > 1 and not tasks.of(recipe).shares_batches:
        raise UserError(
            "a language model trains in one process; start it without TF_CONFIG, or as one SLURM "
            "task"
        )

    # One process, or several of which the first one writes.
    with together(cluster, comparable(recipe)) as team:
        if team.leads:
            return lead(recipe, folder, callbacks, export, team)
        follow(recipe, folder, callbacks, team)
    return Run(folder)


def comparable(recipe: Recipe) -> str:
    """The text of what must be the same in all processes of a training."""
    # Machines may have more cores or fewer.
    train = dataclasses.replace(recipe.train, threads=0)
    return dump_recipe(dataclasses.replace(recipe, train=train))


def lead(
    recipe: Recipe,
    folder: str | Path,
    callbacks: Iterable[keras.callbacks.Callback],
    export: bool,
    team: Team,
) -> Run:
    """A training by its first process, which may be the only one."""
    stages = Stages()
    run = Run(folder)
    with run.lock():
        # Read again: nobody else changes it from now on.
        run = Run(folder)
        recorded = resume.recorded_recipe(run, recipe)
        complete = resume.is_complete(run.info, recipe.train)
        files.remove_leftovers(run.path, run.state_path.parent, *shard_folders(run.cache))

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

        if not resume.is_trained(run):
            corrections.hand_on(run, recipe)

        # The weights.
        team.beat()
        team.say(complete=complete, folder=contents(run))
        if complete:
            report_complete(run, recipe)
            run.drop_cache()
        else:
            with stages.stage("start of Keras"):
                team.gather()  # all see the folder
                team.say(start=True)
                threads.start(recipe, team)
                from nmt.training.fit import fit  # imports Keras
            fit(run, recipe, batches, callbacks, stages, team)

        if export:
            with stages.stage("export"):
                export_weights(run)
            with stages.stage("before and after"):
                corrections.report(run)
    if not complete:
        log.info(stages.line())
    return run


def follow(
    recipe: Recipe,
    folder: str | Path,
    callbacks: Iterable[keras.callbacks.Callback],
    team: Team,
) -> None:
    """What the other processes of a training do: they compute along and write nothing.

    UserError where the run folder is not the one that the first process writes.
    """
    log.info(f"{team.cluster.name(team.cluster.number)}; process 0 prepares, validates and writes")
    word = team.hear()
    if word["complete"]:
        return
    run = shared_run(folder, word["folder"])
    batches = tasks.of(recipe).batches(Store(run.cache), run.tokenizers)
    team.say(ready=True)
    team.hear()
    threads.start(recipe, team)
    from nmt.training.fit import fit  # imports Keras

    fit(run, recipe, batches, callbacks, Stages(), team)


def contents(run: Run) -> dict[str, str | None]:
    """What identifies the state of a run folder that a training goes on from."""
    meta = run.cache / "meta.json"
    return {
        "corpus": run.info.corpus_sha256,
        "text": run.info.text,
        "state": files.digest(run.state_path) if run.state_path.exists() else None,
        "cache": files.digest(meta) if meta.exists() else None,
    }


def shared_run(folder: str | Path, expected: dict[str, str | None]) -> Run:
    """The run, once its folder holds here what it holds for process 0; UserError if it never does.

    A network file system may show another machine's files seconds later.
    """
    until = time.monotonic() + SHARED_SECONDS
    while True:
        with contextlib.suppress(Failure, OSError):
            run = Run(folder)
            if contents(run) == expected:
                return run
        if time.monotonic() > until:
            raise UserError(
                f"{folder}: is not the folder that process 0 writes; --run must name a folder that "
                "all machines share"
            )
        time.sleep(1)


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
