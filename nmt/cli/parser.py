"""The command line: commands, their options, and what `--help` says of them."""

import argparse
import difflib
import math
import re

from nmt import __version__
from nmt.cli import commands

OPTION = re.compile(r"--?[A-Za-z]\S*")  # what else begins with a hyphen is text


class Parser(argparse.ArgumentParser):
    """A mistake is one line, as everywhere; the usage is what --help is for."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")

    def unknown(self, option):
        """The error for an option there is not, with the one that was probably meant."""
        close = difflib.get_close_matches(
            option.split("=")[0], re.findall(r"--[a-z-]+", self.format_help()), 1
        )
        self.error(f"unknown option {option}" + (f", did you mean {close[0]}?" if close else ""))


def parse(arguments=None):
    """Options may stand anywhere among texts, overrides or runs; argparse by itself takes these from one place."""
    options, more = _parser().parse_known_args(arguments)
    at = more.index("--") if "--" in more else len(more)
    rest = next(
        (n for n in ("text", "overrides", "run") if isinstance(getattr(options, n, None), list)),
        None,
    )
    if wrong := next((one for one in more[:at] if OPTION.fullmatch(one)), None):
        options.parser.unknown(wrong)
    if more and rest is None:
        options.parser.error(f"too much: {' '.join(more)}")
    if more:
        setattr(options, rest, [*getattr(options, rest), *more[:at], *more[at + 1 :]])
    return options


def _parser():
    parser = Parser("nmt", description="Trains and runs translators on an ordinary machine.")
    parser.add_argument("--version", action="version", version=f"nmt {__version__}")
    _add_debug(parser, False)
    parsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (help, declare) in COMMANDS.items():
        sub = parsers.add_parser(name, help=help, description=help)
        sub.set_defaults(run_command=getattr(commands, name), parser=sub)
        _add_debug(
            sub, argparse.SUPPRESS
        )  # else its default would undo what stands before the command
        declare(sub)
    return parser


def _number(kind, fits, what):
    """A type for argparse: numbers that fit, one clear line for what is none."""

    def parse(text):
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not fits(number):
            raise argparse.ArgumentTypeError(f"{text!r} is not a {what}")
        return number

    return parse


_positive = _number(int, lambda number: number > 0, "whole number above 0")
_from_0 = _number(int, lambda number: number >= 0, "whole number from 0")
_real = _number(float, math.isfinite, "number")
_real_from_0 = _number(float, lambda number: 0 <= number < math.inf, "number from 0")
_share = _number(float, lambda number: 0 < number < 1, "share between 0 and 1")
_words = _number(int, lambda number: number > 0, 'number of words: above 0, or "full"')


def _wait(text):
    return 0 if text == "full" else _words(text)


def _waits(text):
    return [_wait(part) for part in text.split(",")]


def _add_debug(parser, default):
    parser.add_argument(
        "--debug",
        action="store_true",
        default=default,
        help="show a traceback when something fails",
    )


def _add_engine(sub):
    sub.add_argument(
        "--engine",
        choices=("auto", "onnx", "keras"),
        default="auto",
        help="onnx: the run's export; keras: its weights (default: onnx if possible)",
    )
    sub.add_argument(
        "--threads", type=_positive, default=0, metavar="N", help="processor threads (default: all)"
    )


def _add_lm(sub, whom=""):
    sub.add_argument(
        "--lm", metavar="RUN", help=f"run of a language model that helps {whom}to choose words"
    )
    sub.add_argument(
        "--lm-weight",
        metavar="W",
        help="what its log-probability is multiplied by "
        "(defaults: the recipe's search.lm and search.lm_weight)",
    )


def _train(sub):
    sub.add_argument("recipe", help="a .toml file, see data/")
    sub.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="section.key=value",
        help="options that replace the recipe's",
    )
    sub.add_argument("--run", help="run folder (default: runs/<name of the recipe>)")


def _fetch(sub):
    sub.add_argument("recipe")
    sub.add_argument("overrides", nargs="*", default=[], metavar="section.key=value")


def _translate(sub):
    sub.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    sub.add_argument(
        "text",
        nargs="*",
        default=[],
        help="text to translate, one line; without it lines are read from the input",
    )
    sub.add_argument("-i", "--input", default="-", help="input file (default: stdin)")
    sub.add_argument("-o", "--output", default="-", help="output file (default: stdout)")
    sub.add_argument(
        "--beam", type=_positive, help="hypotheses kept a sentence (default: the recipe's)"
    )
    sub.add_argument(
        "--nbest", type=_positive, default=1, metavar="N", help="translations a line (tsv, json)"
    )
    sub.add_argument(
        "--scores", action="store_true", help="log-probability and ranking score before the text"
    )
    sub.add_argument(
        "--format",
        choices=("text", "tsv", "json"),
        default="text",
        help="tsv: line, rank, log-probability, score, translation",
    )
    sub.add_argument(
        "--attention", metavar="FILE", help="write attention weights, a JSON object a line"
    )
    sub.add_argument(
        "--window",
        type=_positive,
        default=None,
        metavar="N",
        help="lines translated together (default: 1000; 1 on a terminal)",
    )
    sub.add_argument(
        "--stream", action="store_true", help="translate words of stdin as they come, greedily"
    )
    sub.add_argument(
        "--wait",
        type=_wait,
        metavar="K",
        help="with --stream: words the translation stays behind (default: full, a line)",
    )
    _add_lm(sub)
    _add_engine(sub)


def _evaluate(sub):
    sub.add_argument(
        "run", nargs="+", help="one run folder, or two; an ensemble RUN1,RUN2,... gets no report"
    )
    sub.add_argument("--split", choices=("valid", "test"), default="test")
    sub.add_argument(
        "--beam", type=_positive, help="hypotheses kept a sentence (default: the recipe's)"
    )
    sub.add_argument(
        "--memory",
        action="store_true",
        help="also score a translation memory: the target of the nearest training source",
    )
    sub.add_argument(
        "--once", action="store_true", help="show the report there is, if these weights have one"
    )
    sub.add_argument(
        "--wait",
        type=_waits,
        metavar="K,K,…",
        help="instead: BLEU, chrF and average lagging, K words behind; full: whole lines",
    )
    sub.add_argument(
        "--plot",
        metavar="FILE",
        help="with --wait: also draw BLEU over average lagging (.png, .svg, .pdf)",
    )
    _add_lm(sub, "the first run ")
    _add_engine(sub)


def _score(sub):
    sub.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    sub.add_argument(
        "-i",
        "--input",
        default="-",
        help="lines of source, tab, translation; of text for a language model (default: stdin)",
    )
    _add_lm(sub)
    _add_engine(sub)


def _filter(sub):
    sub.add_argument(
        "run", nargs="+", help="run folder, and one of the reverse direction if you have it"
    )
    sub.add_argument(
        "-i", "--input", default="-", help="lines of source, tab, translation (default: stdin)"
    )
    sub.add_argument(
        "-o",
        "--output",
        default="-",
        help="output file (default: stdout): score, ok or mismatch, source, translation, in the order "
        "of the input; `sort -g` brings the worst to the top",
    )
    flags = sub.add_mutually_exclusive_group()
    flags.add_argument(
        "--threshold",
        type=_real,
        metavar="X",
        help="flag pairs that score below (default: 0.15; see --check)",
    )
    flags.add_argument(
        "--share",
        type=_share,
        metavar="S",
        help="flag that share of the pairs, the lowest; keeps the text in memory",
    )
    sub.add_argument(
        "--clean",
        action="store_true",
        help="write only the pairs that are not flagged, as they came: to train on",
    )
    sub.add_argument(
        "--check",
        action="store_true",
        help="instead: shuffle targets of the run's validation text, tell how well they are found, "
        "and draw the precision-recall curve to -o FILE (.png, .svg, .pdf)",
    )
    _add_engine(sub)


def _generate(sub):
    sub.add_argument("run", help="run folder of a language model")
    sub.add_argument(
        "text", nargs="*", default=[], metavar="prompt", help="what each line begins with"
    )
    sub.add_argument("--count", type=_positive, default=1, metavar="N", help="samples (default: 1)")
    sub.add_argument(
        "--length",
        type=_positive,
        metavar="L",
        help="pieces after the prompt, at most (default: the recipe's data.max_pieces)",
    )
    sub.add_argument(
        "--temperature",
        type=_real_from_0,
        default=1.0,
        metavar="T",
        help="below 1: more probable words, 0: always the most probable one (default: 1)",
    )
    sub.add_argument(
        "--top-k",
        type=_from_0,
        default=0,
        metavar="K",
        help="draw from the K most probable words (default: from all)",
    )
    sub.add_argument(
        "--seed",
        type=_from_0,
        default=1,
        metavar="S",
        help="another one, other samples (default: 1)",
    )
    sub.add_argument(
        "--threads", type=_positive, default=0, metavar="N", help="processor threads (default: all)"
    )


def _export(sub):
    sub.add_argument("run", help="run folder")
    sub.add_argument(
        "-o", "--output", help="folder that translates by itself (default: RUN/export)"
    )
    sub.add_argument(
        "--precision", choices=("int8", "float32"), default="int8", help="of the weights"
    )


def _compare(sub):
    sub.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="section.key=value",
        help="options for all systems",
    )
    sub.add_argument(
        "--budget",
        choices=("small", "full"),
        default="small",
        help="small: the generated corpus, minutes; full: Multi30k, hours",
    )
    sub.add_argument(
        "--only",
        type=lambda names: names.split(","),
        default=(),
        metavar="NAME,...",
        help="systems to measure now (default: all that were not)",
    )
    sub.add_argument("-o", "--output", metavar="FOLDER", help="default: runs/compare-BUDGET")


def _bench(sub):
    sub.add_argument(
        "run", nargs="?", help="run folder to translate with; without it only training is measured"
    )
    sub.add_argument("-o", "--output", help="also write the figures as JSON")
    sub.add_argument(
        "--growth",
        action="store_true",
        help="instead: time and memory against pairs, length, vocabulary, beam",
    )


COMMANDS = {
    "train": ("train a recipe, or go on where training stopped", _train),
    "fetch": ("fetch the corpus of a recipe, so that training needs no network", _fetch),
    "translate": ("translate lines of text: stdin to stdout, files, or arguments", _translate),
    "evaluate": ("score one run on its test set, or compare two", _evaluate),
    "score": ("log-probability and ranking score of given translations", _score),
    "filter": ("find the pairs of a parallel text that do not belong together", _filter),
    "generate": ("write text with a language model, a line a sample", _generate),
    "export": ("write a run as ONNX graphs, which translate uses by itself", _export),
    "compare": (
        "train and measure systems that differ in one thing each, with equal budgets",
        _compare,
    ),
    "bench": ("measure this machine: training the reference model, translating with a run", _bench),
}
