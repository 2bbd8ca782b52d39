"""Runs the notebooks: `python notebooks/execute.py [--store] [NOTEBOOK ...]`, by default all.

Each runs from its first cell to its last in a fresh kernel, in this folder, and is written with its
outputs to notebooks/executed/. What it trains stays in runs/, and a later execution finds it there.
`--store` also puts the outputs into the notebook itself, without what would differ from one
execution to the next.

A notebook sets what it can be run with in one cell with the tag `parameters`;
`execute(path, RUNS=...)` puts other values after it.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).resolve().parent


def execute(path: Path, **parameters: Any) -> nbformat.NotebookNode:
    """The notebook with its outputs; CellExecutionError has those before it as `notebook`."""
    notebook = nbformat.read(path, as_version=4)
    if parameters:
        lines = "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
        cell = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", ()))
        cell.source += "\n" + lines
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        on_cell_start=_show_cell,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    try:
        return client.execute()
    except CellExecutionError as error:
        error.notebook = notebook
        raise
    finally:
        _clear_line()


def storable(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without execution counts, timings, versions, and what went to stderr."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
        )
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = None
                if "data" in output:
                    output.metadata = nbformat.from_dict({})
                    if len(output.data) > 1:  # a picture; its text is an address in memory
                        output.data.pop("text/plain", None)
    return notebook


def _print(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def _show_cell(cell, cell_index):
    """On a terminal: which cell is running."""
    if sys.stderr.isatty():
        first = (cell.source.splitlines() or [""])[0]
        _print(f"\r\x1b[K  cell {cell_index + 1}: {first[:60]}", end="")


def _clear_line():
    if sys.stderr.isatty():
        _print("\r\x1b[K", end="")


def main(arguments: Sequence[str] | None = None) -> int:
    """Executes notebooks; returns the exit status, 1 if a cell failed."""
    parser = argparse.ArgumentParser(
        "execute.py", description="Runs the notebooks into notebooks/executed."
    )
    parser.add_argument("notebook", nargs="*", type=Path, help="default: all")
    parser.add_argument(
        "--store", action="store_true", help="also put the outputs into the notebook"
    )
    args = parser.parse_args(arguments)
    if missing := [str(path) for path in args.notebook if not path.is_file()]:
        parser.error(f"no such notebook: {', '.join(missing)}")
    status = 0
    for path in args.notebook or sorted(FOLDER.glob("*.ipynb")):
        _print(f"{path.name} ...")
        started = time.monotonic()
        try:
            notebook = execute(path)
            ended = "executed"
        except CellExecutionError as error:
            notebook = error.notebook
            ended = f"failed: {error.ename}: {error.evalue}"
            status = 1
        # What was executed is there to look at, the failed cell included.
        out = FOLDER / "executed" / path.name
        out.parent.mkdir(exist_ok=True)
        nbformat.write(notebook, out)
        if args.store and ended == "executed":
            nbformat.write(storable(notebook), path)
        seconds = time.monotonic() - started
        _print(f"{path.name} {ended}, {seconds:.0f} s: {os.path.relpath(out)}")
    return status


if __name__ == "__main__":
    sys.exit(main())
