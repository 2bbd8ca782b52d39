"""The translators that wrong pairs are found with: of a direction, and of the reverse one."""

from collections.abc import Sequence

from nmt.errors import UserError
from nmt.inference.load import load
from nmt.inference.translator import Translator


def load_directions(paths: Sequence[str], engine: str = "auto", threads: int = 0) -> list:
    """The translator of a run and, if a second run is named, that of the reverse direction."""
    if len(paths) > 2:
        raise UserError(
            "one run is needed, or two, the second of the reverse direction; more were given"
        )
    translators: list[Translator] = [load(path, engine, threads) for path in paths]
    (source, target), *others = [(t.recipe.data.source, t.recipe.data.target) for t in translators]
    if others not in ([], [(target, source)]):
        raise UserError(
            f"{paths[1]}: translates {'-'.join(others[0])}, but the reverse of {paths[0]} "
            f"is {target}-{source}"
        )
    return translators
