"""The notebooks: stored clean and small; they run from the first cell to the last (slow)."""

import ast
import base64
import importlib.util
import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PICTURE, TEXT, WHOLE = 100_000, 10_000, 1_000_000  # bytes
MACHINE = re.compile(
    r"/(?:home|root|tmp|work|Users|private|opt|usr|mnt)/|\b[A-Z]:\\\\|site-packages|0x[0-9a-f]{8}"
)
TINY = [
    "data.size=300",
    "tokenizer.vocab_size=300",
    "model.embedding=24",
    "model.encoder_units=24",
    "model.decoder_units=32",
    "model.attention_units=24",
    "train.epochs=6",
    "train.batch_tokens=512",
    "train.learning_rate=1e-2",
    "train.warmup_steps=30",
    "train.valid_every=64",
    "train.valid_sentences=20",
    "search.max_ratio=1.0",
    "search.max_extra=3",
]
SMALL = {  # parameters of one notebook, by its number
    "3": {"SENTENCES": 60, "DRAWS": 20, "SHORT": 2, "LONG": 3},
    "4": {
        "SETTINGS": [
            "data.size=300",
            "tokenizer.vocab_size=300",
            "model.embedding=16",
            "model.encoder_units=16",
            "model.decoder_units=32",
            "model.attention_units=16",
            "train.steps=4",
            "train.valid_sentences=10",
            "search.beam=2",
            "search.max_ratio=1.0",
        ],
        "LM": [
            "data.size=300",
            "model.embedding=16",
            "model.decoder_units=24",
            "train.steps=5",
            "train.streams=8",
            "train.bptt=8",
        ],
        "SYSTEMS": ["rnn-fixed", "gru-fixed", "lstm-fixed", "lstm"],
        "COMPARISON": "../docs/results/compare-full.json",
        "SENTENCES": 100,
    },
    "5": {
        "LM": ["data.size=300", "model.embedding=16", "model.decoder_units=24", "train.epochs=1"],
        "MORE": ["data.size=400"],
        "TOKENS": 128,
        "WINDOWS": [16],
        "PIECES": [100],
        "WEIGHTS": [0, 0.2],
        "SENTENCES": 15,
        "SAMPLES": 10,
    },
}
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def sources(path, kind):
    return ["".join(cell["source"]) for cell in load(path)["cells"] if cell["cell_type"] == kind]


def outputs(path):
    return [output for cell in load(path)["cells"] for output in cell.get("outputs", ())]


def module():
    """notebooks/execute.py."""
    pytest.importorskip("nbclient")
    spec = importlib.util.spec_from_file_location("execute", FOLDER / "execute.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_there_are_notebooks():
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert (
        numbers
        and all(re.fullmatch(r"\d-", number) for number in numbers)
        and len(set(numbers)) == len(numbers)
    )


@each
def test_the_format_is_valid(path):
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))


@each
def test_cells_compile_and_prose_comes_first(path):
    code = sources(path, "code")
    for number, source in enumerate(code):
        compile(source, f"{path.name}, code cell {number}", "exec")
        assert source.count("\n") < 40, f"code cell {number} is long"
    assert sources(path, "markdown")[0].startswith(f"# {path.name[0]}. ")
    assert load(path)["cells"][0]["cell_type"] == "markdown"
    assert not re.search(r"https?://|urllib|requests|^[!%]", "\n".join(code), re.MULTILINE), (
        "offline, plain Python"
    )


@each
def test_one_cell_sets_the_parameters(path):
    cells = [
        cell for cell in load(path)["cells"] if "parameters" in cell["metadata"].get("tags", ())
    ]
    assert len(cells) == 1
    body = ast.parse("".join(cells[0]["source"])).body
    names = {
        name.id
        for line in body
        for target in line.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    assert {"RUNS", "SETTINGS", *SMALL.get(path.name[0], ())} == names


@each
def test_what_is_stored_is_complete_clean_and_small(path):
    notebook = load(path)
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert outputs(path), "stored without outputs: python notebooks/execute.py --store"
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"} and cell.get("execution_count") is None
    for output in outputs(path):
        assert output["output_type"] != "error" and output.get("name") != "stderr"
        assert not output.get("metadata") and output.get("execution_count") is None
        for kind, content in output.get("data", {"text": output.get("text", "")}).items():
            content = "".join(content)
            if kind == "image/png":
                assert len(base64.b64decode(content)) < PICTURE
            else:
                assert len(content.encode()) < (PICTURE if kind == "image/svg+xml" else TEXT)
    assert path.stat().st_size < WHOLE


@each
def test_nothing_tells_of_a_machine(path):
    notebook = load(path)
    for output in (o for cell in notebook["cells"] for o in cell.get("outputs", ())):
        output.get("data", {}).pop("image/png", None)
    found = MACHINE.search(json.dumps(notebook, ensure_ascii=False))
    assert not found, found


def test_storing_drops_what_differs_between_executions():
    execute = module()
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    cell = new_code_cell(
        "1 + 1", execution_count=7, metadata={"tags": ["parameters"], "collapsed": True}
    )
    cell.outputs = [
        new_output("stream", name="stderr", text="12 s"),
        new_output("stream", text="kept"),
        new_output("execute_result", {"text/plain": "2"}, execution_count=7),
        new_output("display_data", {"text/plain": "<at 0x7f12>", "image/png": ""}),
    ]
    about = {"language_info": {"name": "python", "version": "3.1"}}
    notebook = execute.storable(new_notebook(cells=[cell], metadata=about))
    [cell] = notebook.cells
    assert cell.execution_count is None and cell.metadata == {"tags": ["parameters"]}
    assert [output.get("text") for output in cell.outputs] == ["kept", None, None]
    assert cell.outputs[1].execution_count is None and set(cell.outputs[2].data) == {"image/png"}
    assert "version" not in json.dumps(notebook.metadata)


@pytest.mark.slow
@each
def test_it_runs(path, tmp_path):
    """With models that are trained in seconds; raises on any error."""
    module().execute(
        path, **{"RUNS": str(tmp_path), "SETTINGS": TINY, **SMALL.get(path.name[0], {})}
    )
    assert list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_cell_that_fails_is_told(tmp_path, capsys, monkeypatch):
    execute = module()
    from nbformat import write
    from nbformat.v4 import new_code_cell, new_notebook

    monkeypatch.setattr(execute, "FOLDER", tmp_path)
    write(
        new_notebook(cells=[new_code_cell("print('before')"), new_code_cell("1 / 0")]),
        tmp_path / "bad.ipynb",
    )
    assert execute.main([]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert "before" in (tmp_path / "executed" / "bad.ipynb").read_text(encoding="utf-8")
