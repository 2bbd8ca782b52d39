"""`nmt generate`: text of a language model."""

import argparse

from nmt.cli.arguments import add_sampling, add_threads, bounded
from nmt.cli.io import typed_text
from nmt.packages import KERAS

HELP = "write text with a language model, a line a sample"
EXAMPLE = 'nmt generate runs/toy-lm --count 3 --temperature 0.7 "Der Junge"'
NEEDS = KERAS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder of a language model")
    parser.add_argument(
        "text", nargs="*", default=[], metavar="prompt", help="what each line begins with"
    )
    parser.add_argument(
        "--count", type=bounded("count"), default=1, metavar="N", help="samples (default: 1)"
    )
    parser.add_argument(
        "--length",
        type=bounded("length"),
        metavar="L",
        help="pieces after the prompt, at most (default: the recipe's data.max_pieces)",
    )
    add_sampling(
        parser,
        1.0,
        "below 1: more probable words, 0: always the most probable one (default: 1)",
    )
    add_threads(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the samples."""
    from nmt.inference.load import load_generator

    generator = load_generator(args.run, threads=args.threads)
    samples = generator.generate(
        typed_text(args.text), args.count, args.length, args.temperature, args.top_k, args.seed
    )
    for line in samples:
        print(line)
