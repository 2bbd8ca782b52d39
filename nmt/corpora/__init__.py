"""Parallel text: fetched, read in its format, split, cleaned; and a corpus that is generated."""
