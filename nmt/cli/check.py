"""`nmt filter --check`: how well a run finds pairs that are known to be wrong."""

import argparse
import logging

from nmt.cli.arguments import add_engine

log = logging.getLogger(__name__)

HELP = "shuffle targets of the run's validation text, and tell how well they are found"
EXAMPLE = "nmt filter runs/default --check -o curve.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", nargs="+", help="run folder, and one of the reverse direction if you have it"
    )
    parser.add_argument(
        "--check", action="store_true", required=True, help="without it, pairs are read"
    )
    parser.add_argument(
        "-o",
        "--output",
        default="-",
        metavar="FILE",
        help="also draw the precision-recall curve (.png, .svg, .pdf)",
    )
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Prints precision and recall by threshold; with -o draws the curve."""
    from nmt import plots
    from nmt.evaluation import mismatch
    from nmt.inference.load import load_directions
    from nmt.runs.folder import Run
    from nmt.runs.held_out import held_out

    drawn = args.output != "-"
    if drawn:
        plots.check_ready(args.output)
    # Text that none of the runs was trained on.
    run = Run.open_all(args.run[0])[0]
    sources, targets = zip(*held_out(run, "valid", mismatch.CHECKED), strict=True)
    translators = load_directions(args.run, args.engine, args.threads)
    log.info(
        f"scoring {len(sources):,} validation pairs with {100 * mismatch.SHARE:g} % of the targets "
        f"shuffled, seeds {', '.join(map(str, mismatch.SEEDS))}"
    )
    # Scores, and what they are worth.
    results = mismatch.check(translators, sources, targets)
    print("\n".join(mismatch.lines(results)))
    if drawn:
        curves = {
            f"seed {seed}": mismatch.precision_recall(scores, wrong)[:2]
            for seed, (scores, wrong) in results.items()
        }
        plots.save(plots.precision_recall(curves, mismatch.SHARE), args.output)
