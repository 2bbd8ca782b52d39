"""What README and docs/ tell people to type: options that exist, and commands that run."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nmt.cli.parser import parse
from nmt.corpora.toy import generate
from nmt.experiments.sweep import points
from nmt.inference.confidence import Curve
from nmt.recipe import load_recipe
from nmt.runs.folder import Run
from tests import nordic_run
from tests.fakes import turned

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Commands that take hours, a network, or what only another command of the page makes.
NOT_HERE = re.compile(
    r"make (train|test|test-all|lint|setup|compare|notebooks)\b"
    r"|nmt (train|bench|compare|sweep)\b|nmt\.train\(|\$C|NMT_DATA|pyspark"
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(page, language):
    """The fenced blocks of a page in a language; those in a list are indented."""
    text = page.read_text(encoding="utf-8")
    # Those of all languages, since an end looks like a beginning.
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, name, block in found if name == language]


def commands(page):
    """The command lines of a page: what stands behind "$ ", or all of a block that has none."""
    for block in blocks(page, ""):
        block = re.sub(r"\\\n\s*|(?<=\|)\n\s*", " ", block)  # one line a command
        typed = re.findall(r"^\$ (.*)", block, re.MULTILINE) or block.splitlines()
        for line in typed:
            if re.match(r"make |(\.venv/bin/)?nmt |printf |sort ", line):
                yield line.partition("  #")[0]


def arguments(line):
    """What is typed behind `nmt` in a command line; a pipe or a redirection ends it."""
    words = shlex.split(line.split(" | ")[-1])
    end = next((n for n, word in enumerate(words) if word in "<>|"), len(words))
    return words[words.index(next(w for w in words if w.endswith("nmt"))) + 1 : end]


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A checkout whose Python prints what it is called with."""
    folder = tmp_path_factory.mktemp("bare")
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("setup.cfg", "constraints.txt", ".venv/ready", ".venv/notebooks"):
        (folder / name).touch()
    for name in ("python", "ruff", "lint-imports", "mypy"):
        program = folder / ".venv" / "bin" / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        program.chmod(0o755)
    return folder


@each_page
def test_documented_options_exist(page, bare):
    for line in commands(page):
        if line.startswith("make "):
            done = subprocess.run(
                ["make", "-f", ROOT / "Makefile", *shlex.split(line)[1:]],
                cwd=bare,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, line
            typed = done.stdout.splitlines()
            typed = typed[2:] if typed[:2] == ["-m", "nmt"] else None
        else:
            typed = arguments(line) if "nmt " in line else None
        if typed:
            args = parse(typed)
            if typed[0] == "sweep":
                for point in points(args.overrides, args.seeds, args.random):
                    load_recipe(ROOT / args.recipe, [f"{key}={point[key]}" for key in point])
            elif hasattr(args, "recipe"):
                load_recipe(ROOT / args.recipe, args.overrides)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, once, tiny_run, tiny_recipe):
    """A folder with the runs and files that the pages name, all of them very small."""
    from nmt.training.train import train

    def trained(name, recipe, *overrides):
        return once(f"documented-{name}", lambda path: train(load_recipe(recipe, overrides), path))

    # 1. The runs.
    waiting = ["model.bidirectional=false", "train.wait=1", "train.wait_to=6", "train.epochs=1"]
    online = trained("online", tiny_recipe, *waiting)
    small = ["data.size=300", "train.epochs=1", "model.embedding=16", "model.decoder_units=24"]
    texts = tmp_path_factory.mktemp("nordic")
    nordic = once("nordic", lambda path: nordic_run.trained(path, texts))
    lm = trained("lm", ROOT / "data" / "toy-lm.toml", f"tokenizer.from={tiny_run}", *small)
    runs = {
        "default": tiny_run,
        "second": tiny_run,
        "served": tiny_run,
        "corrected": tiny_run,
        "multi30k-en-de": tiny_run,
        "reverse": tiny_run,
        "multi30k-de-en": tiny_run,
        "nordic": nordic,
        "toy-online": online,
        "online": online,
        "toy-lm": lm,
        "multi30k-lm-de": lm,
    }
    folder = tmp_path_factory.mktemp("checkout")
    for name, run in runs.items():
        shutil.copytree(run, folder / "runs" / name)
    recipe = folder / "runs" / "multi30k-de-en" / "recipe.toml"
    recipe.write_text(turned(recipe.read_text(), "de"))
    curve = Curve(slope=5.0, intercept=2.0, sentences=100, good=50)
    Run(folder / "runs" / "default").exported().update(confidence=curve.to_dict())
    # 2. Text.
    pairs = list(generate("en-de", "test", 20))
    (folder / "manual.en").write_text("".join(f"{source}\n" for source, _ in pairs))
    (folder / "more.de").write_text("".join(f"{source}\n" for source, _ in pairs))
    (folder / "memory.tsv").write_text("".join("\t".join(pair) + "\n" for pair in pairs))
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nLanguage: de\\n"\n\n'
    entries = (f'msgid "{source}"\nmsgstr ""\n\n' for source, _ in pairs)
    (folder / "texts").mkdir()
    rows = [json.dumps({"id": n, "text": source}) for n, (source, _) in enumerate(pairs)]
    (folder / "texts" / "b.jsonl").write_text("".join(f"{row}\n" for row in rows))
    (folder / "parts").mkdir()
    (folder / "parts" / "0000.gz").write_bytes(gzip.compress((folder / "manual.en").read_bytes()))
    catalogue = folder / "locale" / "de" / "LC_MESSAGES" / "app.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(header + "".join(entries))
    (catalogue.parent / "old.po").write_text(header + 'msgid "Hello."\nmsgstr "Hallo."\n')
    shutil.copy(catalogue, folder / "de.po")
    (folder / "i18n").mkdir()
    shutil.copy(catalogue, folder / "i18n" / "de.po")
    for name in ("film.srt", "talk.vtt"):
        head = "WEBVTT\n\n" * name.endswith("vtt")
        (folder / name).write_text(f"{head}00:00:01,000 --> 00:00:02,000\nThe boy reads.\n")
    (folder / "page.html").write_text("<p>The boy reads a <b>book</b>.</p>\n")
    (folder / "guide.md").write_text("# The boy reads a *book*.\n")
    for name, text in {
        "locales/en.json": '{"a": "The boy reads."}',
        "i18n/en.json": '{"a": "The boy reads."}',
        "res/values/strings.xml": '<resources><string name="a">The boy</string></resources>',
        "en/app.ftl": "a = The boy reads.\n",
        "en/menu.ftl": "a = The boy\n",
        "messages.properties": "a=The boy\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "terms.tsv").write_text("device\tApparat\n")
    # 3. `nmt` and `make` as after `make setup`.
    shutil.copy(ROOT / "Makefile", folder)
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("setup.cfg", "constraints.txt", ".venv/ready"):
        (folder / name).touch()
    for name, module in (("python", ""), ("nmt", " -m nmt")):
        program = folder / ".venv" / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        program.chmod(0o755)
    return folder


@pytest.mark.slow
@each_page
def test_documented_commands_run(page, checkout):
    path = f"{checkout / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    typed = [["bash", "-o", "pipefail", "-c", command] for command in commands(page)]
    typed += [["python", "-c", code] for code in blocks(page, "python")]
    for command in typed:
        if NOT_HERE.search(command[-1]):
            continue
        env = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}
        if " serve " in command[-1]:
            started_and_ended(shlex.split(command[-1]), checkout, env)
            continue
        done = subprocess.run(
            command,
            cwd=checkout,
            env=env,
            input="Wir haben einen Hund .\n",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"


@pytest.mark.slow
def test_documented_jobs_of_schedulers_run(checkout):
    yaml = pytest.importorskip("yaml")
    page = ROOT / "docs" / "bulk.md"
    (script,) = blocks(page, "sh")
    (job,) = map(yaml.safe_load, blocks(page, "yaml"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    index = {"SLURM_ARRAY_TASK_ID": "0", "JOB_COMPLETION_INDEX": "0"}
    path = f"{checkout / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, **index, "PYTHONPATH": str(ROOT), "PATH": path}
    output = checkout / "translated" / "0000.gz"
    for command in (["bash", "-c", script], [*container["command"], *container["args"]]):
        output.unlink(missing_ok=True)
        subprocess.run(command, cwd=checkout, env=env, check=True)
        assert len(gzip.decompress(output.read_bytes()).splitlines()) == 20


def started_and_ended(command, folder, env):
    """Starts a server, and ends it when it serves."""
    pytest.importorskip("uvicorn")
    pytest.importorskip("httptools")
    server = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, text=True)
    said = server.stderr.readline()
    server.terminate()
    _, rest = server.communicate(timeout=20)
    assert said.startswith("serving ") and server.returncode == 0, said + rest
