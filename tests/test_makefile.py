"""The front door: `make help` lists all targets."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
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
