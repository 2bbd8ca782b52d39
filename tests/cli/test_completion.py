"""Shells complete commands, options, values, recipes and runs."""

import shutil
import subprocess

import pytest

from nmt.cli.bulk import TASKS
from nmt.cli.parser import COMMANDS
from nmt.recipe import describe_options
from nmt.recipe.library import builtin_recipes
from tests.fakes import nmt_command

OPTIONS = {f"{option.section}.{option.name}=" for option in describe_options()}
SECTIONS = {option.section for option in describe_options()}
RECIPES = set(builtin_recipes())
RUNS = {"runs/one", "runs/two"}
# What is typed, its last word unfinished -> what must be offered; None: also anything else.
TYPED = {
    "": {*COMMANDS, "--help", "--version", "--debug"},
    "tra": {"train", "translate"},
    "train to": {name for name in RECIPES | OPTIONS if name.startswith("to")},
    "train toy model.ce": {"model.cell="},
    "train toy train.": {name for name in OPTIONS if name.startswith("train.")},
    "train toy --eva": {"--evaluate"},
    "train toy --run ": RUNS,
    "train toy --fallback toy-o": {"toy-online"},
    "translate ": None,
    "translate runs/": RUNS,
    "translate runs/t": {"runs/two"},
    "translate runs/one,runs/t": {"runs/one,runs/two"},
    "translate runs/one --eng": {"--engine"},
    "translate runs/one --engine ": {"auto", "onnx", "keras"},
    "translate runs/one --format j": {"json"},
    "translate runs/one --str": {"--stream"},
    "translate runs/one --lm r": RUNS,
    "translate runs/one --beam ": set(),
    "bulk tr": {"translate"},
    "bulk translate runs/t": {"runs/two"},
    "bulk translate runs/one --thr": {"--threshold"},
    "runs r": RUNS,
    "options ": SECTIONS | {"--help", "--debug", "-h"},
    "recipes my": {"my-both", "my-own"},
    "completion ": {"bash", "zsh", "fish", "--help", "--debug", "-h"},
}
# In bash what stands behind "=" is a word of its own.
VALUES = {
    ("train", "toy", "model.cell", "="): {"lstm", "gru", "rnn"},
    ("train", "toy", "model.cell", "=", "g"): {"gru"},
    ("train", "toy", "model.bidirectional", "=", "f"): {"false"},
    ("translate", "runs/one", "--engine", "=", "on"): {"onnx"},
    ("train", "toy", "train.epochs", "=", ""): set(),
}
CALL = "_nmt; printf '%s\\n' \"${COMPREPLY[@]}\""


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"needs {shell}")


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """A folder with the scripts, and with two runs."""
    folder = tmp_path_factory.mktemp("shells")
    for shell in ("bash", "zsh", "fish"):
        (folder / f"script.{shell}").write_text(nmt_command("completion", shell).out)
    for run in RUNS:
        (folder / run).mkdir(parents=True)
        (folder / run / "run.json").touch()
    (folder / "runs" / "other").mkdir()
    return folder


def lines(command, folder, program):
    done = subprocess.run(
        command, input=program, cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(filter(None, done.stdout.splitlines()))


def bash(folder, words):
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in ("nmt", *words))
    program = f"source script.bash\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words)}\n{CALL}\n"
    return lines(["bash", "--norc"], folder, program)


@needs("bash")
@pytest.mark.parametrize("typed", TYPED)
def test_bash_completes(scripts, typed):
    found = bash(scripts, typed.split(" "))
    expected = TYPED[typed]
    assert found == expected if expected is not None else found >= RUNS


@needs("bash")
@pytest.mark.parametrize("words", VALUES, ids="".join)
def test_bash_completes_values_of_options(scripts, words):
    assert bash(scripts, words) == VALUES[words]


@needs("bash")
def test_every_option_of_a_command_is_offered(scripts):
    for command in COMMANDS:
        tasks = TASKS if command == "bulk" else ()
        helps = [[command], *([command, task] for task in tasks)]
        help_text = "".join(nmt_command(*words, "--help").out for words in helps)
        for name in bash(scripts, [command, "--"]):
            assert name in help_text or name == "--debug"
        assert "--help" in bash(scripts, [command, "--"])


@needs("zsh")
def test_zsh_completes(scripts):
    """As its bashcompinit calls the function; there "=" parts no words."""
    for typed, expected in {
        "tra": {"train", "translate"},
        "train toy model.cell=g": {"model.cell=gru"},
        "translate runs/": RUNS,
    }.items():
        program = (
            f"source script.zsh\ncall() {{ emulate -L sh; {CALL}; }}\n"
            f"COMP_WORDS=(nmt {typed})\nCOMP_CWORD={len(typed.split())}\ncall\n"
        )
        assert lines(["zsh", "-f"], scripts, program) == expected


@needs("fish")
def test_fish_completes(scripts):
    for typed, expected in {
        "tra": {"train", "translate"},
        "train toy-o": {"toy-online"},
        "train toy model.cell=": {"model.cell=lstm", "model.cell=gru", "model.cell=rnn"},
        "translate runs/one --engine ": {"auto", "onnx", "keras"},
        "translate --eng": {"--engine"},
        "translate runs/": RUNS,
    }.items():
        program = f"source script.fish\ncomplete -C 'nmt {typed}'\n"
        found = lines(["fish", "--no-config"], scripts, program)
        assert {line.partition("\t")[0] for line in found} >= expected


def test_fish_offers_no_files_where_all_is_known(scripts):
    script = (scripts / "script.fish").read_text(encoding="utf-8").splitlines()
    of_translate = [line for line in script if "seen_subcommand_from translate" in line]
    (engine,) = [line for line in of_translate if " -l engine " in line]
    (glossary,) = [line for line in of_translate if " -l glossary " in line]
    assert " -x -a 'auto onnx keras'" in engine and " -r " in glossary


def test_other_shells_are_refused():
    done = nmt_command("completion", "tcsh")
    assert done.status == 2 and "'bash', 'zsh', 'fish'" in done.err
