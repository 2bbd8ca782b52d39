"""`nmt correct`: better translations, which are a run's answers from then on."""

import argparse
import logging

from nmt.cli.arguments import add_to
from nmt.cli.io import input_lines, input_pairs, output, typed_text
from nmt.errors import UserError

log = logging.getLogger(__name__)

HELP = "correct translations of a run: it answers these sentences so from then on"
EXAMPLE = 'nmt correct runs/default "Turn off the lights." "Schalte die Lichter aus."'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder; of an ensemble RUN1,RUN2,... the first one")
    parser.add_argument(
        "text",
        nargs="*",
        default=[],
        metavar="SOURCE CORRECTION",
        help="a sentence and its translation; without them lines are read from the input",
    )
    parser.add_argument(
        "-i", "--input", default="-", help="lines of source, tab, correction (default: stdin)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--list", action="store_true", help="print what is kept: source, tab, correction"
    )
    what.add_argument(
        "--remove",
        action="store_true",
        help="take back the corrections of these sentences, one an argument or a line",
    )
    what.add_argument(
        "--from",
        dest="from_",
        metavar="RUN",
        help="keep what another run keeps, and take back what it has taken back",
    )
    add_to(parser)


def run(args: argparse.Namespace) -> None:
    """Keeps corrections, takes them back, or lists them."""
    from nmt.inference.load import open_runs
    from nmt.runs.corrections import Corrections

    if args.text and args.input != "-":
        raise UserError("--input and text as arguments exclude each other")
    recipe = open_runs(args.run)[0].recipe
    if args.from_:
        _follow(recipe, args)
        return
    data = (recipe.into(args.to) if args.to else recipe).data
    corrections = Corrections.of(args.run, data.source, data.target)
    if args.list:
        _list(corrections, args)
    elif args.remove:
        sources = _sources(args)
        corrections.remove(sources)
        log.info(f"{len(sources):,} taken back; {_kept(corrections)}")
    else:
        pairs = _pairs(args)
        corrections.add(pairs)
        log.info(f"{len(pairs):,} added; {_kept(corrections)}")


def _follow(recipe, args):
    """Takes over the corrections of another run, of all languages or of one."""
    from nmt.runs.corrections import Corrections

    if args.text or args.input != "-":
        raise UserError("--from takes no text")
    targets = [recipe.into(args.to).data.target] if args.to else recipe.data.targets()
    for target in targets:
        own, other = (
            Corrections.of(run, recipe.data.source, target) for run in (args.run, args.from_)
        )
        count = own.follow(other)
        log.info(f"{count:,} taken over; {_kept(own)}")


def _sources(args):
    """The sentences whose corrections are taken back."""
    texts = [typed_text([text]) for text in args.text] or input_lines(args)
    sources = [text for text in texts if text.strip()]
    if not sources:
        raise UserError("no sentence in the input")
    return sources


def _pairs(args):
    """The sentences and their corrections."""
    if args.text:
        if len(args.text) != 2:
            raise UserError(
                f"{len(args.text)} texts: a sentence and its correction are needed, each in "
                "quotation marks"
            )
        source, correction = (typed_text([text]) for text in args.text)
        return [(source, correction)]
    pairs = [pair for pair in input_pairs(args) if any(map(str.strip, pair))]
    if not pairs:
        raise UserError("no correction in the input; a line is: source TAB correction")
    return pairs


def _list(corrections, args):
    if args.text or args.input != "-":
        raise UserError("--list takes no text")
    with output("-") as out:
        out.writelines(f"{source}\t{target}\n" for source, target in corrections.pairs())


def _kept(corrections):
    return f"{len(corrections.pairs()):,} in {corrections.path}"
