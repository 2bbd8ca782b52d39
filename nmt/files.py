"""Files: whole or not at all when written; UTF-8, lines split on `\\n` only, and named in errors when read."""

import contextlib
import errno
import gzip
import hashlib
import os
import re
import secrets
import shutil
import zlib
from pathlib import Path

from nmt.errors import Failure, UserError

PARTIAL = re.compile(r"\.[0-9a-f]{16}\.nmt-partial(\.weights\.h5)?")


def partial_name(ending=""):
    """A name for what is still being written: hidden, and nobody else's."""
    return f".{secrets.token_hex(8)}.nmt-partial{ending}"


@contextlib.contextmanager
def atomic(path, mode="w"):
    """Opens a neighbour of `path` for writing and renames it into place when the block ends well.

    A link is followed; what is no plain file (a pipe, a device) is written to, not replaced.
    """
    path = Path(path)
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    whole = path.is_file() or not path.exists()
    target = Path(os.path.realpath(path)) if whole else path
    partial = target.with_name(partial_name()) if whole else path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, mode, **text) as file:
            yield file
            file.flush()
            if whole:
                os.fsync(file.fileno())
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
def scratch_folder(beside):
    """A new folder beside `beside` for the block to fill; what is left of it goes when the block ends."""
    folder = Path(beside).with_name(partial_name())
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # its name is ours, so all in it is


def remove(folder, names):
    """Deletes the named files of a folder, then the folder if it is empty."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not there, or it holds what is not ours
        folder.rmdir()


def remove_leftovers(*folders):
    """Deletes what a killed process was writing in these folders, which must be ours."""
    for folder in folders:
        for path in folder.iterdir() if folder.is_dir() else ():
            if PARTIAL.fullmatch(path.name):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def write_failure(path, error: OSError) -> Failure:
    """The one line for a write that the system refused."""
    hint = "; free some space and run the same command again" if error.errno == errno.ENOSPC else ""
    reason = (
        os.strerror(error.errno)
        if error.errno
        else (str(error) or type(error).__name__).splitlines()[0]
    )
    return Failure(f"cannot write {path}: {reason}{hint}")


def lines(path):
    """Yields the lines of a UTF-8 file (`.gz` too) without their ends (`\\n` or `\\r\\n`).

    Raises UserError naming file and line for a missing file, a folder, bad gzip data or invalid UTF-8.
    """
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


def digest(path, unzip: bool = False) -> str:
    """SHA-256 of a file in hexadecimal; with `unzip`, of what a `.gz` file holds."""
    opener = gzip.open if unzip and Path(path).suffix == ".gz" else open
    with opener(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
