"""Translation memories (TMX): units with a variant for each language."""

import contextlib
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from nmt.errors import UserError

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# Languages in a message, at most.
NAMED_LANGUAGES = 20


def read(path: Path, source: str, target: str, dropped: Counter[str]) -> Iterator[tuple[str, str]]:
    """The first variant of both languages in each unit, inline text kept in order."""
    languages: Counter[str] = Counter()
    empty = True
    for unit in _units(path):
        languages.update(unit.keys())
        source_text = _variant(unit, source)
        target_text = _variant(unit, target)
        if source_text is None or target_text is None:
            dropped["language missing"] += 1
        else:
            empty = False
            yield source_text, target_text
    if empty:
        known = ", ".join(code for code, _ in languages.most_common(NAMED_LANGUAGES)) or "none"
        raise UserError(f"{path}: no unit has both {source} and {target}; languages found: {known}")


def _units(path):
    """Yields {language code: text} of each <tu>. UserError when the file is not TMX."""
    opened = gzip.open if path.suffix == ".gz" else open
    with _one_line_errors(path), opened(path, "rb") as file:
        body = None
        for event, element in ElementTree.iterparse(file, ("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if event == "start" and tag == "body":
                body = element
            elif event == "end" and tag == "tu":
                yield _texts(element)
                # Forget what was read: memory stays flat.
                (element if body is None else body).clear()


@contextlib.contextmanager
def _one_line_errors(path):
    try:
        yield
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UserError(f"{path}: {str(error.strerror).lower()}") from None
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise UserError(f"{path}, line {line}: not well-formed XML ({error})") from None
    except (OSError, EOFError, zlib.error, LookupError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as TMX ({error})") from None


def _texts(unit):
    """{language code: text} of a unit; of two variants of one language the first."""
    texts: dict[str, str] = {}
    for variant in unit.iterfind("{*}tuv"):
        code = variant.get(LANG) or variant.get("lang") or "?"
        segment = variant.find("{*}seg")
        text = "" if segment is None else "".join(segment.itertext())
        texts.setdefault(_normal(code), text)
    return texts


def _variant(texts, code):
    """The text in language `code`, or None; "en" takes "en" or else "en-us"."""
    code = _normal(code)
    regional = (text for name, text in texts.items() if name.startswith(f"{code}-"))
    return texts.get(code, next(regional, None))


def _normal(code):
    return code.replace("_", "-").lower()
