"""Any interruption of a training can be resumed, bit for bit."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import nmt
from nmt import files
from nmt.errors import UserError
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from nmt.training.checkpoint import Stopped
from tests.short_run import (
    SHORT,
    after_step,
    after_validation,
    assert_same_run,
    contents,
    history,
    interrupt,
    trained,
)

ROOT = Path(nmt.__file__).parents[1]

# Moments of a kill: (before or after the call of a function, the function, end of its last
# argument or of a keyword's value, which such call).
MOMENTS = {
    "while the first file is written": ("before", "os:replace", "run.json", 1),
    "between the first two files": ("before", "os:replace", "recipe.toml", 1),
    "while preparing": ("before", "nmt.batches.store:write_ids", "", 1),
    "amid an epoch, while a state is saved": ("before", "os:replace", "state.npz", 9),
    "between the weights and their entry": (
        "after",
        "nmt.runs.weights:write_weights",
        "best-0000016.weights.h5",
        1,
    ),
    "while choosing weights": ("before", "nmt.training.fit:average_snapshots", "", 1),
}

PROGRAM = """
import importlib, os, signal, sys

def deadly(when, place, ending, number):
    module, name = place.split(":")
    owner = importlib.import_module(module)
    function, calls = getattr(owner, name), 0

    def wrapped(*arguments, **options):
        nonlocal calls
        calls += str(arguments[-1]).endswith(ending)
        last = calls == int(number)
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, wrapped)

moment, arguments = sys.argv[1:5], sys.argv[5:]
from nmt.__main__ import main
from nmt.machine import start_keras
if moment[1].startswith("nmt.training"):
    start_keras(1)
if moment[0]:
    deadly(*moment)
sys.exit(main(arguments))
"""


def start_training(recipe, folder, moment=("", "", "", "")):
    """A training in another process, which kills itself at a moment."""
    arguments = [*map(str, moment), "train", str(recipe), *SHORT, "--run", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=Path(folder).parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def kill_training(recipe, folder, name):
    process = start_training(recipe, folder, MOMENTS[name])
    output, _ = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, f"not killed {name}:\n{output}"


def test_killed_and_resumed_a_run_is_bit_for_bit_the_same(short_run, tiny_recipe, tmp_path):
    """Were a state saved just before a validation, the third kill would make it be skipped."""
    folder = tmp_path / "run"
    for name in (
        "while preparing",
        "amid an epoch, while a state is saved",
        "between the weights and their entry",
        "while choosing weights",
    ):
        kill_training(tiny_recipe, folder, name)
    trained(tiny_recipe, folder, *SHORT)
    assert_same_run(folder, short_run)
    assert contents(folder) == contents(short_run), "a kill left something behind"


@pytest.mark.slow
def test_killed_at_ten_random_moments_a_run_is_bit_for_bit_the_same(
    short_run, tiny_recipe, tmp_path
):
    folder, seed = tmp_path / "run", int(time.time())
    print("seed", seed)
    draw, killed = random.Random(seed), 0
    for _ in range(10):
        process = start_training(tiny_recipe, folder)
        try:
            process.communicate(timeout=draw.uniform(0.3, 12))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            killed += 1
    assert killed > 2
    trained(tiny_recipe, folder, *SHORT)
    assert_same_run(folder, short_run)
    assert contents(folder) == contents(short_run), "a kill left something behind"


def test_what_a_kill_left_half_written_is_no_obstacle(tiny_recipe, tmp_path):
    """Neither empty nor a run yet."""
    folder = tmp_path / "run"
    for name in ("while the first file is written", "between the first two files"):
        kill_training(tiny_recipe, folder, name)
        assert any(files.is_partial(path.name) for path in folder.iterdir())
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, folder, *SHORT, callbacks=[after_step(1, interrupt)])
    assert Run(folder).recipe == load_recipe(tiny_recipe, SHORT)
    assert not any(files.is_partial(path.name) for path in folder.rglob("*"))


def test_signals_save_and_stop(short_run, tiny_recipe, tmp_path):
    """SIGTERM amid an epoch, ctrl-C when a validation is next; the same command goes on."""
    folder = tmp_path / "run"
    process = start_training(tiny_recipe, folder)
    while not (folder / "state" / "state.npz").exists():
        assert process.poll() is None, "it ended without a state"
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM and "state saved" in output
    with pytest.raises(UserError, match="no weights yet"):
        Run.open(folder)

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    options, lines = (*SHORT, "train.save_minutes=1000"), []
    ctrl_c = after_step(16, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Stopped) as stopped:
        trained(tiny_recipe, folder, *options, callbacks=[ctrl_c], lines=lines)
    assert stopped.value.number == signal.SIGINT
    assert any("resuming at step" in line for line in lines)
    assert len(history(folder)) == 1, "the validation was not waited for"
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers

    trained(tiny_recipe, folder, *SHORT, lines=lines)
    assert "resuming at step 16 of 32" in lines
    assert_same_run(folder, short_run)


def test_a_run_that_goes_on_is_not_complete(short_copy, tiny_recipe):
    """Stopped on its way to more epochs."""
    callback = after_validation(interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, short_copy, *SHORT, "train.epochs=3", callbacks=[callback])
    assert Run(short_copy).info.complete is False
