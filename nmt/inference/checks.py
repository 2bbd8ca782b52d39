"""What callers of Python get wrong, as one clear line."""

from collections.abc import Iterable
from typing import Any

from nmt.bounds import expected, fits
from nmt.errors import UserError


def check_lines(lines: Iterable[str]) -> list[str]:
    """The lines as a list.

    Raises TypeError for a single text and for what is no text, UserError for half characters.
    """
    if isinstance(lines, str | bytes):
        raise TypeError(
            "a list of texts is needed, not one text: its characters would be taken one by one"
        )
    if not isinstance(lines, Iterable):
        raise TypeError(f"a list of texts is needed, not {type(lines).__name__}")
    lines = list(lines)
    for number, line in enumerate(lines, 1):
        if not isinstance(line, str):
            raise TypeError(f"text {number}: a str is needed, not {type(line).__name__}")
        try:
            line.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"text {number}: its character {error.start + 1} is half a character "
                "(a lone surrogate); the text was decoded wrongly"
            ) from None
    return lines


def check_numbers(**options: float | None) -> None:
    """Raises UserError for an option that is not within `nmt.bounds`; None is the default."""
    for name, value in options.items():
        if value is not None and not fits(name, value):
            raise UserError(f"{name}={value!r}: a {expected(name)} is needed")


def check_confidence(translator: Any, run: str, engine: str) -> None:
    """UserError where confidence is asked for of a `Translator` that has none."""
    if translator.curve:
        return
    search = translator.recipe.search
    if "," in run or search.has_lm or search.has_reverse:
        raise UserError(f"{run}: a combination of models has no confidence")
    option = "" if engine == "auto" else f" --engine {engine}"
    raise UserError(
        f"{run}: has no confidence yet; with enough validation text this command gives it some: "
        f"nmt evaluate {run} --split valid{option}"
    )
