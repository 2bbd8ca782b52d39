"""The shape of the package: imports only go down, the lower half knows no Keras, `make help` lists all targets."""

import ast
import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {path.stem: path for path in (ROOT / "nmt").glob("*.py")}
# Rank 0: neither these nor anything they import needs Keras or TensorFlow.
LIGHT = (
    "combine",
    "config",
    "corpus",
    "errors",
    "fetch",
    "files",
    "filter",
    "grammar",
    "metrics",
    "plots",
    "readers",
    "search",
    "streams",
    "text",
    "tokenizer",
)
HEAVY = {"keras", "tensorflow"}


def imports(name):
    """What a module imports, also inside functions: our modules' names, and others' top names."""
    own, others = set(), {}
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for full in found:
            top, *rest = full.split(".")
            if top != "nmt":
                others.setdefault(top, set()).add(node in inside)
            else:  # `from nmt import x`: a module, or a name of the package itself
                own.add(rest[0] if rest and rest[0] in MODULES else "__init__")
    return own, others


GRAPH = {name: imports(name)[0] for name in MODULES}


def reached(name):
    """A module and all that it imports, directly or not."""
    todo, seen = [name], set()
    while todo:
        if (one := todo.pop()) not in seen:
            seen.add(one)
            todo += GRAPH[one]
    return seen


def test_imports_have_no_cycle():
    order = list(TopologicalSorter(GRAPH).static_order())  # raises CycleError, naming the cycle
    assert set(order) == set(MODULES) and order[-1] == "__main__"


def test_every_module_is_used():
    used = set().union(*GRAPH.values(), {"__main__", "__init__"})
    assert set(MODULES) == used


@pytest.mark.parametrize("name", LIGHT)
def test_the_lower_half_needs_no_keras(name):
    for module in reached(name):
        others = imports(module)[1]
        assert not HEAVY & set(others), f"{name} reaches {module}"
        if "tensorflow_datasets" in others:  # heavy as well: only where a recipe needs it
            assert module in ("fetch", "readers") and others["tensorflow_datasets"] == {True}


@pytest.mark.parametrize("name", ["__main__", "arguments", "commands"])
def test_the_commands_import_lazily(name):
    """`nmt --help` answers at once."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    top = {
        f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    light = ("nmt.__version__", "nmt.errors", "nmt.arguments", "nmt.commands")
    assert all(one.startswith(light) for one in top if one.startswith("nmt"))


def test_the_parser_of_imports_sees_them():
    assert {"config", "corpus", "run", "quiet"} <= GRAPH["train"] and "model" in reached(
        "translate"
    )
    assert set(imports("model")[1]) > HEAVY


def test_every_module_says_what_it_is():
    for name, path in MODULES.items():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name


# The Makefile.

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
