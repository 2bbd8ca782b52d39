"""`nmt filter`: pairs of a parallel text that do not belong together."""

import argparse
import logging
from collections.abc import Iterable

from nmt.cli import check
from nmt.cli.arguments import add_engine, real, share
from nmt.cli.io import input_pairs, output

log = logging.getLogger(__name__)

HELP = "find the pairs of a parallel text that do not belong together"
EXAMPLE = "nmt filter runs/default -i memory.tsv -o clean.tsv --clean"
VARIANTS = {"--check": check}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="+", help="run folder, and one of the reverse direction if you have it"
    )
    parser.add_argument(
        "-i", "--input", default="-", help="lines of source, tab, translation (default: stdin)"
    )
    parser.add_argument(
        "-o",
        "--output",
        default="-",
        help="output file (default: stdout): score, ok or mismatch, source, translation, in the "
        "order of the input; `sort -g` brings the worst to the top",
    )
    flags = parser.add_mutually_exclusive_group()
    flags.add_argument(
        "--threshold",
        type=real,
        metavar="X",
        help="flag pairs that score below (default: 0.15; see --check)",
    )
    flags.add_argument(
        "--share",
        type=share,
        metavar="S",
        help="flag that share of the pairs, the lowest; keeps the text in memory",
    )
    parser.add_argument(
        "--clean",
        action="store_true",
        help="write only the pairs that are not flagged, as they came: to train on",
    )
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Writes each pair behind its score, or with --clean the pairs that are not flagged."""
    from nmt.evaluation import mismatch
    from nmt.inference.load import load_directions
    from nmt.windows import windows

    scorer = mismatch.Scorer(*load_directions(args.run, args.engine, args.threads))
    # 1. Scores, window by window.
    scored: Iterable = (
        (pair, score)
        for window in windows(input_pairs(args), mismatch.POOL)
        for pair, score in zip(window, scorer.scores(window), strict=True)
    )
    # 2. The threshold; a share of the pairs needs the scores of all.
    threshold = mismatch.THRESHOLD if args.threshold is None else args.threshold
    if args.share:
        scored = list(scored)
        threshold = mismatch.lowest([score for _, score in scored], args.share)
    # 3. The pairs.
    flagged = 0
    pairs = 0
    with output(args.output) as out:
        for (source, target), score in scored:
            wrong = bool(score < threshold or score == float("-inf"))
            pairs += 1
            flagged += wrong
            if not args.clean:
                out.write(f"{score:.4f}\t{'mismatch' if wrong else 'ok'}\t{source}\t{target}\n")
            elif not wrong:
                out.write(f"{source}\t{target}\n")
    log.info(f"{flagged:,} of {pairs:,} pairs flagged: they score below {threshold:.4f}")
