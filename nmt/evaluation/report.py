"""What `nmt evaluate` measures: a split translated and scored, or a language model's perplexity.

The only place that looks at test text. Two runs are compared by paired bootstrap on the same
sentences.
"""

import json
import logging
import time
from collections.abc import Sequence

from nmt import files
from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from nmt.evaluation import metrics
from nmt.evaluation.rendering import CARD, card
from nmt.inference.generator import TextGenerator, lines_of
from nmt.inference.translator import Translator
from nmt.recipe import Recipe
from nmt.runs.folder import Run
from nmt.text.languages import unspaced
from nmt.text.placeholders import placeholders
from nmt.text.preparation import Preparation

log = logging.getLogger(__name__)

SAMPLES = 10

Outputs = dict[str, list[str]]  # "source", "output", "reference", of tokenised text "joined"


def evaluate(
    run: Run,
    translator: Translator | TextGenerator,
    split: str = "test",
    beam: int | None = None,
    others: Sequence[Run] = (),
) -> tuple[dict, Outputs]:
    """The report of a run on one of its recipe's splits, and the texts it is of; writes nothing.

    translator: that of the run, or of the ensemble it leads; others: the ensemble's other members.
    Of a language model, whose `TextGenerator` is measured, there are no texts.
    """
    for member in (run, *others):
        if member.info.step is not None and not member.info.complete:
            log.info(
                f"note: {member.path}: training has not ended; these are the best weights so far"
            )
    if isinstance(translator, TextGenerator):
        return _language_report(run, translator, split), {}
    recipe = translator.recipe
    _warn_of_other_data(recipe, split, others)

    pairs = Corpus(recipe.data).held_out(split)
    sources = [source for source, _ in pairs]
    references = [reference for _, reference in pairs]
    log.info(f"translating {len(sources):,} sentences of the {split} split")
    started = time.perf_counter()
    candidates = translator.candidates(sources, beam=beam, joined=False)
    seconds = time.perf_counter() - started
    hypotheses = [best.text for best, *_ in candidates]

    report = {
        "split": split,
        "sentences": len(sources),
        "beam": beam or recipe.search.beam,
        "source": recipe.data.source,
        "target": recipe.data.target,
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        "fusion": _fusion(recipe),
        "seconds": round(seconds, 1),
        "sentences_per_second": round(len(sources) / seconds, 1),
        **scores(recipe, sources, hypotheses, references),
        "samples": samples(sources, hypotheses, references),
    }
    outputs = {"source": sources, "output": hypotheses, "reference": references}
    if recipe.data.tokenised:
        outputs["joined"] = _joined(recipe, hypotheses)
    return report, outputs


def _language_report(run: Run, generator: TextGenerator, split: str) -> dict:
    recipe = run.recipe
    lines = lines_of(recipe, split)
    log.info(f"reading {len(lines):,} sentences of the {split} split")
    started = time.perf_counter()
    return {
        "split": split,
        "sentences": len(lines),
        "target": recipe.data.target,
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        **generator.perplexity(lines),
        "seconds": round(time.perf_counter() - started, 1),
        "samples": generator.generate(count=SAMPLES),
    }


def _warn_of_other_data(recipe: Recipe, split: str, others: Sequence[Run]) -> None:
    lms = [Run.open(recipe.search.lm)] if _fusion(recipe) else []
    for other in (*others, *lms):
        if other.recipe.data != recipe.data:
            log.warning(
                f"{other.path} has other data options; it may have been trained on the {split} text"
            )


def _fusion(recipe: Recipe) -> dict | None:
    """The language model that takes part in the search, and its weight."""
    lm = recipe.search.lm
    weight = recipe.search.lm_weight
    return {"lm": lm, "weight": weight} if lm and weight else None


def write_report(run: Run, report: dict, outputs: Outputs) -> None:
    """Writes report.json, the texts as test.*.txt, and the model card.

    A README.md that is no card of ours stays.
    """
    for name, lines in outputs.items():
        with files.atomic(run.path / f"test.{name}.txt") as file:
            file.write("".join(line + "\n" for line in lines))
    with files.atomic(run.path / "report.json") as file:
        json.dump(report, file, indent=2, ensure_ascii=False)
    readme = run.path / "README.md"
    if not readme.exists() or CARD in readme.read_text(encoding="utf-8", errors="replace"):
        with files.atomic(readme) as file:
            file.write("\n".join(card(run, report)) + "\n")


def last_report(run: Run, beam: int | None = None, overrides: Sequence[str] = ()) -> dict | None:
    """The report if it is of the weights, text and search options that the run has now, or None."""
    path = run.path / "report.json"
    if not path.exists():
        return None
    report = json.loads(path.read_text(encoding="utf-8"))
    recipe = run.recipe_with(overrides)
    current = {
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        "fusion": _fusion(recipe),
    }
    if "beam" in report:  # a language model's has none
        current["beam"] = beam or recipe.search.beam
    return report if all(report.get(key) == value for key, value in current.items()) else None


def scores(
    recipe: Recipe,
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[str],
) -> dict:
    """BLEU and chrF with interval and signature, BLEU by length, placeholders lost."""
    data = recipe.data
    result = {
        **metrics.scores(data, hypotheses, references, interval=True),
        "by_length": metrics.by_length(
            sources,
            hypotheses,
            references,
            metrics.tokenize_of(data),
            spaced=data.tokenised or not unspaced(data.source),
        ),
        "placeholders": lost_placeholders(sources, hypotheses),
    }
    if data.tokenised and unspaced(data.target):
        outputs = _joined(recipe, hypotheses)
        expected = _joined(recipe, references)
        result["joined"] = {
            name: metrics.bleu(outputs, expected, name, interval=True)
            for name in dict.fromkeys([metrics.tokenize_for(data.target), "char"])
        }
    return result


def _joined(recipe: Recipe, lines: Sequence[str]) -> list[str]:
    """Lines of a tokenised corpus as people see them."""
    return [*map(Preparation(recipe.data).detokenised, lines)]


def lost_placeholders(sources: Sequence[str], hypotheses: Sequence[str]) -> dict[str, int]:
    """How many placeholders the sources have, and how many of them their translations lack."""
    total = 0
    missing = 0
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        left = placeholders(hypothesis)
        for name in placeholders(source):
            total += 1
            if name in left:
                left.remove(name)
            else:
                missing += 1
    return {"in_sources": total, "lost": missing}


def samples(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
) -> list[dict[str, str]]:
    """Ten triples spread over the split."""
    places = sorted({n * len(sources) // SAMPLES for n in range(SAMPLES)})
    return [
        {"source": sources[n], "output": hypotheses[n], "reference": references[n]} for n in places
    ]


def check_same_sentences(first: Run, second: Run, split: str) -> None:
    """Raises UserError when two runs are tested on different sentences."""
    sentences, others = (Corpus(run.recipe.data).held_out(split) for run in (first, second))
    if sentences != others:
        raise UserError(
            f"{first.path} and {second.path} have different test sentences; "
            "scores cannot be compared"
        )


def compare(recipe: Recipe, first: Outputs, second: Outputs) -> dict[str, dict]:
    """Paired bootstrap of two evaluations of the same sentences; see `metrics.paired`.

    recipe: that of the first.
    """
    return metrics.paired(
        first["reference"], first["output"], second["output"], metrics.tokenize_of(recipe.data)
    )
