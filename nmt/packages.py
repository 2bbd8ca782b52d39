"""Packages that only some commands need: whether they are there, and what to install."""

import importlib.util
import sys

from nmt.errors import UserError

# The name that pip knows nmt by; "nmt" is another package there.
DISTRIBUTION = "own-nmt"
# An extra of setup.cfg -> modules that come with it, the smaller extras first.
EXTRAS = {
    "evaluate": ("sacrebleu",),
    "plots": ("matplotlib",),
    "formats": ("moz.l10n", "fluent.syntax", "markdown_it"),
    "memory": ("rapidfuzz",),
    "bulk": ("pyarrow",),
    "ray": ("ray",),
    "serve": ("starlette", "uvicorn", "httptools", "python_multipart", "prometheus_client"),
    "train": ("tensorflow", "keras", "sacrebleu", "tensorflow_datasets", "onnx"),
}
# What commands need.
KERAS = ("tensorflow", "keras")
TRAINING = (*KERAS, "sacrebleu")


def is_installed(module: str) -> bool:
    """Whether a module could be imported; only its parent is."""
    if module in sys.modules:
        return sys.modules[module] is not None
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the parent is not there
        return False


def require(*modules: str, what: str = "this") -> None:
    """UserError that says what to install, unless all modules are there; what: needs them."""
    missing = [module for module in modules if not is_installed(module)]
    if missing:
        raise not_installed(*missing, what=what)


def not_installed(*modules: str, what: str = "this") -> UserError:
    """The error for modules that are not there: the extras, or the packages, that bring them."""
    extras: list[str] = []
    others: list[str] = []
    for module in modules:
        extra = next((extra for extra, brings in EXTRAS.items() if module in brings), None)
        if extra is None:
            others.append(module)
        elif not any(module in EXTRAS[chosen] for chosen in extras):
            extras.append(extra)
    wanted = " ".join(([f'"{DISTRIBUTION}[{",".join(extras)}]"'] if extras else []) + others)
    names = ", ".join(modules)
    return UserError(f"{what} needs what is not installed ({names}): pip install {wanted}")


def explained(error: ModuleNotFoundError) -> Exception:
    """The same as what the user can do about it; an error in nmt itself stays what it is."""
    package = (error.name or "nmt").partition(".")[0]
    if package == "nmt":
        return error
    known = (module for brings in EXTRAS.values() for module in brings)
    return not_installed(
        next((module for module in known if module.partition(".")[0] == package), package)
    )
