"""Recipes: every option once, its checks, TOML."""
