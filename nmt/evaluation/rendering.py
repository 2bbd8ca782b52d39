"""Reports as people read them: lines of text, and the model card."""

import math
import platform
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from nmt.evaluation import copied_spans
from nmt.evaluation.metrics import NO_LIMIT
from nmt.inference.confidence import GOOD_CHRF
from nmt.machine import PACKAGES
from nmt.packages import is_installed
from nmt.recipe import PATHS, Recipe, all_options
from nmt.runs.folder import Run
from nmt.version import __version__

# BLEU below this -> what it commonly means.
MEANING = (
    (10, "hardly of use"),
    (20, "the gist is hard to get"),
    (30, "the gist is clear, with many mistakes"),
    (40, "understandable to good translations"),
    (50, "good translations"),
    (60, "very good, fluent translations"),
    (math.inf, "nearly the words of the references; was the text in training?"),
)
CARD = "Trained by nmt"  # stands in every model card
# Its last line, which tells whether somebody has changed what stands above.
_CHECK = "<!-- nmt {:08x}: changed, this file is not written anew -->\n"


def lines(name: str, report: dict) -> Iterator[str]:
    """The report as text; name: of the run or the ensemble."""
    yield from (_score_lines if "bleu" in report else _perplexity_lines)(name, report)
    for corpus, other in report.get("corpora", {}).items():
        yield from lines(f"{name}, {corpus}", other)


def _perplexity_lines(name, report):
    unit = report["unit"]
    unknown = f"; {report['unknown']} unknown pieces flatter it" if report["unknown"] else ""
    yield (
        f"{name}: {report['split']}, {report['sentences']:,} sentences {report['target']}, "
        f"{report['tokens']:,} tokens, {report['words']:,} {unit}s, ends of sentences included"
    )
    yield (
        f"perplexity {report['perplexity']:.2f} a token, "
        f"{report['word_perplexity']:.2f} a {unit}{unknown}"
    )


def _score_lines(name, report):
    # What was translated, and how.
    fusion = report.get("fusion")
    lm = f" with {fusion['weight']:g} x {Path(fusion['lm']).name}" if fusion else ""
    reverse = report.get("reverse")
    ranked = f" ranked by {reverse['weight']:g} x {Path(reverse['run']).name}" if reverse else ""
    penalty = report.get("length_penalty", 1.0)
    of_length = f", length penalty {penalty:g}" if penalty != 1.0 else ""
    yield (
        f"{name}: {report['split']}, {report['sentences']:,} sentences "
        f"{report['source']}-{report['target']}, beam {report['beam']}{of_length}{lm}{ranked}, "
        f"{report['sentences_per_second']:.0f} sentences/s"
    )
    # Scores.
    bleu = report["bleu"]
    chrf = report["chrf"]
    yield f"BLEU {_with_interval(bleu)}  brevity {bleu['brevity']:.3f}"
    yield f"     {bleu['signature']}"
    yield f"     roughly: {meaning(bleu['score'])}. It depends on languages and references:"
    yield "     compare scores of the same test text only."
    yield f"chrF {_with_interval(chrf)}"
    yield f"     {chrf['signature']}"
    for tokenizer, entry in report.get("joined", {}).items():
        yield f"BLEU of joined text, {tokenizer}: {_with_interval(entry)}"
    # Where it is strong and weak.
    yield "source words   sentences   BLEU"
    for low, high, count, score in report["by_length"]:
        span = f"{low}-{high}" if high < NO_LIMIT else f"{low} and more"
        yield f"{span:>12}   {count:>9}   {score:.1f}"
    # What must be copied.
    yield from copied_spans.lines(report["copied_spans"])
    if "terms" in report:
        yield f"terms: {report['terms']['used']:,} of {report['terms']['found']:,} used"
    # How far its confidence can be trusted.
    if confidence := report.get("confidence"):
        auc = "" if confidence["auc"] is None else f", AUC {confidence['auc']:.3f}"
        yield (
            f"confidence: Brier score {confidence['brier']:.3f} "
            f"(always {100 * confidence['good']:.0f} %: {confidence['brier_of_share']:.3f}){auc}"
        )


def confidence_lines(report: dict) -> Iterator[str]:
    """The table of confidence: what it said of how many sentences, and what came true."""
    yield f"confidence   sentences   said   chrF {GOOD_CHRF:g} or more"
    for low, high, sentences, said, was in report["confidence"]["bins"]:
        span = f"{100 * low:.0f}-{100 * high:.0f} %"
        yield f"{span:>10}   {sentences:>9}   {100 * said:3.0f} %   {100 * was:3.0f} %"


def meaning(bleu: float) -> str:
    """What a BLEU score commonly means, in words (after Google's guide to evaluating models)."""
    return next(words for below, words in MEANING if bleu < below)


def _with_interval(entry):
    low, high = entry["interval"]
    return f"{entry['score']:.2f}  95 % interval {low:.1f} to {high:.1f}"


def card(run: Run, report: dict) -> str:
    """The model card in Markdown: data, domain, sizes, scores, versions."""
    recipe = run.recipe
    data = recipe.data
    info = run.info
    # What it is, and of which text.
    source_tokenizer, target_tokenizer = run.tokenizers
    if recipe.language_model:
        title = f"A language model of {data.target}"
        use = "Have it write with `nmt generate"
        sizes = f"{target_tokenizer.size:,} pieces"
    else:
        title = f"A translator from {data.source} to {data.target}"
        use = "Translate with `nmt translate"
        sizes = f"{source_tokenizer.size:,} source and {target_tokenizer.size:,} target pieces"
    names = ", ".join(Path(path).name for path in data.paths("train"))
    origin = data.name or data.url or names or f"generated, {data.size:,} pairs"
    # An exported folder does not know what the training took.
    if info.step is not None:
        minutes = (info.train_seconds or 0) / 60
        tokens = f"{info.target_tokens or 0:,} target tokens"
        sizes = f"{info.step:,} steps, {tokens}, {minutes:.1f} minutes; {sizes}"
    scores = "\n".join(lines("test", report))
    confidence = _confidence_section(report)
    options = "\n".join(_options(recipe))
    packages = ", ".join(
        f"{name} {version(name)}" for name in (*PACKAGES, "sacrebleu") if is_installed(name)
    )
    text = f"""# {title}

{CARD} {__version__} from: {origin} (format {data.format}).
It knows the domain of that text; expect little elsewhere. The licence of the corpus applies:
see data/README.md for the corpora that nmt names, and your own rights for your own text.

{sizes}.

```
{scores}
```
{confidence}
Options other than the defaults:

{options}

Python {platform.python_version()}, {packages}. {use} .` in this folder.

"""
    return text + _CHECK.format(zlib.crc32(text.encode()))


def is_card(text: str) -> bool:
    """Whether a text is a card as it was written; those of older versions tell by their words."""
    above, mark, _ = text.partition(_CHECK.partition("{")[0])
    if not mark:
        return CARD in text
    return text == above + _CHECK.format(zlib.crc32(above.encode()))


def _confidence_section(report):
    """The part of the card on confidence; empty without a curve."""
    if "confidence" not in report:
        return ""
    table = "\n".join(confidence_lines(report))
    return f"""
How often a confidence came true:

```
{table}
```
"""


def _options(recipe):
    """A line for each option that is not the default."""
    defaults = {
        name: getattr(section, field.name) for name, field, section in all_options(Recipe())
    }
    for name, field, section in all_options(recipe):
        value = getattr(section, field.name)
        if not isinstance(value, dict) and value != defaults[name]:
            # The folder is nobody's business.
            shown = Path(value).name if name in PATHS else value
            yield f"- `{name} = {shown}`"
