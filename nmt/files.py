"""Files: whole or not at all when written; UTF-8, with lines that end at `\\n` only, when read."""

import contextlib
import errno
import gzip
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nmt.errors import Failure, UserError


def partial_name(ending: str = "") -> str:
    """A name for what is still being written: hidden, and nobody else's."""
    return f".{os.urandom(8).hex()}.nmt-partial{ending}"


def is_partial(name: str) -> bool:
    """Whether `partial_name` may have made the name."""
    return bool(re.fullmatch(r"\.[0-9a-f]{16}\.nmt-partial(\.weights\.h5)?", name))


@contextlib.contextmanager
def atomic(path: str | os.PathLike, mode: str = "w") -> Iterator[Any]:
    """Opens a neighbour of `path` for writing and renames it into place when the block ends well.

    A link is followed; what is no plain file (a pipe, a device) is written to, not replaced.
    """
    # 1. Where to write: beside the file, or into what cannot be replaced.
    path = Path(path)
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
    whole = path.is_file() or not path.exists()
    target = Path(os.path.realpath(path)) if whole else path
    partial = target.with_name(partial_name()) if whole else path
    # 2. Write, and rename.
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            if whole:
                os.fsync(file.fileno())
        # The file appears under its name only when all of it is on the disk.
        if whole:
            os.replace(partial, target)
    except BrokenPipeError:  # somebody else's: the block may write to stdout as well
        raise
    except OSError as error:
        raise write_failure(path, error) from error
    finally:
        if whole:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)


@contextlib.contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A new folder beside `beside` for the block to fill; its rest goes when the block ends."""
    folder = beside.with_name(partial_name())
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        # Its name is ours, so all in it is.
        shutil.rmtree(folder, ignore_errors=True)


def remove(folder: Path, names: Iterable[str]) -> None:
    """Deletes the named files of a folder, then the folder if it is empty."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not there, or it holds what is not ours
        folder.rmdir()


def remove_leftovers(*folders: Path) -> None:
    """Deletes what a killed process was writing in these folders, which must be ours."""
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if is_partial(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def write_failure(path: Path, error: OSError) -> Failure:
    """The one line for a write that the system refused."""
    hint = "; free some space and run the same command again" if error.errno == errno.ENOSPC else ""
    # Errors that libraries raise may have no number, and several lines.
    number = error.errno
    reason = os.strerror(number) if number else str(error) or type(error).__name__
    return Failure(f"cannot write {path}: {reason.splitlines()[0]}{hint}")


def lines(path: str | Path) -> Iterator[str]:
    """Yields the lines of a UTF-8 file (`.gz` too) without their ends (`\\n` or `\\r\\n`).

    Raises UserError, which names file and line: no file, a folder, bad gzip data, invalid UTF-8.
    """
    # Python's own error for a folder differs between systems.
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path}: is a folder, a file is needed")
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            for number, raw in enumerate(file, 1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield line.removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number}: not valid UTF-8 ({error.reason}); convert the file"
        ) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}, after line {number}: damaged gzip data ({error})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
