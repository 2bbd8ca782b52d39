"""What `nmt evaluate` measures: a split translated and scored, or a language model's perplexity.

The only place that looks at test text. Two runs are compared by paired bootstrap on the same
sentences.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Sequence

from nmt import files
from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from nmt.evaluation import metrics
from nmt.evaluation.metrics import Lines
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
    # 1. What a reader of the scores should know of the weights and the text.
    for member in (run, *others):
        if member.info.step is not None and not member.info.complete:
            log.info(
                f"note: {member.path}: training has not ended; these are the best weights so far"
            )
    if isinstance(translator, TextGenerator):
        return _language_report(run, translator, split), {}
    recipe = translator.recipe
    _warn_of_other_data(recipe, split, others)

    # 2. Translate the split.
    corpus = Corpus(recipe.data)
    pairs = corpus.held_out(split)
    sources = [source for source, _ in pairs]
    references = [reference for _, reference in pairs]
    log.info(f"translating {len(sources):,} sentences of the {split} split")
    started = time.perf_counter()
    candidates = translator.candidates(sources, beam=beam, joined=False)
    seconds = time.perf_counter() - started
    hypotheses = [best.text for best, *_ in candidates]
    outputs = {"source": sources, "output": hypotheses, "reference": references}

    # 3. Score the translations.
    report = {
        "split": split,
        "sentences": len(sources),
        "beam": beam or recipe.search.beam,
        "source": recipe.data.source,
        "target": recipe.data.target,
        "weights": run.weights_id,
        "text": corpus.stamp(),
        "fusion": _fusion(recipe),
        "seconds": round(seconds, 1),
        "sentences_per_second": round(len(sources) / seconds, 1),
        **scores(recipe, sources, hypotheses, references),
        "samples": _samples(outputs),
    }
    if recipe.data.tokenised:
        outputs["joined"] = _joined(recipe, hypotheses)
    return report, outputs


def _language_report(run, generator, split):
    """The report of a language model."""
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


def _warn_of_other_data(recipe, split, others):
    """Warns of members and of a language model that may have been trained on the split."""
    lms = [Run.open(recipe.search.lm)] if _fusion(recipe) else []
    for other in (*others, *lms):
        if other.recipe.data != recipe.data:
            log.warning(
                f"{other.path} has other data options; it may have been trained on the {split} text"
            )


def _fusion(recipe):
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
    # What somebody wrote about the run is not ours to replace.
    readme = run.path / "README.md"
    if not readme.exists() or CARD in readme.read_text(encoding="utf-8", errors="replace"):
        with files.atomic(readme) as file:
            file.write(card(run, report))


def last_report(run: Run, beam: int | None = None, overrides: Lines = ()) -> dict | None:
    """The report if it is of the weights, text and search options that the run has now, or None."""
    path = run.path / "report.json"
    if not path.exists():
        return None
    report = json.loads(path.read_text(encoding="utf-8"))
    recipe = run.load_recipe(overrides)
    # What the report depends on, as it is now.
    current = {
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        "fusion": _fusion(recipe),
    }
    if "beam" in report:  # a language model's has none
        current["beam"] = beam or recipe.search.beam
    return report if all(report.get(key) == current[key] for key in current) else None


def scores(recipe: Recipe, sources: Lines, hypotheses: Lines, references: Lines) -> dict:
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
        # Tokens without spaces are a matter of taste: what people see is scored, too.
        outputs = _joined(recipe, hypotheses)
        expected = _joined(recipe, references)
        result["joined"] = {
            name: metrics.bleu(outputs, expected, name, interval=True)
            for name in dict.fromkeys([metrics.tokenize_for(data.target), "char"])
        }
    return result


def _joined(recipe, lines):
    """Lines of a tokenised corpus as people see them."""
    return list(map(Preparation(recipe.data).detokenised, lines))


def lost_placeholders(sources: Lines, hypotheses: Lines) -> dict[str, int]:
    """How many placeholders the sources have, and how many of them their translations lack."""
    total = 0
    lost = 0
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        expected = Counter(placeholders(source))
        total += expected.total()
        # Repeated ones must be repeated.
        lost += (expected - Counter(placeholders(hypothesis))).total()
    return {"in_sources": total, "lost": lost}


def _samples(outputs):
    """Ten triples spread over the split, of a smaller one each once."""
    sentences = len(outputs["source"])
    places = sorted({n * sentences // SAMPLES for n in range(SAMPLES)})
    return [{name: lines[n] for name, lines in outputs.items()} for n in places]


def check_same_sentences(first: Run, second: Run, split: str) -> None:
    """Raises UserError when two runs are tested on different sentences."""
    sentences, others = (Corpus(run.recipe.data).held_out(split) for run in (first, second))
    if sentences != others:
        raise UserError(
            f"{first.path} and {second.path} have different test sentences; "
            "scores cannot be compared"
        )


def compare(recipe: Recipe, first: Outputs, second: Outputs) -> dict:
    """Paired bootstrap of two evaluations of the same sentences; see `metrics.paired`.

    recipe: that of the first.
    """
    return metrics.paired(
        first["reference"], first["output"], second["output"], metrics.tokenize_of(recipe.data)
    )
