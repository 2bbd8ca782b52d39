"""Files: whole or not at all when written; uncompressed, decoded and in lines when read."""

import bz2
import codecs
import contextlib
import errno
import fcntl
import gzip
import hashlib
import io
import itertools
import lzma
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nmt import signatures
from nmt.errors import Failure, UserError
from nmt.packages import require

# Byte order marks; the longer one of two that begin alike comes first.
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Errors of some network file systems, which have no locks: there it is the user's own care.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
SURROGATES = re.compile("[\udc80-\udcff]")
# Lines after one that is not UTF-8 from which the encoding is guessed.
SAMPLE = 200


def partial_name(ending: str = "") -> str:
    """A name for what is still being written: hidden, and nobody else's."""
    return f".{os.urandom(8).hex()}.nmt-partial{ending}"


def is_partial(name: str) -> bool:
    """Whether `partial_name` may have made the name."""
    return bool(re.fullmatch(r"\.[0-9a-f]{16}\.nmt-partial(\.weights\.h5)?", name))


@contextlib.contextmanager
def atomic(path: str | os.PathLike, mode: str = "w") -> Iterator[Any]:
    """Opens a neighbour of `path` for writing and renames it into place when the block ends well.

    A link is followed; what is no plain file (a pipe, a device) is written to, not replaced. A file
    that is replaced keeps its permissions.
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
            if whole and target.exists():
                with contextlib.suppress(OSError):  # some file systems have none
                    shutil.copymode(target, partial)
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
def atomic_lines(path: str | os.PathLike) -> Iterator[Any]:
    """As `atomic`, for text that is compressed if the name ends with .gz or .zst."""
    ending = Path(path).suffix
    if ending not in (".gz", ".zst"):
        with atomic(path) as file:
            yield file
        return
    if ending == ".zst":
        require("pyarrow", what=f"writing {path}")
    with atomic(path, "wb") as raw, _compressing(raw, ending) as packed:
        with io.TextIOWrapper(packed, "utf-8", newline="\n") as file:
            yield file


def _compressing(raw, ending):
    """A file that compresses into the open file `raw`: the same bytes whenever it is written."""
    if ending == ".gz":
        return gzip.GzipFile("", "wb", 6, raw, mtime=0)
    import pyarrow

    return pyarrow.CompressedOutputStream(pyarrow.PythonFile(_Kept(raw), "w"), "zstd")


class _Kept(io.RawIOBase):
    """Writes into an open file, which stays open when this is closed."""

    def __init__(self, raw):
        self.raw = raw

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self.raw.write(data)


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


def hold(file: Any, busy: str) -> None:
    """Holds a file that is open for writing, until it is closed.

    UserError `busy` where another process holds it.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(busy) from None
    except OSError as error:
        # Some network file systems have no locks: what happens there is the user's own care.
        if error.errno not in NO_LOCKS:
            raise


def write_failure(path: Path | str, error: OSError) -> Failure:
    """The one line for a write that the system refused."""
    hint = "; free some space and run the same command again" if error.errno == errno.ENOSPC else ""
    # Errors that libraries raise may have no number, and several lines.
    number = error.errno
    reason = os.strerror(number) if number else str(error) or type(error).__name__
    return Failure(f"cannot write {path}: {reason.splitlines()[0]}{hint}")


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[io.BufferedReader]:
    """The content of a file as bytes, uncompressed: gzip, xz, bzip2, zstd, or a ZIP of one file.

    The content tells what it is, not the name. Raises UserError: no file, a folder, damaged data
    (also while it is read), a document or an archive of several files.
    """
    path = Path(path).expanduser()
    # Python's own error for a folder differs between systems.
    if path.is_dir():
        raise UserError(f"{path}: is a folder, a file is needed")
    try:
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(open(path, "rb"))
            content = _uncompressed(raw, path, stack)
            yield io.BufferedReader(content, signatures.HEAD)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, lzma.LZMAError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged {_compression(path)} data ({error})") from None
    except OSError as error:
        # bz2 has no error of its own.
        reason = error.strerror or f"damaged {_compression(path)} data"
        raise UserError(f"{path}: cannot be read ({reason})") from None


def _compression(path):
    """What a file is compressed with, by its first bytes, or None."""
    with open(path, "rb") as file:
        return signatures.compression(file.read(16))


def _uncompressed(raw, path, stack):
    """A file of the content of the open file `raw`."""
    match _compression(path):
        case "gzip":
            return gzip.open(raw)
        case "xz":
            return lzma.open(raw)
        case "bzip2":
            return bz2.open(raw)
        case "zstd":
            require("pyarrow", what=f"{path}: zstd")
            import pyarrow

            return pyarrow.CompressedInputStream(pyarrow.PythonFile(raw, "r"), "zstd")
        case "ZIP":
            return _only_member(stack.enter_context(zipfile.ZipFile(raw)), path)
    return raw


def _only_member(archive, path):
    """The file in a ZIP archive of one; UserError for documents and larger archives."""
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
    for name, kind in signatures.DOCUMENTS.items():
        if name in names:
            raise signatures.refusal(str(path), kind)
    if len(names) != 1:
        raise UserError(f"{path}: is an archive of {len(names)} files; unpack it first")
    return archive.open(names[0])


def lines(path: str | Path, plain: bool = False, advice: str = "") -> Iterator[str]:
    """Yields the lines of a text file without their ends; see `opened` and `lines_of`."""
    with opened(path) as file:
        yield from lines_of(io.TextIOWrapper(file), str(path), plain, advice)


def lines_of(stream: Any, name: str, plain: bool = False, advice: str = "") -> Iterator[str]:
    r"""Yields the lines of an `io.TextIOWrapper` that is still unread, without their ends.

    UTF-8, or UTF-16 and UTF-32 with a byte order mark. Lines end with \n or \r\n, or all with \r.
    name: of the stream, for the UserError at what is no text. plain: refuse what seems to be a
    file of another format, with `advice` or that of the format.
    """
    # 1. What it is, by its beginning.
    head = stream.buffer.peek(signatures.HEAD)
    signatures.refuse_binary(head, name)
    encoding = next((code for mark, code in MARKS.items() if head.startswith(mark)), "utf-8")
    old_ends = b"\r" in head[:-1] and b"\n" not in head
    stream.reconfigure(
        encoding=encoding, errors="surrogateescape", newline="\r" if old_ends else "\n"
    )
    if plain:
        whole = len(head) < signatures.HEAD
        text = head.decode(encoding, "ignore").replace("\r\n", "\n")
        signatures.refuse_formats(text, whole, name, advice)
    # 2. Its lines. Bytes that are not UTF-8 come as surrogates.
    number = 0
    try:
        for number, line in enumerate(stream, 1):
            if not line.isascii() and SURROGATES.search(line):
                sample = "".join([line, *itertools.islice(stream, SAMPLE)])
                # Text in two bytes a character does not begin at a line.
                data = head if 0 in head else sample.encode("utf-8", "surrogateescape")
                raise signatures.not_utf8(data, f"{name}, line {number}")
            yield line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        where = f"{name}, after line {number}"
        raise UserError(f"{where}: not valid {encoding.upper()} ({error.reason})") from None


def one_line(text: str) -> str:
    """The text with a space for whatever any program takes for the end of a line (U+2028, CR)."""
    return " ".join(text.splitlines())


def digest(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
