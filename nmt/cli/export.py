"""`nmt export`: a run as ONNX graphs."""

import argparse
import logging
from pathlib import Path

from nmt.packages import KERAS

log = logging.getLogger(__name__)

HELP = "write a run as ONNX graphs, which translate uses by itself"
EXAMPLE = "nmt export runs/default -o my-translator"
NEEDS = (*KERAS, "onnx")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder")
    parser.add_argument(
        "-o", "--output", help="folder that translates by itself (default: RUN/export)"
    )
    parser.add_argument(
        "--precision", choices=("int8", "float32"), default="int8", help="of the weights"
    )
    parser.add_argument(
        "--small",
        action="store_true",
        help="less room, more time: embeddings are multiplied in each step, not beforehand",
    )


def run(args: argparse.Namespace) -> None:
    """Writes the export."""
    from nmt.machine import start_keras
    from nmt.runs.folder import Run

    run = Run.open(args.run)
    start_keras()
    from nmt.evaluation.calibration import calibrate
    from nmt.runs.export import export

    folder = export(run, Path(args.output) if args.output else None, args.precision, args.small)
    log.info(f"exported to {folder}")
    log.info(calibrate(Run(folder), "onnx"))
