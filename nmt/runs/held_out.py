"""The validation and test text that a run keeps: scored anywhere, wherever its corpus has gone.

A file a split, source TAB target on each line, of further corpora also TAB number; run.json has
their checksums. Runs of older versions have none: their corpus is read.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from typing import TYPE_CHECKING

from nmt import files
from nmt.errors import UserError
from nmt.runs.folder import HELD_OUT, Run

if TYPE_CHECKING:
    from nmt.corpora.mixture import Mixture

log = logging.getLogger(__name__)

Pair = tuple[str, str]


def keep(run: Run, mixture: Mixture, scored: bool = False) -> None:
    """Writes the validation and test text of the corpora into the run.

    scored: whether the run has scores of its validation text, which must then be as it was.
    UserError if there is no validation text: better now than when the first epoch is over.
    """
    before = (run.info.held_out or {}).get(HELD_OUT["valid"]) if scored else None
    digests = {}
    for split, name in HELD_OUT.items():
        digest = hashlib.sha256()
        try:
            with files.atomic(run.path / name, "wb") as file:
                for line in _lines(mixture, split):
                    file.write(line)
                    digest.update(line)
                if split == "valid" and before and before != digest.hexdigest():
                    raise UserError(
                        f"{run.path}: was validated on other text; choose another run folder "
                        "(--run)"
                    )
        except UserError as error:
            if split == "valid":
                raise
            log.info(f"note: nothing to evaluate on: {error}")
        else:
            digests[name] = digest.hexdigest()
    run.update(held_out=digests)


def _lines(mixture, split):
    """The lines of the file of a split."""
    for number, pair in mixture.pairs_held_out(split):
        fields = [files.one_line(side).replace("\t", " ") for side in pair]
        fields += [str(number)] if number else []
        yield ("\t".join(fields) + "\n").encode()


def held_out(run: Run, split: str, limit: int | None = None, number: int = 0) -> list[Pair]:
    """(source, target) pairs of "valid" or "test"; at most `limit`, spread over the split.

    number: of the corpus.

    Without a file of the run its corpus is read, and fetched if need be. Failure for a file that
    is damaged.
    """
    # Imported here, as runs that translate need no corpora.
    from nmt.corpora.corpus import Corpus

    if _digest(run, split) is None:
        corpus = Corpus(run.recipe.data.corpora()[number])
        corpus.fetch()
        return corpus.held_out(split, limit)
    return _spread(run, split, limit).get(number, [])


def of_all(run: Run, split: str, limit: int | None = None) -> dict[int, list[Pair]]:
    """The "valid" or "test" pairs of each measured corpus that has some, by its number.

    limit: of all together. Otherwise as `held_out`.
    """
    from nmt.corpora.mixture import Mixture

    if _digest(run, split) is None:
        mixture = Mixture(run.recipe.data)
        mixture.fetch()
        return mixture.held_out(split, limit)
    return _spread(run, split, limit, together=True)


def _spread(run, split, limit, together=False):
    """The kept pairs of each corpus; others are never in memory.

    limit: of each corpus, or of all together.
    """
    from nmt.corpora.corpus import spread

    counts = Counter(number for number, _ in _rows(run, split))
    if limit and together:
        limit = max(1, limit // max(1, len(counts)))
    wanted = {number: set(spread(range(count), limit)) for number, count in counts.items()}
    pairs: dict[int, list[Pair]] = {number: [] for number in counts}
    places: Counter[int] = Counter()
    for number, pair in _rows(run, split):
        if places[number] in wanted[number]:
            pairs[number].append(pair)
        places[number] += 1
    return pairs


def _rows(run, split):
    """(number of the corpus, pair) of each line that the run keeps."""
    for line in files.lines(run.checked(HELD_OUT[split], _digest(run, split))):
        source, target, *number = line.split("\t")
        yield int("".join(number) or 0), (source, target)


def stamp(run: Run, split: str) -> str:
    """Changes when the text of a split has changed, or of a corpus may have."""
    from nmt.corpora.mixture import Mixture

    return _digest(run, split) or Mixture(run.recipe.data).stamp()


def _digest(run, split):
    """The checksum of the file that the run has of a split, or None."""
    name = HELD_OUT[split]
    return (run.info.held_out or {}).get(name) if (run.path / name).is_file() else None
