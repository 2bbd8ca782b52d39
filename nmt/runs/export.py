"""A run as a folder of its own that translates without Keras: graphs, recipe, tokenizers, lexicon."""

import dataclasses
import os
import shutil

from nmt import files
from nmt.engine import layout
from nmt.engine.writer import reason_against, write
from nmt.errors import UserError
from nmt.runs.folder import Run
from nmt.runs.info import ExportInfo, RunInfo

EXPORTED = (*layout.FILES, "recipe.toml", "tokenizer.model", "source.model", "target.model")


def export(run, folder=None, precision="int8"):
    """Writes a run's model as a folder that translates by itself (default: RUN/export); returns the folder.

    Raises UserError for a model whose parts ONNX cannot express, and for a folder that holds anything else.
    """
    if reason := reason_against(run.recipe.model):
        raise UserError(f"{run.path}: cannot be exported: {reason}")
    folder = run.export_path if folder is None else folder.absolute()
    target = Run(folder)
    if folder.exists() and not (
        folder.is_dir() and (target.info.engine is not None or not any(folder.iterdir()))
    ):
        raise UserError(
            f"{folder}: is there already and no exported folder; choose another one (--output)"
        )
    if strangers := [
        name for name in EXPORTED if (folder / name).exists() and name not in _own(target)
    ]:
        raise UserError(
            f"{folder / strangers[0]}: is no part of that export; choose another folder (--output)"
        )
    model = run.load_model()
    try:
        with files.scratch_folder(folder) as partial:
            write(model, precision, partial)
            for name in {"recipe.toml", *run.info.tokenizers, *run.lexicon}:
                shutil.copyfile(run.path / name, partial / name)
            checksums = {path.name: files.digest(path) for path in sorted(partial.iterdir())}
            info = RunInfo(
                source=run.info.source,
                target=run.info.target,
                tokenizers=run.info.tokenizers,
                tokenizer_sha256=run.info.tokenizer_sha256,
                engine=ExportInfo(
                    layout.EXPORT_FORMAT, precision, run.info.weights_sha256, checksums
                ),
            )
            _take_over(target, partial, info)
    except OSError as error:
        raise files.write_failure(folder, error) from error
    return folder


def _take_over(target, partial, info):
    """Puts the files of a finished export in the place of a former one's; other files of that folder stay.

    In between run.json names no files, so that a half-renewed export is not taken for a whole one.
    """
    former = _own(target)
    target.info = dataclasses.replace(info, engine=ExportInfo())
    target.update()
    for name in info.engine.files:
        os.replace(partial / name, target.path / name)
    for name in set(former) - set(info.engine.files):
        (target.path / name).unlink(missing_ok=True)
    target.update(engine=info.engine)


def _own(target):
    """Names of the files that an earlier export wrote; all that there may be where a kill left it unfinished."""
    if target.info.engine is None:
        return ()
    return EXPORTED if target.info.engine.files is None else target.info.engine.files
