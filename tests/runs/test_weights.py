"""Weights are written whole, or not at all."""

import shutil
import types
from pathlib import Path

import pytest

import nmt.runs.weights
from nmt.errors import Failure
from tests.fakes import tree


def test_weights_are_not_begun_without_room(tmp_path, monkeypatch):
    """HDF5 may take the whole process down when the disk fills up under it."""
    begun = []
    model = types.SimpleNamespace(count_params=lambda: 10**6, save_weights=begun.append)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=3 * 10**6))
    with pytest.raises(Failure, match=r"cannot write .*best\.weights\.h5: No space left"):
        nmt.runs.weights.write_weights(model, tmp_path / "run" / "best.weights.h5")
    assert begun == [] and tree(tmp_path) == {}


@pytest.mark.parametrize(
    "message",
    [
        "[Errno 28] Can't write data (file write failed: time = now,\nfilename = x)",
        "Unable to\nwrite",
    ],
)
def test_weights_that_cannot_be_written(tmp_path, message):
    """h5py explains itself on many lines."""

    def save_weights(path):
        Path(path).write_bytes(b"half")
        raise OSError(message)

    model = types.SimpleNamespace(count_params=lambda: 10, save_weights=save_weights)
    with pytest.raises(Failure) as caught:
        nmt.runs.weights.write_weights(model, tmp_path / "best.weights.h5")
    assert len(str(caught.value).splitlines()) == 1 and "best.weights.h5" in str(caught.value)
    assert tree(tmp_path) == {}
