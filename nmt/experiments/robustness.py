"""What decorated, shouted and technical text does to a run: `python -m nmt.experiments.robustness`.

Test sources get what people's text has: emoji, tags, capitals, codes, placeholders. Each row of the
table tells of a kind how many outputs hold a broken character (U+FFFD), how many keep what must be
kept, and what BLEU is left.
"""

import argparse
import functools
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nmt.corpora.corpus import Corpus
from nmt.errors import Failure, UserError
from nmt.evaluation.metrics import bleu, tokenize_of
from nmt.experiments.aligned_words import AlignedWords, Phrase, words
from nmt.inference.load import load
from nmt.text.languages import unspaced
from nmt.text.variants import CHANGES

SENTENCES = 300
HEADS = ("what", "lines", "broken, %", "kept, %", "BLEU", "of ordinary, %")
WIDTHS = (54, 5, 9, 7, 4, 14)

# What no decoration may stand inside of. Written here once more, so that the product is not
# measured by its own rules.
_WHOLE = r"\{[^{}]*\}+|%\w|<[^<>]*>|\[[^\[\]]*\]\([^()]*\)|\[X\d+X\]|`[^`]*`|\w+://\S+"
_PLACEHOLDER = r"\{\{?\w*\}?\}|%\(?\w+\)?[sd]\b|</?[a-zA-Z][^<>]*>|https?://[^\s)\]]+"

Pairs = Sequence[tuple[str, str]]


class Row(NamedTuple):
    """A row of the table; shares are percentages, None where nothing can be said."""

    what: str
    lines: int
    broken: float
    kept: float | None
    bleu: float | None = None
    of_ordinary: float | None = None


class Decoration(NamedTuple):
    """What is added to a source, and the pattern that it is looked for by; empty: invisible."""

    name: str
    add: Callable[[str], str]
    pattern: str


def _front(mark):
    return lambda text: mark + text


def _behind(mark):
    return lambda text: text + mark


def _around(start, end):
    return lambda text: start + text + end


def _between(mark, text):
    """The text with the mark in place of its middle space, outside of placeholders."""
    spaces = [match.start() for match in re.finditer(rf"(?:{_WHOLE})| ", text) if match[0] == " "]
    place = min(spaces, key=lambda n: abs(n - len(text) / 2), default=len(text))
    return text[:place] + mark + text[place + 1 :]


def _inside(mark, text):
    """The text with the mark in the middle of its longest word, outside of placeholders."""
    spans = [match.span() for match in re.finditer(rf"(?:{_WHOLE})|[^\W\d_]+", text)]
    start, end = max(spans, key=lambda span: span[1] - span[0], default=(0, 0))
    place = (start + end) // 2
    return text[:place] + mark + text[place:] if text[start:end].isalpha() else text


def _in_middle(mark):
    return functools.partial(_between, mark)


def _in_word(mark):
    return functools.partial(_inside, mark)


DECORATIONS = [
    Decoration("` 😀` behind", _behind(" 😀"), "😀"),
    Decoration("`😀 ` in front", _front("😀 "), "😀"),
    Decoration("`👩‍💻` (joined) behind", _behind(" 👩‍💻"), "👩‍💻"),
    Decoration("`🇩🇪` (a flag) in the middle", _in_middle(" 🇩🇪 "), "🇩🇪"),
    Decoration("`😀` in the middle", _in_middle(" 😀 "), "😀"),
    Decoration("` (5 €)` behind", _behind(" (5 €)"), r"\(5 €\)"),
    Decoration("` ≥ 21,5 ℃` behind", _behind(" ≥ 21,5 ℃"), "≥ 21,5 ℃"),
    Decoration("`✔ ` in front", _front("✔ "), "✔"),
    Decoration("`• ` in front", _front("• "), "•"),
    Decoration("`1. ` in front", _front("1. "), r"^1\."),
    Decoration("`## ` in front", _front("## "), r"^## "),
    Decoration("`™` behind a word", _in_middle("™ "), "™"),
    Decoration("` → ` in the middle", _in_middle(" → "), "→"),
    Decoration("` (привет)` behind", _behind(" (привет)"), r"\(привет\)"),
    Decoration("` 設定` behind", _behind(" 設定"), "設定"),
    Decoration("`<0>…</0>` around", _around("<0>", "</0>"), "</?0>"),
    Decoration("`<b>…</b>` around", _around("<b>", "</b>"), "</?b>"),
    Decoration("`**…**` around", _around("**", "**"), r"\*\*"),
    Decoration("`<br/>` in the middle", _in_middle("<br/>"), "<br/>"),
    Decoration('`<x id="1"/>` in the middle', _in_middle(' <x id="1"/> '), '<x id="1"/>'),
    Decoration(r"`{\an8}` in front", _front(r"{\an8}"), r"\{\\an8\}"),
    Decoration("`“…”` around", _around("“", "”"), '[“”„"«»]'),
    Decoration("an address behind", _behind(" www.example.org/a?b=1"), r"www\.example\.org/a\?b=1"),
    Decoration("a soft hyphen in a word", _in_word("\u00ad"), ""),
    Decoration("a zero-width joiner in a word", _in_word("\u200d"), ""),
    Decoration("a word joiner (U+2060) in the middle", _in_middle(" \u2060"), ""),
    Decoration("a no-break space in the middle", _in_middle("\u00a0"), ""),
    Decoration("a zero-width space behind", _behind("\u200b"), ""),
]

CARRIERS = [
    "{}",
    "The value is {}.",
    "Could not open {}.",
    "Use {} to start.",
    "{} is not available.",
    "Please check {} and try again!",
]
COPIES = {
    "IPv4 addresses": ["192.168.178.21", "10.0.0.255:8123", "172.16.4.0/22"],
    "IPv6 and MAC addresses": ["fe80::1c2d:3e4f", "2001:db8::8a2e:370:7334", "a4:cf:12:9b:07:e1"],
    "long numbers": ["1234567890123", "40817263549", "9007199254740993"],
    "decimals": ["3.14159", "-0.0025", "1,234.56"],
    "numbers with a unit": ["21.5°C", "230V", "1200x800px"],
    "times": ["2026-11-28 14:05:09", "07:45:30", "2026-01-31T23:59:59Z"],
    "versions": ["v2.14.0-rc1", "2026.11.0b3", "1.0.0+build.77"],
    "prices": ["$19.99", "€5", "1.299,00 €"],
    "telephone numbers": ["+49 30 901820", "(555) 010-4477", "0800-33-44-555"],
    "order numbers": ["AB-4711-XZ", "INV/2026/00317", "#88213"],
    "keys in hexadecimal": ["0x1F4A", "d41d8cd98f00b204e980", "#ff8c00"],
    "UUIDs": [
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "6ba7b810-9dad",
        "urn:uuid:f81d4fae-7dec",
    ],
    "addresses without scheme": [
        "www.example.org",
        "shop.example.com/cart?id=7",
        "example.net:8080",
    ],
    "addresses with scheme": [
        "https://example.org/a_b/c",
        "ftp://files.example.com",
        "ws://host:1/x",
    ],
    "mail addresses": ["info@example.org", "jane.doe+test@mail.example.com", "a_b@example.co.uk"],
    "paths": ["/etc/nginx/sites-enabled", "C:\\Users\\Public\\data.txt", "~/.config/app/x.yml"],
    "file names": ["backup_2026.tar.gz", "IMG_0042.JPG", "docker-compose.yml"],
    "identifiers": ["sensor.living_room_temperature", "getUserById()", "MAX_RETRY_COUNT"],
    "commands and options": ["--no-cache-dir", "`sudo reboot`", "key=value"],
    "error codes": ["ERR_CONNECTION_REFUSED", "E1042", "0x80070005"],
}


def rows(
    translator: Any, pairs: Pairs, every: Pairs, aligned: AlignedWords | None
) -> Iterator[Row]:
    """The rows of the table, each as soon as it is measured.

    translator: has `translate(lines)` and a recipe. pairs: (source, reference) to decorate; every:
    those to write as people do, and whose placeholders count. aligned: None where words cannot be
    told apart.
    """
    tokenize = tokenize_of(translator.recipe.data)
    sources = [source for source, _ in pairs]
    references = [reference for _, reference in pairs]

    # 1. The ordinary text, against which the others are held.
    outputs = translator.translate(sources)
    ordinary = bleu(_plain(outputs), references, tokenize)["score"]
    yield Row("nothing", len(outputs), _broken(outputs), None, ordinary, 100.0)
    # 2. Decorations: those are kept, and the rest is translated as without them.
    for name, add, pattern in DECORATIONS:
        decorated = [add(source) for source in sources]
        outputs = translator.translate(decorated)
        kept = [_count(pattern, *lines) for lines in zip(decorated, outputs, strict=True)]
        rest = [re.sub(pattern, " ", output) for output in outputs] if pattern else outputs
        score = bleu(_plain(rest), references, tokenize)["score"]
        share = _percentage(kept) if pattern else None
        yield Row(name, len(outputs), _broken(outputs), share, score, _share(score, ordinary))
    yield from _cases(translator, sources, references, tokenize)
    yield from _as_people_write(translator, every, tokenize)
    # 3. What must come back letter for letter.
    yield from _copies(translator)
    yield from _placeholders(translator, [source for source, _ in every])
    if aligned:
        yield from _tags(translator, every, aligned)


def _cases(translator, sources, references, tokenize):
    """Capitals; BLEU of lower-cased text on both sides."""
    lowered = [reference.lower() for reference in references]
    ordinary = None
    changes = {
        "as it is, scored in lower case": str,
        "UPPER CASE": str.upper,
        "lower case": str.lower,
        "Title Case": lambda text: re.sub(r"\b[a-z](?=\w)", lambda match: match[0].upper(), text),
    }
    for name, change in changes.items():
        changed = [_outside(change, source) for source in sources]
        outputs = translator.translate(changed)
        score = bleu(_plain(map(str.lower, outputs)), lowered, tokenize)["score"]
        ordinary = ordinary or score
        upper = [_letters(output).isupper() for output in outputs] if name.isupper() else None
        kept = None if upper is None else _percentage(upper)
        yield Row(name, len(outputs), _broken(outputs), kept, score, _share(score, ordinary))


def _as_people_write(translator, pairs, tokenize):
    """The changes that training may vary its text by; BLEU of the sentences that they change.

    What a change takes from references is taken from the outputs on both sides, too.
    """
    for name, change in CHANGES.items():
        rng = np.random.default_rng(1)
        changed = [(source, *change(source, target, rng)) for source, target in pairs]
        changed = [each for each, pair in zip(changed, pairs, strict=True) if each[1:] != pair]
        if not changed:
            continue
        before, after, references = map(list, zip(*changed, strict=True))
        scores = []
        for sources in (before, after):
            outputs = translator.translate(sources)
            written = zip(before, _plain(outputs), strict=True)
            lines = [change(source, output, rng)[1] for source, output in written]
            scores.append(bleu(lines, references, tokenize)["score"])
        ordinary, score = scores
        yield Row(name, len(outputs), _broken(outputs), None, score, _share(score, ordinary))


def _copies(translator):
    """Numbers, codes and addresses, alone and in sentences."""
    all_kept: list[bool] = []
    all_outputs: list[str] = []
    for name, texts in COPIES.items():
        lines = [(text, carrier.format(text)) for carrier in CARRIERS for text in texts]
        outputs = translator.translate([line for _, line in lines])
        kept = [_holds(text, output) for (text, _), output in zip(lines, outputs, strict=True)]
        yield Row(f"{name}: {texts[0]}", len(lines), _broken(outputs), _percentage(kept))
        all_kept += kept
        all_outputs += outputs
    yield Row("all of these", len(all_kept), _broken(all_outputs), _percentage(all_kept))


def _placeholders(translator, sources):
    """The test text's own placeholders, as they are and as Weblate writes them."""
    sources = [source for source in sources if re.search(_PLACEHOLDER, source)]
    if not sources:
        return
    weblate = [_numbered(source) for source in sources]
    kinds = {"placeholders": (sources, _PLACEHOLDER), "as [X5X]": (weblate, r"\[X\d+X\]")}
    for kind, (lines, pattern) in kinds.items():
        outputs = translator.translate(lines)
        kept = []
        for each in zip(lines, outputs, strict=True):
            source_counts, output_counts = (Counter(re.findall(pattern, text)) for text in each)
            kept += [output_counts[name] == count for name, count in source_counts.items()]
        yield Row(f"{kind} ({len(kept)})", len(lines), _broken(outputs), _percentage(kept))


def _tags(translator, pairs, aligned):
    """`<b>` around words whose translation is sure: kept, and around the right words."""
    # 1. A phrase of each source; neighbours take phrases of other places.
    phrases: list[tuple[str, Phrase]] = []
    for number, (source, reference) in enumerate(pairs):
        choices = [] if re.search(_WHOLE, source) else list(aligned.phrases(source, reference))
        if choices and len(phrases) < SENTENCES:
            phrases.append((source, choices[number % len(choices)]))
    if not phrases:
        return
    # 2. Translate them with tags.
    outputs = translator.translate(
        f"{source[:start]}<b>{source[start:end]}</b>{source[end:]}"
        for source, (start, end, _) in phrases
    )
    tagged = [re.findall(r"^[^<]*<b>([^<]*)</b>[^<]*$", output) for output in outputs]
    share = _percentage([*map(bool, tagged)])
    yield Row("`<b>…</b>` around words", len(outputs), _broken(outputs), share)
    # 3. Right or wrong where the words are in the output.
    right = []
    holders = []
    for (_, phrase), inside, output in zip(phrases, tagged, outputs, strict=True):
        text = " ".join(words(re.sub("</?b>", "", output)))
        if f" {' '.join(phrase.translation)} " in f" {text} ":
            right.append([*map(words, inside)] == [phrase.translation])
            holders.append(output)
    name = f"around the right ones ({len(outputs) - len(right)} have others)"
    yield Row(name, len(right), _broken(holders), _percentage(right))


def _outside(change, text):
    """The text changed where it is no placeholder."""
    return re.sub(
        rf"({_WHOLE})|.+?(?={_WHOLE}|$)", lambda match: match[1] or change(match[0]), text
    )


def _numbered(source):
    """The source with Weblate's numbers in place of its placeholders."""
    numbers: dict[str, int] = {}
    return re.sub(
        _PLACEHOLDER,
        lambda match: f"[X{numbers.setdefault(match[0], len(numbers))}X]",
        source,
    )


def _holds(text, output):
    """Whether the output has the text letter for letter, not inside of more."""
    return bool(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", output))


def _count(pattern, source, output):
    """Whether the output has the pattern as often as the source."""
    return len(re.findall(pattern, source)) == len(re.findall(pattern, output))


def _letters(text):
    """The letters of a text that is no placeholder."""
    return "".join(filter(str.isalpha, re.sub(_WHOLE, "", text))) or "X"


def _plain(lines):
    """Lines with single spaces."""
    return [" ".join(line.split()) for line in lines]


def _broken(outputs):
    """The share of outputs with a character that bytes do not spell."""
    return _percentage(["\ufffd" in output for output in outputs])


def _percentage(truths):
    return 100 * sum(truths) / len(truths) if truths else None


def _share(score, ordinary):
    return 100 * score / ordinary if ordinary else None


def line(cells: Sequence[Any]) -> str:
    """A line of the table in Markdown."""
    # Figures stand to the right.
    texts = [
        "" if cell is None else f"{cell:.1f}" if isinstance(cell, float) else str(cell)
        for cell in cells
    ]
    padded = [
        text.ljust(width) if n == 0 else text.rjust(width)
        for n, (text, width) in enumerate(zip(texts, WIDTHS, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def main() -> None:
    """Prints the table of a run as it grows."""
    parser = argparse.ArgumentParser(prog="python -m nmt.experiments.robustness")
    parser.add_argument("run", help="run folder; with an export it takes minutes")
    arguments = parser.parse_args()
    try:
        translator = load(arguments.run)
        data = translator.recipe.data
        if data.tokenised:
            raise UserError(f"{arguments.run}: its corpus is tokenised, not as people write")
        corpus = Corpus(data)
        spaced = not unspaced(data.source) and not unspaced(data.target)
        aligned = AlignedWords(corpus.read("train")) if spaced else None
        every = corpus.held_out("test")
        pairs = corpus.held_out("test", SENTENCES)
        print(line(HEADS))
        print(line(["-" * width for width in WIDTHS]))
        for row in rows(translator, pairs, every, aligned):
            print(line(row), flush=True)
    except (UserError, Failure) as error:
        print(f"nmt: {error}", file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
