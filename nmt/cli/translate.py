"""`nmt translate`: a filter, one line in, one line out, in the same order."""

import argparse
import contextlib
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

from nmt.cli import stream
from nmt.cli.arguments import (
    add_engine,
    add_glossary,
    add_lm,
    add_memory,
    add_min_confidence,
    add_reverse,
    add_search,
    add_to,
    bounded,
    positive,
    typed_translator,
)
from nmt.cli.io import input_lines, output
from nmt.errors import UserError

if TYPE_CHECKING:
    from nmt.inference.translation import Translation

log = logging.getLogger(__name__)

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
    parser.add_argument(
        "-o",
        "--output",
        default="-",
        help="output file (default: stdout), compressed if its name ends with .gz or .zst",
    )
    parser.add_argument(
        "--skip-done",
        action="store_true",
        help="do nothing where the output file is there already: it appears when it is complete",
    )
    add_to(parser)
    add_search(parser)
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
        "--confidence",
        action="store_true",
        help="how probably it is a good translation (chrF 80): before the text, a last column of "
        "tsv, or in json with that of each word",
    )
    parser.add_argument(
        "--prefix",
        default="",
        metavar="TEXT",
        help="what every translation begins with, letter for letter",
    )
    add_min_confidence(parser, "a translation that has less is left empty")
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
    add_memory(parser, "; json shows matches")
    add_lm(parser)
    add_reverse(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Translates the lines of the input, window by window."""
    from nmt.inference.line_warnings import log_warnings
    from nmt.windows import windows

    _check(args)
    if args.skip_done and _is_done(args):
        return
    window_size = _window_size(args)
    with_confidence = args.confidence or args.min_confidence is not None
    translator = typed_translator(args, with_confidence)
    # Outputs are opened first: what cannot be written is told before anything is translated.
    attention_output = output(args.attention) if args.attention else contextlib.nullcontext()
    number = 0
    below = 0
    with output(args.output) as out, attention_output as attention_file:
        for window in windows(input_lines(args), window_size):
            results = _candidates(translator, window, args)
            log_warnings((best for best, *_ in results), number + 1)
            below += sum(_is_below(best, args.min_confidence) for best, *_ in results)
            for source, candidates in zip(window, results, strict=True):
                number += 1
                _empty(candidates, args.min_confidence)
                matches = translator.matches(source, MATCHES) if args.format == "json" else []
                out.write(_formatted(number, source, candidates, args, matches))
                if attention_file:
                    attention_file.write(_json(_attention(source, candidates[0])))
            out.flush()
    if args.min_confidence is not None:
        log.info(
            f"{below:,} of {number:,} lines left empty: their confidence is below "
            f"{args.min_confidence:g} %"
        )


def _check(args):
    """UserError for options that exclude each other."""
    if args.text and args.input != "-":
        raise UserError("--input and text as arguments exclude each other")
    if args.skip_done and args.output == "-":
        raise UserError("--skip-done needs --output")
    if args.scores and args.format != "text":
        raise UserError(
            f"--scores has no effect here: --format {args.format} has the scores anyway"
        )
    if "\n" in args.prefix or "\r" in args.prefix:
        raise UserError("--prefix has a line break: a translation is one line")
    if args.nbest > 1 and args.format == "text":
        raise UserError("--nbest needs --format tsv or json: text is one line out for one line in")


def _is_done(args):
    """Whether all outputs are there, and says so."""
    outputs = [args.output, *([args.attention] if args.attention else [])]
    if not all(map(os.path.isfile, outputs)):
        return False
    log.info(f"{' and '.join(outputs)}: there already, left as it is")
    return True


def _window_size(args):
    """Lines translated together: on a terminal each line has its answer at once."""
    on_terminal = args.input == "-" and not args.text and sys.stdin and sys.stdin.isatty()
    return args.window or (1 if on_terminal else WINDOW)


def _candidates(translator, window, args):
    """The candidates of each line of a window."""
    # A blank line stays blank.
    prefixes = [args.prefix if line.strip() else "" for line in window]
    words = args.confidence and args.format == "json"
    return translator.candidates(
        window, args.nbest, args.beam, bool(args.attention), words=words, prefixes=prefixes
    )


def _is_below(translation, percentage):
    """Whether a translation has less confidence; one that was copied has none, which is enough."""
    confidence = translation.confidence
    return percentage is not None and confidence is not None and 100 * confidence < percentage


def _empty(candidates, percentage):
    """Leaves empty the text of candidates that have less confidence."""
    for candidate in candidates:
        if _is_below(candidate, percentage):
            candidate.text = ""


def _formatted(number, source, candidates, args, matches=()):
    """What is printed for a line. matches: of a memory, the most similar first."""
    if args.format == "json":
        from nmt.inference.memory import percentage

        translations = [_entries(candidate, args.confidence) for candidate in candidates]
        shown = {"source": source, "translations": translations}
        if args.memory:
            shown["matches"] = [
                {**match._asdict(), "similarity": percentage(match.similarity) / 100}
                for match in matches
            ]
        return _json(shown)
    # The confidence is empty where nothing was translated.
    confidences = ["" if c.confidence is None else f"{c.confidence:.4f}" for c in candidates]
    columns = [[each] if args.confidence else [] for each in confidences]
    if args.format == "tsv":
        rows = []
        for rank, (candidate, confidence) in enumerate(zip(candidates, columns, strict=True), 1):
            text = candidate.text.replace("\t", "\\t")
            rows.append([str(number), str(rank), *_scores(candidate), text, *confidence])
        return "".join("\t".join(row) + "\n" for row in rows)
    scores = _scores(candidates[0]) if args.scores else []
    return "\t".join([*scores, *columns[0], candidates[0].text]) + "\n"


def _scores(translation):
    return [f"{translation.log_prob:.4f}", f"{translation.score:.4f}"]


def _entries(translation, confidence):
    """What json has of a translation."""
    entries = {
        "translation": translation.text,
        "log_prob": translation.log_prob,
        "score": translation.score,
    }
    if confidence:
        entries["confidence"] = translation.confidence
        entries["words"] = translation.word_confidence
    return entries


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
