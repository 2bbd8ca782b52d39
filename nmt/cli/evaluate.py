"""`nmt evaluate`: scores of a run, or several runs compared."""

import argparse
import logging
import re
from pathlib import Path

from nmt.cli import lagging
from nmt.cli.arguments import (
    add_engine,
    add_glossary,
    add_lm,
    add_reverse,
    add_search,
    add_to,
    search_overrides,
)
from nmt.errors import Failure, UserError

log = logging.getLogger(__name__)

HELP = "score a run on its test set or on any text, or compare several"
EXAMPLE = "nmt evaluate runs/default --source manual.en --reference manual.de"
NEEDS = ("sacrebleu",)
VARIANTS = {"--wait": lagging}
OVERRIDE = re.compile(r"[a-z_]+\.[a-z_]+=.*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        nargs="+",
        help="run folder, or several in a table, each compared with the first one, seeds of a "
        "recipe as one; an ensemble RUN1,RUN2,... gets no report. With data.test=FILE "
        "data.format=tmx (options of [data] as in a recipe) the text is that file",
    )
    parser.add_argument(
        "--source", metavar="FILE", help="lines to translate and score, instead of the test set"
    )
    parser.add_argument("--reference", metavar="FILE", help="their translations, line by line")
    parser.add_argument(
        "--split", choices=("valid", "test"), help="of the run's own text (default: test)"
    )
    add_to(parser)
    add_search(parser)
    add_glossary(parser)
    parser.add_argument(
        "--memory",
        action="store_true",
        help="also score a translation memory: the target of the nearest training source",
    )
    parser.add_argument(
        "--once", action="store_true", help="show the report there is, if these weights have one"
    )
    add_lm(parser, "the first run ")
    add_reverse(parser, "translations of the first run ")
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Prints the scores of each run; of several runs, also a table with paired tests."""
    from nmt.evaluation.scored_text import check_same

    # 1. Whatever is refused is refused before anything is loaded.
    args.overrides = [word for word in args.run if _is_override(word)]
    args.run = [word for word in args.run if not _is_override(word)]
    _check(args)
    entries = _entries(args)
    if args.once and _show_last_report(args, entries[0]):
        return
    texts = _texts(args, [members[0] for members in entries])
    checked = [(members[0], text) for members, text in zip(entries, texts, strict=True)]
    check_same(checked, args.to)
    if args.glossary:
        _check_glossary(args, checked)

    # 2. All are loaded, and set to their texts, before the first of them takes its time.
    scorers = [
        [_prepared_for(text, scorer, args) for text in of_run]
        for scorer, of_run in zip(_scorers(args, entries), texts, strict=True)
    ]

    # 3. Scores of each, and each against the first.
    outputs = [_evaluate(args, *entry) for entry in zip(entries, scorers, texts, strict=True)]
    if len(entries) > 1 and outputs[0][0]:
        _compare(args, entries, texts[0], outputs)


def _check_glossary(args, checked):
    """UserError for a glossary that cannot be read. checked: (run, its texts) pairs."""
    from nmt.corpora.glossary import read_glossary

    for run, texts in checked:
        for text in texts:
            recipe = run.recipe.first(text.number) if text.number else run.recipe
            data = (recipe.into(args.to) if args.to and not text.number else recipe).data
            read_glossary(args.glossary, data.source, data.target)


def _scorers(args, entries):
    """The translator or text generator of each entry."""
    from nmt.inference.load import load_any

    # Runs of older versions have no confidence yet, which validation text gives them.
    for members in entries:
        if args.split == "valid" and len(members) == 1 and not members[0].recipe.language_model:
            _add_confidence(args, members[0])
    scorers = []
    for number, path in enumerate(args.run):
        overrides = search_overrides(args)
        if number:  # other runs help the first one
            overrides = [
                each for each in overrides if not each.startswith(("search.lm", "search.reverse"))
            ]
        scorers.append(load_any(path, args.engine, args.threads, overrides))
    return scorers


def _add_confidence(args, run):
    """Gives a run the curve of confidence that it lacks."""
    from nmt.evaluation.calibration import calibrate
    from nmt.inference.load import export_of

    described = export_of(run, args.engine) or run
    if described.info.confidence is None:
        try:
            log.info(f"{described.path}: {calibrate(run, args.engine, args.threads)}")
        except Failure as failure:
            log.warning(f"no confidence is kept: {failure}")


def _is_override(word):
    return bool(OVERRIDE.fullmatch(word)) and not Path(word).exists()


def _check(args):
    """UserError for arguments that do not go together."""
    if not args.run:
        raise UserError(f"{args.overrides[0]}: the run folder is missing")
    own_text = bool(args.source or args.reference or args.overrides)
    if own_text:
        _check_own_text(args)
    typed = own_text or args.memory or args.glossary or args.engine != "auto"
    if args.once and (typed or len(args.run) > 1):
        raise UserError(
            "--once shows a report that is there: no --memory, no --glossary, no --engine, no "
            "other text, no second run"
        )
    args.split = args.split or "test"


def _check_own_text(args):
    if bool(args.source) != bool(args.reference):
        raise UserError("--source and --reference belong together: a file of each")
    if args.source and args.overrides:
        raise UserError(f"--source and {args.overrides[0]} exclude each other: both name the text")
    if args.split:
        raise UserError(f"--split {args.split} and a text of your own exclude each other")


def _entries(args):
    """The runs of each argument: one run, or the members of an ensemble."""
    from nmt.inference.load import open_runs
    from nmt.runs.folder import Run

    entries = [Run.open_all(path) for path in args.run]
    # A language model has none of these.
    typed = args.beam or args.memory or args.glossary or args.to or search_overrides(args)
    if typed or sum(map(len, entries)) > 1:
        for path in args.run:
            open_runs(path)
    return entries


def _texts(args, runs):
    """The texts that each run is scored on: one, or one of each corpus."""
    from nmt.evaluation import scored_text

    for run in runs if args.to else ():
        run.recipe.into(args.to)
    if args.source:
        own = scored_text.of_files(runs[0], args.source, args.reference, args.to)
        return [[own]] * len(runs)
    if args.overrides:
        return [[scored_text.of_options(runs[0], args.overrides, args.to)]] * len(runs)
    return [scored_text.of_split(run, args.split, args.to) for run in runs]


def _show_last_report(args, members):
    """With --once: prints the report of a run if it still answers; whether it did."""
    from nmt.evaluation.rendering import lines
    from nmt.evaluation.report import last_report

    if len(members) > 1 or args.split != "test" or args.to:
        return False
    report = last_report(members[0], args.beam, search_overrides(args))
    if report:
        print("\n".join(lines(_name(members), report)))
    return bool(report)


def _evaluate(args, members, scorers, texts):
    """Evaluates a run, or an ensemble, and prints its scores; returns the outputs for each text.

    scorers: one for each text.
    """
    from nmt.evaluation.rendering import lines
    from nmt.evaluation.report import evaluate, of_corpora, write_report
    from nmt.evaluation.translation_memory import memory_baseline

    run, *others = members
    reports = []
    outputs = []
    for text, scorer in zip(texts, scorers, strict=True):
        report, output = evaluate(run, scorer, text, args.beam, others)
        reports.append(report)
        outputs.append(output)
        name = f"{_name(members)}, {text.corpus}" if len(texts) > 1 else _name(members)
        print("\n".join(lines(name, report)), flush=True)
        if args.memory:
            baseline = memory_baseline(run, text)
            print(
                f"translation memory of the training pairs: BLEU {baseline['bleu']['score']:.2f}, "
                f"chrF {baseline['chrf']['score']:.2f}"
            )
    # A report is of the run's own test text. Scores are worth showing where it cannot be kept.
    if texts[0].is_test_set and not (others or args.to or args.glossary):
        try:
            write_report(run, of_corpora(reports, texts), outputs[0])
        except Failure as failure:
            log.warning(f"no report is kept: {failure}")
    return outputs


def _prepared_for(text, scorer, args):
    """What scores a text: of a translator that for its corpus or language."""
    from nmt.inference.translator import Translator

    if not isinstance(scorer, Translator):
        return scorer
    if text.number:
        scorer = scorer.first(text.number)
    elif args.to:
        scorer = scorer.into(args.to)
    return scorer.using(args.glossary) if args.glossary else scorer


def _name(members):
    return ",".join(str(run.path) for run in members)


def _compare(args, entries, texts, outputs):
    """Prints a table for each text."""
    from nmt.evaluation import table

    names = [_name(members) for members in entries]
    recipes = [members[0].recipe if len(members) == 1 else None for members in entries]
    if args.lm is not None or args.lm_weight is not None:
        names[0] += f" with {args.lm or 'a language model'}"
        recipes[0] = None
    if args.reverse is not None or args.reverse_weight is not None:
        names[0] += f" ranked by {args.reverse or 'the reverse run'}"
        recipes[0] = None
    for number, text in enumerate(texts):
        of_text = [of_run[number]["output"] for of_run in outputs]
        print("\n".join(table.lines(text, table.systems(names, recipes, of_text))))
