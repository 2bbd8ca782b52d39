"""The recipes that come with the package: data/ of a checkout, of which a wheel has a copy."""

import re
from pathlib import Path

from nmt.errors import UserError, did_you_mean

# As in setup.py.
COPY = "builtin"


def builtin_recipes() -> dict[str, Path]:
    """The path of each recipe by its name: "default", "toy"."""
    root = Path(__file__).resolve().parents[2]
    folder = root / "data" if (root / "setup.cfg").is_file() else Path(__file__).with_name(COPY)
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def builtin(name: str) -> Path:
    """The path of a recipe of the package; UserError where there is none of that name."""
    recipes = builtin_recipes()
    if name not in recipes:
        hint = did_you_mean(name, recipes) or f"choose from {', '.join(recipes)}"
        raise UserError(f"{name}: no such recipe; {hint}")
    return recipes[name]


def summary(text: str) -> str:
    """The first sentence of the comment that a recipe begins with."""
    lines = re.match(r"(?:#.*\n)*", text)[0].splitlines()  # type: ignore[index]
    comment = " ".join(line.lstrip("# ") for line in lines)
    return re.split(r"(?<=\.)\s", comment)[0]
