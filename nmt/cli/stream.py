"""`nmt translate --stream`: words are translated while they arrive (simultaneous translation)."""

import argparse
import io
import sys
from typing import cast

from nmt.cli.arguments import add_threads, number
from nmt.packages import KERAS

HELP = "translate words of stdin as they come, greedily (wait-k)"
EXAMPLE = "nmt translate runs/toy-online --stream --wait 3"
NEEDS = KERAS

_words = number(int, lambda value: value > 0, 'number of words: above 0, or "full"')


def wait(text: str) -> int:
    """Source words that a translation stays behind; 0, typed as "full": the whole line."""
    return 0 if text == "full" else _words(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "--stream",
        action="store_true",
        required=True,
        help="without it, whole lines are translated",
    )
    parser.add_argument(
        "--wait",
        type=wait,
        metavar="K",
        default=0,
        help="words the translation stays behind (default: full, a line)",
    )
    add_threads(parser)


def run(args: argparse.Namespace) -> None:
    """Writes each word as soon as it is complete."""
    from nmt.simultaneous.stream import ArrivingLines, load
    from nmt.text.languages import unspaced

    translator = load(args.run, args.wait, args.threads)
    # What has arrived, without waiting for more; nothing where stdin is closed.
    read = cast(io.BufferedReader, sys.stdin.buffer).read1 if sys.stdin else bytes
    lines = ArrivingLines(read, unspaced(translator.recipe.data.source))
    for line in lines:
        for piece in translator.translate(line, lines.number):
            sys.stdout.write(piece)
            sys.stdout.flush()
        sys.stdout.write("\n")
        sys.stdout.flush()
