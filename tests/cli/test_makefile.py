"""The front door: `make help` lists all targets."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.search(r"^\.PHONY:(.*)$", TEXT, re.MULTILINE)[1].split()


def test_every_target_is_declared():
    rules = re.findall(r"^([a-z][\w-]*):(?!=)", TEXT, re.MULTILINE)
    assert sorted(rules) == sorted(TARGETS) and len(set(TARGETS)) == len(TARGETS)


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize("arguments", [[], ["help"]])
def test_help_names_each_target(arguments):
    done = subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for target in TARGETS:
        assert re.search(rf"\bmake {target}(?![\w-])", done.stdout), target
    for variable in ("RECIPE", "RUN", "ARGS", "TEXT", "BUDGET"):
        assert variable in done.stdout
    assert done.stderr == ""


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["train"], ["train", "data/default.toml", "--evaluate", "--fallback", "data/toy.toml"]),
        (
            ["train", "RECIPE=my recipes/own one.toml", "RUN=runs/my own", "ARGS=train.seed=2"],
            [
                "train",
                "my recipes/own one.toml",
                "train.seed=2",
                "--run",
                "runs/my own",
                "--evaluate",
            ],
        ),
        (["translate", "RUN=runs/my own"], ["translate", "runs/my own"]),
        (["bench", "RUN=runs/typo"], ["bench", "runs/typo"]),
        (["bleu", "RUN=runs/my own"], ["evaluate", "runs/my own"]),
    ],
)
def test_targets_call_the_command_line(tmp_path, arguments, command):
    """With names that have spaces, too; `.venv` is one that prints what it is called with."""
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    for name in ("setup.cfg", "constraints.txt", ".venv/ready"):
        (tmp_path / name).touch()
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", ROOT / "Makefile", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["-m", "nmt", *command]
