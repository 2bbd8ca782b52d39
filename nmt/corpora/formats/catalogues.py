"""Home Assistant's translation catalogues: JSON files in a wheel, read as a zip file.

The catalogues of one component repeat their wording, so a component is in one split as a whole.
"""

import functools
import json
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from nmt.corpora.hashing import hash_fraction
from nmt.errors import Failure, UserError

# Component and language of a file.
CATALOGUE = re.compile(r"(?:.*/)?([^/]+)/translations/([^/]+)\.json")
# Forms of a message in the syntax of ICU.
PLURAL_BLOCK = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,")
# Shares of the components.
TEST_SHARE = 0.08
VALID_SHARE = 0.04


def read(
    path: Path, source: str, target: str, split: str, dropped: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The strings under the same keys of both languages, component by component.

    Raises Failure when the wheel is damaged, UserError when it lacks a language.
    """
    try:
        archive = _opened(path, path.stat().st_mtime_ns)
        for source_name, target_name in _files(archive, path, source, target, split):
            sources = json.loads(archive.read(source_name))
            targets = json.loads(archive.read(target_name))
            # References to other strings and plural blocks are no sentences.
            for source_text, target_text in _aligned(sources, targets):
                if "[%key:" in source_text or "[%key:" in target_text:
                    dropped["reference"] += 1
                elif PLURAL_BLOCK.search(source_text) or PLURAL_BLOCK.search(target_text):
                    dropped["ICU plural block"] += 1
                else:
                    yield source_text, target_text
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise Failure(f"{path}: damaged ({error}); delete it and fetch it again") from None


@functools.lru_cache(maxsize=1)
def _opened(path, changed):
    """The wheel: its list of 58,000 files takes a second to read. changed: when it was."""
    return zipfile.ZipFile(path)


def split_of(component: str) -> str:
    """The split that a component is in, by a hash of its name."""
    fraction = hash_fraction(component)
    if fraction < TEST_SHARE:
        return "test"
    return "valid" if fraction < TEST_SHARE + VALID_SHARE else "train"


def _files(archive, path, source, target, split):
    """The names of both languages' files of each component in a split, sorted by component."""
    # By component and language.
    components: dict[str, dict[str, str]] = defaultdict(dict)
    for name in archive.namelist():
        if match := CATALOGUE.fullmatch(name):
            components[match[1]][match[2]] = name
    # Both languages must be there.
    codes = sorted({code for names in components.values() for code in names})
    for code in (source, target):
        if code not in codes:
            known = ", ".join(codes) or "none"
            raise UserError(f"{path}: no catalogues in {code!r}; languages: {known}")
    # The components of the split.
    for component, names in sorted(components.items()):
        if split_of(component) == split and source in names and target in names:
            yield names[source], names[target]


def _aligned(sources, targets):
    """The strings at the same places of two JSON values."""
    if isinstance(sources, str) and isinstance(targets, str):
        yield sources, targets
    elif isinstance(sources, dict) and isinstance(targets, dict):
        for key in sources:
            if key in targets:
                yield from _aligned(sources[key], targets[key])
