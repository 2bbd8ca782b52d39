"""What an installation brings: built as a wheel, installed where nothing else is."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from nmt.cli.parser import COMMANDS
from nmt.packages import DISTRIBUTION, EXTRAS
from nmt.recipe.library import builtin_recipes

ROOT = Path(__file__).parents[1]
SOURCES = ("LICENSE", "README.md", "MANIFEST.in", "setup.cfg", "setup.py", "pyproject.toml")
# What may be installed, MB of 10**6 bytes, compiled copies not counted.
MOST = 150

pytestmark = pytest.mark.slow


def pip(*arguments):
    options = ["--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", *map(str, arguments), *options]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built of a source distribution, and that in an environment of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "nmt", source / "nmt", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "data").mkdir()
    for path in (*builtin_recipes().values(), *(ROOT / name for name in SOURCES)):
        shutil.copy(path, source / path.relative_to(ROOT))
    builder = folder / "builder"
    venv.create(builder, with_pip=False)
    python = builder / "bin" / "python"
    pip("--python", python, "install", "setuptools>=77")
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    subprocess.run([python, "-c", build], check=True, cwd=source, stdout=subprocess.DEVNULL)
    (sources,) = folder.glob("*.tar.gz")
    pip("wheel", "--no-deps", "-w", folder, sources)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory):
    """An environment with the wheel and what it asks for, without any extra."""
    folder = tmp_path_factory.mktemp("core")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip("--python", python, "install", "--no-compile", "-c", "constraints.txt", wheel)
    return folder


@pytest.fixture
def nmt(core, tmp_path):
    """nmt(*arguments): the installed command, run outside of the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"

    def run(*arguments):
        return subprocess.run(
            [core / "bin" / "nmt", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return run


def installed(core):
    python = core / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "list", "--format=json"]
    done = subprocess.run(command, capture_output=True, check=True)
    return {each["name"].lower() for each in json.loads(done.stdout)}


def test_the_core_is_small_and_has_no_tensorflow(core):
    names = installed(core)
    assert {DISTRIBUTION, "numpy", "onnxruntime", "sentencepiece"} <= names
    optional = {module.partition(".")[0] for brings in EXTRAS.values() for module in brings}
    assert not names & {name.replace("_", "-") for name in optional}
    (packages,) = core.glob("lib/*/site-packages")
    files = [path for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    assert megabytes <= MOST, f"{megabytes:.0f} MB"


def test_the_core_helps_lists_and_translates(nmt, tiny_run, tmp_path):
    export = shutil.copytree(tiny_run / "export", tmp_path / "export")
    assert nmt("--help").stdout.startswith("usage: nmt")
    assert len(re.findall(r" nmt train ", nmt("recipes").stdout)) > 10
    assert "train.epochs" in nmt("options").stdout
    (tmp_path / "pairs.tsv").write_text("we have a dog .\twir haben einen Hund .\n")
    for arguments in (
        ("translate", export, "we have a dog ."),
        ("score", export, "-i", "pairs.tsv"),
        ("filter", export, "-i", "pairs.tsv"),
        ("augment", export, "-i", "pairs.tsv", "-o", "new.tsv"),
        ("runs", export),
        ("fetch", "toy"),
        ("schema",),
        ("completion", "bash"),
    ):
        done = nmt(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        assert done.stdout.strip() or arguments[0] == "fetch"


def test_commands_that_need_more_say_what_to_install(nmt, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    for arguments, extra in (
        (("train", "toy"), "train"),
        (("export", "run"), "train"),
        (("evaluate", "run"), "evaluate"),
        (("translate", "run", "--engine", "keras", "Hello"), "train"),
        (("fetch", "ted-pt-en"), "train"),
        (("bench", run), "train"),
    ):
        done = nmt(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert done.stderr.count("\n") == 1
        assert done.stderr.endswith(f'pip install "{DISTRIBUTION}[{extra}]"\n')
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_each_command_has_its_help_without_extras(nmt):
    for command in COMMANDS:
        assert nmt(command, "--help").returncode == 0
