"""`nmt fill`: files translated in place, each in its own format."""

import argparse
import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from nmt.cli.arguments import (
    add_engine,
    add_glossary,
    add_memory,
    add_min_confidence,
    add_reverse,
    add_search,
    add_to,
    bounded,
    typed_translator,
)
from nmt.cli.io import check_output_file
from nmt.errors import Failure, UserError

log = logging.getLogger(__name__)

HELP = "translate files in place: PO, XLIFF, subtitles, HTML, Markdown, JSON, Android and others"
EXAMPLE = "nmt fill runs/default locale/de/LC_MESSAGES/*.po"

SHOWN = 5  # lines that are named for a reason
SECONDS = 20  # between two lines of progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="run folder, or an ensemble: RUN1,RUN2,...")
    parser.add_argument("file", nargs="+", help="files to fill; others than these are not touched")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="write there instead: a file for one FILE (-: stdout), a folder for several",
    )
    parser.add_argument(
        "--tmx",
        metavar="FILE",
        help="write what was filled as a translation memory, too (OmegaT: project/tm/mt/nmt.tmx)",
    )
    parser.add_argument(
        "--refill",
        action="store_true",
        help="translate anew what is fuzzy (PO, XLIFF), or a copy of its source (JSON and others); "
        "default: only what is empty",
    )
    parser.add_argument(
        "--trusted",
        action="store_true",
        help="do not mark translations as what somebody has to look at (PO, XLIFF)",
    )
    add_min_confidence(parser, "what has less is left as it is")
    parser.add_argument(
        "--note", action="store_true", help="tell in a comment how sure a translation is (PO)"
    )
    parser.add_argument(
        "--alternatives",
        type=bounded("nbest"),
        default=0,
        metavar="N",
        help="N translations beside an empty place that stays empty (XLIFF)",
    )
    add_to(parser)
    add_search(parser)
    add_glossary(parser)
    add_memory(parser, "")
    add_reverse(parser)
    add_engine(parser)


def run(args: argparse.Namespace) -> None:
    """Fills the files that can be read; UserError at the end for those that cannot."""
    from nmt.documents import formats, tmx
    from nmt.documents.filling import Choice, Summary, fill, pools
    from nmt.documents.units import Options

    outputs = _outputs(args)
    for option in formats.USES:
        if getattr(args, option):
            formats.check_option(option, outputs)
    translator = typed_translator(args, bool(args.min_confidence or args.note))
    data = translator.recipe.data
    if args.tmx:
        tmx.check(args.tmx, data.source)
    options = Options(args.trusted, args.note, args.alternatives, data.target)
    choice = Choice(args.refill, (args.min_confidence or 0) / 100, args.alternatives, args.beam)
    total = Summary()
    added = 0
    problems = _Problems(len(outputs))
    for pool in pools(_documents(outputs, translator, options, choice, problems)):
        documents = [document for _, document in pool]
        results = fill(translator, documents, choice, _Progress())
        entries: list[tmx.Entry] = []
        for (path, document), filled in zip(pool, results, strict=True):
            with problems.of_a_file():
                _write(outputs[path], document.before, filled.data)
                _tell(path, filled)
                total += filled.summary
                entries += (each for unit in filled.units for each in tmx.entries(*unit))
        if args.tmx:
            added += tmx.write(args.tmx, data.source, data.target, entries)
    _tell_all(args, problems, total, added)
    problems.tell()


def _outputs(args):
    """{file: where it is written}; UserError where that is another file of the command."""
    paths = [Path(name) for name in dict.fromkeys(args.file)]
    outputs = _named(paths, args.output)
    if args.output not in (None, "-"):
        _check_outputs(outputs)
    if args.tmx:
        check_output_file(args.tmx)
        if Path(args.tmx).suffix.lower() != ".tmx":
            raise UserError(f"--tmx {args.tmx}: the name of a memory ends with .tmx")
        if _identity(args.tmx) in map(_identity, [*outputs, *outputs.values()]):
            raise UserError(f"--tmx {args.tmx}: is one of the files to fill; name another one")
    return outputs


def _check_outputs(outputs):
    """UserError where a file would be written in the place of another one."""
    inputs = {_identity(path): path for path in outputs}
    taken: dict = {}
    for path, output in outputs.items():
        file = _identity(output)
        if file in inputs and file != _identity(path):
            raise UserError(
                f"-o: {path} would be written to {inputs[file]}, which is to be filled, too; "
                "name another folder"
            )
        other = taken.setdefault(file, path)
        if other is not path:
            raise UserError(f"-o: {other} and {path} would both be written to {output}")


def _named(paths, out):
    """{file: where it is written}, by what -o says."""
    if out is None:
        # A file under two names is filled once.
        files: dict[str, Path] = {}
        for path in paths:
            files.setdefault(os.path.realpath(path), path)
        return {path: path for path in files.values()}
    is_folder = Path(out).is_dir() or out.endswith(("/", os.sep))
    if len(paths) == 1 and not is_folder:
        return {paths[0]: Path(out)}
    if out == "-" or Path(out).is_file():
        raise UserError(f"-o {out}: a folder is needed for {len(paths)} files")
    # Below it as they are below what they have in common.
    parents = [os.path.dirname(os.path.abspath(path)) for path in paths]
    common = os.path.commonpath(parents)
    return {
        path: Path(out) / os.path.relpath(parent, common) / path.name
        for path, parent in zip(paths, parents, strict=True)
    }


def _identity(path):
    """What tells a file from others, under whatever name."""
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _documents(paths, translator, options, choice, problems):
    """(path, document) of each file that can be filled."""
    import dataclasses

    from nmt.documents import formats
    from nmt.documents.filling import check

    for path in paths:
        with problems.of_a_file():
            if path.is_dir():
                raise UserError(f"{path}: is a folder; name the files in it")
            formats.check_name(path)
            document = formats.read(path, _content(path), options)
            check(document, translator, choice, str(path))
            output = paths[path]
            if _is_in_place(path, output):
                formats.check_in_place(path, document)
                document = dataclasses.replace(document, before=document.data)
            elif str(output) != "-" and formats.has_keys(path) and output.exists():
                before = _content(output)
                document = formats.continued(path, document, output, before, options)
            elif str(output) != "-" and document.bilingual and output.exists():
                formats.check_untranslated(output, _content(output), path)
            yield path, document


def _content(path):
    """The bytes of a file; UserError for what cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _tell(path, filled):
    """What was filled of a file, and where the first units are that were left."""
    log.info(f"{path}: {filled.summary}")
    for reason, lines in filled.refused.items():
        first = ", ".join(map(str, lines[:SHOWN]))
        more = f" and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        log.info(f"  {path}, line{'s' * (len(lines) > 1)} {first}{more}: {reason}")


def _tell_all(args, problems, total, added):
    """What was filled of all files, and what was added to the translation memory."""
    # Where it is not that of the only file.
    if problems.files > 1:
        log.info(f"{problems.files - len(problems.found):,} files: {total}")
    if args.tmx:
        log.info(f"{args.tmx}: {f'{added:,} translations' if added else 'nothing was filled'}")


def _is_in_place(path, output):
    return str(output) != "-" and _identity(path) == _identity(output)


def _write(output, before, data):
    """Writes what is new; a file that nothing was filled in stays as it is.

    before: what stood in the file, if it was read.
    """
    from nmt import files

    if str(output) == "-":
        sys.stdout.buffer.write(data)
    elif data != before:
        if before is not None and _content(output) != before:
            raise UserError(f"{output}: has changed meanwhile; run the same command again")
        with files.atomic(output, "wb") as file:
            file.write(data)


class _Problems:
    """What went wrong with some of the files; the others go on."""

    def __init__(self, files: int):
        self.files = files
        self.found: list[Exception] = []

    @contextlib.contextmanager
    def of_a_file(self) -> Iterator[None]:
        """What goes wrong in the block is told; of an only file it is raised."""
        try:
            yield
        except (UserError, Failure) as error:
            if self.files == 1:
                raise
            log.warning(str(error))
            self.found.append(error)

    def tell(self) -> None:
        """Raises UserError, or Failure where it is nobody's mistake, if anything went wrong."""
        if self.found:
            mistake = any(isinstance(error, UserError) for error in self.found)
            count = f"{len(self.found):,} of {self.files:,} files"
            raise (UserError if mistake else Failure)(f"{count} are left as they were, see above")


class _Progress:
    """Tells how far a long translation is."""

    def __init__(self) -> None:
        self.started = self.told = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now - self.told > SECONDS and done < of:
            self.told = now
            rate = done / (now - self.started)
            log.info(f"  {done:,} of {of:,} texts, {rate:.0f} a second")
