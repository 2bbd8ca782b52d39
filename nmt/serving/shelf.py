"""Translated files until they are fetched: in a private folder, for some minutes."""

import os
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path

KEPT_SECONDS = 600
KEPT_BYTES = 256 * 2**20


class Shelf:
    """Files under names that cannot be guessed; the oldest make room for new ones."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="nmt-serve-"))
        # Name -> when it was put, and its size; in the order of these times.
        self._files: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def put(self, filename: str, data: bytes) -> str:
        """Keeps a file; the name to ask for it."""
        plain = re.sub(r"[^\w.-]+", "_", os.path.basename(filename.replace("\\", "/")))
        name = f"{os.urandom(16).hex()}.{plain[-100:]}"
        (self._folder / name).write_bytes(data)
        with self._lock:
            self._files[name] = time.monotonic(), len(data)
            self._make_room()
        return name

    def find(self, name: str) -> Path | None:
        """The path of a file that `put` gave this name, if it is still there."""
        with self._lock:
            self._make_room()
            return self._folder / name if name in self._files else None

    def close(self) -> None:
        """Removes all of it."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_room(self):
        """Removes what is old, and the oldest of what is too much."""
        size = sum(each for _, each in self._files.values())
        for name, (since, each) in list(self._files.items()):
            if size <= KEPT_BYTES and time.monotonic() - since < KEPT_SECONDS:
                break
            del self._files[name]
            (self._folder / name).unlink(missing_ok=True)
            size -= each
