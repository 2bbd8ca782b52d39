"""The pairs of a translation memory: of files, of a folder, or the training text of a run."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from nmt.corpora.formats import po, tables, tmx, xliff
from nmt.corpora.mixture import Mixture
from nmt.corpora.paths import COMPRESSED, ENDINGS
from nmt.errors import OtherLanguages, UserError
from nmt.inference.memory import Memory
from nmt.runs.folder import Run

log = logging.getLogger(__name__)

FORMATS = ("tmx", "po", "xliff", "tsv")


def read_memory(path: str | Path, source: str, target: str) -> Memory:
    """The memory that a path names, from one language into another one.

    Files of a folder that are of other languages are left out with a note. Raises UserError where
    it names none, or none of these languages.
    """
    path = Path(path)
    if (path / "run.json").is_file():
        pairs = training_pairs(Run.open(path), target, source)
    elif path.is_dir():
        pairs = _of_folder(path, source, target)
    else:
        pairs = _pairs(path, _known_format(path), source, target)
    memory = Memory(pairs)
    if not memory.pairs:
        raise UserError(f"{path}: no pair of {source} and {target} in it")
    return memory


def training_pairs(run: Run, target: str, source: str = "") -> Iterator[tuple[str, str]]:
    """The training pairs of a run into a language; a corpus that is not there is fetched.

    source: only those from this language.
    """
    mixture = Mixture(run.recipe.data)
    mixture.fetch()
    for number, corpus in enumerate(run.recipe.data.corpora()):
        if corpus.target == target and source in ("", corpus.source):
            yield from mixture.training_pairs(number)


def _of_folder(folder, source, target):
    """The pairs of all files below a folder that are of these languages."""
    files = [(file, _format(file)) for file in sorted(folder.rglob("*")) if file.is_file()]
    files = [(file, form) for file, form in files if form]
    if not files:
        raise UserError(f"{folder}: is a folder without a translation memory, and no run")
    for file, form in files:
        try:
            yield from _pairs(file, form, source, target)
        except OtherLanguages as error:
            log.info(f"note: left out: {error}")


def _known_format(file):
    """The format of a file; UserError where there is no such file, or its name tells none."""
    if not file.exists():
        raise UserError(f"{file}: no such file or folder")
    if form := _format(file):
        return form
    endings = ", ".join(ending for form in FORMATS for ending in ENDINGS[form])
    raise UserError(f"{file}: a translation memory ends in {endings}, or is a folder")


def _format(file):
    """The format of a file by the end of its name, or None."""
    name = COMPRESSED.sub("", file.name).lower()
    return next((form for form in FORMATS if name.endswith(ENDINGS[form])), None)


def _pairs(file, form, source, target):
    dropped: Counter[str] = Counter()
    if form == "tsv":
        return tables.read(file, source, target, separator="\t")
    return {"tmx": tmx, "po": po, "xliff": xliff}[form].read(file, source, target, dropped)
