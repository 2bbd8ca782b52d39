"""Two versions measured in turn."""

import shutil
import subprocess
from pathlib import Path

import pytest

import nmt
from nmt.errors import UserError
from nmt.experiments import against, isolated

ROOT = Path(nmt.__file__).parents[1]
# A version that is as fast as it says, and tells who asks.
OTHER = """\
import json, os, sys
import nmt
case = json.loads(sys.argv[1])
assert nmt.name == "other" and case["part"] == case["kind"] and case["run"] == "its run"
print(json.dumps([
    {"what": "training", "unit": "target tokens/s", "median": 100.0},
    {"what": "one line", "unit": "ms", "median": 300.0},
    {"what": "bfloat16", "note": "not measured"},
]))
"""


@pytest.mark.parametrize("place", ["nmt/experiments/bench.py", "nmt/bench.py"])
def test_versions_take_turns_and_more_is_faster(tmp_path, monkeypatch, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(OTHER)
    (tmp_path / "nmt" / "__init__.py").write_text("name = 'other'")
    run, order, speeds = isolated.run, [], iter((150.0, 200.0, 250.0))

    def in_this_version(module, case, other=None):
        order.append(other)
        assert case["run"] == ("its run" if other else "this run")
        if other:
            return run(module, case, other=other)
        return [
            {"what": "training", "unit": "target tokens/s", "median": next(speeds)},
            {"what": "one line", "unit": "ms", "median": 200.0},
            {"what": "bfloat16", "unit": "target tokens/s", "median": 9.0},
        ]

    monkeypatch.setattr(isolated, "run", in_this_version)
    case, runs = {"kind": "translating", "run": "a run"}, ("this run", "its run")
    rows = list(against.in_turn([case], tmp_path, rounds=3, runs=runs))
    assert order == [tmp_path, None, None, tmp_path, tmp_path, None]
    ratios = {row["what"]: (row["this"], row["other"], row["ratio"]) for row in rows}
    assert ratios == {"training": (200, 100, 2), "one line": (200, 300, 1.5)}
    assert "2.00 times as fast (1.50 to 2.50)" in against.row_line(rows[1])


def test_each_version_exports_a_copy_of_the_run(tmp_path, caplog):
    """With its own package; what an export does not need is not copied."""
    run, other = tmp_path / "run", tmp_path / "version"
    for folder in (run / "state", run / "export", other / "nmt"):
        folder.mkdir(parents=True)
    (run / "recipe.toml").write_text("")
    main = other / "nmt" / "__main__.py"
    main.write_text("import sys; from pathlib import Path; Path(sys.argv[2], sys.argv[1]).touch()")
    copy = Path(against.exported(str(run), other, tmp_path))
    assert {path.name for path in copy.iterdir()} == {"recipe.toml", "export"}
    assert copy.joinpath("export").is_file() and not any(run.joinpath("export").iterdir())
    # A run that has no export is measured with what it has.
    main.write_text("import sys; print('a line', file=sys.stderr); sys.exit('no ONNX form')")
    shutil.rmtree(copy)
    assert against.exported(str(run), other, tmp_path) == str(copy)
    assert caplog.messages == [f"{run}: not exported by the version in {other}: no ONNX form"]


def test_a_version_is_a_folder_or_a_commit(tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="has no nmt/__init__.py"):
        against.checkout(str(tmp_path / "other"), tmp_path)
    with pytest.raises(UserError, match="neither a folder nor a commit"):
        against.checkout("no-such-commit", tmp_path)
    assert against.checkout(str(ROOT), tmp_path) == ROOT


@pytest.mark.skipif(
    not shutil.which("git")
    or subprocess.run(["git", "-C", ROOT, "rev-parse"], capture_output=True).returncode != 0,
    reason="not in a repository",
)
def test_a_commit_is_written_into_a_folder(tmp_path):
    folder = against.checkout("HEAD", tmp_path)
    assert folder == tmp_path
    assert (folder / "nmt" / "experiments" / "bench.py").is_file()
