"""Translators behind HTTP: texts of many clients share batches."""
