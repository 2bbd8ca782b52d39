"""Scores, reports, and what else is measured of translations."""
