"""Folders on this machine or in object storage: what lies in them, read and written by name."""

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import fs

from nmt import files
from nmt.errors import Failure, UserError

# Where a file appears as a whole when it is closed.
OBJECT_STORES = ("s3", "gcs", "abfs")
BUFFER = 2**20
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}


class Folder:
    """A folder by its path, or by a URI such as `s3://bucket/folder`; with it, its file system."""

    def __init__(self, path: str):
        self.path = path.partition("?")[0] if _is_uri(path) else path  # in messages
        with reported(self.path):
            self.files, self.root = _located(path)

    @classmethod
    def of(cls, path: str) -> tuple["Folder", str | None]:
        """A folder by its path, or of a file the folder that it lies in and the file's name."""
        folder = cls(path)
        with reported(folder.path):
            is_file = folder.files.get_file_info(folder.root).type == fs.FileType.File
        if not is_file:
            return folder, None
        folder.root, _, name = folder.root.rpartition("/")
        folder.path = str(folder.path.removesuffix(name).rstrip("/") or ".")
        return folder, name

    def listed(self) -> list[str]:
        """The names that do not begin with "." or "_", nor their folders; UserError without any."""
        names = [name for name in self.names() if not _is_hidden(name)]
        if not names:
            raise UserError(f"{self.path}: no such file, or a folder without any")
        return names

    def names(self) -> list[str]:
        """The names of all files below, with the folders they lie in; none if it is not there."""
        selector = fs.FileSelector(self.root, allow_not_found=True, recursive=True)
        with reported(self.path):
            found = self.files.get_file_info(selector)
        paths = (each.path for each in found if each.type == fs.FileType.File)
        return sorted(str(PurePosixPath(path).relative_to(self.root)) for path in paths)

    def where(self, name: str) -> str:
        """What a file is called in messages."""
        return f"{self.path.rstrip('/')}/{name}"

    def size(self, name: str) -> int:
        """Bytes of a file, as it lies there."""
        with reported(self.where(name)):
            return self.files.get_file_info(f"{self.root}/{name}").size

    @contextlib.contextmanager
    def text(
        self, name: str, seen: Callable[[bytes], None] | None = None
    ) -> Iterator[io.TextIOWrapper]:
        """A file as `files.lines_of` reads it, uncompressed if its ending says gz or zst.

        seen: is given the bytes that are read, one block after the other.
        """
        with reported(self.where(name)):
            compression = COMPRESSIONS.get(PurePosixPath(name).suffix)
            with self.files.open_input_stream(f"{self.root}/{name}", compression) as stream:
                raw = _Seen(stream, seen) if seen else stream
                yield io.TextIOWrapper(io.BufferedReader(raw))

    @contextlib.contextmanager
    def lines(self, name: str, at: int) -> Iterator[io.BufferedReader]:
        """The lines of a file that is not compressed, as bytes, from a byte on."""
        with self.binary(name) as file:
            file.seek(at)
            # In object storage each read is a request.
            yield io.BufferedReader(file, BUFFER)

    @contextlib.contextmanager
    def binary(self, name: str) -> Iterator[pa.NativeFile]:
        """A file that can be read from any place on."""
        with reported(self.where(name)), self.files.open_input_file(f"{self.root}/{name}") as file:
            yield file

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, compressed if its ending says so; it appears when it is whole."""
        compression = COMPRESSIONS.get(PurePosixPath(name).suffix)
        if compression:
            content = pa.compress(content, compression, asbytes=True)
        path = f"{self.root}/{name}"
        if self.files.type_name == "local":
            with files.atomic(path, "wb") as file:
                file.write(content)
            return
        try:
            with self.files.open_output_stream(path, compression=None) as stream:
                stream.write(content)
        except OSError as error:
            raise Failure(f"cannot write {self.where(name)}: {_reason(error)}") from error

    def remove_leftovers(self) -> None:
        """Deletes what killed workers were writing."""
        for name in self.names():
            if files.is_partial(PurePosixPath(name).name):
                with contextlib.suppress(FileNotFoundError):
                    self.files.delete_file(f"{self.root}/{name}")


class _Seen(io.RawIOBase):
    """A stream whose bytes are shown to a function, too."""

    def __init__(self, stream, seen):
        self.stream = stream
        self.seen = seen

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        self.seen(data)
        return len(data)


@contextlib.contextmanager
def reported(where: str) -> Iterator[None]:
    """The errors of a file system as one line that says where."""
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{where}: no such file") from None
    except (OSError, pa.ArrowInvalid) as error:
        raise Failure(f"{where}: cannot be read ({_reason(error)})") from error


def _located(path):
    """The file system of a path, and the path in it."""
    if not _is_uri(path):
        return fs.LocalFileSystem(), os.path.abspath(os.path.expanduser(path))
    files_there, root = fs.FileSystem.from_uri(path)
    if files_there.type_name not in ("local", *OBJECT_STORES):
        raise UserError(f"{path}: local folders, s3://, gs:// and abfs:// can be read and written")
    return files_there, root.rstrip("/")


def _is_uri(path):
    return re.match(r"\w+://", path)


def _is_hidden(name):
    return any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)


def _reason(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0]
