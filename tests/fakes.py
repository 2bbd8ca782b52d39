"""What stands in for something larger in tests."""

import contextlib
import logging

from nmt.text.placeholders import SYMBOLS


@contextlib.contextmanager
def messages():
    """A list of what the package logs in the block."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("nmt")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def random_line(rng):
    """Any Unicode but surrogates and line breaks, rich in fragments of placeholders and in symbols."""
    parts = [
        "{",
        "}",
        "{a}",
        "{{b}}",
        "${c}",
        "%",
        "%s",
        "%d",
        "<",
        ">",
        "<i>",
        "</i>",
        "http://",
        "https://e.x/",
        "@",
        "a@b.c",
        ".",
        " ",
        "$",
        *SYMBOLS,
        "\ue00c",
        "\uf8ff",
        "犬",
        "ß",
        "e\u0301",
        "😀",
        "\u200b",
        "\0",
        "\u2028",
        "\x85",
        "\r",
        "\t",
    ]
    parts += [f"{{{n}}}" for n in range(20)]

    def fragment():
        if rng.random() < 0.8:
            return rng.choice(parts)
        code = rng.choice([rng.randrange(0x20, 0x3000), rng.randrange(0x110000)])
        return chr(code) if code != 10 and not 0xD800 <= code < 0xE000 else "x"

    return "".join(fragment() for _ in range(rng.randrange(60)))
