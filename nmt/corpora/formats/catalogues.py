"""The translation catalogues of a program, read from its wheel as a zip file.

Three layouts: <component>/translations/<code>.json (Home Assistant),
translations/<code>-<hash>.json (its front end), and <code>/LC_MESSAGES/<name>.po or .mo (gettext).
The catalogues of one component repeat their wording, so a component is in one split as a whole. A
program with few components in the other layouts is split by the messages.
"""

import functools
import json
import re
import tempfile
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nmt.corpora.formats import mo, po
from nmt.corpora.hashing import hash_fraction, split_key
from nmt.errors import Failure, UserError
from nmt.text.languages import language, parse

# Where component and code stand in the name of a file. The first layout that fits counts.
LAYOUTS = (
    re.compile(r"(?P<component>.*/translations(?:/\w+)?)/(?P<code>[A-Za-z-]+)-[0-9a-f]{32}\.json"),
    re.compile(r"(?:.*/)?(?P<component>[^/]+)/translations/(?P<code>[^/]+)\.json"),
    re.compile(r"(?P<path>.*)/(?P<code>[^/]+)/LC_MESSAGES/(?P<component>[^/]+)\.(?:po|mo)"),
)
# Forms of a message in the syntax of ICU.
PLURAL_BLOCK = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,")
# Shares of the components.
TEST_SHARE = 0.08
VALID_SHARE = 0.04
# Fewer components than this would give lumps, not samples.
FEW = 30


class Component(NamedTuple):
    """The file of each language, by code; of gettext that of the source is missing."""

    name: str
    files: dict[str, str]
    is_gettext: bool


def read(
    path: Path, source: str, target: str, split: str, dropped: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The messages under the same keys of both languages, component by component.

    Raises Failure when the wheel is damaged, UserError when it lacks a language.
    """
    try:
        archive = _opened(path, path.stat().st_mtime_ns)
        components = _components(archive)
        _check_languages(path, components, source, target)
        usable = [each for each in components if _usable(each, source, target)]
        # In the first layout a component has a name, in the others a path.
        by_message = len(usable) < FEW and all("/" in each.name for each in usable)
        for component in usable:
            if not by_message and split_of(component.name) != split:
                continue
            for pair in _messages(archive, component, source, target, dropped):
                if not by_message or _split_of_message(pair, source, target) == split:
                    yield pair
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


def _split_of_message(pair, source, target):
    """The split of a message, the same in both directions."""
    return split_of(split_key(pair[0] if source >= target else pair[1]))


def _components(archive):
    """All components, sorted by name; of a catalogue that is there as PO and MO the PO."""
    files: dict[tuple[str, bool], dict[str, str]] = defaultdict(dict)
    for name in sorted(archive.namelist()):
        match = next(filter(None, (layout.fullmatch(name) for layout in LAYOUTS)), None)
        if match:
            path = f"{match['path']}/" if "path" in match.groupdict() else ""
            key = f"{path}{match['component']}", bool(path)
            # PO comes after MO.
            files[key][match["code"]] = name
    return [Component(name, files[name, gettext], gettext) for name, gettext in sorted(files)]


def _check_languages(path, components, source, target):
    """UserError where the wheel has no catalogue in one of the languages."""
    wanted = [source, target]
    if any(component.is_gettext for component in components):
        wanted = [code for code in wanted if language(code) != "en"]
        if len(wanted) == 2:
            raise UserError(f"{path}: gettext translates English; {source}-{target} needs English")
    for code in wanted:
        if not any(_file(component, code) for component in components):
            codes = sorted({code for component in components for code in component.files})
            known = ", ".join(codes) or "none"
            raise UserError(f"{path}: no catalogues in {code!r}; languages: {known}")


def _file(component, code):
    """The file of a language in a component, or None: of de that of de_DE will do for gettext."""
    if code in component.files or not component.is_gettext:
        return component.files.get(code)
    codes = (each for each in component.files if parse(code).includes(parse(each)))
    return component.files.get(next(codes, ""))


def _usable(component, source, target):
    """Whether a component has both languages."""
    codes = [source, target]
    if component.is_gettext:
        codes = [code for code in codes if language(code) != "en"]
    return all(_file(component, code) for code in codes)


def _messages(archive, component, source, target, dropped):
    """The pairs of a component that has both languages."""
    if component.is_gettext:
        yield from _gettext_messages(archive, component, source, target, dropped)
        return
    names = [_file(component, code) for code in (source, target)]
    # References to other strings and plural blocks are no sentences.
    for pair in _aligned(*(json.loads(archive.read(name)) for name in names)):
        if any("[%key:" in text for text in pair):
            dropped["reference"] += 1
        elif any(map(PLURAL_BLOCK.search, pair)):
            dropped["ICU plural block"] += 1
        else:
            yield pair


def _gettext_messages(archive, component, source, target, dropped):
    """msgid and msgstr, or the other way round for translations into English."""
    into_english = language(target) == "en"
    code = source if into_english else target
    name = _file(component, code)
    with tempfile.TemporaryDirectory() as folder:
        # The readers of these formats take files; an error tells the name.
        path = Path(folder, Path(name).name)
        path.write_bytes(archive.read(name))
        reader = po if path.suffix == ".po" else mo
        for pair in reader.read(path, "en", code, dropped):
            yield pair[::-1] if into_english else pair


def _aligned(sources, targets):
    """The strings at the same places of two JSON values."""
    if isinstance(sources, str) and isinstance(targets, str):
        yield sources, targets
    elif isinstance(sources, dict) and isinstance(targets, dict):
        for key in sources:
            if key in targets:
                yield from _aligned(sources[key], targets[key])
