"""Comparisons and benchmarks."""
