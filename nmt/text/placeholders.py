"""Placeholders, tags and addresses (`{name}`, `%s`, `<b>`, `https://…`) survive letter for letter.

The model sees a symbol in their place. `protect` puts one symbol where each distinct placeholder
stands, numbered in the order of the source; `restore` puts the placeholders back. The symbols are
single private-use characters, which the tokenizer keeps whole as user-defined symbols. Two kinds
stay text: those beyond twelve in a line, and those of a target that its source lacks.
"""

import re

SYMBOLS = [chr(0xE000 + n) for n in range(12)]

# A character of an address, which Japanese text may follow without a space.
_URL = r"[^\s<>\"'){}\]\u2E80-\uFFEF]"
# A group, so that `split` returns the placeholders, too.
PLACEHOLDER = re.compile(
    # Address.
    rf"(https?://(?:{_URL}|\{{\w+\}})*(?:(?![,.;:!?]){_URL}|\{{\w+\}})"
    # Mail address.
    r"|(?a:(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    # Names and numbers: {name} {{name}} ${name} {0} {}
    r"|\$?\{\{?[\w.:\- ]*\}?\}"
    # Tags: <b> </a> <br/>
    r"|</?[A-Za-z][^<>]*>"
    # Formats: %s %1$s %@
    r"|(?a:%(?:\(\w+\)|\d+\$)?[#0+-]*\d*(?:\.\d+)?(?:(?:hh?|ll?|z)?[sdiufgxcr]\b|@))"
    # Our own symbols, should a text contain them.
    r"|[\uE000-\uE00B])"
)
# The end of a text that more text may turn into a placeholder.
_UNFINISHED = r"(?:</?[A-Za-z][^<>]*|\$?\{\{?[\w.:\- ]*)$"
_SYMBOL = re.compile("[" + "".join(SYMBOLS) + "]")


def placeholders(line: str) -> list[str]:
    """The placeholders of a line in order, repeated ones repeated."""
    return PLACEHOLDER.findall(line)


def unfinished(text: str) -> bool:
    """Whether a text ends inside of what may become a placeholder."""
    return re.search(_UNFINISHED, text) is not None


def protect(line: str) -> tuple[str, list[str]]:
    """(text, names): the line with symbols for its placeholders; `names` are what they stand for.

    Placeholders beyond the number of symbols stay as they are.
    """
    names = list(dict.fromkeys(placeholders(line)))
    if len(names) > len(SYMBOLS):
        # Our own symbols first: left in place they would mean another placeholder.
        names = sorted(names, key=lambda name: not _SYMBOL.search(name))[: len(SYMBOLS)]
    return with_symbols(line, names), names


def with_symbols(line: str, names: list[str]) -> str:
    """The line with symbols for those of its placeholders that `names` has."""
    if not names:
        return line
    symbols = dict(zip(names, SYMBOLS, strict=False))
    return PLACEHOLDER.sub(lambda match: symbols.get(match[0], match[0]), line)


def protect_more(text: str, names: list[str]) -> str:
    """The next text of an arriving line with symbols for placeholders; new ones join `names`."""
    for name in placeholders(text):
        if name not in names and len(names) < len(SYMBOLS):
            names.append(name)
    # Our own symbols would stand for another placeholder: they are dropped.
    symbols = {**dict.fromkeys(SYMBOLS, ""), **dict(zip(names, SYMBOLS, strict=False))}
    return PLACEHOLDER.sub(lambda match: symbols.get(match[0], match[0]), text)


def restore(line: str, names: list[str]) -> str:
    """The line with the placeholders that its symbols stand for; other symbols are dropped."""
    symbols = dict(zip(SYMBOLS, names, strict=False))
    return _SYMBOL.sub(lambda match: symbols.get(match[0], ""), line)
