"""Any interruption of a training can be resumed, bit for bit."""

import os
import random
import shutil
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
from nmt.training.checkpoint import ResumeState, Stopped
from tests import nordic_run
from tests.fakes import nmt_command
from tests.moments import act_at
from tests.short_run import (
    SHORT,
    after_step,
    assert_same_run,
    at_the_beginning,
    contents,
    history,
    interrupt,
    trained,
)

ROOT = Path(nmt.__file__).parents[1]

# Of a kill, as `act_at` takes them.
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
import os, signal, sys
from nmt.__main__ import main
from tests.moments import act_at

*moment, arguments = *sys.argv[1:5], sys.argv[5:]
if moment[0]:
    act_at(moment, lambda: os.kill(os.getpid(), signal.SIGKILL))
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


def left_by_a_kill(recipe, folder, name):
    """What a kill at that moment leaves: a copy that is made just then, of a training here."""
    left = folder.with_name(name)

    def copy():
        shutil.copytree(folder, left)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        act_at(MOMENTS[name], copy, patch.setattr)
        trained(recipe, folder, *SHORT)
    return left


def test_killed_and_resumed_a_run_is_bit_for_bit_the_same(short_run, tiny_recipe, tmp_path):
    """What users have put there stays.

    Were a state saved just before a validation, the third kill would make it be skipped.
    """
    folder = tmp_path / "run"
    for name in (
        "while preparing",
        "amid an epoch, while a state is saved",
        "between the weights and their entry",
        "while choosing weights",
    ):
        folder = left_by_a_kill(tiny_recipe, folder, name)
        nordic_run.put_mine(folder)
    trained(tiny_recipe, folder, *SHORT)
    assert_same_run(folder, short_run)
    assert nordic_run.mine_stay(folder)
    expected = sorted([*contents(short_run), *nordic_run.MINE])
    assert contents(folder) == expected, "a kill left something behind"


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
        process = start_training(tiny_recipe, folder, MOMENTS[name])
        output, _ = process.communicate(timeout=300)
        assert process.returncode == -signal.SIGKILL, f"not killed {name}:\n{output}"
        assert any(files.is_partial(path.name) for path in folder.iterdir())
    shard = folder / "cache" / "0001"
    shard.mkdir(parents=True)
    for name in ("meta.json", files.partial_name()):
        (shard / name).touch()
    with pytest.raises(KeyboardInterrupt):
        trained(tiny_recipe, folder, *SHORT, callbacks=[at_the_beginning(interrupt)])
    assert Run(folder).recipe == load_recipe(tiny_recipe, SHORT)
    assert not any(files.is_partial(path.name) for path in folder.rglob("*"))


def test_signals_save_and_stop(short_run, tiny_recipe, tmp_path, monkeypatch):
    """SIGTERM amid an epoch, ctrl-C when a validation is next; the same command goes on."""
    folder, save = tmp_path / "run", ResumeState.save
    signals = iter([signal.SIGTERM])

    def save_and_signal(state):
        save(state)
        for number in signals:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(ResumeState, "save", save_and_signal)
        done = nmt_command("train", tiny_recipe, *SHORT, "--run", folder)
    assert done.status == 128 + signal.SIGTERM and "state saved" in done.err
    with pytest.raises(UserError, match="no weights yet"):
        Run.open(folder)

    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    options, lines = (*SHORT, "train.save_minutes=1000"), []
    ctrl_c = after_step(16, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Stopped) as stopped:
        trained(tiny_recipe, folder, *options, callbacks=[ctrl_c], lines=lines)
    assert stopped.value.number == signal.SIGINT
    assert "resuming at step 2 of 32" in lines, "it did not stop after the step"
    assert len(history(folder)) == 1, "the validation was not waited for"
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers

    trained(tiny_recipe, folder, *SHORT, lines=lines)
    assert "resuming at step 16 of 32" in lines
    assert_same_run(folder, short_run)
