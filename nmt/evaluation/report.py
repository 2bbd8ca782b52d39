"""What `nmt evaluate` measures: a text translated and scored, or a language model's perplexity.

The only place that looks at test text. Runs are compared by paired bootstrap on the same sentences.
"""

import dataclasses
import json
import logging
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np

from nmt import files
from nmt.evaluation import metrics
from nmt.evaluation.calibration import good, measured
from nmt.evaluation.copied_spans import copied_spans
from nmt.evaluation.metrics import Lines
from nmt.evaluation.rendering import card, is_card
from nmt.evaluation.scored_text import ScoredText
from nmt.inference.generator import TextGenerator
from nmt.inference.line_warnings import log_warnings
from nmt.inference.translator import Translator
from nmt.recipe import Recipe
from nmt.runs.folder import Run
from nmt.runs.held_out import stamp
from nmt.text.languages import unspaced
from nmt.text.preparation import Preparation

log = logging.getLogger(__name__)

SAMPLES = 10

Outputs = dict[str, list[str]]  # "source", "output", "reference", of tokenised text "joined"


def evaluate(
    run: Run,
    translator: Translator | TextGenerator,
    text: ScoredText,
    beam: int | None = None,
    others: Sequence[Run] = (),
) -> tuple[dict, Outputs]:
    """The report of a run on a text, and the texts it is of; writes nothing.

    translator: that of the run, or of the ensemble it leads, for the text's corpus; others: the
    ensemble's other members.
    Of a language model, whose `TextGenerator` is measured, there are no texts.
    """
    # 1. What a reader of the scores should know of the weights and the text.
    for member in (run, *others):
        if member.info.step is not None and not member.info.complete:
            log.info(
                f"note: {member.path}: training has not ended; these are the best weights so far"
            )
    if isinstance(translator, TextGenerator):
        return _language_report(run, translator, text), {}
    recipe = translator.recipe
    _warn_of_other_data(run.recipe.data, recipe, text.name, others)

    # 2. Translate the text. An output is one line, whatever reads it.
    log.info(f"{text.name}: translating {len(text.sources):,} sentences")
    started = time.perf_counter()
    candidates = translator.candidates(text.sources, beam=beam, joined=not text.data.tokenised)
    seconds = time.perf_counter() - started
    translations = [best for best, *_ in candidates]
    log_warnings(translations)
    repaired = sum((best.repaired for best in translations), Counter())
    hypotheses = [files.one_line(best.text) for best in translations]
    outputs = {"source": text.sources, "output": hypotheses, "reference": text.references}

    # 3. Score the translations.
    report = {
        "split": text.name,
        "sentences": len(hypotheses),
        "beam": beam or recipe.search.beam,
        "length_penalty": recipe.search.length_penalty,
        "source": text.data.source,
        "target": text.data.target,
        "weights": run.weights_id,
        "text": text.stamp,
        **_helping(recipe),
        "seconds": round(seconds, 1),
        "sentences_per_second": round(len(hypotheses) / seconds, 1),
        **scores(text, hypotheses),
        "copied_spans": copied_spans(text.sources, hypotheses, text.references, repaired),
        **_confidence(translations, hypotheses, text.references),
        "samples": _samples(outputs),
    }
    if translator.glossary:
        found = [term for best in translations for term in best.terms]
        report["terms"] = {"used": sum(used for _, used in found), "found": len(found)}
    if text.data.tokenised:
        outputs["joined"] = _joined(text.data, hypotheses)
    return report, outputs


def _confidence(translations, hypotheses, references):
    """The entry `confidence`: what was said of each sentence against what it is."""
    numbers = [n for n, each in enumerate(translations) if each.confidence is not None]
    if not numbers:
        return {}
    confidences = np.array([translations[n].confidence for n in numbers])
    are_good = good([hypotheses[n] for n in numbers], [references[n] for n in numbers])
    return {"confidence": measured(confidences, are_good)}


def _language_report(run, generator, text):
    """The report of a language model."""
    lines = [target for _, target in Preparation(Recipe(text.data)).pairs(text.pairs)]
    log.info(f"{text.name}: reading {len(lines):,} sentences")
    started = time.perf_counter()
    return {
        "split": text.name,
        "sentences": len(lines),
        "target": text.data.target,
        "weights": run.weights_id,
        "text": text.stamp,
        **generator.perplexity(lines),
        "seconds": round(time.perf_counter() - started, 1),
        "samples": generator.generate(count=SAMPLES),
    }


def _warn_of_other_data(data, recipe, name, others):
    """Warns of members, and of runs that help, that may have been trained on the text.

    data: the options of the first member's corpora.
    """
    lms = [Run.open(recipe.search.lm)] if recipe.search.has_lm else []
    datas = [(other, other.recipe.data) for other in (*others, *lms)]
    if recipe.search.has_reverse:
        reverse = Run.open(recipe.search.reverse)
        datas.append((reverse, _turned(reverse.recipe.data)))
    for other, own in datas:
        if own != data:
            log.warning(
                f"{other.path} has other data options; it may have been trained on the {name} text"
            )


def _turned(data):
    """The options of the same corpora in the other direction."""
    more = [_turned(each) for each in data.more]
    return dataclasses.replace(data, source=data.target, target=data.source, more=more)


def _helping(recipe):
    """Entries of the language model that takes part, and of the run that ranks, or None."""
    entries: dict[str, dict | None] = {"fusion": None, "reverse": None}
    for entry, option, name in (("fusion", "lm", "lm"), ("reverse", "reverse", "run")):
        if option in recipe.search.helping:
            path, weight = recipe.search.helping[option]
            weights = Run.open(path).weights_digest
            entries[entry] = {name: path, "weight": weight, "weights": weights}
    return entries


def write_report(run: Run, report: dict, outputs: Outputs) -> None:
    """Writes report.json, the texts as test.*.txt, and the model card.

    A README.md that is no card of ours stays.
    """
    for name, lines in outputs.items():
        with files.atomic(run.path / f"test.{name}.txt") as file:
            file.write("".join(files.one_line(line) + "\n" for line in lines))
    with files.atomic(run.path / "report.json") as file:
        json.dump(report, file, indent=2, ensure_ascii=False)
    # What somebody wrote about the run is not ours to replace.
    readme = run.path / "README.md"
    if not readme.exists() or is_card(readme.read_text(encoding="utf-8", errors="replace")):
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
        "text": stamp(run, "test"),
        **_helping(recipe),
    }
    if "beam" in report:  # a language model's has none
        current["beam"] = beam or recipe.search.beam
        current["length_penalty"] = recipe.search.length_penalty
        if "copied_spans" not in report:  # of an older version
            return None
    return report if all(report.get(key) == current[key] for key in current) else None


def scores(text: ScoredText, hypotheses: Lines) -> dict:
    """BLEU and chrF with interval and signature, and BLEU by length."""
    data = text.data
    sources = text.sources
    references = text.references
    result = {
        **metrics.scores(data, hypotheses, references, interval=True),
        "by_length": metrics.by_length(
            sources,
            hypotheses,
            references,
            metrics.tokenize_of(data),
            spaced=data.tokenised or not unspaced(data.source),
        ),
    }
    if data.tokenised and unspaced(data.target):
        # Tokens without spaces are a matter of taste: what people see is scored, too.
        outputs = _joined(data, hypotheses)
        expected = _joined(data, references)
        result["joined"] = {
            name: metrics.bleu(outputs, expected, name, interval=True)
            for name in dict.fromkeys([metrics.tokenize_for(data.target), "char"])
        }
    return result


def _joined(data, lines):
    """Lines of a tokenised corpus as people see them."""
    preparation = Preparation(Recipe(data))
    return list(map(preparation.detokenised, lines))


def _samples(outputs):
    """Ten triples spread over the split, of a smaller one each once."""
    sentences = len(outputs["source"])
    places = sorted({n * sentences // SAMPLES for n in range(SAMPLES)})
    return [{name: lines[n] for name, lines in outputs.items()} for n in places]


def of_corpora(reports: Sequence[dict], texts: Sequence[ScoredText]) -> dict:
    """The report of a run from those of the texts of its corpora: the first one's, and others."""
    first, *others = reports
    names = [text.corpus for text in texts[1:]]
    return {**first, "corpora": dict(zip(names, others, strict=True))} if others else first
