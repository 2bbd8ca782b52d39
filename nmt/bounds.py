"""Bounds of the numbers that callers of Python and of the command line give."""

import numbers
from typing import Any

# Name -> the least and the most; where these are floats, any number between them.
BOUNDS: dict[str, tuple[float, float]] = {
    "beam": (1, 100),
    "length_penalty": (0.0, 3.0),
    "nbest": (1, 100),
    "threads": (0, 1024),  # 0: all
    "hypotheses_per_batch": (1, 100_000),
    "count": (1, 100_000),
    "length": (1, 10_000),
    "temperature": (0.0, 1000.0),
    "top_k": (0, 1_000_000),
    "seed": (0, 2**32 - 1),
    "min_confidence": (0.0, 100.0),
}


def fits(name: str, value: Any) -> bool:
    """Whether a value is a number within the bounds of that name; true and false are none."""
    low, high = BOUNDS[name]
    kind: Any = numbers.Integral if isinstance(low, int) else numbers.Real
    return isinstance(value, kind) and not isinstance(value, bool) and low <= value <= high


def expected(name: str) -> str:
    """What `fits` accepts, in words."""
    low, high = BOUNDS[name]
    kind = "whole number" if isinstance(low, int) else "number"
    return f"{kind} from {low:,g} to {high:,.0f}"
