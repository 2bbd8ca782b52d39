"""The commands: train, translate, evaluate, score, filter, export, bench, fetch. Exit status 0, 1, 2 or 130."""

import argparse
import contextlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

from nmt import __version__
from nmt.errors import Failure, UserError


def main(arguments=None):
    """Runs a command; returns its exit status."""
    options = _parse(arguments)
    if sys.stdin is not None and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    try:
        options.run_command(options)
        sys.stdout.flush()
        return 0
    except (UserError, Failure) as error:
        if options.debug:
            raise
        print(f"nmt: {error}", file=sys.stderr)
        return error.status
    except BrokenPipeError:  # the reader has had enough: `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        number = getattr(stop, "number", signal.SIGINT)
        print("\nnmt: stopped" + ("; state saved, the same command goes on" if hasattr(stop, "number") else ""),
              file=sys.stderr)  # fmt: skip
        return 128 + number
    except MemoryError:
        print("nmt: out of memory; lower train.batch_tokens or the sizes of the model", file=sys.stderr)
        return 1
    except Exception as error:  # whatever it is, one line; --debug shows where
        if options.debug:
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        print(f"nmt: {type(error).__name__}: {first} (--debug shows where)", file=sys.stderr)
        return 1


def train(options):
    from nmt import config
    from nmt.train import train as train_run

    recipe = config.load(options.recipe, options.overrides, notes=say)
    train_run(recipe, options.run or Path("runs") / Path(options.recipe).stem, say)


def fetch(options):
    from nmt import config, corpus
    from nmt.prepare import DOWNLOADS

    corpus.fetch(config.load(options.recipe, options.overrides).data, DOWNLOADS, say)


def translate(options):
    import nmt.translate as module

    if options.text and options.input != "-":
        raise UserError("--input and text as arguments exclude each other")
    if options.scores and options.format != "text":
        raise UserError(f"--scores has no effect here: --format {options.format} has the scores anyway")
    if options.nbest > 1 and options.format == "text":
        raise UserError("--nbest needs --format tsv or json: text is one line out for one line in")
    waiting = options.input == "-" and not options.text and sys.stdin and sys.stdin.isatty()
    window_size = options.window or (1 if waiting else 1000)
    translator = module.load(options.run, say, options.engine, options.threads)
    with _output(options.output) as out, _opened(options.attention) as attention_file:
        number = 0
        for window in module.windows(_input(options), window_size):
            found = translator.candidates(window, options.nbest, options.beam, bool(options.attention),
                                          first=number + 1)  # fmt: skip
            for source, candidates in zip(window, found, strict=True):
                number += 1
                out.write(_format(number, source, candidates, options))
                if attention_file:
                    attention_file.write(json.dumps(_attention(source, candidates[0]), ensure_ascii=False) + "\n")
            out.flush()


def evaluate(options):
    from nmt.evaluate import compare, last_report, lines, memory_baseline
    from nmt.evaluate import evaluate as evaluate_run
    from nmt.run import Run
    from nmt.translate import load

    if len(options.run) > 2:
        raise UserError("one run is evaluated, or two are compared; more were given")
    runs, reports, outputs = [Run.open(path) for path in options.run], [], []
    for run in runs:
        report = last_report(run) if options.once and len(runs) == 1 and options.split == "test" else None
        if report and options.beam in (None, report["beam"]):
            print("\n".join(lines(run.path, report)))
            return
        translator = load(run.path, say, options.engine, options.threads)
        report, hypotheses = evaluate_run(run, translator, options.split, options.beam, say)
        reports.append(report)
        outputs.append(hypotheses)
        print("\n".join(lines(run.path, report)))
        if options.memory:
            found = memory_baseline(run, options.split)
            print(f"translation memory of the training pairs: BLEU {found['bleu']['score']:.2f}, "
                  f"chrF {found['chrf']['score']:.2f}")  # fmt: skip
    if len(runs) == 2:
        for metric, result in compare(*runs, reports, outputs).items():
            print(f"{metric}: {result['first']:.2f} against {result['second']:.2f}, p = {result['p']:.4f} "
                  f"(paired bootstrap, {result['signature']})")  # fmt: skip


def score(options):
    from nmt.translate import load, windows

    translator = load(options.run, say, options.engine, options.threads)
    for window in windows(_pairs(options), 1000):
        for log_prob, ranking in translator.score(*zip(*window, strict=True)):
            print(f"{log_prob:.4f}\t{ranking:.4f}")


def filter(options):
    from nmt import filter as module
    from nmt.translate import windows

    if options.check:
        return check(options)
    scorer, counts = module.Scorer(*_directions(options)), {True: 0, False: 0}
    scored = (found for window in windows(_pairs(options), module.POOL)
              for found in zip(window, scorer.scores(window), strict=True))  # fmt: skip
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
    say(f"{counts[True]:,} of {sum(counts.values()):,} pairs flagged: they score below {threshold:.4f}")


def check(options):
    from nmt import filter as module
    from nmt import plots
    from nmt.prepare import held_out

    if options.input != "-" or options.share or options.threshold is not None or options.clean:
        raise UserError("--check takes the run's own text: --input, --share, --threshold, --clean have no effect")
    if options.output != "-":
        plots.ready()
    translators = _directions(options)
    sources, targets = held_out(translators[0].recipe, "valid", module.CHECKED)
    say(f"scoring {len(sources):,} validation pairs with {100 * module.SHARE:g} % of the targets shuffled, "
        f"seeds {', '.join(map(str, module.SEEDS))}")  # fmt: skip
    found = module.check(translators, sources, targets)
    print("\n".join(module.lines(found)))
    if options.output != "-":
        curves = {f"seed {seed}": module.precision_recall(*one)[:2] for seed, one in found.items()}
        plots.precision_recall(curves, module.SHARE, options.output)


def export(options):
    from nmt.export import export as export_run
    from nmt.quiet import start_keras
    from nmt.run import Run

    run = Run.open(options.run)
    if not importlib.util.find_spec("onnx"):
        raise Failure("the package onnx is needed: pip install onnx onnxruntime")
    start_keras()
    say(f"exported to {export_run(run, options.output and Path(options.output), options.precision)}")


def bench(options):
    if options.growth:
        return growth(options)
    from nmt.bench import about
    from nmt.bench import bench as measure

    host = about()
    print(", ".join(f"{name} {value}" for name, value in host.items()))
    rows = measure(options.run and Path(options.run), lambda line: print(line, flush=True))
    if options.output:
        from nmt import files

        with files.atomic(options.output) as file:
            json.dump({"machine": host, "rows": rows}, file, indent=2)


def growth(options):
    from nmt import growth as module

    path = Path(options.output or "growth.json")
    rows = module.growth(path, say)
    print("\n".join(map(module.line, rows)))
    if importlib.util.find_spec("matplotlib"):
        module.plot(rows, path.with_suffix(".png"))
    else:
        say("note: no picture, the package matplotlib is not installed")


def say(line):
    """All that is not a result goes to stderr."""
    print(line, file=sys.stderr, flush=True)


def _input(options):
    """Lines from the arguments, a file, or stdin."""
    from nmt import files

    if getattr(options, "text", None):
        try:  # the bytes that were typed, whatever the locale
            return iter(os.fsencode(" ".join(options.text)).decode("utf-8").split("\n"))
        except UnicodeDecodeError:
            raise UserError("the text is not valid UTF-8; convert it") from None
    if options.input != "-":
        return files.lines(options.input)
    return _lines(sys.stdin or ())


def _pairs(options):
    """(source, target) of each line of the input."""
    from nmt.readers import split_pair

    where = "input" if options.input == "-" else options.input
    for number, line in enumerate(_input(options), 1):
        yield split_pair(line, f"{where}, line {number}")


def _directions(options):
    """The translator of a run, and that of the reverse direction if it was named."""
    from nmt.translate import load

    if len(options.run) > 2:
        raise UserError("a run filters, or one with a run of the reverse direction; more were given")
    translators = [load(path, say, options.engine, options.threads) for path in options.run]
    (source, target), *reverse = [(t.recipe.data.source, t.recipe.data.target) for t in translators]
    if reverse not in ([], [(target, source)]):
        raise UserError(f"{options.run[1]}: translates {'-'.join(reverse[0])}, but the reverse of {options.run[0]} "
                        f"is {target}-{source}")  # fmt: skip
    return translators


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
        found = [{"translation": c.text, "log_prob": c.log_prob, "score": c.score} for c in candidates]
        return json.dumps({"source": source, "translations": found}, ensure_ascii=False) + "\n"
    if options.format == "tsv":
        return "".join(f"{number}\t{rank}\t{c.log_prob:.4f}\t{c.score:.4f}\t{c.text}\n"
                       for rank, c in enumerate(candidates, 1))  # fmt: skip
    best = candidates[0]
    return (f"{best.log_prob:.4f}\t{best.score:.4f}\t" if options.scores else "") + best.text + "\n"


def _attention(source, best):
    weights = None if best.attention is None else [[round(float(w), 4) for w in row] for row in best.attention]
    return {"source": source, "translation": best.text, "source_pieces": best.source_pieces,
            "target_pieces": best.target_pieces, "attention": weights}  # fmt: skip


def _parse(arguments):
    """Options may stand anywhere among texts, overrides or runs; argparse by itself takes these from one place."""
    parser = _parser()
    options, more = parser.parse_known_args(arguments)
    at = more.index("--") if "--" in more else len(more)
    rest = next((n for n in ("text", "overrides", "run") if isinstance(getattr(options, n, None), list)), None)
    if more and (rest is None or any(one.startswith("-") for one in more[:at])):
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if more:
        setattr(options, rest, [*getattr(options, rest), *more[:at], *more[at + 1 :]])
    return options


def _parser():
    parser = argparse.ArgumentParser("nmt", description="Trains and runs translators on an ordinary machine.")
    parser.add_argument("--version", action="version", version=f"nmt {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(function, help):
        sub = commands.add_parser(function.__name__, help=help, description=help)
        sub.set_defaults(run_command=function)
        sub.add_argument("--debug", action="store_true", help="show a traceback when something fails")
        return sub

    def add_engine(sub):
        sub.add_argument("--engine", choices=("auto", "onnx", "keras"), default="auto",
                         help="onnx: the run's export; keras: its weights (default: onnx if possible)")  # fmt: skip
        sub.add_argument("--threads", type=_positive, default=0, metavar="N",
                         help="processor threads (default: all)")  # fmt: skip

    sub = command(train, "train a recipe, or go on where training stopped")
    sub.add_argument("recipe", help="a .toml file, see data/")
    sub.add_argument("overrides", nargs="*", metavar="section.key=value", help="options that replace the recipe's")
    sub.add_argument("--run", help="run folder (default: runs/<name of the recipe>)")

    sub = command(fetch, "fetch the corpus of a recipe, so that training needs no network")
    sub.add_argument("recipe")
    sub.add_argument("overrides", nargs="*", metavar="section.key=value")

    sub = command(translate, "translate lines of text: stdin to stdout, files, or arguments")
    sub.add_argument("run", help="run folder")
    sub.add_argument("text", nargs="*", help="text to translate; without it lines are read from the input")
    sub.add_argument("-i", "--input", default="-", help="input file (default: stdin)")
    sub.add_argument("-o", "--output", default="-", help="output file (default: stdout)")
    sub.add_argument("--beam", type=_positive, help="hypotheses kept a sentence (default: the recipe's)")
    sub.add_argument("--nbest", type=_positive, default=1, metavar="N", help="translations a line (tsv, json)")
    sub.add_argument("--scores", action="store_true",
                     help="log-probability and ranking score before the text")  # fmt: skip
    sub.add_argument("--format", choices=("text", "tsv", "json"), default="text",
                     help="tsv: line, rank, log-probability, score, translation")  # fmt: skip
    sub.add_argument("--attention", metavar="FILE", help="write attention weights, a JSON object a line")
    sub.add_argument("--window", type=_positive, default=None, metavar="N",
                     help="lines translated together (default: 1000; 1 on a terminal)")  # fmt: skip

    add_engine(sub)

    sub = command(evaluate, "score one run on its test set, or compare two")
    sub.add_argument("run", nargs="+", help="one run folder, or two")
    sub.add_argument("--split", choices=("valid", "test"), default="test")
    sub.add_argument("--beam", type=_positive, help="hypotheses kept a sentence (default: the recipe's)")
    sub.add_argument("--memory", action="store_true",
                     help="also score a translation memory: the target of the nearest training source")  # fmt: skip
    sub.add_argument("--once", action="store_true", help="show the report there is, if these weights have one")

    add_engine(sub)

    sub = command(score, "log-probability and ranking score of given translations")
    sub.add_argument("run", help="run folder")
    sub.add_argument("-i", "--input", default="-", help="lines of source, tab, translation (default: stdin)")
    add_engine(sub)

    sub = command(filter, "find the pairs of a parallel text that do not belong together")
    sub.add_argument("run", nargs="+", help="run folder, and one of the reverse direction if you have it")
    sub.add_argument("-i", "--input", default="-", help="lines of source, tab, translation (default: stdin)")
    sub.add_argument("-o", "--output", default="-",
                     help="output file (default: stdout): score, ok or mismatch, source, translation, in the order "
                     "of the input; `sort -g` brings the worst to the top")  # fmt: skip
    flags = sub.add_mutually_exclusive_group()
    flags.add_argument("--threshold", type=float, metavar="X",
                       help="flag pairs that score below (default: 0.15; see --check)")  # fmt: skip
    flags.add_argument("--share", type=_share, metavar="S",
                       help="flag that share of the pairs, the lowest; keeps the text in memory")  # fmt: skip
    sub.add_argument("--clean", action="store_true",
                     help="write only the pairs that are not flagged, as they came: to train on")  # fmt: skip
    sub.add_argument("--check", action="store_true",
                     help="instead: shuffle targets of the run's validation text, tell how well they are found, "
                     "and draw the precision-recall curve to -o FILE.png")  # fmt: skip
    add_engine(sub)

    sub = command(export, "write a run as ONNX graphs, which translate uses by itself")
    sub.add_argument("run", help="run folder")
    sub.add_argument("-o", "--output", help="folder that translates by itself (default: RUN/export)")
    sub.add_argument("--precision", choices=("int8", "float32"), default="int8", help="of the weights")

    sub = command(bench, "measure this machine: training the reference model, translating with a run")
    sub.add_argument("run", nargs="?", help="run folder to translate with; without it only training is measured")
    sub.add_argument("-o", "--output", help="also write the figures as JSON")
    sub.add_argument("--growth", action="store_true",
                     help="instead: time and memory against pairs, length, vocabulary, beam")  # fmt: skip
    return parser


def _positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _share(text):
    number = float(text)
    if not 0 < number < 1:
        raise ValueError
    return number


_share.__name__ = "share between 0 and 1"
_positive.__name__ = "whole number above 0"

if __name__ == "__main__":
    sys.exit(main())
