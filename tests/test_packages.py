"""What is not installed is told with the command that installs it, before anything is done."""

import configparser
import re
import sys
from pathlib import Path

import pytest

from nmt import packages
from nmt.cli import parser
from tests.fakes import nmt_command, tree

ROOT = Path(__file__).parents[1]
# module -> the distribution that has it, where the names differ
DISTRIBUTIONS = {
    "tensorflow_datasets": "tensorflow-datasets",
    "markdown_it": "markdown-it-py",
    "python_multipart": "python-multipart",
    "prometheus_client": "prometheus-client",
}


@pytest.fixture(scope="module")
def setup():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """An empty working directory, and Python as it is after installing no extra."""
    monkeypatch.chdir(tmp_path)
    for module in {module for brings in packages.EXTRAS.values() for module in brings}:
        monkeypatch.setitem(sys.modules, module, None)
    return tmp_path


def required(text):
    return {re.split(r"[<>=\[ ]", line)[0] for line in text.splitlines() if line[:1].isalpha()}


def test_the_table_says_what_setup_cfg_says(setup):
    assert setup["metadata"]["name"] == packages.DISTRIBUTION
    for extra, modules in packages.EXTRAS.items():
        brought = required(setup["options.extras_require"][extra])
        assert {DISTRIBUTIONS.get(module, module) for module in modules} <= brought
    core = required(setup["options"]["install_requires"])
    optional = {module for brings in packages.EXTRAS.values() for module in brings}
    assert not core & optional


@pytest.mark.parametrize(
    ("modules", "command"),
    [
        (["tensorflow", "keras", "sacrebleu"], '"own-nmt[train]"'),
        (["sacrebleu"], '"own-nmt[evaluate]"'),
        (["tensorflow", "matplotlib", "onnx"], '"own-nmt[train,plots]"'),
        (["no_such"], "no_such"),
        (["moz.l10n", "no_such.part"], '"own-nmt[formats]" no_such.part'),
    ],
)
def test_one_command_brings_all_that_is_missing(bare, modules, command):
    with pytest.raises(packages.UserError) as caught:
        packages.require("json", *modules)
    assert str(caught.value).endswith(f"({', '.join(modules)}): pip install {command}")


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("keras.ops", 'pip install "own-nmt[train]"'),
        ("moz", 'pip install "own-nmt[formats]"'),
        ("yaml.x", "pip install yaml"),
    ],
)
def test_an_import_that_fails_is_explained(name, end):
    assert str(packages.explained(ModuleNotFoundError("no", name=name))).endswith(end)
    own = ModuleNotFoundError("no", name="nmt.nothing")
    assert packages.explained(own) is own


# Commands that need what only an extra brings, with the extra.
REFUSED = {
    "train toy": "train",
    "train toy --fallback toy --run new": "train",
    "sweep toy train.seed=1,2": "train",
    "compare -o new": "train,plots",
    "bench": "train",
    "bench --growth -o new.json": "train",
    "bench --profile RUN": "train",
    "bench --against HEAD RUN": "train",
    "export RUN -o new": "train",
    "evaluate RUN": "evaluate",
    "evaluate RUN --wait 1": "train",
    "generate RUN": "train",
    "translate RUN --stream": "train",
    "translate RUN --engine keras Hello": "train",
    "score RUN --engine keras -i pairs.tsv": "train",
    "filter RUN --check -o new.png": "plots",
    "fetch ted-pt-en": "train",
    "serve RUN": "serve",
    "fill RUN guide.md -o new.md": "formats",
    "fill RUN en.ftl -o de.ftl": "formats",
    "translate RUN --memory pairs.tsv Hello": "memory",
    "translate RUN -i pairs.tsv -o new.zst": "bulk",
    "bulk translate RUN pairs.tsv new": "bulk",
}
# Those that run without.
WITHOUT = (
    "translate RUN Hello",
    "translate RUN/export Hello",
    "fill RUN/export de.po",
    "fill RUN/export en.json strings.xml en.properties -o new",
    "score RUN/export -i pairs.tsv",
    "filter RUN/export -i pairs.tsv",
    "augment RUN/export -i pairs.tsv -o new.tsv",
    "runs RUN",
    "options train",
    "recipes",
    "schema",
    "completion bash",
    "fetch toy",
    "correct RUN --list",
)
PO = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Hello"\nmsgstr ""\n'


def write_files(folder):
    (folder / "pairs.tsv").write_text("a\tb\n")
    (folder / "guide.md").write_text("Hello.\n")
    (folder / "de.po").write_text(PO)
    (folder / "en.ftl").write_text("a = Hello\n")
    (folder / "en.json").write_text('{"a": "Hello"}')
    (folder / "en.properties").write_text("a = Hello\n")
    (folder / "strings.xml").write_text('<resources><string name="a">Hi</string></resources>')


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_says_what_to_install_and_does_nothing(bare, tiny_run, command):
    write_files(bare)
    before = tree(bare)
    done = nmt_command(*command.replace("RUN", str(tiny_run)).split())
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("nmt: ") and done.err.count("\n") == 1, done.err
    assert done.err.endswith(f'pip install "own-nmt[{REFUSED[command]}]"\n')
    assert tree(bare) == before


@pytest.mark.parametrize("command", WITHOUT)
def test_what_needs_no_extra_runs_without(bare, tiny_run, command):
    write_files(bare)
    done = nmt_command(*command.replace("RUN", str(tiny_run)).split())
    assert done.status == 0, done.err


def test_every_command_is_tried():
    tried = {command.split()[0] for command in (*REFUSED, *WITHOUT)}
    assert tried == set(parser.COMMANDS)
