"""What is loaded of a run is shown, pickled and copied by how it was loaded."""

from collections.abc import Callable
from typing import Any


class Loaded:
    """Base of `Translator` and `TextGenerator`. Another process, or a copy, loads it again."""

    # The function that loads it and its arguments; None of what was not loaded from a run.
    origin: tuple[Callable[..., Any], tuple] | None = None
    description = "not of a run"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple]:
        if self.origin is None:
            raise TypeError(
                f"a {type(self).__name__} that is not of a run cannot be pickled or copied; "
                "nmt.load makes one that can"
            )
        return self.origin

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.description}>"
