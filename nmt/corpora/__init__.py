"""Parallel text: where it comes from, what is kept of it, how it is split."""
