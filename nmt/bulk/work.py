"""What is done with a window of rows: translating, scoring or filtering them, on one thread."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from nmt import files
from nmt.bulk.formats import Added, Texts
from nmt.evaluation import mismatch
from nmt.inference.checks import check_confidence
from nmt.inference.load import load, load_directions, open_runs
from nmt.runs.folder import Run


class Done(NamedTuple):
    """What a window became, and what is told of it: kinds of messages, with their rows."""

    added: Added
    told: Counter[str]


Function = Callable[[Sequence[Texts]], Done]


@dataclasses.dataclass(frozen=True)
class Translation:
    """As `nmt translate`: one column of texts, one of translations."""

    command: ClassVar[str] = "translate"
    run: str
    to: str | None = None
    beam: int | None = None
    engine: str = "auto"
    overrides: Sequence[str] = ()  # of the recipe's [search]
    glossary: str | None = None
    memory: str | None = None
    scores: bool = False
    confidence: bool = False
    min_confidence: float | None = None

    @property
    def runs(self) -> list[str]:
        """The run folders, or ensembles, that it needs."""
        return [self.run]

    @property
    def new_columns(self) -> list[str]:
        """The names of the columns that are added."""
        scores = ["log_prob", "score"] if self.scores else []
        return [*scores, *(["confidence"] if self.confidence else []), "translation"]

    def start(self) -> Function:
        """Loads the translator."""
        translator = load(self.run, self.engine, 1, self.overrides, to=self.to)
        if self.confidence or self.min_confidence is not None:
            check_confidence(translator, self.run, self.engine)
        translator = translator.using(self.glossary, self.memory, self.run)

        def translated(columns: Sequence[Texts]) -> Done:
            (texts,) = columns
            present = [text for text in texts if text is not None]
            found = iter(translator.candidates(present, beam=self.beam))
            best = [None if text is None else next(found)[0] for text in texts]
            told = Counter(w.partition(": ")[0] for each in best if each for w in each.warnings)
            if self.min_confidence is not None:
                below = [each for each in best if each and self._is_below(each.confidence)]
                told[f"left empty: confidence below {self.min_confidence:g} %"] += len(below)
                for each in below:
                    each.text = ""
            attributes = [{"translation": "text"}.get(name, name) for name in self.new_columns]
            values = [[each and getattr(each, name) for each in best] for name in attributes]
            return Done(Added(dict(zip(self.new_columns, values, strict=True))), told)

        return translated

    def _is_below(self, confidence):
        """Whether it is too low; what was copied has none, which is enough."""
        return confidence is not None and 100 * confidence < self.min_confidence


@dataclasses.dataclass(frozen=True)
class Scoring:
    """As `nmt score`: a column of sources and one of their translations, two of scores."""

    command: ClassVar[str] = "score"
    new_columns: ClassVar[list[str]] = ["log_prob", "score"]
    run: str
    to: str | None = None
    engine: str = "auto"
    overrides: Sequence[str] = ()

    @property
    def runs(self) -> list[str]:
        """The run folders, or ensembles, that it needs."""
        return [self.run]

    def start(self) -> Function:
        """Loads the translator."""
        translator = load(self.run, self.engine, 1, self.overrides, to=self.to)

        def scored(columns: Sequence[Texts]) -> Done:
            rows = list(zip(*columns, strict=True))
            present = [n for n, row in enumerate(rows) if None not in row]
            sources, targets = ([side[n] or "" for n in present] for side in columns)
            scores: list[tuple] = [(None, None)] * len(rows)
            for n, pair in zip(present, translator.score(sources, targets), strict=True):
                scores[n] = pair
            log_probs, ranking = zip(*scores, strict=True) if scores else ((), ())
            return Done(Added({"log_prob": log_probs, "score": ranking}), Counter())

        return scored


@dataclasses.dataclass(frozen=True)
class Filtering:
    """As `nmt filter`: a column of sources and one of their translations, a score and a flag.

    Other sources that a pair is compared with are those of its window.
    """

    command: ClassVar[str] = "filter"
    run: str
    reverse: str | None = None
    threshold: float = mismatch.THRESHOLD
    clean: bool = False
    engine: str = "auto"

    @property
    def runs(self) -> list[str]:
        """The run folders, or ensembles, that it needs."""
        return [self.run, *([self.reverse] if self.reverse else [])]

    @property
    def new_columns(self) -> list[str]:
        """The names of the columns that are added."""
        return [] if self.clean else ["score", "flag"]

    def start(self) -> Function:
        """Loads the translators."""
        translators = load_directions(self.runs, self.engine, 1)

        def filtered(columns: Sequence[Texts]) -> Done:
            pairs = [(source or "", target or "") for source, target in zip(*columns, strict=True)]
            scores = [float(score) for score in mismatch.Scorer(*translators).scores(pairs)]
            wrong = [score < self.threshold or score == float("-inf") for score in scores]
            told = Counter({"flagged": sum(wrong)})
            if self.clean:
                return Done(Added({}, [not each for each in wrong], whole=True), told)
            flags = ["mismatch" if each else "ok" for each in wrong]
            return Done(Added({"score": scores, "flag": flags}, whole=True), told)

        return filtered


Work = Translation | Scoring | Filtering


def identity(work: Work) -> dict[str, Any]:
    """What makes two works give the same: the weights of their runs, all options, all files."""
    options = {"run": None, "reverse": None, **dataclasses.asdict(work)}
    weights = [each for path in work.runs for each in _weights(path)]
    contents = _contents(work) if isinstance(work, Translation) else {}
    return {
        "command": work.command,
        **options,
        "run": weights,
        "reverse": None,
        "helping runs": _helping(work) if isinstance(work, Translation | Scoring) else None,
        **contents,
    }


def _helping(work):
    """Weights of the language model and the reverse run that take part in the search, or None."""
    search = open_runs(work.run)[0].load_recipe(work.overrides).search
    return [Run.open(path).weights_digest for path, _ in search.helping.values()] or None


def _weights(runs):
    return [run.weights_digest for run in open_runs(runs)]


def _contents(work):
    """What stands in the files that a translation goes by."""
    run = open_runs(work.run)[0]
    target = (work.to or run.recipe.data.target).replace("_", "-")
    corrections = sorted(run.path.glob(f"corrections.*-{target}.tsv"))
    return {
        "content of the glossary": work.glossary and files.digest(Path(work.glossary)),
        "content of the memory": work.memory and _memory(Path(work.memory)),
        "corrections": [files.digest(file) for file in corrections] or None,
    }


def _memory(path):
    """Digests of the files of a memory; the weights of a run tell its training text."""
    if (path / "run.json").is_file():
        return _weights(path)
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [files.digest(file) for file in found if file.is_file()]
