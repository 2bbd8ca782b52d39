"""What an option is: a field of a section with its meaning, its bounds, and what it needs.

Example: `dropout: float = option(0.3, "rate on embeddings", low=0.0, high=0.9)`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from nmt.recipe.sections import Recipe


# Where text lies: a path, or a list of them.
Paths = str | list[str]


class Condition(NamedTuple):
    """What an option needs to have an effect; `a & b`: both, `a | b`: at least one of them."""

    text: str
    holds: Callable[[Recipe], bool]

    def __and__(self, other: Condition) -> Condition:
        return Condition(
            f"{self.text} and {other.text}",
            lambda recipe: self.holds(recipe) and other.holds(recipe),
        )

    def __or__(self, other: Condition) -> Condition:
        return Condition(
            f"{self.text} or {other.text}",
            lambda recipe: self.holds(recipe) or other.holds(recipe),
        )

    def __str__(self) -> str:
        return self.text


def is_one_of(name: str, *values: Any) -> Condition:
    """The option has one of the values."""
    text = " or ".join(str(value).lower() for value in values)
    return Condition(f"{name}={text}", lambda recipe: value_of(recipe, name) in values)


def is_above(name: str, number: int) -> Condition:
    """The option is larger than a number."""
    return Condition(f"{name}>{number}", lambda recipe: value_of(recipe, name) > number)


def is_set(name: str) -> Condition:
    """The option is not empty."""
    return Condition(name, lambda recipe: bool(value_of(recipe, name)))


def option(
    default: Any,
    doc: str,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
    needs: Condition | None = None,
) -> Any:
    """A field with its one-line meaning, its choices or bounds, and what it needs for an effect.

    low: of a number; zero where it is not stated.
    """
    kind = type(default)
    if low is None and kind in (int, float):
        low = kind()
    metadata = {"doc": doc, "choices": choices, "low": low, "high": high, "needs": needs}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def all_options(recipe: Recipe) -> Iterator[tuple[str, dataclasses.Field, Any]]:
    """Yields (name, field, section object) of every option, `name` as typed: "train.epochs"."""
    for section_field in dataclasses.fields(recipe):
        section = getattr(recipe, section_field.name)
        for field in filter(lambda field: field.metadata, dataclasses.fields(section)):
            yield f"{section_field.name}.{field.name.removesuffix('_')}", field, section


def value_of(recipe: Recipe, name: str) -> Any:
    """The value of an option by its name."""
    section, key = name.split(".")
    options = getattr(recipe, section)
    # Python reserves some keys: train.from is the field from_.
    return getattr(options, key if hasattr(options, key) else f"{key}_")
