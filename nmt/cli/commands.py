"""The commands: each takes its parsed options and calls what does the work, imported when it is needed."""

import contextlib
import importlib.util
import json
import logging
import os
import sys
from pathlib import Path

from nmt.errors import Failure, UserError

log = logging.getLogger(__name__)


def train(options):
    from nmt.recipe import load_recipe
    from nmt.training.train import train as train_run

    recipe = load_recipe(options.recipe, options.overrides, notes=True)
    train_run(recipe, options.run or Path("runs") / Path(options.recipe).stem)


def fetch(options):
    from nmt.recipe import load_recipe

    _fetch(load_recipe(options.recipe, options.overrides))


def translate(options):
    if options.stream:
        return stream(options)
    import nmt.inference.translator as module

    if options.wait is not None:
        raise UserError("--wait has no effect here: it needs --stream")
    if options.text and options.input != "-":
        raise UserError("--input and text as arguments exclude each other")
    if options.scores and options.format != "text":
        raise UserError(
            f"--scores has no effect here: --format {options.format} has the scores anyway"
        )
    if options.nbest > 1 and options.format == "text":
        raise UserError("--nbest needs --format tsv or json: text is one line out for one line in")
    waiting = options.input == "-" and not options.text and sys.stdin and sys.stdin.isatty()
    window_size = options.window or (1 if waiting else 1000)
    translator = module.load(options.run, options.engine, options.threads, _search(options))
    with _output(options.output) as out, _opened(options.attention) as attention_file:
        number = 0
        for window in module.windows(_input(options), window_size):
            found = translator.candidates(
                window, options.nbest, options.beam, bool(options.attention)
            )
            for source, candidates in zip(window, found, strict=True):
                number += 1
                for warning in candidates[0].warnings:
                    log.warning(f"line {number} {warning}")
                out.write(_format(number, source, candidates, options))
                if attention_file:
                    attention_file.write(
                        json.dumps(_attention(source, candidates[0]), ensure_ascii=False) + "\n"
                    )
            out.flush()


def stream(options):
    """`nmt translate --stream`."""
    without = {
        "--beam": options.beam,
        "--nbest": options.nbest > 1,
        "--scores": options.scores,
        "--format": options.format != "text",
        "--attention": options.attention,
        "--window": options.window,
        "--input": options.input != "-",
        "--output": options.output != "-",
        "--lm": _search(options),
        "text as an argument": options.text,
        "--engine onnx": options.engine == "onnx",
    }
    if given := next((name for name, value in without.items() if value), None):
        raise UserError(
            f"{given} and --stream exclude each other: it is a greedy filter from stdin to stdout"
        )
    from nmt.simultaneous.stream import Lines, load
    from nmt.text.languages import unspaced

    online = load(options.run, options.wait or 0, options.threads)
    buffer = sys.stdin and sys.stdin.buffer
    lines = Lines(
        (lambda: buffer.read1(2**16)) if buffer else bytes, unspaced(online.recipe.data.source)
    )
    for line in lines:
        for piece in online.translate(line, lines.number):
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")
        sys.stdout.flush()


def evaluate(options):
    if options.wait:
        return lagging(options)
    if options.plot:
        raise UserError("--plot has no effect here: it needs --wait")
    from nmt.evaluation.rendering import lines
    from nmt.evaluation.report import check_same_sentences, compare, last_report, write_report
    from nmt.evaluation.report import evaluate as evaluate_run
    from nmt.evaluation.translation_memory import memory_baseline
    from nmt.runs.folder import Run

    if len(options.run) > 2:
        raise UserError("one run is evaluated, or two are compared; more were given")
    if options.once and (options.memory or options.engine != "auto" or len(options.run) > 1):
        raise UserError(
            "--once shows a report that is there: no --memory, no --engine, no second run"
        )
    overrides = _search(options)
    outputs = []
    entries = [Run.open_all(path) for path in options.run]
    if any(run.recipe.language_model for runs in entries for run in runs) and (
        options.beam or options.memory or overrides or len(entries) + len(entries[0]) > 2
    ):
        raise UserError(
            "a language model is measured alone: no --beam, no --memory, no --lm, no other run"
        )
    if len(entries) == 2:
        for run, *_ in entries:
            _fetch(run.recipe)
        check_same_sentences(entries[0][0], entries[1][0], options.split)
    for number, (run, *others) in enumerate(entries):
        name = ",".join(str(one.path) for one in (run, *others))
        may_show = options.once and not others and options.split == "test"
        if may_show and (report := last_report(run, options.beam, overrides)):
            print("\n".join(lines(name, report)))
            return
        translator = _load(name, options, () if number else overrides)
        _fetch(run.recipe)
        report, texts = evaluate_run(run, translator, options.split, options.beam, others)
        outputs.append(texts)
        if options.split == "test" and not others:
            write_report(run, report, texts)
        print("\n".join(lines(name, report)))
        if options.memory:
            found = memory_baseline(run, options.split)
            print(
                f"translation memory of the training pairs: BLEU {found['bleu']['score']:.2f}, "
                f"chrF {found['chrf']['score']:.2f}"
            )
    if len(entries) == 2:
        for metric, result in compare(entries[0][0].recipe, *outputs).items():
            print(
                f"{metric}: {result['first']:.2f} against {result['second']:.2f}, p = {result['p']:.4f} "
                f"(paired bootstrap, {result['signature']})"
            )


def lagging(options):
    """`nmt evaluate --wait`."""
    without = {
        "--beam": options.beam,
        "--memory": options.memory,
        "--once": options.once,
        "--lm": _search(options),
        "--engine onnx": options.engine == "onnx",
    }
    if given := next((name for name, value in without.items() if value), None):
        raise UserError(
            f"{given} has no effect with --wait, which translates greedily with the Keras weights"
        )
    from nmt import plots
    from nmt.recipe import reason_against_waiting
    from nmt.runs.folder import Run

    if options.plot:
        plots.check_ready(options.plot)
    runs = [Run.open(name) for name in options.run]
    for run in runs:
        if reason := reason_against_waiting(run.recipe.model):
            raise UserError(f"{run.path}: {reason}")
    for run in runs:
        _fetch(run.recipe)
    from nmt.machine import start_keras

    start_keras(options.threads)
    from nmt.simultaneous import lagging as module

    curves = {}
    for run in runs:
        rows = module.by_wait(run, run.load_model(), options.wait, options.split)
        curves[str(run.path)] = rows
        print("\n".join(module.lines(run.path, options.split, rows)), flush=True)
    if options.plot:
        plots.save(plots.lagging(curves), options.plot)


def score(options):
    from nmt.inference.translator import windows
    from nmt.runs.folder import Run

    scorer = _load(options.run, options, _search(options))
    alone = Run.open_all(options.run)[0].recipe.language_model
    for window in windows(
        ((line,) for line in _input(options)) if alone else _pairs(options), 1000
    ):
        for log_prob, ranking in scorer.score(*zip(*window, strict=True)):
            print(f"{log_prob:.4f}\t{ranking:.4f}")


def filter(options):
    from nmt.evaluation import mismatch as module
    from nmt.inference.translator import windows

    if options.check:
        return check(options)
    scorer = module.Scorer(*_directions(options))
    counts = {True: 0, False: 0}
    scored = (
        found
        for window in windows(_pairs(options), module.POOL)
        for found in zip(window, scorer.scores(window), strict=True)
    )
    threshold = module.THRESHOLD if options.threshold is None else options.threshold
    if options.share:
        scored = list(scored)
        threshold = module.lowest([value for _, value in scored], options.share)
    with _output(options.output) as out:
        for (source, target), value in scored:
            wrong = bool(value < threshold or value == float("-inf"))
            counts[wrong] += 1
            if not options.clean:
                out.write(f"{value:.4f}\t{'mismatch' if wrong else 'ok'}\t{source}\t{target}\n")
            elif not wrong:
                out.write(f"{source}\t{target}\n")
    log.info(
        f"{counts[True]:,} of {sum(counts.values()):,} pairs flagged: they score below {threshold:.4f}"
    )


def check(options):
    from nmt import plots
    from nmt.corpora.corpus import Corpus
    from nmt.evaluation import mismatch as module

    if options.input != "-" or options.share or options.threshold is not None or options.clean:
        raise UserError(
            "--check takes the run's own text: --input, --share, --threshold, --clean have no effect"
        )
    if options.output != "-":
        plots.check_ready(options.output)
    translators = _directions(options)
    corpus = Corpus(translators[0].recipe.data)
    corpus.fetch()
    sources, targets = zip(*corpus.held_out("valid", module.CHECKED), strict=True)
    if len(translators) > 1 and "valid" not in corpus.standalone_splits():
        log.warning(
            f"{options.run[1]} may have been trained on these pairs: text is held out by its source side"
        )
    log.info(
        f"scoring {len(sources):,} validation pairs with {100 * module.SHARE:g} % of the targets shuffled, "
        f"seeds {', '.join(map(str, module.SEEDS))}"
    )
    found = module.check(translators, sources, targets)
    print("\n".join(module.lines(found)))
    if options.output != "-":
        curves = {f"seed {seed}": module.precision_recall(*one)[:2] for seed, one in found.items()}
        plots.save(plots.precision_recall(curves, module.SHARE), options.output)


def generate(options):
    from nmt.inference.generator import load

    generator = load(options.run, threads=options.threads)
    for line in generator.generate(
        _typed(options.text),
        options.count,
        options.length,
        options.temperature,
        options.top_k,
        options.seed,
    ):
        print(line)


def export(options):
    from nmt.machine import start_keras
    from nmt.runs.export import export as export_run
    from nmt.runs.folder import Run

    run = Run.open(options.run)
    if not importlib.util.find_spec("onnx"):
        raise Failure("the package onnx is needed: pip install onnx onnxruntime")
    start_keras()
    log.info(
        f"exported to {export_run(run, options.output and Path(options.output), options.precision)}"
    )


def compare(options):
    from nmt import plots
    from nmt.experiments import results
    from nmt.experiments.comparison import compare as measure

    plots.check_ready()
    folder = Path(options.output or f"runs/compare-{options.budget}")
    found = measure(options.budget, folder, options.only, options.overrides)
    print("\n".join(results.write(found, folder)))
    log.info(f"tables and pictures: {folder / 'report.md'}")


def bench(options):
    if options.growth:
        return growth(options)
    from nmt.experiments.bench import bench as measure
    from nmt.machine import about
    from nmt.runs.folder import Run

    if options.run and Run.open(options.run).recipe.language_model:
        raise UserError(f"{options.run}: is a language model; translators are measured")
    if options.output and Path(options.output).is_dir():
        raise UserError(f"{options.output}: is a folder, a file is needed")
    host = about()
    print(", ".join(f"{name} {value}" for name, value in host.items()))
    rows = measure(options.run and Path(options.run), lambda line: print(line, flush=True))
    if options.output:
        from nmt import files

        with files.atomic(options.output) as file:
            json.dump({"machine": host, "rows": rows}, file, indent=2)


def growth(options):
    from nmt import plots
    from nmt.experiments import growth as module

    if options.run:
        raise UserError(
            f"{options.run} has no effect with --growth, which measures models of its own"
        )
    if options.output and not options.output.endswith(".json"):
        raise UserError(
            f"{options.output}: a name that ends in .json is needed; the picture goes beside it"
        )
    path = Path(options.output or "growth.json")
    rows = module.growth(path)
    print("\n".join(map(module.line, rows)))
    if importlib.util.find_spec("matplotlib"):
        plots.save(plots.growth(rows, module.UNITS), path.with_suffix(".png"))
    else:
        log.info("note: no picture, the package matplotlib is not installed")


def _fetch(recipe):
    """The corpus of a recipe, if it is not there yet."""
    from nmt.corpora.corpus import Corpus

    Corpus(recipe.data).fetch()


def _search(options):
    """The recipe's options that were typed as flags."""
    flags = {"search.lm": options.lm, "search.lm_weight": options.lm_weight}
    return [f"{name}={value}" for name, value in flags.items() if value is not None]


def _load(path, options, overrides):
    """What translates or, with a language model, measures text."""
    import nmt.inference.generator
    import nmt.inference.translator
    from nmt.runs.folder import Run

    if Run.open_all(path)[0].recipe.language_model:
        return nmt.inference.generator.load(path, options.engine, options.threads, overrides)
    return nmt.inference.translator.load(path, options.engine, options.threads, overrides)


def _input(options):
    """Lines from the arguments, a file, or stdin."""
    from nmt import files

    if getattr(options, "text", None):
        return iter(_typed(options.text).split("\n"))
    if options.input != "-":
        return files.lines(options.input)
    return _lines(sys.stdin or ())


def _pairs(options):
    """(source, target) of each line of the input."""
    from nmt.corpora.formats.plain import split_pair

    where = "input" if options.input == "-" else options.input
    for number, line in enumerate(_input(options), 1):
        yield split_pair(line, f"{where}, line {number}")


def _directions(options):
    """The translator of a run, and that of the reverse direction if it was named."""
    from nmt.inference.translator import load

    if len(options.run) > 2:
        raise UserError(
            "a run filters, or one with a run of the reverse direction; more were given"
        )
    translators = [load(path, options.engine, options.threads) for path in options.run]
    (source, target), *reverse = [(t.recipe.data.source, t.recipe.data.target) for t in translators]
    if reverse not in ([], [(target, source)]):
        raise UserError(
            f"{options.run[1]}: translates {'-'.join(reverse[0])}, but the reverse of {options.run[0]} "
            f"is {target}-{source}"
        )
    return translators


def _typed(words):
    """The text of arguments: the bytes that were typed, whatever the locale."""
    try:
        return os.fsencode(" ".join(words)).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("the text is not valid UTF-8; convert it") from None


def _lines(stream):
    """Lines of a text stream that splits on \\n only; UserError at bytes that are not UTF-8."""
    for number, line in enumerate(stream, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        if any("\udc80" <= character <= "\udcff" for character in line):
            raise UserError(f"input line {number}: not valid UTF-8; convert the text")
        yield line


@contextlib.contextmanager
def _output(path):
    """stdout, or a file that appears when it is complete."""
    if path == "-":
        yield sys.stdout
    else:
        from nmt import files

        if Path(path).is_dir():
            raise UserError(f"{path}: is a folder, a file is needed")
        with files.atomic(path) as file:
            yield file


def _opened(path):
    return _output(path) if path else contextlib.nullcontext()


def _format(number, source, candidates, options):
    """What is printed for a line."""
    if options.format == "json":
        found = [
            {"translation": c.text, "log_prob": c.log_prob, "score": c.score} for c in candidates
        ]
        return json.dumps({"source": source, "translations": found}, ensure_ascii=False) + "\n"
    if options.format == "tsv":
        return "".join(
            f"{number}\t{rank}\t{c.log_prob:.4f}\t{c.score:.4f}\t{c.text}\n"
            for rank, c in enumerate(candidates, 1)
        )
    best = candidates[0]
    return (f"{best.log_prob:.4f}\t{best.score:.4f}\t" if options.scores else "") + best.text + "\n"


def _attention(source, best):
    weights = (
        None
        if best.attention is None
        else [[round(float(w), 4) for w in row] for row in best.attention]
    )
    return {
        "source": source,
        "translation": best.text,
        "source_pieces": best.source_pieces,
        "target_pieces": best.target_pieces,
        "attention": weights,
    }
