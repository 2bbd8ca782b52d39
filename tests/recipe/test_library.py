"""Recipes of the package are found by their names, in a checkout and installed."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from nmt.errors import UserError
from nmt.recipe import load_recipe
from nmt.recipe.library import builtin, builtin_recipes
from tests.fakes import nmt_command

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "data").glob("*.toml"))
SOURCES = ("setup.cfg", "setup.py", "pyproject.toml", "README.md")


def test_a_bare_name_is_a_recipe_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_recipe("toy") == load_recipe(ROOT / "data" / "toy.toml")
    assert {path.stem: path for path in RECIPES} == builtin_recipes()
    for name in ("toy.toml", "./toy", "data/toy"):
        with pytest.raises(UserError, match="no such recipe$"):
            load_recipe(name)
    (tmp_path / "toy").write_text('[data]\nformat = "grammar"\nsize = 7')
    assert load_recipe("toy").data.size == 7  # a file that is there comes first


def test_an_unknown_name_is_told_the_names_there_are():
    for find in (builtin, load_recipe):
        with pytest.raises(UserError, match=r"^toyy: no such recipe; did you mean toy\?$"):
            find("toyy")
        with pytest.raises(UserError, match="default-taught, default, enja-en-ja-taught,"):
            find("xqz")


@pytest.mark.skipif(find_spec("setuptools") is None, reason="builds a wheel")
def test_an_installed_package_has_its_recipes_and_all_modules(tmp_path):
    source = tmp_path / "source"
    shutil.copytree(ROOT / "nmt", source / "nmt", ignore=shutil.ignore_patterns("__pycache__"))
    (source / "data").mkdir()
    for path in (*RECIPES, *(ROOT / name for name in SOURCES)):
        shutil.copy(path, source / path.relative_to(ROOT))
    # To install a wheel is to unpack it.
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, check=True)
    installed = tmp_path / "installed"
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(installed)
    modules, found = (
        {path.relative_to(folder) for path in (folder / "nmt").rglob("*.py")}
        for folder in (source, installed)
    )
    assert found == modules
    assert (installed / "nmt" / "py.typed").exists()
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    answer = subprocess.run(
        [sys.executable, "-m", "nmt", "recipes"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    listed = re.findall(r"^([\w-]+) \(", answer.stdout.decode(), re.MULTILINE)
    assert listed == [path.stem for path in RECIPES]


def test_the_list_has_a_command_for_each_recipe(tmp_path, monkeypatch):
    listed = nmt_command("recipes").out
    assert "nordic (en-sv,nb,da)\n" in listed and "toy-lm (de)\n" in listed
    entries = [listed.splitlines()[at : at + 3] for at in range(0, 3 * len(RECIPES), 3)]
    for path, (head, meaning, command) in zip(RECIPES, entries, strict=True):
        assert head.startswith(f"{path.stem} (") and meaning.endswith(".")
        assert meaning.strip()[:20] in path.read_text(encoding="utf-8")
        own = path.stem in ("my-both", "my-own")
        assert command.split() == (
            ["nmt", "recipes", path.stem, ">", path.name] if own else ["nmt", "train", path.stem]
        )


def test_a_recipe_is_printed_as_it_is():
    assert nmt_command("recipes", "my-own").out == (ROOT / "data/my-own.toml").read_text("utf-8")
    done = nmt_command("recipes", "my-onw")
    assert done.status == 2 and "did you mean my-own?" in done.err and done.out == ""
