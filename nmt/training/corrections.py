"""Learning from the corrections of the run that a training starts from, beside its old text.

The training keeps them as it found them (`learnt.SOURCE-TARGET.tsv`), as a further corpus of its
recipe, so that it can be resumed whatever users correct meanwhile.
"""

import csv
import dataclasses
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nmt import files
from nmt.corpora.cleaning import Pair, fault
from nmt.corpora.corpus import spread
from nmt.corpora.mixture import Mixture
from nmt.errors import Failure, UserError
from nmt.evaluation import metrics
from nmt.evaluation.scored_text import of_split
from nmt.inference.load import load
from nmt.inference.translator import Translator
from nmt.recipe import DataOptions, Recipe
from nmt.runs.corrections import Corrections
from nmt.runs.folder import LEARNT, Run

log = logging.getLogger(__name__)

REPORT = "learnt.json"
# BLEU of validation text that may be lost without a word.
LOSS = 1.0
VALIDATION = "validation"  # so the names of that text begin


class _Text(NamedTuple):
    """Text that is translated before and after."""

    name: str
    data: DataOptions
    pairs: list[Pair]


def with_corrections(run: Run, recipe: Recipe, parent: str) -> Recipe:
    """The recipe with a further corpus for each direction that a parent run has corrections of."""
    data = _without(recipe.data)
    more = list(data.more)
    options = recipe.train
    for source, target in _directions(recipe) if options.corrections else ():
        languages = f"{source}-{target}".replace("_", "-")
        corpus = dataclasses.replace(
            data.another(("format", "train")),
            format="tsv",
            source=source,
            target=target,
            train=_path(run, f"learnt.{languages}.tsv"),
            splits="train",
            weight=float(options.corrections),
        )
        pairs = Corrections.of(parent, source, target).pairs()
        if data.tokenised and pairs:
            log.info(f"note: the corrections of {parent} are not learnt: the corpus is tokenised")
        elif any(fault(*pair, corpus) is None for pair in pairs):
            more.append(corpus)
    return dataclasses.replace(recipe, data=dataclasses.replace(data, more=more))


def as_recorded(run: Run, recipe: Recipe) -> Recipe:
    """The recipe with those corpora that the run has begun with, where the run lies now."""
    data = _without(recipe.data)
    own = [
        dataclasses.replace(corpus, train=_path(run, Path(str(corpus.train)).name))
        for _, corpus in _learnt(run.recipe.data)
    ]
    return dataclasses.replace(recipe, data=dataclasses.replace(data, more=[*data.more, *own]))


def keep(recipe: Recipe) -> None:
    """Writes the corrections as they are now, for the training, unless they are there already."""
    for _, corpus in _learnt(recipe.data):
        path = Path(str(corpus.train))
        if path.exists():
            continue
        pairs = Corrections.of(recipe.train.from_, corpus.source, corpus.target).pairs()
        with files.atomic(path) as file:
            # Quoted where need be: `data.format=tsv` reads each cell as it is.
            rows = csv.writer(file, delimiter="\t", lineterminator="\n")
            rows.writerows([("source", "target"), *pairs])


def hand_on(run: Run, recipe: Recipe) -> None:
    """Gives a run that is not trained yet what its parent answers, whether it learns that or not.

    What it has of another parent, by an earlier try, is taken back.
    """
    for source, target in _directions(recipe):
        own = Corrections.beside(run, source, target)
        if recipe.train.from_:
            own.follow(Corrections.of(recipe.train.from_, source, target), alone=True)
        else:
            own.remove([source for source, _ in own.pairs()])


def report(run: Run) -> None:
    """Tells what the corrections have changed, once for these weights; kept in the run.

    The run and its parent translate the corrections and validation text; a note if they cannot.
    """
    path = run.path / REPORT
    learnt = list(_learnt(run.recipe.data))
    if not learnt or _weights_of(path) == run.weights_id:
        return
    try:
        entries = _measured(run, learnt)
    except (UserError, Failure) as error:
        log.info(f"note: nothing to compare the corrections with: {error}")
        return
    with files.atomic(path) as file:
        json.dump(entries, file, indent=2, ensure_ascii=False)
    log.info("\n".join(lines(entries)))
    for row in entries["texts"]:
        lost = row["bleu"][0] - row["bleu"][1]
        if row["text"].startswith(VALIDATION) and lost > LOSS:
            log.warning(
                f"{row['text']} has lost {lost:.1f} BLEU: a smaller train.learning_rate, fewer "
                "epochs or a smaller train.corrections forget less"
            )


def lines(entries: dict[str, Any]) -> Iterator[str]:
    """The report as a table."""
    rest = entries["corrections"] - entries["learnt"]
    left_out = f", {rest:,} left out: held-out text, or no fit training text" if rest else ""
    yield f"learnt from {entries['learnt']:,} corrections{left_out}; before -> after:"
    for row in entries["texts"]:
        columns = [f"{row['text']}, {row['sentences']:,}:".ljust(28)]
        exact = " -> ".join(f"{share:.0%}" for share in row["exact"])
        columns.append(f"exact {exact}")
        for name, label in (("bleu", "BLEU"), ("chrf", "chrF")):
            columns.append(f"{label} " + " -> ".join(f"{score:.1f}" for score in row[name]))
        yield "  ".join(columns)


def _directions(recipe):
    """(source, target) of what may have corrections."""
    if recipe.language_model:
        return []
    corpora = _without(recipe.data).corpora()
    return list(dict.fromkeys((each.source, each.target) for each in corpora))


def _learnt(data: DataOptions) -> Iterator[tuple[int, DataOptions]]:
    """The corpora of corrections with their numbers."""
    for number, corpus in enumerate(data.corpora()):
        name = Path(corpus.train).name if isinstance(corpus.train, str) else ""
        if corpus.splits == "train" and re.fullmatch(LEARNT, name):
            yield number, corpus


def _without(data):
    """Options without corpora of corrections, which an earlier training may have."""
    learnt = [number for number, _ in _learnt(data)]
    more = [each for number, each in enumerate(data.more, 1) if number not in learnt]
    return dataclasses.replace(data, more=more)


def _path(run, name):
    return str((run.path / name).absolute())


def _rows(corpus):
    """The corrections of a corpus as they were written."""
    with open(corpus.train, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    return [(source, target) for source, target in rows[1:]]


def _measured(run, learnt):
    """The report."""
    recipe = run.recipe
    parent = Run.open(recipe.train.from_)
    # 1. What is translated.
    mixture = Mixture(recipe.data)
    mixture.fetch()
    texts = [
        _Text(
            f"corrections {corpus.source}-{corpus.target}",
            corpus,
            list(mixture.training_pairs(number)),
        )
        for number, corpus in learnt
    ]
    count = sum(len(text.pairs) for text in texts)
    valid = of_split(run, "valid")
    share = max(1, recipe.train.valid_sentences // len(valid))
    texts += [
        _Text(f"{VALIDATION} {text.corpus}", text.data, list(spread(text.pairs, share)))
        for text in valid
    ]
    # 2. By both in the same form.
    engine = "auto" if run.exported() and parent.exported() else "keras"
    translators = [load(each.path, engine, recipe.train.threads) for each in (parent, run)]
    rows = []
    # Of corrections all may be held-out text.
    for text in filter(lambda each: each.pairs, texts):
        before, after = (_scores(translator, text) for translator in translators)
        both = {name: [before[name], after[name]] for name in before}
        rows.append({"text": text.name, "sentences": len(text.pairs), **both})
    kept = sum(len(_rows(corpus)) for _, corpus in learnt)
    return {"weights": run.weights_id, "corrections": kept, "learnt": count, "texts": rows}


def _scores(translator: Translator, text: _Text) -> dict[str, float]:
    """Share of exact translations, BLEU and chrF."""
    if translator.recipe.data.target != text.data.target:
        translator = translator.into(text.data.target)
    references = [target for _, target in text.pairs]
    outputs = translator.translate(
        [source for source, _ in text.pairs], joined=not text.data.tokenised
    )
    scores = metrics.scores(text.data, outputs, references)
    pairs = zip(outputs, references, strict=True)
    exact = sum(output == reference for output, reference in pairs) / len(references)
    return {"exact": round(exact, 4)} | {name: each["score"] for name, each in scores.items()}


def _weights_of(path):
    """The weights that a report is of, or None."""
    return json.loads(path.read_text(encoding="utf-8"))["weights"] if path.exists() else None
