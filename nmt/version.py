"""The version of the package, apart: everything may import it."""

__version__ = "0.1.0"
