"""Weights in files: written whole or not at all; a file that does not fit is one clear error."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nmt import files
from nmt.errors import Failure


def write_weights(model: Any, path: Path) -> None:
    """`model.save_weights`, whole or not at all; Failure where the system refuses it."""
    partial = path.with_name(files.partial_name(".weights.h5"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # HDF5 may crash when a disk fills up under it.
        if shutil.disk_usage(path.parent).free < 4 * model.count_params() + 2**20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with _without_optimizer(model):
            model.save_weights(partial)
        partial.replace(path)
    except OSError as error:
        raise files.write_failure(path, error) from error
    finally:
        partial.unlink(missing_ok=True)


def read_weights(model: Any, path: Path) -> None:
    """`model.load_weights`; Failure for a file that is damaged or of another model."""
    try:
        with _without_optimizer(model):
            model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise Failure(f"{path}: damaged or of another model ({reason})") from None


@contextlib.contextmanager
def _without_optimizer(model: Any) -> Iterator[None]:
    """Keras saves moments and step count with the weights of a compiled model; not here."""
    optimizer = getattr(model, "optimizer", None)
    model.optimizer = None
    try:
        yield
    finally:
        model.optimizer = optimizer
