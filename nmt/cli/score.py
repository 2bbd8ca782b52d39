"""`nmt score`: how probable given translations are."""

import argparse

from nmt.cli.arguments import add_engine, add_lm, add_to, search_overrides
from nmt.cli.io import input_lines, input_pairs

HELP = "log-probability and ranking score of given translations"
EXAMPLE = "nmt score runs/default -i pairs.tsv"
WINDOW = 1000  # lines scored together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    parser.add_argument(
        "-i",
        "--input",
        default="-",
        help="lines of source, tab, translation; of text for a language model (default: stdin)",
    )
    add_to(parser)
    add_lm(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Prints both scores of each line of the input."""
    from nmt.inference.load import load_any
    from nmt.inference.translator import Translator
    from nmt.windows import windows

    scorer = load_any(args.run, args.engine, args.threads, search_overrides(args), to=args.to)
    lines = input_pairs(args) if isinstance(scorer, Translator) else zip(input_lines(args))
    for window in windows(lines, WINDOW):
        for log_prob, ranking_score in scorer.score(*zip(*window, strict=True)):
            print(f"{log_prob:.4f}\t{ranking_score:.4f}")
