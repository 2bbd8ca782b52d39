"""`nmt evaluate`: scores of one run, or two runs compared."""

import argparse

from nmt.cli import lagging
from nmt.cli.arguments import add_beam, add_engine, add_lm, lm_overrides
from nmt.errors import UserError

HELP = "score one run on its test set, or compare two"
EXAMPLE = "nmt evaluate runs/default"
VARIANTS = {"--wait": lagging}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="+", help="one run folder, or two; an ensemble RUN1,RUN2,... gets no report"
    )
    parser.add_argument("--split", choices=("valid", "test"), default="test")
    add_beam(parser)
    parser.add_argument(
        "--memory",
        action="store_true",
        help="also score a translation memory: the target of the nearest training source",
    )
    parser.add_argument(
        "--once", action="store_true", help="show the report there is, if these weights have one"
    )
    add_lm(parser, "the first run ")
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the scores of each run; of two runs, also the paired test."""
    from nmt.corpora.corpus import Corpus
    from nmt.evaluation.report import check_same_sentences, compare
    from nmt.inference.load import open_runs
    from nmt.runs.folder import Run

    _check(args)
    # Whatever is refused is refused before anything is loaded.
    entries = [Run.open_all(path) for path in args.run]  # an entry: one run, or an ensemble
    if args.beam or args.memory or lm_overrides(args) or sum(map(len, entries)) > 1:
        for path in args.run:  # a language model has none of these
            open_runs(path)
    if len(entries) == 1:
        (members,) = entries
        if not _show_last_report(args, members):
            _evaluate(args, members, lm_overrides(args))
        return
    # Two entries have the same text, or there is nothing to compare.
    first, second = (members[0] for members in entries)
    for run in (first, second):
        Corpus(run.recipe.data).fetch()
    check_same_sentences(first, second, args.split)
    texts = [
        _evaluate(args, members, overrides)
        for members, overrides in zip(entries, (lm_overrides(args), ()), strict=True)
    ]
    for metric, result in compare(first.recipe, *texts).items():
        print(
            f"{metric}: {result['first']:.2f} against {result['second']:.2f}, "
            f"p = {result['p']:.4f} (paired bootstrap, {result['signature']})"
        )


def _check(args):
    """UserError for arguments that do not go together."""
    if len(args.run) > 2:
        raise UserError("one run is evaluated, or two are compared; more were given")
    if args.once and (args.memory or args.engine != "auto" or len(args.run) > 1):
        raise UserError(
            "--once shows a report that is there: no --memory, no --engine, no second run"
        )


def _show_last_report(args, members):
    """With --once: prints the report of a run if it still answers; whether it did."""
    from nmt.evaluation.rendering import lines
    from nmt.evaluation.report import last_report

    if not args.once or len(members) > 1 or args.split != "test":
        return False
    report = last_report(members[0], args.beam, lm_overrides(args))
    if report:
        print("\n".join(lines(_name(members), report)))
    return bool(report)


def _evaluate(args, members, overrides):
    """Evaluates a run, or an ensemble, and prints its scores; returns the texts they are of."""
    from nmt.corpora.corpus import Corpus
    from nmt.evaluation.rendering import lines
    from nmt.evaluation.report import evaluate, write_report
    from nmt.evaluation.translation_memory import memory_baseline
    from nmt.inference.load import load_any

    run, *others = members
    scorer = load_any(_name(members), args.engine, args.threads, overrides)
    Corpus(run.recipe.data).fetch()
    report, texts = evaluate(run, scorer, args.split, args.beam, others)
    if args.split == "test" and not others:
        write_report(run, report, texts)
    print("\n".join(lines(_name(members), report)))
    if args.memory:
        baseline = memory_baseline(run, args.split)
        print(
            f"translation memory of the training pairs: BLEU {baseline['bleu']['score']:.2f}, "
            f"chrF {baseline['chrf']['score']:.2f}"
        )
    return texts


def _name(members):
    return ",".join(str(run.path) for run in members)
