"""The validation and test text that a run keeps: scored anywhere, wherever its corpus has gone.

A file a split, source TAB target on each line, of further corpora also TAB number; run.json has
their checksums. Runs of older versions have none: their corpus is read.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from nmt import files
from nmt.errors import UserError
from nmt.runs.folder import HELD_OUT, Run

if TYPE_CHECKING:
    from nmt.corpora.mixture import Mixture

log = logging.getLogger(__name__)

Pair = tuple[str, str]


def keep(run: Run, mixture: Mixture) -> None:
    """Writes the validation and test text of the corpora into the run.

    UserError if there is no validation text: better now than when the first epoch is over.
    """
    digests = {}
    for split, name in HELD_OUT.items():
        try:
            with files.atomic(run.path / name) as file:
                for number, pairs in mixture.held_out(split).items():
                    for pair in pairs:
                        fields = [files.one_line(side).replace("\t", " ") for side in pair]
                        fields += [str(number)] if number else []
                        file.write("\t".join(fields) + "\n")
        except UserError as error:
            if split == "valid":
                raise
            log.info(f"note: nothing to evaluate on: {error}")
        else:
            digests[name] = files.digest(run.path / name)
    run.update(held_out=digests)


def held_out(run: Run, split: str, limit: int | None = None, number: int = 0) -> list[Pair]:
    """(source, target) pairs of "valid" or "test"; at most `limit`, spread over the split.

    number: of the corpus.

    Without a file of the run its corpus is read, and fetched if need be. Failure for a file that
    is damaged.
    """
    # Imported here, as runs that translate need no corpora.
    from nmt.corpora.corpus import Corpus, spread

    digest = _digest(run, split)
    if digest is None:
        corpus = Corpus(run.recipe.data.corpora()[number])
        corpus.fetch()
        return corpus.held_out(split, limit)
    lines = files.lines(run.checked(HELD_OUT[split], digest))
    rows = (line.split("\t") for line in lines)
    pairs = [(row[0], row[1]) for row in rows if int("".join(row[2:]) or 0) == number]
    return spread(pairs, limit)


def stamp(run: Run, split: str) -> str:
    """Changes when the text of a split has changed, or of a corpus may have."""
    from nmt.corpora.mixture import Mixture

    return _digest(run, split) or Mixture(run.recipe.data).stamp()


def _digest(run, split):
    """The checksum of the file that the run has of a split, or None."""
    name = HELD_OUT[split]
    return (run.info.held_out or {}).get(name) if (run.path / name).is_file() else None
