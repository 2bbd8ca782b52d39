"""A run as a folder that translates without Keras: graphs, recipe, tokenizers, lexicon."""

import os
import shutil
from collections.abc import Collection
from pathlib import Path

from nmt import files
from nmt.engine import layout
from nmt.engine.writer import reason_against, write
from nmt.errors import UserError
from nmt.runs.folder import HELD_OUT, PROFILE, Run
from nmt.runs.info import ExportInfo, RunInfo

EXPORTED = (
    *layout.FILES,
    "recipe.toml",
    "tokenizer.model",
    "source.model",
    "target.model",
    *HELD_OUT.values(),
    PROFILE,
)


def export(
    run: Run, folder: Path | None = None, precision: str = "int8", small: bool = False
) -> Path:
    """Writes a run's model as a folder that translates by itself; returns the folder.

    folder: default RUN/export. precision: "int8" or "float32". small: see `write`. Raises
    UserError for a model whose parts ONNX cannot express, and for a folder that holds anything
    else.
    """
    if reason := reason_against(run.recipe.model):
        raise UserError(f"{run.path}: cannot be exported: {reason}")
    target = Run(run.export_path if folder is None else folder.absolute())
    _check_target(target)
    model = run.load_model()
    try:
        with files.scratch_folder(target.path) as scratch:
            # 1. Everything in a folder aside.
            write(model, precision, scratch, small)
            held_out = {
                name: digest
                for name, digest in (run.info.held_out or {}).items()
                if (run.path / name).is_file()
            }
            for name in {"recipe.toml", *(run.info.tokenizers or ()), *held_out}:
                shutil.copyfile(run.path / name, scratch / name)
            for name in (layout.LEXICON, PROFILE):
                if (run.path / name).exists():
                    shutil.copyfile(run.path / name, scratch / name)

            # 2. What run.json says of it.
            checksums = {path.name: files.digest(path) for path in sorted(scratch.iterdir())}
            engine = ExportInfo(
                layout.EXPORT_FORMAT, precision, run.info.weights_sha256, checksums, small or None
            )
            info = RunInfo(
                source=run.info.source,
                target=run.info.target,
                tokenizers=run.info.tokenizers,
                tokenizer_sha256=run.info.tokenizer_sha256,
                held_out=held_out,
                profile_sha256=run.info.profile_sha256,
            )

            # 3. Into place.
            _replace_files(target, scratch, info, engine)
    except OSError as error:
        raise files.write_failure(target.path, error) from error
    return target.path


def _check_target(target):
    """UserError for a folder that is no export and not empty, or has files of others in the way."""
    folder = target.path
    is_free = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and target.info.engine is None and not is_free:
        raise UserError(
            f"{folder}: is there already and no exported folder; choose another one (--output)"
        )
    own = _own_files(target)
    for name in EXPORTED:
        if name not in own and (folder / name).exists():
            raise UserError(
                f"{folder / name}: is no part of that export; choose another folder (--output)"
            )


def _replace_files(target, scratch, info, engine):
    """Puts a finished export in the place of an earlier one's files; other files stay.

    In between run.json names no files, so a half-renewed export is not taken for a whole one.
    """
    earlier_files = set(_own_files(target))
    target.info = info
    target.update(engine=ExportInfo())
    for name in engine.files:
        os.replace(scratch / name, target.path / name)
    for name in earlier_files - engine.files.keys():
        (target.path / name).unlink(missing_ok=True)
    target.update(engine=engine)


def _own_files(target: Run) -> Collection[str]:
    """Names of the files that an earlier export wrote, or may have written before it was killed."""
    if target.info.engine is None:
        return ()
    return EXPORTED if target.info.engine.files is None else target.info.engine.files
