"""Commands as processes: pipes, full disks, locales, and what they import."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.corpora import toy as grammar
from tests.fakes import nmt_command, tree

pytestmark = pytest.mark.usefixtures("load_once")

ROOT = Path(__file__).parents[2]
SOURCES = [source for source, _ in grammar.generate("en-de", "test", 40)]
FAILURE = 1


ECHO = """
import sys
import nmt.inference.load
import nmt.inference.translator
class Echo:
    def candidates(self, window, *_, **__):
        return [[nmt.inference.translator.Translation(line)] for line in window]
    def using(self, *_):
        return self
nmt.inference.load.load = lambda *_, **__: Echo()
from nmt.__main__ import start
sys.exit(start())
"""


def process(*arguments, **options):
    """A command in a process of its own; `ECHO` gives one without a model."""
    options = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        **options,
    }
    options["env"] = {**os.environ, "PYTHONPATH": str(ROOT), **options.get("env", {})}
    return subprocess.Popen([sys.executable, *map(str, arguments)], **options)


@pytest.mark.parametrize("attention", [[], ["--attention", "a.jsonl"]])
def test_a_reader_that_has_enough(tmp_path, attention):
    """As in `| head -1`."""
    lines = tmp_path / "lines.txt"
    lines.write_text("hello there\n" * 30_000)  # many times what a pipe holds
    with open(lines, "rb") as stdin:
        command = process("-c", ECHO, "translate", "any", *attention, stdin=stdin, cwd=tmp_path)
        assert command.stdout.readline() == b"hello there\n"
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait() in (0, -signal.SIGPIPE)
    assert set(tree(tmp_path)) == {"lines.txt"}


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_stdout_on_a_full_disk():
    with open("/dev/full", "wb") as full:
        command = process("-c", ECHO, "translate", "any", "hello", stdout=full)
        _, err = command.communicate()
    assert command.returncode == FAILURE
    assert b"No space left" in err and len(err.splitlines()) == 1


def test_no_stdin_is_needed_for_arguments():
    closing = (
        "import os, sys; os.close(0); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = process("-c", closing, "-c", ECHO, "translate", "any", "hello")
    assert command.communicate() == (b"hello\n", b"") and command.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["translate", "any", "hello"], FAILURE, [b"nmt: stdout is closed"]),
        (["--help"], FAILURE, [b"nmt: stdout is closed"]),
        (["translate", "any", "hello", "-o", "new.txt"], 0, []),
    ],
)
def test_a_closed_stdout(tmp_path, arguments, status, said):
    """As in `>&-`."""
    closing = (
        "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = process("-c", closing, "-c", ECHO, *arguments, cwd=tmp_path)
    _, err = command.communicate()
    assert command.returncode == status
    lines = err.splitlines()
    assert len(lines) == len(said) and all(map(bytes.startswith, lines, said))
    assert set(tree(tmp_path)) == ({"new.txt"} if status == 0 else set())


C_LOCALE = {
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONIOENCODING": "",
}


def test_utf8_whatever_the_locale(tmp_path):
    text = "Größe\u2028 犬 😀 \x85"
    (tmp_path / "größe.txt").write_text(text + "\r\n", encoding="utf-8")
    command = process("-c", ECHO, "translate", "any", stdin=subprocess.PIPE, env=C_LOCALE)
    assert command.communicate(text.encode())[0].decode() == text + "\n"
    command = process("-c", ECHO, "translate", "any", "Größe", "犬", env=C_LOCALE)
    assert command.communicate()[0].decode() == "Größe 犬\n"
    command = process(
        "-c",
        ECHO,
        "translate",
        "any",
        "-i",
        "größe.txt",
        "-o",
        "犬.txt",
        env=C_LOCALE,
        cwd=tmp_path,
    )
    assert command.communicate() == (b"", b"")
    assert (tmp_path / "犬.txt").read_text(encoding="utf-8") == text + "\n"


def test_a_model_whatever_the_locale_and_the_folder(tiny_run, tmp_path):
    """A run folder that was moved, opened from elsewhere, translates alike in a fresh process."""
    moved = tmp_path / "Größe 犬"
    shutil.copytree(tiny_run, moved)
    text = SOURCES[0] + "\n{größe}\n"
    here = nmt_command("translate", tiny_run, stdin=text)
    command = process("-m", "nmt", "translate", moved, stdin=subprocess.PIPE, env=C_LOCALE, cwd="/")
    out, err = command.communicate(text.encode())
    assert (command.returncode, err.decode(), out.decode()) == (0, "", here.out)


def test_help_and_mistakes_need_no_tensorflow():
    code = """
import sys, time
from nmt.__main__ import main
for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit:
        pass
    heavy = {"tensorflow", "keras", "sacrebleu"}
    if line.endswith("--help"):
        heavy |= {"numpy", "dataclasses", "tempfile", "subprocess"}
    assert not heavy & sys.modules.keys(), (line, heavy & sys.modules.keys())
print(time.process_time())
"""
    right, wrong = (
        ["--help", "translate --help", "--version"],
        ["train no", "translate no --stream"],
    )
    out, err = process("-c", code, *right, *wrong).communicate()
    *help_text, seconds = out.decode().splitlines()
    assert float(seconds) < 1.5
    assert [line.partition(":")[0] for line in err.decode().splitlines()] == ["nmt"] * len(wrong)
    names = "train", "translate", "evaluate", "score", "filter", "fetch", "options"
    assert all(any(f"  {name} " in line for line in help_text) for name in names)


IN_ORDER = """
import atexit, gc, sys
usual = gc.get_threshold()
def told():
    gc.collect()
    print("ended", gc.get_threshold() == usual)
atexit.register(told)
import nmt.__main__ as nmt
nmt.main = lambda: 0
sys.modules[sys.argv[1]] = gc
sys.exit(nmt.start())
"""


@pytest.mark.parametrize(("module", "told"), [("gc", ""), ("ray", "ended True\n")])
def test_a_process_ends_at_once_unless_others_must_end_in_order(module, told):
    """And looks for garbage as usual later on."""
    command = [sys.executable, "-c", IN_ORDER, module]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, told, "")
