"""`nmt translate`: a filter, one line in, one line out, in the same order."""

import argparse
import contextlib
import json
import sys
from typing import TYPE_CHECKING

from nmt.cli import stream
from nmt.cli.arguments import (
    add_beam,
    add_engine,
    add_glossary,
    add_lm,
    add_to,
    bounded,
    lm_overrides,
    positive,
)
from nmt.cli.io import input_lines, output
from nmt.errors import UserError

if TYPE_CHECKING:
    from nmt.inference.translator import Translation

HELP = "translate lines of text: stdin to stdout, files, or arguments"
EXAMPLE = "nmt translate runs/default < manual.en > manual.de"
VARIANTS = {"--stream": stream}
MATCHES = 3  # of a memory that json shows
WINDOW = 1000  # lines translated together; on a terminal each at once


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    parser.add_argument(
        "text",
        nargs="*",
        default=[],
        help="text to translate, one line; without it lines are read from the input",
    )
    parser.add_argument("-i", "--input", default="-", help="input file (default: stdin)")
    parser.add_argument("-o", "--output", default="-", help="output file (default: stdout)")
    add_to(parser)
    add_beam(parser)
    parser.add_argument(
        "--nbest",
        type=bounded("nbest"),
        default=1,
        metavar="N",
        help="translations a line (tsv, json)",
    )
    parser.add_argument(
        "--scores", action="store_true", help="log-probability and ranking score before the text"
    )
    parser.add_argument(
        "--format",
        choices=("text", "tsv", "json"),
        default="text",
        help="tsv: line, rank, log-probability, score, translation (a tab in it: \\t)",
    )
    parser.add_argument(
        "--attention", metavar="FILE", help="write attention weights, a JSON object a line"
    )
    parser.add_argument(
        "--window",
        type=positive,
        metavar="N",
        help=f"lines translated together (default: {WINDOW}; 1 on a terminal)",
    )
    add_glossary(parser)
    parser.add_argument(
        "--memory",
        metavar="PATH",
        help="earlier translations (TMX, PO, XLIFF, TSV), a folder of them, or a run: its training "
        "text; json shows matches",
    )
    add_lm(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Translates the lines of the input, window by window."""
    from nmt.inference.batching import windows
    from nmt.inference.line_warnings import log_warnings
    from nmt.inference.load import load

    _check(args)
    # On a terminal each line has its answer at once.
    on_terminal = args.input == "-" and not args.text and sys.stdin and sys.stdin.isatty()
    window_size = args.window or (1 if on_terminal else WINDOW)
    translator = load(args.run, args.engine, args.threads, lm_overrides(args), to=args.to)
    if args.glossary or args.memory:
        translator = translator.using(args.glossary, args.memory)
    # Outputs are opened first: what cannot be written is told before anything is translated.
    attention_output = output(args.attention) if args.attention else contextlib.nullcontext()
    number = 0
    with output(args.output) as out, attention_output as attention_file:
        for window in windows(input_lines(args), window_size):
            results = translator.candidates(window, args.nbest, args.beam, bool(args.attention))
            log_warnings((best for best, *_ in results), number + 1)
            for source, candidates in zip(window, results, strict=True):
                number += 1
                matches = translator.matches(source, MATCHES) if args.format == "json" else []
                out.write(_formatted(number, source, candidates, args, matches))
                if attention_file:
                    attention_file.write(_json(_attention(source, candidates[0])))
            out.flush()


def _check(args):
    """UserError for options that exclude each other."""
    if args.text and args.input != "-":
        raise UserError("--input and text as arguments exclude each other")
    if args.scores and args.format != "text":
        raise UserError(
            f"--scores has no effect here: --format {args.format} has the scores anyway"
        )
    if args.nbest > 1 and args.format == "text":
        raise UserError("--nbest needs --format tsv or json: text is one line out for one line in")


def _formatted(number, source, candidates, args, matches=()):
    """What is printed for a line. matches: of a memory, the most similar first."""
    if args.format == "json":
        translations = [
            {"translation": c.text, "log_prob": c.log_prob, "score": c.score} for c in candidates
        ]
        shown = {"source": source, "translations": translations}
        if args.memory:
            shown["matches"] = [
                {**match._asdict(), "similarity": round(match.similarity, 2)} for match in matches
            ]
        return _json(shown)
    if args.format == "tsv":
        rows = (
            (number, rank, f"{c.log_prob:.4f}", f"{c.score:.4f}", c.text.replace("\t", "\\t"))
            for rank, c in enumerate(candidates, 1)
        )
        return "".join("\t".join(map(str, row)) + "\n" for row in rows)
    best = candidates[0]
    scores = f"{best.log_prob:.4f}\t{best.score:.4f}\t" if args.scores else ""
    return f"{scores}{best.text}\n"


def _attention(source: str, best: "Translation") -> dict:
    """Attention weights by target and source piece; null where the line has none."""
    weights = None
    if best.attention is not None:
        weights = [[round(float(weight), 4) for weight in row] for row in best.attention]
    return {
        "source": source,
        "translation": best.text,
        "source_pieces": best.source_pieces,
        "target_pieces": best.target_pieces,
        "attention": weights,
    }


def _json(value):
    return json.dumps(value, ensure_ascii=False) + "\n"
