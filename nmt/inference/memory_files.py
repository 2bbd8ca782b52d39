"""The pairs of a translation memory: of files, of a folder, or the training text of a run."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nmt.corpora.formats import po, tables, tmx, xliff
from nmt.corpora.mixture import Mixture
from nmt.corpora.paths import COMPRESSED, ENDINGS
from nmt.errors import UserError
from nmt.inference.memory import Memory
from nmt.runs.folder import Run

FORMATS = ("tmx", "po", "xliff", "tsv")


def read_memory(path: str | Path, source: str, target: str) -> Memory:
    """The memory that a path names, from one language into another one.

    Raises UserError where it names none, or none of these languages.
    """
    path = Path(path)
    if (path / "run.json").is_file():
        pairs = training_pairs(Run.open(path), target)
    else:
        pairs = itertools.chain.from_iterable(
            _pairs(file, form, source, target) for file, form in _files(path)
        )
    memory = Memory(pairs)
    if not memory.pairs:
        raise UserError(f"{path}: no pair of {source} and {target} in it")
    return memory


def training_pairs(run: Run, target: str) -> Iterator[tuple[str, str]]:
    """The training pairs of a run into a language; a corpus that is not there is fetched."""
    mixture = Mixture(run.recipe.data)
    mixture.fetch()
    for number, corpus in enumerate(run.recipe.data.corpora()):
        if corpus.target == target:
            yield from mixture.training_pairs(number)


def _files(path):
    """(file, format) of a path."""
    if not path.is_dir():
        form = _format(path)
        if not form:
            endings = ", ".join(ending for form in FORMATS for ending in ENDINGS[form])
            raise UserError(f"{path}: a translation memory ends in {endings}, or is a folder")
        return [(path, form)]
    files = [(file, _format(file)) for file in sorted(path.rglob("*")) if file.is_file()]
    files = [(file, form) for file, form in files if form]
    if not files:
        raise UserError(f"{path}: is a folder without a translation memory, and no run")
    return files


def _format(file):
    """The format of a file by the end of its name, or None."""
    name = COMPRESSED.sub("", file.name).lower()
    return next((form for form in FORMATS if name.endswith(ENDINGS[form])), None)


def _pairs(file, form, source, target):
    dropped: Counter[str] = Counter()
    if form == "tsv":
        return tables.read(file, source, target, separator="\t")
    return {"tmx": tmx, "po": po, "xliff": xliff}[form].read(file, source, target, dropped)
