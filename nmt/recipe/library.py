"""The recipes that come with the package: data/ of a checkout, share/nmt/recipes of an install."""

from pathlib import Path

from nmt.errors import UserError, did_you_mean

# As in setup.cfg.
INSTALLED = "share/nmt/recipes"


def builtin_recipes() -> dict[str, Path]:
    """The path of each recipe by its name: "default", "toy"."""
    for folder in _folders():
        if paths := sorted(folder.glob("*.toml")):
            return {path.stem: path for path in paths}
    return {}


def builtin(name: str) -> Path:
    """The path of a recipe of the package; UserError where there is none of that name."""
    recipes = builtin_recipes()
    if name not in recipes:
        hint = did_you_mean(name, recipes) or f"choose from {', '.join(recipes)}"
        raise UserError(f"{name}: no such recipe; {hint}")
    return recipes[name]


def _folders():
    """Where the recipes may lie, the likeliest place first."""
    root = Path(__file__).resolve().parents[2]
    if (root / "setup.cfg").is_file():
        yield root / "data"
    # Where `pip install --target` puts it.
    yield root / INSTALLED
    # Takes longer than all of the recipe.
    import importlib.metadata

    try:
        files = importlib.metadata.files("nmt") or []
    except importlib.metadata.PackageNotFoundError:
        return
    for file in files:
        if file.parent.as_posix().endswith(INSTALLED):
            yield Path(str(file.locate())).parent
