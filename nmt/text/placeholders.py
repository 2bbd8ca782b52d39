"""What happens to a line before the tokenizer and after it.

Placeholders, tags and addresses (`{name}`, `%s`, `<b>`, `https://…`) must survive translation letter for letter.
The model never sees them: `protect` puts one symbol a distinct placeholder in their place, numbered in the order
of the source, and `restore` puts them back. The symbols are single private-use characters, which the tokenizer
keeps whole as user-defined symbols.

`data.preprocess=tokens` serves corpora of tokenised text: English is lower-cased and split, spaces of a Japanese
source are dropped, and `present` joins the tokens of the output for people.
"""

import re

SYMBOLS = [chr(0xE000 + n) for n in range(12)]
_UNSPACED = ("ja", "zh", "th", "lo", "km", "my")

_URL = (
    r"[^\s<>\"'){}\]\u2E80-\uFFEF]"  # of an address, which Japanese text may follow without a space
)
PLACEHOLDER = re.compile(
    rf"https?://(?:{_URL}|\{{\w+\}})*(?:(?![,.;:!?]){_URL}|\{{\w+\}})"  # address
    r"|(?a:(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]*\w)"  # mail address
    r"|\$?\{\{?[\w.:\- ]*\}?\}"  # {name} {{name}} ${name} {0} {}
    r"|</?[A-Za-z][^<>]*>"  # <b> </a> <br/>
    r"|(?a:%(?:\(\w+\)|\d+\$)?[#0+-]*\d*(?:\.\d+)?(?:(?:hh?|ll?|z)?[sdiufgxcr]\b|@))"  # %s %1$s %02d %@
    r"|[\uE000-\uE00B]"  # our own symbols, should a text contain them
)
UNFINISHED = re.compile(
    r"(?:</?[A-Za-z][^<>]*|\$?\{\{?[\w.:\- ]*)$"
)  # what more text may turn into a placeholder
_SYMBOL = re.compile("[" + "".join(SYMBOLS) + "]")


def language(code):
    """The language of a code with script or region: zh of zh-Hant, ja of ja_JP."""
    return code.replace("_", "-").lower().partition("-")[0]


def unspaced(code):
    """Whether a language is written without spaces."""
    return language(code) in _UNSPACED


def count_words(line, spaced):
    """About how many words a line has: what white space separates; without spaces two characters count as one."""
    return len(line.split()) if spaced else len(line) // 2


def placeholders(line):
    """The placeholders of a line in order, repeated ones repeated."""
    return PLACEHOLDER.findall(line)


def protect(source, target=None):
    """(source, target, names): placeholders replaced by symbols; `names` are those the symbols stand for.

    In the target only the placeholders that the source has too are replaced.
    """
    names = list(dict.fromkeys(PLACEHOLDER.findall(source)))
    if len(names) > len(
        SYMBOLS
    ):  # our own symbols first: left in place they would mean another placeholder
        names = sorted(names, key=lambda name: not _SYMBOL.search(name))[: len(SYMBOLS)]
    symbols = dict(zip(names, SYMBOLS, strict=False))

    def swap(line):
        return PLACEHOLDER.sub(lambda found: symbols.get(found[0], found[0]), line)

    if not names:
        return source, target, names
    return swap(source), None if target is None else swap(target), names


def protect_more(words, names):
    """The next words of a line with placeholders replaced by symbols; `names`, a list, grows by the new ones."""
    for name in PLACEHOLDER.findall(words):
        if name not in names and len(names) < len(SYMBOLS):
            names.append(name)
    symbols = {**dict.fromkeys(SYMBOLS, ""), **dict(zip(names, SYMBOLS, strict=False))}
    return PLACEHOLDER.sub(lambda found: symbols.get(found[0], found[0]), words)


def restore(line, names):
    """The line with symbols replaced by the placeholders they stand for; a symbol without one is dropped."""
    symbols = dict(zip(SYMBOLS, names, strict=False))
    return _SYMBOL.sub(lambda found: symbols.get(found[0], ""), line)


_TOKEN = re.compile(
    r"(?:[a-z]\.){2,}|(?:mr|mrs|ms|dr|st)\.|\d[\d.,:]*\d|\.\.\.|''|'\w+|\w+(?:-\w+)*|[^\w\s]",
    re.IGNORECASE,
)


def source_tokens(line, lang):
    """A raw or tokenised line as the model of a tokenised corpus expects it; placeholders stay as they are."""
    if unspaced(lang):
        return join(line)
    parts = re.split(f"({PLACEHOLDER.pattern})", line)
    return " ".join(
        token
        for n, part in enumerate(parts)
        for token in ([part] if n % 2 else _TOKEN.findall(part.lower()))
    )


def join(line):
    """Drops the spaces beside characters of languages written without them: 犬 が い ま す -> 犬がいます."""
    return re.sub(r"(?<=[^\x00-\u024F]) +|(?<! ) +(?=[^\x00-\u024F])", "", line)


def present(line, lang):
    """Tokens of an output joined for people."""
    if unspaced(lang):
        return join(line)
    return re.sub(r" (?=[.,;:!?)\]}%]|'\w)|(?<=[(\[{]) ", "", line)
