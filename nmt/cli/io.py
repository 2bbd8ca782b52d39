"""Lines in, lines and files out: UTF-8 whatever the locale, and an output is whole or not there."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from nmt.errors import UserError

ADVICE = "lines of text are needed"


def input_lines(args: argparse.Namespace) -> Iterator[str]:
    """Lines of the text that was typed, of a file, or of stdin; UserError at what is no text."""
    from nmt import files

    if getattr(args, "text", None):
        return iter(typed_text(args.text).split("\n"))
    if args.input != "-":
        return files.lines(args.input, True, ADVICE)
    # Closed: no line comes.
    return files.lines_of(sys.stdin, "input", True, ADVICE) if sys.stdin else iter(())


def input_pairs(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """(source, target) of each line of the input; UserError names the line without a tab."""
    from nmt.corpora.formats.plain import split_pair

    where = "input" if args.input == "-" else args.input
    for number, line in enumerate(input_lines(args), 1):
        yield split_pair(line, f"{where}, line {number}")


def typed_text(words: Sequence[str]) -> str:
    """The text of arguments: the bytes that were typed, whatever the locale."""
    try:
        return os.fsencode(" ".join(words)).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("the text is not valid UTF-8; convert it") from None


@contextlib.contextmanager
def output(path: str) -> Iterator[TextIO]:
    """stdout ("-"), or a file that appears when it is complete, compressed if it is .gz or .zst."""
    if path == "-":
        yield sys.stdout
    else:
        from nmt import files

        check_output_file(path)
        with files.atomic_lines(path) as file:
            yield file


def check_output_file(path: str) -> None:
    """UserError where a file cannot be written because a folder has its name."""
    if Path(path).is_dir():
        raise UserError(f"{path}: is a folder, a file is needed")
