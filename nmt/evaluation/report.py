"""`nmt evaluate`: the test set translated and scored; report.json, the outputs, and the run's README.md.

Of a language model: its perplexity on the test set. The only place that looks at the test set. Two runs are
compared by paired bootstrap on the same sentences.
"""

import json
import logging
import platform
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from nmt import __version__, files
from nmt.corpora.corpus import Corpus
from nmt.errors import UserError
from nmt.evaluation import metrics
from nmt.evaluation.translation_memory import nearest_targets
from nmt.inference.generator import lines_of
from nmt.recipe import PATHS, Recipe, all_options
from nmt.runs.folder import Run
from nmt.text.languages import unspaced
from nmt.text.placeholders import placeholders
from nmt.text.preparation import Preparation

log = logging.getLogger(__name__)

SAMPLES = 10
CARD = "Trained by nmt"  # stands in every model card


def evaluate(run, translator, split="test", beam=None, others=()):
    """Scores a run on one of its recipe's splits; returns the report (a dict) and the hypotheses.

    translator: of a language model its `TextGenerator`; it has no hypotheses. others: the other members of an
    ensemble, of which nothing is written.
    """
    recipe = translator.recipe
    for one in (run, *others):
        if one.info.step is not None and not one.info.complete:
            log.info(f"note: {one.path}: training has not ended; these are the best weights so far")
    if recipe.language_model:
        return _measure(run, translator, split), []
    lms = [Run.open(recipe.search.lm)] if fusion(recipe) else []
    for other in (*others, *lms):
        if other.recipe.data != recipe.data:
            log.warning(
                f"{other.path} has other data options; it may have been trained on the {split} text"
            )
    sources, references = zip(*Corpus(recipe.data).held_out(split), strict=True)
    started = time.perf_counter()
    log.info(f"translating {len(sources):,} sentences of the {split} split")
    found = translator.candidates(sources, beam=beam, joined=False)
    seconds = time.perf_counter() - started
    hypotheses = [candidates[0].text for candidates in found]
    report = {
        "split": split,
        "sentences": len(sources),
        "beam": beam or recipe.search.beam,
        "source": recipe.data.source,
        "target": recipe.data.target,
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        "fusion": fusion(recipe),
        "seconds": round(seconds, 1),
        "sentences_per_second": round(len(sources) / seconds, 1),
        **scores(recipe, sources, hypotheses, references),
        "samples": samples(sources, hypotheses, references),
    }
    if split == "test" and not others:
        _write(run, report, {"source": sources, "output": hypotheses, "reference": references})
    return report, hypotheses


def _measure(run, generator, split):
    """The report of a language model."""
    recipe = run.recipe
    texts = lines_of(run.recipe, split)
    started = time.perf_counter()
    log.info(f"reading {len(texts):,} sentences of the {split} split")
    report = {
        "split": split,
        "sentences": len(texts),
        "target": recipe.data.target,
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        **generator.perplexity(texts),
        "seconds": round(time.perf_counter() - started, 1),
        "samples": generator.generate(count=SAMPLES),
    }
    if split == "test":
        _write(run, report, {})
    return report


def fusion(recipe):
    """The language model that takes part in the search, and its weight, or None."""
    lm = recipe.search.lm
    weight = recipe.search.lm_weight
    return {"lm": lm, "weight": weight} if lm and weight else None


def last_report(run, beam=None, overrides=()):
    """The report if it is of the weights, the text and the search options that the run has now, or None."""
    path = run.path / "report.json"
    if not path.exists():
        return None
    report = json.loads(path.read_text(encoding="utf-8"))
    recipe = run.recipe_with(overrides)
    now = {
        "weights": run.weights_id,
        "text": Corpus(recipe.data).stamp(),
        "fusion": fusion(recipe),
        "beam": None if recipe.language_model else beam or recipe.search.beam,
    }
    return report if all(report.get(name) == value for name, value in now.items()) else None


def memory_baseline(run, split):
    """BLEU and chrF of a translation memory of the training pairs on the same sentences."""
    recipe = run.recipe
    corpus = Corpus(recipe.data)
    sources, references = zip(*corpus.held_out(split), strict=True)
    found = list(nearest_targets(corpus.read("train"), sources))
    tokenize = metrics.tokenize_for(recipe.data.target, recipe.data.tokenised)
    return {
        "bleu": metrics.bleu(found, references, tokenize),
        "chrf": metrics.chrf(found, references),
    }


def scores(recipe, sources, hypotheses, references):
    """BLEU and chrF with interval and signature, by length, placeholders lost."""
    lang = recipe.data.target
    tokenised = recipe.data.tokenised
    tokenize = metrics.tokenize_for(lang, tokenised)
    spaced = tokenised or not unspaced(recipe.data.source)
    out = {
        "bleu": metrics.bleu(hypotheses, references, tokenize, interval=True),
        "chrf": metrics.chrf(hypotheses, references, interval=True),
        "by_length": metrics.by_length(sources, hypotheses, references, tokenize, spaced=spaced),
        "placeholders": lost(sources, hypotheses),
    }
    if tokenised and unspaced(lang):  # the same outputs as people see them
        detokenised = Preparation(recipe.data).detokenised
        joined = [list(map(detokenised, side)) for side in (hypotheses, references)]
        names = dict.fromkeys([metrics.tokenize_for(lang), "char"])
        out["joined"] = {name: metrics.bleu(*joined, name, interval=True) for name in names}
    return out


def lost(sources, hypotheses):
    """How many placeholders the sources have, and how many of them their translations lack."""
    total = missing = 0
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        left = placeholders(hypothesis)
        for name in placeholders(source):
            total += 1
            if name in left:
                left.remove(name)
            else:
                missing += 1
    return {"in_sources": total, "lost": missing}


def samples(sources, hypotheses, references):
    """Ten triples spread over the split."""
    places = sorted({n * len(sources) // SAMPLES for n in range(SAMPLES)})
    return [
        {"source": sources[n], "output": hypotheses[n], "reference": references[n]} for n in places
    ]


def same_sentences(first, second, split):
    """UserError when two runs are tested on different sentences."""
    sentences, others = (Corpus(run.recipe.data).held_out(split) for run in (first, second))
    if sentences != others:
        raise UserError(
            f"{first.path} and {second.path} have different test sentences; scores cannot be compared"
        )


def compare(run, reports, outputs):
    """Paired bootstrap of two runs that were evaluated on the same sentences, those of `run`."""
    recipe = run.recipe
    references = [target for _, target in Corpus(recipe.data).held_out(reports[0]["split"])]
    tokenize = metrics.tokenize_for(recipe.data.target, recipe.data.tokenised)
    return metrics.paired(references, *outputs, tokenize)


def lines(name, report):
    """The report as people read it."""
    if "word_perplexity" in report:
        yield (
            f"{name}: {report['split']}, {report['sentences']:,} sentences {report['target']}, "
            f"{report['tokens']:,} tokens, {report['words']:,} {report['unit']}s, ends of sentences included"
        )
        yield (
            f"perplexity {report['perplexity']:.2f} a token, {report['word_perplexity']:.2f} a {report['unit']}"
            + (f"; {report['unknown']} unknown pieces flatter it" if report["unknown"] else "")
        )
        return
    bleu = report["bleu"]
    chrf = report["chrf"]
    fused = report.get("fusion")
    lm = f" with {fused['weight']:g} x {Path(fused['lm']).name}" if fused else ""
    yield (
        f"{name}: {report['split']}, {report['sentences']:,} sentences {report['source']}-{report['target']}, "
        f"beam {report['beam']}{lm}, {report['sentences_per_second']:.0f} sentences/s"
    )
    yield f"BLEU {bleu['score']:.2f}  95 % interval {_interval(bleu)}  brevity {bleu['brevity']:.3f}"
    yield f"     {bleu['signature']}"
    yield f"chrF {chrf['score']:.2f}  95 % interval {_interval(chrf)}"
    yield f"     {chrf['signature']}"
    for tokenizer, score in report.get("joined", {}).items():
        yield f"BLEU of joined text, {tokenizer}: {score['score']:.2f}  95 % interval {_interval(score)}"
    yield "source words   sentences   BLEU"
    for low, high, count, score in report["by_length"]:
        span = f"{low}-{high}" if high < 10**9 else f"{low} and more"
        yield f"{span:>12}   {count:>9}   {score:.1f}"
    holders = report["placeholders"]
    if holders["in_sources"]:
        yield f"placeholders: {holders['lost']} of {holders['in_sources']} lost"


def _interval(entry):
    return "{:.1f} to {:.1f}".format(*entry["interval"])


def _write(run, report, outputs):
    """The report, the texts of the translations, and the model card."""
    if outputs and run.recipe.data.tokenised:
        detokenised = Preparation(run.recipe.data).detokenised
        outputs["joined"] = list(map(detokenised, outputs["output"]))
    for name, content in outputs.items():
        with files.atomic(run.path / f"test.{name}.txt") as file:
            file.write("".join(line + "\n" for line in content))
    with files.atomic(run.path / "report.json") as file:
        json.dump(report, file, indent=2, ensure_ascii=False)
    readme = run.path / "README.md"
    if not readme.exists() or CARD in readme.read_text(
        encoding="utf-8", errors="replace"
    ):  # else it is another's
        with files.atomic(readme) as file:
            file.write("\n".join(card(run, report)) + "\n")


def card(run, report):
    """The model card: data, domain, sizes, scores, versions."""
    recipe = run.recipe
    info = run.info
    data = recipe.data
    defaults = Recipe()
    origin = data.name or data.url or Path(data.train).name or f"generated, {data.size:,} pairs"
    what = f"A translator from {data.source} to {data.target}"
    verb = "Translate with `nmt translate"
    pieces = f"{run.tokenizers[0].size:,} source and {run.tokenizers[1].size:,} target pieces"
    if recipe.language_model:
        what = f"A language model of {data.target}"
        verb = "Have it write with `nmt generate"
        pieces = f"{run.tokenizers[1].size:,} pieces"
    yield f"# {what}"
    yield ""
    yield f"{CARD} {__version__} from: {origin} (format {data.format})."
    yield "It knows the domain of that text; expect little elsewhere. The licence of the corpus applies:"
    yield "see data/README.md for the corpora that nmt names, and your own rights for your own text."
    yield ""
    trained = (
        (
            f"{info.step:,} steps, {info.target_tokens or 0:,} target tokens, "
            f"{(info.train_seconds or 0) / 60:.1f} minutes; "
        )
        if info.step is not None
        else ""
    )
    yield f"{trained}{pieces}."  # an exported folder does not know how it was trained
    yield ""
    yield "```"
    yield from lines("test", report)
    yield "```"
    yield ""
    yield "Options other than the defaults:"
    yield ""
    for name, field, part in all_options(recipe):
        value = getattr(part, field.name)
        if not isinstance(value, dict) and value != getattr(
            getattr(defaults, name.split(".")[0]), field.name
        ):
            shown = (
                Path(value).name if name in PATHS else value
            )  # where it lay is nobody's business
            yield f"- `{name} = {shown}`"
    yield ""
    names = ("tensorflow", "keras", "onnxruntime", "sentencepiece", "sacrebleu")
    packages = ", ".join(f"{name} {version(name)}" for name in names if find_spec(name))
    yield f"Python {platform.python_version()}, {packages}. {verb} .` in this folder."
