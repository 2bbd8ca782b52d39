"""The runs that a server was started with: loaded, and loaded anew when they have changed."""

import logging
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from nmt.errors import Failure, UserError
from nmt.inference.load import load
from nmt.inference.memory import Memory
from nmt.runs.folder import Run
from nmt.runs.info import ExportInfo
from nmt.serving.directions import Direction, Directions
from nmt.text.glossary import Glossary

log = logging.getLogger(__name__)


class Runs:
    """Runs or ensembles, and the directions that they make together."""

    def __init__(
        self,
        paths: Sequence[str],
        engine: str = "auto",
        glossary: str | None = None,
        memory: str | None = None,
    ):
        """UserError as of `load`, `Directions` and `Translator.using`, and for a path named twice.

        glossary, memory: paths; they are of one pair of languages, so others are refused.
        """
        for path in paths:
            if list(paths).count(path) > 1:
                raise UserError(f"{path}: is named twice")
        self._engine = engine
        self._glossary: Glossary | str | None = glossary
        self._memory: Memory | str | None = memory
        # What each path had when it was loaded, and when loading it last failed.
        self._versions = {path: _versions(path) for path in paths}
        self._failed: dict[str, Any] = {}
        self._served = {path: self._load(path) for path in paths}
        self.directions = self._together(self._served)
        self._renewing = threading.Lock()

    def renew(self) -> bool:
        """Loads runs that have changed beside the old ones, then exchanges them; whether it did.

        A run that is being trained or exported is left as it is until that has ended.
        """
        with self._renewing:
            changed = False
            for path, served in self._versions.items():
                versions = _ready_versions(path)
                if versions is None or versions in (served, self._failed.get(path)):
                    continue
                # Without its export a run would start Keras, and be slow.
                if _exported(served) and not _exported(versions):
                    continue
                changed |= self._exchange(path, versions)
            return changed

    def _exchange(self, path, versions):
        try:
            served = {**self._served, path: self._load(path)}
            directions = self._together(served)
        except (UserError, Failure) as error:
            self._failed[path] = versions
            log.warning(f"{path} has changed, but the old one goes on: {error}")
            return False
        self._served = served
        self.directions = directions
        self._versions[path] = versions
        log.info(f"{path} has changed: loaded anew")
        return True

    def _load(self, path):
        """(directions, usual words) of a path."""
        # Each worker of a server is one thread.
        translator = load(path, self._engine, threads=1)
        directions = []
        data = translator.recipe.data
        source = data.source.replace("_", "-")
        helped = self._glossary or self._memory
        if helped and len(data.targets()) * len(self._versions) > 1:
            raise UserError(
                "--glossary and --memory are of one pair of languages, but several are served; "
                "start a server for that pair"
            )
        for target in data.targets():
            into = translator.into(target) if len(data.targets()) > 1 else translator
            code = target.replace("_", "-")
            into = into.using(self._glossary, self._memory, path)
            directions.append(Direction(source, code, into))
        if helped:
            # Read once, whatever is loaded anew.
            self._glossary, self._memory = into.glossary, into.memory
        return directions, translator.preparations[0].profile.words

    def _together(self, served):
        """The directions of all paths."""
        words: dict[str, list[str]] = {}
        for directions, usual in served.values():
            # Of several runs of one source the largest list.
            source = directions[0].source
            words[source] = max(words.get(source, []), usual, key=len)
        every = [direction for directions, _ in served.values() for direction in directions]
        return Directions(every, words)


class _Version(NamedTuple):
    """What identifies what is loaded of a run."""

    weights: str | None  # checksum
    export: ExportInfo | None
    in_work: bool


def _versions(path):
    """The version of each run of a path."""
    versions = []
    for run in Run.open_all(path):
        export = run.exported()
        info = export.info.engine if export else None
        versions.append(_Version(run.info.weights_sha256, info, run.info.complete is False))
    return versions


def _ready_versions(path):
    """The same, or None where the folder cannot be read now or is in work."""
    try:
        versions = _versions(path)
    except (UserError, Failure):
        return None
    return None if any(each.in_work for each in versions) else versions


def _exported(versions):
    """Whether each run has an export."""
    return all(each.export for each in versions)
