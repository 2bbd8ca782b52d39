"""The text that runs are scored on: a split of their own, or any other text of their languages."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from nmt.corpora.cleaning import Pair, by_line, with_two_sides
from nmt.corpora.corpus import Corpus
from nmt.corpora.formats import plain
from nmt.errors import UserError
from nmt.recipe import DataOptions, ModelOptions, Recipe, load_recipe
from nmt.runs.folder import Run
from nmt.runs.held_out import held_out, stamp
from nmt.text.languages import language

log = logging.getLogger(__name__)


class ScoredText:
    """Sources and references, and their form: languages, tokenised or not."""

    def __init__(
        self,
        name: str,
        data: DataOptions,
        pairs: Sequence[Pair],
        stamp: str = "",
        number: int | None = None,
        corpus: str = "",
    ):
        """name: of the split or the file. stamp: of a split, changes when the text has changed.

        number: of the corpus of a run, and its label if there are several.
        """
        self.number = number
        self.corpus = corpus
        self.name = name
        self.data = data
        self.pairs = pairs
        self.stamp = stamp
        self.sources = [source for source, _ in pairs]
        self.references = [reference for _, reference in pairs]

    @property
    def is_test_set(self) -> bool:
        """Whether it is the test split of a run, whose scores are its report."""
        return self.name == "test" and bool(self.stamp)


def of_split(run: Run, split: str, to: str | None = None) -> list[ScoredText]:
    """The "valid" or "test" text of a run, of each corpus; to: of those of a target language.

    UserError where there is none.
    """
    data = run.recipe.data
    texts = []
    for number, corpus in enumerate(data.corpora()):
        if corpus.splits == "all" and to in (None, corpus.target):
            label = data.label(number) if data.more else ""
            pairs = held_out(run, split, number=number)
            # Some are too small to hold out any.
            if pairs:
                texts.append(ScoredText(split, corpus, pairs, stamp(run, split), number, label))
    if not texts:
        into = f" into {to}" if to else ""
        raise UserError(
            f"{run.path}: has no {split} text{into}; name one with --source and --reference"
        )
    return texts


def of_files(run: Run, source: str, reference: str, to: str | None = None) -> ScoredText:
    """Two files whose lines correspond, in the languages of a run, as people write them."""
    data = _data(run, [], to)
    return _read(source, data, plain.read_files(Path(source), Path(reference)), Counter())


def of_options(run: Run, overrides: Sequence[str], to: str | None = None) -> ScoredText:
    """The test text that options of `[data]` describe: ["data.test=my.tmx", "data.format=tmx"].

    Options that are not named have their defaults, but languages are those of the run.
    UserError where they describe none.
    """
    for override in overrides:
        if not override.startswith("data."):
            raise UserError(f"{override}: a text is described by options of [data] alone")
    data = _data(run, overrides, to)
    corpus = Corpus(data)
    if "test" not in corpus.standalone_splits():
        raise UserError(f"{' '.join(overrides)}: names no text; give its path as data.test=FILE")
    if data.tokenised and not run.recipe.data.tokenised:
        raise UserError(f"data.preprocess=tokens: {run.path} does not write tokenised text")
    corpus.fetch()
    dropped: Counter[str] = Counter()
    typed = dict(override.split("=", 1) for override in overrides)
    name = typed.get("data.test") or data.name or data.format
    return _read(name, data, corpus.read("test", dropped), dropped)


def check_same(texts: Iterable[tuple[Run, Sequence[ScoredText]]], to: str | None = None) -> None:
    """Raises UserError when runs translate other languages, or are scored on other sentences."""
    (first, own), *rest = texts
    for run, others in rest:
        directions = _direction(first, to), _direction(run, to)
        if directions[0] != directions[1]:
            raise UserError(
                f"{first.path} translates {directions[0]}, but {run.path} {directions[1]}: "
                "their scores cannot be compared"
            )
        if [each.pairs for each in others] != [each.pairs for each in own]:
            raise UserError(
                f"{first.path} and {run.path} have different {own[0].name} sentences, whose scores "
                "cannot be compared; name a text for all of them (--source and --reference)"
            )


def _direction(run, to):
    data = _into(run, to).data
    return f"{language(data.source)}-{language(data.target)}"


def _into(run, to):
    """The recipe of a run as a translator into a language, or its first one."""
    return run.recipe.into(to) if to else run.recipe


def _data(run, overrides, to):
    """Options of a text in the run's languages; those that are not overridden have defaults."""
    own = _into(run, to)
    data = DataOptions(source=own.data.source, target=own.data.target)
    # Training text must be named, though none is read.
    data.train = "{lang}"
    model = ModelOptions(architecture=own.model.architecture)
    data = load_recipe(None, overrides, base=Recipe(data=data, model=model)).data
    data.train = data.test
    return data


def _read(name, data, pairs, dropped):
    """The text of these pairs; those with an empty side are left out, and counted."""
    kept = list(with_two_sides(by_line(pairs), dropped, once=False))
    if not kept:
        raise UserError(f"{name}: no pair of sentences in it")
    if dropped:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped.most_common())
        log.info(f"{name}: {len(kept):,} pairs; left out: {reasons}")
    return ScoredText(name, data, kept)
