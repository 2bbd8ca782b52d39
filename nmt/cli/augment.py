"""`nmt augment`: new training text from runs one has."""

import argparse
import hashlib
import json
import logging
import os
from pathlib import Path

from nmt.cli.arguments import (
    add_engine,
    add_reverse,
    add_sampling,
    add_search,
    add_to,
    bounded,
    positive,
    real,
    search_overrides,
)
from nmt.cli.io import check_output_file
from nmt.errors import UserError

log = logging.getLogger(__name__)

HELP = "make training text: what runs translate, as a corpus that a recipe can name"
EXAMPLE = "nmt augment runs/de-en --back -i german.txt -o data/back.tsv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        nargs="+",
        help="run folder or ensemble RUN1,RUN2,...; of several each translates all lines",
    )
    parser.add_argument(
        "-i",
        "--input",
        metavar="FILE",
        help="lines in the language that the runs read (default: the sources of the first run's "
        "training text)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the corpus: a table (.tsv)"
    )
    parser.add_argument(
        "--back",
        action="store_true",
        help="the lines are what a model is to say, their translations what it is to read "
        "(back-translation)",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="the first N lines only")
    add_to(parser)
    add_search(parser)
    parser.add_argument(
        "--nbest",
        type=bounded("nbest"),
        default=1,
        metavar="N",
        help="translations of a line that are kept, or draws",
    )
    add_reverse(parser)
    add_sampling(
        parser, None, "draw translations, at this temperature, instead of searching the best"
    )
    parser.add_argument(
        "--min-score",
        type=real,
        default=float("-inf"),
        metavar="X",
        help="leave out translations whose ranking score is below X, as -1.5",
    )
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Writes the corpus, or what is left of it, and shows how a recipe names it."""
    from nmt.decoding.sampling import Sampling
    from nmt.inference.augmentation import Making, make
    from nmt.inference.load import load, open_runs

    _check(args)
    sampling = None
    if args.temperature is not None:
        sampling = Sampling(args.temperature, args.top_k, args.seed)
    making = Making(args.back, args.nbest, args.beam, sampling, args.min_score)
    runs = [open_runs(path) for path in args.run]
    source = _source(args, runs[0][0])
    translators = [
        load(path, args.engine, args.threads, search_overrides(args), to=args.to)
        for path in args.run
    ]
    languages = {(each.recipe.data.source, each.recipe.data.target) for each in translators}
    if len(languages) > 1:
        raise UserError("the runs translate different languages; make a corpus of each")
    made = make(Path(args.output), list(zip(runs, translators, strict=True)), source, making)
    corpus = {
        "format": "tsv",
        "source": made["source"],
        "target": made["target"],
        "train": os.path.abspath(args.output),
        "splits": "train",
        **({"tag": "bt"} if args.back else {}),
    }
    # Texts are written as in JSON.
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in corpus.items())
    print("\n".join(["[[data.more]]", *lines]))


def _check(args):
    """UserError for options that do not go together."""
    if args.temperature is None and (args.top_k or args.seed != 1):
        raise UserError("--top-k and --seed are of what is drawn: they need --temperature")
    if args.temperature is not None and args.beam:
        raise UserError("--beam and --temperature exclude each other: searched, or drawn")
    if args.temperature is not None and args.reverse:
        raise UserError("--reverse and --temperature exclude each other: ranked, or drawn")
    check_output_file(args.output)


def _source(args, run):
    """The lines to translate: of a file, or the sources of a run's training text."""
    from nmt import files
    from nmt.corpora.mixture import Mixture
    from nmt.inference.augmentation import Source

    if args.input:
        every = files.lines(args.input, True, "lines of text are needed")
        name = args.input
    else:
        mixture = Mixture(run.recipe.data)
        mixture.fetch()
        every = (
            source
            for number in _numbers(run.recipe, args.to)
            for source, _ in mixture.training_pairs(number)
        )
        name = f"training text of {run.path}"
    # Each line once, as repeated ones would be translated alike.
    lines = [line.strip() for line in dict.fromkeys(every) if line.strip()][: args.limit]
    if not lines:
        raise UserError(f"{name}: no line of text")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return Source(name, lines, digest)


def _numbers(recipe, to):
    """The numbers of the corpora to translate: of one direction, without text that runs made."""
    corpora = recipe.data.corpora()
    first = corpora[recipe.number_into(to) if to else 0]
    languages = first.source, first.target
    own = [n for n, each in enumerate(corpora) if (each.source, each.target) == languages]
    return [n for n in own if corpora[n].splits == "all"] or own
