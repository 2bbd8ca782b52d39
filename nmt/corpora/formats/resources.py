"""Resources of programs, a file a language: JSON, Android strings, Fluent, .properties.

Each is a table of texts by key; pairs are the texts under the same key. JSON needs no package, the
others need moz.l10n.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nmt import signatures
from nmt.errors import UserError
from nmt.files import opened
from nmt.packages import require

Key = tuple[str, ...]


def read(
    source_path: Path, target_path: Path, form: str, dropped: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The texts under the same keys of two files; `form` is a value of data.format.

    Raises UserError, which names the file: not of that format, or moz.l10n is not installed.
    """
    targets = dict(_texts(target_path, form))
    for key, text in _texts(source_path, form):
        if key in targets:
            yield text, targets[key]
        else:
            dropped["not translated"] += 1


def _texts(path: Path, form: str) -> Iterator[tuple[Key, str]]:
    """(key, text) of each text of a file, in its order."""
    with opened(path) as file:
        content = file.read()
    if form == "json":
        return _flat(_parsed_json(content, path), ())
    return _messages(content, path, form)


# JSON


def _parsed_json(content, path):
    try:
        return json.loads(content)
    except UnicodeDecodeError:
        raise signatures.not_utf8(content, str(path)) from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from None


def _flat(value: Any, key: Key) -> Iterator[tuple[Key, str]]:
    """(key, text) of each text in nested objects and lists; @ begins what is said of a text."""
    if isinstance(value, str):
        yield key, value
        return
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for name, item in items:
        if not str(name).startswith("@"):
            yield from _flat(item, (*key, str(name)))


# What moz.l10n reads


def _messages(content, path, form):
    """(key, text) of each message; of one with variants, a text for each of them."""
    require("moz.l10n", what=f"data.format={form}")
    from moz.l10n.formats import Format
    from moz.l10n.model import Entry
    from moz.l10n.resource import parse_resource

    # XML says itself what it is written in; .properties are Latin-1 where they are not UTF-8.
    if form != "android":
        content = _decoded(content, path, form)
    try:
        resource = parse_resource(Format[form], content)
    except (ValueError, SyntaxError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{path}: cannot be read as data.format={form} ({reason})") from None
    for section in resource.sections:
        for entry in section.entries:
            # The others are comments.
            if not isinstance(entry, Entry) or entry.get_meta("translatable") == "false":
                continue
            for name, message in {"": entry.value, **entry.properties}.items():
                for variant, pattern in message:
                    key = (*section.id, *entry.id, name, *map(str, variant))
                    yield key, "".join(_source(part, Format[form]) for part in pattern)


def _decoded(content, path, form):
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if form == "properties":
            return content.decode("latin-1")
        raise signatures.not_utf8(content, str(path)) from None


def _source(part, form):
    """A part of a message as the file has it: text, a placeholder, a tag."""
    from moz.l10n.message import serialize_message

    if isinstance(part, str):
        return part
    if isinstance(source := part.attributes.get("source"), str):
        return source
    if hasattr(part, "kind"):
        options = "".join(f' {name}="{value}"' for name, value in part.options.items())
        forms = {"open": f"<{part.name}{options}>", "close": f"</{part.name}>"}
        return forms.get(part.kind, f"<{part.name}{options}/>")
    return serialize_message(form, [part])
