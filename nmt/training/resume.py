"""Whose a run folder is: taken for a new training, resumed, or refused before a byte changes."""

import dataclasses
import logging
from pathlib import Path

from nmt.errors import UserError
from nmt.recipe import Recipe, TrainOptions, differences, idle_in_tuning
from nmt.runs.folder import Run
from nmt.runs.info import RunInfo
from nmt.training import corrections, tasks

log = logging.getLogger(__name__)


def recorded_recipe(run: Run, recipe: Recipe) -> Recipe | None:
    """The recipe that the folder's training goes on with; None if its preparation begins anew.

    Raises UserError for a folder that holds another training or anything that is not ours.
    """
    if not run.begun:
        if run.holds_other_files():
            raise UserError(
                f"{run.path} is not empty and not a run folder; choose another one (--run)"
            )
        return None
    if run.info.engine is not None:
        raise UserError(f"{run.path} is an exported folder; choose another run folder (--run)")
    if not (run.path / "recipe.toml").exists() and not is_trained(run):
        return None  # killed between the two first files
    # What was only prepared may begin anew for any reason.
    different = differences(run.recipe, recipe, resumed=is_trained(run))
    if different and is_trained(run):
        raise UserError(
            f"{run.path} holds another training; choose another run folder (--run). "
            "It differs in\n  " + "\n  ".join(different)
        )
    return None if different else run.recipe


def is_trained(run: Run) -> bool:
    """Whether the folder holds anything that took time to train."""
    return run.info.weights is not None or run.state_path.exists()


def length_option(options: TrainOptions) -> str:
    """The option that says how long to train: "steps" or "epochs"."""
    return "steps" if options.steps else "epochs"


def is_complete(info: RunInfo, options: TrainOptions) -> bool:
    """Whether a run was trained for as long as `options` say, or to where its patience ended."""
    if not info.complete:
        return False
    if info.patience is not None:
        return 0 < options.patience <= info.patience
    name = length_option(options)
    return getattr(options, name) <= (getattr(info, name) or 0)


def with_parent(run: Run, recipe: Recipe) -> Recipe:
    """The recipe; with train.from, model and tokenizer are those of the run that it names.

    Corrections of that run are a further corpus. With tokenizer.from, the tokenizer alone.
    Raises UserError if that run has no weights to start from, or is of another kind.
    """
    path = recipe.train.from_
    if not path:
        return _with_tokenizer(run, recipe)
    if is_trained(run) and run.recipe.train.from_ == path:  # the parent may be gone
        return _inheriting(run.recipe, corrections.as_recorded(run, recipe))

    # What the parent must be.
    parent_run = Run.open(path)
    if parent_run.info.weights is None:
        raise UserError(
            f"train.from={path}: is an exported folder, without Keras weights; name its run"
        )
    parent = parent_run.recipe
    if type(tasks.of(parent)) is not type(tasks.of(recipe)):
        raise UserError(
            f"train.from={path}: its model.architecture is {parent.model.architecture}, "
            f"which training cannot turn into {recipe.model.architecture}"
        )

    # What it brings, and what stays the recipe's own.
    recipe = _inheriting(parent, corrections.with_corrections(run, recipe, path))
    for message in idle_in_tuning(recipe):
        raise UserError(f"train.from={path}: {message}")
    tasks.of(recipe).check_parent(recipe.model)
    for piece in () if recipe.tokenizer.own else recipe.data.needed_controls():
        if not parent_run.tokenizers[0].control_ids([piece]):
            raise UserError(
                f"train.from={path}: its tokenizer has no {piece}, which the corpora need; leave "
                "the tag out, or train a tokenizer with tokenizer.own=true"
            )
    if recipe.model.tie == "all" and not recipe.tokenizer.joint:
        raise UserError(f"train.from={path}: its model.tie=all needs tokenizer.joint=true")
    if not recipe.tokenizer.own:
        log.info(f"starting from {path}: its model and its tokenizer")
    return recipe


def _with_tokenizer(run: Run, recipe: Recipe) -> Recipe:
    """The recipe with the options of the tokenizer that tokenizer.from names."""
    own = recipe.tokenizer
    path = own.from_
    if not path:
        return recipe
    if is_trained(run) and run.recipe.tokenizer.from_ == path:  # that run may be gone
        options = run.recipe.tokenizer
    elif (Path(path) / "recipe.toml").exists():
        options = Run(path).recipe.tokenizer
    else:  # tokenizers alone
        return recipe
    tokenizer = dataclasses.replace(options, from_=path, joint=own.joint, own=False)
    return dataclasses.replace(recipe, tokenizer=tokenizer)


def _inheriting(parent: Recipe, recipe: Recipe) -> Recipe:
    """The recipe with model and tokenizer of its parent, but for what stays its own."""
    own = {
        name: getattr(recipe.model, name)
        for name in ("dropout", "variational", "recurrent_dropout")
    }
    tokenizer = recipe.tokenizer
    if not tokenizer.own:
        tokenizer = dataclasses.replace(parent.tokenizer, from_=recipe.train.from_, own=False)
    model = dataclasses.replace(parent.model, **own)
    return dataclasses.replace(recipe, model=model, tokenizer=tokenizer)
